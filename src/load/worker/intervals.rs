//! The ends of a worker's intervals, and the questions to a session's server.

use std::mem;
use std::sync::mpsc::TrySendError;

use super::super::config::nanos;
use super::super::figures::{Sending, Times};
use super::super::flow::FlowFigures;
use super::{LAST_POLL, POLL, Worker};
use crate::error::Result;
use crate::protocol::load::{CONTROL, ClockFilter, Control, Counts, Header, Kind, Results};

/// What a worker has to say at the end of an interval.
pub(in crate::load) struct Shard {
    pub(in crate::load) worker: usize,
    /// How many intervals are over with it; it is of all that are over since the one before.
    pub(in crate::load) intervals: u64,
    /// When it was over, after the start; the last one when the worker had sent all.
    pub(in crate::load) at: u64,
    pub(in crate::load) is_last: bool,
    /// Since the start.
    pub(in crate::load) sending: Sending,
    pub(in crate::load) counts: Counts,
    /// Of a server's answers.
    pub(in crate::load) answers: Counts,
    pub(in crate::load) results: Option<Results>,
    /// Whether a session's server fell silent before it reported its last figures.
    pub(in crate::load) is_peer_silent: bool,
    pub(in crate::load) kernel_drops: u64,
    pub(in crate::load) foreign: u64,
    pub(in crate::load) errors: u64,
    pub(in crate::load) first_error: Option<String>,
    /// Of the interval.
    pub(in crate::load) times: Box<Times>,
    pub(in crate::load) filter: Option<ClockFilter>,
    /// At the end only.
    pub(in crate::load) flows: Vec<FlowFigures>,
}

impl Worker<'_> {
    /// When the interval is over; the last one, once all that is on its way has arrived.
    fn interval_end(&self) -> u64 {
        let interval = nanos(self.shared.config.interval);
        let end = interval
            .saturating_mul(self.intervals + 1)
            .saturating_add(self.start);
        if end < self.end { end } else { u64::MAX }
    }

    pub(super) fn next_tick(&self) -> u64 {
        let tick = self.interval_end();
        if self.polls() {
            tick.min(self.next_poll)
        } else {
            tick
        }
    }

    /// Hands over an interval that is over, and asks the server.
    pub(super) fn tick(&mut self, now: u64) -> Result<()> {
        let interval = nanos(self.shared.config.interval);
        if self.polls() && now >= self.next_poll {
            // Until the first answer, which makes a server send, it is asked more often.
            let pause = self
                .results
                .map_or(LAST_POLL, |_| POLL.min(interval.max(LAST_POLL)));
            self.next_poll = now + pause;
            self.poll(now, false)?;
        }
        while now >= self.interval_end() {
            self.hand_over(now, false);
        }
        Ok(())
    }

    pub(super) fn poll(&mut self, now: u64, is_last: bool) -> Result<()> {
        let header = Header {
            kind: Kind::Poll,
            is_last,
            session: self.peer.as_ref().map_or(0, |peer| peer.session),
            number: 0,
            due: now,
            sent: now,
        };
        // What is queued goes first and is counted; a poll is not.
        if self.flush()? {
            self.sockets.queue(0, &Control::Poll.encode(&header))?;
            let (sent, _) = self.sockets.flush();
            self.foreign_bytes += (sent.datagrams * CONTROL) as u64;
        }
        Ok(())
    }

    pub(super) fn hand_over(&mut self, now: u64, is_last: bool) {
        let mut counts = Counts::default();
        let mut answers = Counts::default();
        for flow in &self.flows {
            counts += &flow.tracker.counts();
            if let Some(tracker) = &flow.answers {
                answers += &tracker.counts();
            }
        }
        if is_last {
            self.sending.unsent += mem::take(&mut self.queued);
        }
        let mut sending = self.sending;
        sending.scheduled = sending.sent + sending.refused + sending.unsent;
        if self.shared.config.closed.is_some() {
            // A datagram is due when it is sent.
            let sent = self.sending.scheduled - self.slipped;
            self.slipped += sent;
            self.times.add_closed(sent);
        }
        let fresh = self.fresh.take().or_else(|| self.spare.try_recv().ok());
        let mut fresh = fresh.unwrap_or_default();
        fresh.reset();
        self.intervals += 1;
        let shard = Shard {
            worker: self.number,
            intervals: self.intervals,
            at: now.saturating_sub(self.start),
            is_last,
            sending,
            counts,
            answers,
            results: self.results,
            is_peer_silent: self.is_peer_silent,
            kernel_drops: self.sockets.kernel_drops(),
            foreign: self.foreign,
            errors: self.errors,
            first_error: self.first_error.as_ref().map(ToString::to_string),
            times: mem::replace(&mut self.times, fresh),
            filter: self.peer.as_ref().map(|peer| peer.filter.clone()),
            flows: if is_last {
                self.flow_figures()
            } else {
                Vec::new()
            },
        };
        if is_last {
            // Without a receiver the run is over anyway.
            let _ = self.shards.send(shard);
        } else if let Err(TrySendError::Full(shard)) = self.shards.try_send(shard) {
            // Whoever is to read the figures does not: they are added to those of the next interval.
            self.fresh = Some(mem::replace(&mut self.times, shard.times));
        }
    }
}
