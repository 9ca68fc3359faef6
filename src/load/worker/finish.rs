//! The end of a load: what is still on its way, and the server's last word.

use std::sync::atomic::Ordering;

use super::super::config::{Direction, nanos};
use super::super::flow::FlowFigures;
use super::{Flow, LAST_POLL, Worker};
use crate::clock;
use crate::error::Result;
use crate::protocol::load::Results;

/// How often a server is asked in vain for its last figures.
const MOST_TRIES: u32 = 30;

/// The same for somebody who has stopped it: a signal ends the program 0.8 seconds later.
const MOST_TRIES_STOPPED: u32 = 3;

impl Worker<'_> {
    /// Waits for what is still on its way, and asks the server for the last time.
    pub(super) fn finish(&mut self) -> Result<()> {
        if self.is_session_lost() {
            // Nobody is there who knows more.
            self.is_peer_silent = true;
            return Ok(());
        }
        let linger = nanos(self.shared.config.linger);
        let is_stopped = || self.shared.stop.load(Ordering::Relaxed);
        let ended = clock::monotonic();
        // Somebody who stops it does not want to wait.
        let longest = if is_stopped() {
            linger.min(200_000_000)
        } else {
            linger
        };
        // A server that sends begins a little later than asked.
        let until = ended.saturating_add(longest);
        let mut next = ended;
        loop {
            let now = clock::monotonic();
            let others = self.shared.sending.load(Ordering::Acquire);
            let is_complete = self.is_complete() && (self.number > 0 || others == 0);
            if is_complete || now >= until || self.is_session_lost() {
                break;
            }
            if self.polls() && now >= next {
                next = now + LAST_POLL / 2;
                self.poll(now, is_stopped())?;
            }
            self.flush()?;
            self.wait(now, until.min(next.max(now + 1_000_000)))?;
        }
        if !self.polls() {
            return Ok(());
        }
        // The answer to a question that was asked from now on.
        let (asked, mut next) = (clock::monotonic(), 0);
        let most = |is_stopped: bool| {
            if is_stopped {
                MOST_TRIES_STOPPED
            } else {
                MOST_TRIES
            }
        };
        let mut tries = 0;
        // Once in any case: it tells the server that this is the end.
        while tries == 0
            || self
                .results
                .is_none_or(|results| self.is_older(&results, asked))
                && tries < most(is_stopped())
                && !self.is_session_lost()
        {
            let now = clock::monotonic();
            if now >= next {
                (next, tries) = (now + LAST_POLL, tries + 1);
                self.poll(now, true)?;
            }
            self.wait(now, next)?;
        }
        self.is_peer_silent = self
            .results
            .is_none_or(|results| self.is_older(&results, asked));
        Ok(())
    }

    /// The figures of each flow; none if all that arrives arrives at the peer.
    pub(super) fn flow_figures(&self) -> Vec<FlowFigures> {
        let (direction, workers) = (self.shared.config.direction, self.shared.config.workers);
        if direction == Direction::Up {
            return Vec::new();
        }
        let figures = |(number, flow): (usize, &Flow)| {
            let counts = flow.tracker.counts();
            let lost = match direction {
                Direction::RoundTrip => flow.next.saturating_sub(counts.unique),
                _ => counts.missing(),
            };
            FlowFigures {
                flow: self.number + number * workers,
                port: self.sockets.port(number),
                sent: flow.next,
                counts,
                lost,
                latency: flow.latency.filter(|times| times.count > 0),
            }
        };
        self.flows.iter().enumerate().map(figures).collect()
    }

    /// Whether results were made before a time of ours.
    fn is_older(&self, results: &Results, asked: u64) -> bool {
        let offset = self.peer.as_ref().map_or(0, |peer| peer.offset);
        let error = self
            .peer
            .as_ref()
            .and_then(|peer| peer.filter.estimate().ok());
        let error = error.map_or(0, |estimate| estimate.error as u64);
        let made = results.clocks.now.saturating_add_signed(-offset);
        made + error < asked
    }

    /// Whether all that was sent has arrived.
    fn is_complete(&self) -> bool {
        let back = |results: &Results| results.is_done && results.sent == self.unique;
        let there = |results: &Results| results.counts.unique >= self.sending.sent;
        match (self.shared.config.direction, &self.results) {
            (Direction::RoundTrip, _) => self.unique >= self.sending.sent,
            // The other workers' are unknown here.
            _ if self.shared.config.workers > 1 => false,
            (Direction::Up, Some(results)) => there(results),
            (Direction::Down, Some(results)) => back(results),
            (Direction::Both, Some(results)) => back(results) && there(results),
            (_, None) => false,
        }
    }
}
