//! One transfer to one receiver, on a real socket.

mod datagrams;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use self::datagrams::Trouble;
use self::socket::{endpoint, first_hop, transport};
use super::feed::{self, Feed};
use super::tree::{Tree, TreeCounts};
use super::{Activity, PROGRESS, Progress, SendConfig, SendEvent, Sent};
use crate::error::{Error, Result};
use crate::io::Transport;
use crate::protocol::transfer::{Code, Failure, Security, Sender, SenderConfig, Source, Status};
use crate::socket::Waker;

/// The most runs to send before checking for acknowledgements.
const BURST: usize = 4;
/// How long the reader is waited for once the transfer is over, for its last reports.
const CLOSING: Duration = Duration::from_millis(250);

/// How a session ended.
pub(super) enum Ended {
    /// See [`Session::end`].
    Over,
    /// Nobody listens there, or there is no way.
    NobodyThere(Error),
}

pub(super) struct Session<'a> {
    config: &'a SendConfig,
    sender: Sender,
    transport: Transport,
    waker: Waker,
    destination: SocketAddr,
    tree: Tree,
    counts: Arc<TreeCounts>,
    feed: Option<Feed>,
    start: Instant,
    /// When the receiver agreed.
    opened: Option<Instant>,
    reported: Duration,
    /// Since when there is nothing to send, as progress was reported.
    dry: Option<Instant>,
    /// It goes on after a restart of the receiver: nobody need be there yet.
    is_again: bool,
    /// The receiver was there, and is gone.
    peer_lost: Option<Failure>,
    /// The errors of the socket since anything was last received.
    trouble: Option<Trouble>,
    /// The first of them, to be reported.
    news: Option<Error>,
    /// System calls on the sockets before this one.
    syscalls_before: u64,
    is_marking: bool,
    /// Things that could not be listed or sent.
    failed: Option<Error>,
    unlisted: u64,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        config: &'a SendConfig,
        destination: SocketAddr,
        is_again: bool,
    ) -> Result<Self> {
        let endpoint = endpoint(config, destination)?;
        let max_datagram = config
            .max_datagram
            .map_or_else(|| first_hop(&endpoint, destination), Ok)?;
        let mut sender = SenderConfig::default();
        if let Some(key) = &config.key {
            let ephemerals = [super::random_bytes()?, super::random_bytes()?];
            sender.security = Some(Security::new(key.clone(), ephemerals));
        }
        sender.max_datagram = max_datagram;
        sender.timeout = config.timeout;
        sender.max_window =
            (config.max_window).unwrap_or_else(|| super::max_window(config.key.is_some()));
        sender.max_rate = config.max_rate.map(|bits| (bits / 8).max(1));
        let congestion = (config.controller).build(max_datagram.into(), super::random()?);
        let waker = Waker::new()?;
        let transport = transport(config, endpoint, &waker)?;
        let tree = config.tree.again();
        Ok(Self {
            config,
            sender: Sender::new(Duration::ZERO, super::random()?, sender, congestion),
            transport,
            waker,
            destination,
            counts: tree.counts(),
            tree,
            feed: None,
            start: Instant::now(),
            opened: None,
            reported: Duration::ZERO,
            dry: None,
            is_again,
            peer_lost: None,
            trouble: None,
            news: None,
            syscalls_before: 0,
            is_marking: false,
            failed: None,
            unlisted: 0,
        })
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn run(
        &mut self,
        stop: &AtomicBool,
        on_event: &mut dyn FnMut(&SendEvent<'_>) -> bool,
    ) -> Result<Ended> {
        let never = AtomicBool::new(false);
        let (mut is_stopping, mut is_cancelled) = (false, false);
        let mut answers = Vec::new();
        while self.sender.result().is_none() {
            self.mark()?;
            if let Some(error) = self.exchange(&mut answers)? {
                let reason = "the sender cannot read what it is to send";
                self.sender.abandon(Code::Source, reason);
                self.failed = Some(error);
            }
            let runs = match self.transmit() {
                Ok(runs) => runs,
                Err(error) if error.is_about_the_network() => return Ok(self.lost(error)),
                Err(error) => return Err(error),
            };
            if self.sender.result().is_some() {
                break;
            }
            let has_news = match &mut self.feed {
                Some(feed) => feed.has_news(self.sender.sent()),
                None => false,
            };
            let wait = if runs == BURST || has_news {
                Duration::ZERO
            } else {
                Duration::MAX
            };
            match self.receive(wait, if is_stopping { &never } else { stop }) {
                Ok(()) => {}
                Err(error) if error.is_about_the_network() => return Ok(self.lost(error)),
                Err(error) => return Err(error),
            }
            let now = self.now();
            self.sender.handle_timeout(now);
            if now.saturating_sub(self.reported) >= PROGRESS {
                self.reported = now;
                is_cancelled |= !self.report(on_event);
            }
            if (is_cancelled || stop.load(Ordering::Relaxed)) && !is_stopping {
                is_stopping = true;
                self.sender
                    .abandon(Code::Interrupted, "the sender was interrupted");
            }
        }
        self.close(&mut answers);
        self.report(on_event);
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(Ended::Over),
        }
    }

    /// Exchanges chunks, answers and reports with the reader; returns the error that ended it.
    fn exchange(&mut self, answers: &mut Vec<u8>) -> Result<Option<Error>> {
        if self.feed.is_none() {
            // Nothing is read before the receiver has agreed.
            if !self.sender.is_open() || self.sender.result().is_some() {
                return Ok(None);
            }
            self.opened = Some(Instant::now());
            let (tree, is_digested) = (self.tree_to_read(), !self.sender.is_keyed());
            self.feed = Some(feed::read(tree, is_digested, self.waker.clone())?);
        }
        let Some(feed) = &mut self.feed else {
            return Ok(None);
        };
        self.sender.take_answers(answers);
        feed.answer(answers);
        feed.exchange(self.sender.sent(), self.sender.released());
        Ok(feed.take_error())
    }

    /// The tree, whose counts stay here.
    fn tree_to_read(&mut self) -> Tree {
        let next = self.tree.again();
        std::mem::replace(&mut self.tree, next)
    }

    /// Ends the reader, once it has had the last answers.
    fn close(&mut self, answers: &mut Vec<u8>) {
        if let Some(feed) = &mut self.feed {
            self.sender.take_answers(answers);
            feed.answer(answers);
            let is_success = matches!(self.sender.result(), Some(Ok(())));
            feed.close(if is_success { CLOSING } else { Duration::ZERO });
        }
    }

    /// Reports progress, and what the reader has reported; returns whether to continue.
    fn report(&mut self, on_event: &mut dyn FnMut(&SendEvent<'_>) -> bool) -> bool {
        let mut goes_on = true;
        if let Some(error) = self.news.take() {
            goes_on &= on_event(&SendEvent::Trouble(&error));
        }
        if let Some(feed) = &mut self.feed {
            let is_dry = feed.is_dry(self.sender.released());
            self.dry = is_dry.then(|| self.dry.unwrap_or_else(Instant::now));
            let (events, unreported) = feed.take_events();
            for event in &events {
                if let super::tree::TreeEvent::Finished(finished) = event {
                    self.unlisted = finished.unlisted;
                    continue;
                }
                goes_on &= on_event(&SendEvent::Entry(event));
            }
            if unreported > 0 {
                goes_on &= on_event(&SendEvent::More(unreported));
            }
        }
        goes_on & on_event(&SendEvent::Progress(&self.progress()))
    }

    /// Whether this address has never answered.
    pub(super) fn is_unanswered(&self) -> bool {
        let is_silent = matches!(self.sender.result(), Some(Err(Failure::Silent(_))));
        is_silent && self.sender.round_trip().is_none()
    }

    /// Bytes of the stream that have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.sender.released()
    }

    /// Whether the receiver has the whole stream.
    fn has_arrived(&self) -> bool {
        let is_all = |feed: &Feed| feed.is_complete() && feed.end() == self.sender.released();
        self.feed.as_ref().is_some_and(is_all)
    }

    fn progress(&self) -> Progress {
        let is_done = self.sender.is_done();
        // What was read has not all arrived.
        let read = self.feed.as_ref().map_or(0, Feed::end);
        let under_way = read.saturating_sub(self.sender.released());
        // What failed is done as well, and not there in the end.
        let lost = match self.sender.result() {
            Some(_) => self.counts.unsent(),
            None => 0,
        };
        let bytes = self.counts.bytes().saturating_sub(lost);
        let bytes = if is_done {
            bytes
        } else {
            bytes.saturating_sub(under_way)
        };
        let totals = self.counts.totals();
        let total = totals.filter(|totals| *totals != (1, 0));
        Progress {
            bytes,
            resumed: self.counts.kept(),
            holes: self.counts.holes(),
            total: total.map(|(_, bytes)| bytes).or(self.tree.roots().size()),
            entries: self.counts.done(),
            total_entries: totals.map(|(entries, _)| entries),
            file: self.counts.file(bytes),
            activity: match self.sender.status() {
                Status::Checking { done, total } => Activity::Checking { done, total },
                Status::Storing if self.has_arrived() => Activity::Finishing,
                Status::Storing => Activity::Storing,
                _ if self.dry.is_some_and(|since| since.elapsed() >= PROGRESS) => Activity::Reading,
                _ => Activity::Transferring,
            },
            elapsed: self.opened.unwrap_or(self.start).elapsed(),
        }
    }

    pub(super) fn end(self) -> Result<Sent> {
        let outcome = match (&self.peer_lost, self.sender.result(), &self.trouble) {
            (Some(failure), ..) => Err(failure.clone()),
            (_, Some(Err(Failure::Silent(_))), Some(trouble)) => {
                Err(Failure::Unreachable(trouble.errno))
            }
            (_, Some(Err(failure)), _) => Err(failure.clone()),
            _ => Ok(()),
        };
        let counters = self.transport.counters();
        Ok(Sent {
            outcome,
            destination: self.destination,
            local: self.transport.endpoint().local_address()?,
            progress: self.progress(),
            failed: self.counts.failed() + self.unlisted,
            equal: self.counts.equal(),
            is_keyed: self.sender.is_keyed(),
            counts: self.sender.counts(),
            round_trip: self.sender.round_trip(),
            datagram_size: self.sender.datagram_size(),
            limit: self.sender.limits().dominant(),
            backend: self.transport.backend(),
            syscalls: self.syscalls_before + counters.syscalls,
        })
    }
}
