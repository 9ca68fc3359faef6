//! One stream in reception.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Progress;
use super::event::Arrived;
use super::store::Store;
use super::target::Stored;
use crate::error::Error;
use crate::io::Received;
use crate::protocol::transfer::{Code, Failure, Receiver, Status};
use crate::socket::{Ecn, SourceAddress};

pub(super) struct Job {
    pub(super) receiver: Receiver,
    pub(super) peer: SocketAddr,
    /// The address that the sender sends to.
    pub(super) from: Option<SourceAddress>,
    pub(super) name: String,
    pub(super) path: Option<PathBuf>,
    pub(super) size: Option<u64>,
    pub(super) kept: u64,
    pub(super) start: Instant,
    store: Store,
    /// The time until everything was stored.
    took: Option<Duration>,
    /// This end's own error.
    error: Option<Error>,
    has_ended: bool,
    /// Time spent writing since the last check.
    writing: Duration,
    looked: Instant,
}

impl Job {
    pub(super) fn new(
        receiver: Receiver,
        message: &Received<'_>,
        size: Option<u64>,
        stored: Stored,
    ) -> Self {
        let now = Instant::now();
        Self {
            kept: receiver.delivered(),
            receiver,
            peer: message.source(),
            from: message.reply_source(),
            name: stored.name,
            path: stored.path,
            size,
            store: stored.store,
            start: now,
            took: None,
            error: None,
            has_ended: false,
            writing: Duration::ZERO,
            looked: now,
        }
    }

    pub(super) fn handle_datagram(&mut self, now: Duration, message: &Received<'_>, bytes: &[u8]) {
        let (source, store) = (message.source(), &mut self.store);
        // What is not valid is counted there.
        let _ = (self.receiver).handle_datagram(now, source, Ecn::NotEct, bytes, store);
        self.peer = self.receiver.peer();
    }

    /// Writes the data of a batch, and stores a complete stream.
    pub(super) fn advance(&mut self, now: Duration) {
        let began = Instant::now();
        if !self.receiver.is_complete() {
            self.store.flush();
        }
        let mut failed = self.store.take_error();
        if self.receiver.is_complete() && failed.is_none() {
            match self.store.finish() {
                None => {}
                Some(Ok(())) => {
                    self.receiver.on_stored(now);
                    self.took = Some(self.start.elapsed());
                }
                Some(Err(error)) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            self.receiver.abandon(Code::Storage, &error.to_string());
            self.error = Some(error);
        }
        let backlog = self.store.backlog();
        self.receiver.set_backlog(backlog);
        let ended = Instant::now();
        self.writing += ended - began;
        let passed = ended - self.looked;
        if passed >= super::PROGRESS {
            let is_slow = self.writing > passed / 2 || backlog > 0;
            self.receiver.set_status(if is_slow {
                Status::Storing
            } else {
                Status::Receiving
            });
            (self.writing, self.looked) = (Duration::ZERO, ended);
        }
    }

    /// Whether it waits for its own disk, or the reader of its output.
    pub(super) fn is_storing(&self) -> bool {
        self.receiver.is_complete() || self.store.backlog() > 0
    }

    pub(super) fn is_over(&self) -> bool {
        self.receiver.result().is_some()
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            bytes: self.receiver.delivered(),
            resumed: self.kept,
            total: self.receiver.total().or(self.size),
            elapsed: self.took.unwrap_or_else(|| self.start.elapsed()),
        }
    }

    /// The result, returned once: when the stream is stored, or has failed.
    pub(super) fn outcome(&mut self) -> Option<Arrived> {
        if self.has_ended {
            return None;
        }
        let outcome = match self.receiver.result() {
            _ if self.receiver.is_stored() => Ok(()),
            Some(Err(failure)) => Err(failure.clone()),
            _ => return None,
        };
        self.has_ended = true;
        let mut part = self.store.part().map(PathBuf::from);
        // An empty part, or one of another stream, is not worth resuming.
        let is_worthless = matches!(
            outcome,
            Err(Failure::Abandoned {
                code: Code::Digest,
                ..
            })
        ) || self.receiver.delivered() == 0;
        if outcome.is_err() && is_worthless {
            self.store.discard();
            part = None;
        }
        Some(Arrived {
            peer: self.peer,
            id: self.receiver.id(),
            name: self.name.clone(),
            path: self.path.clone(),
            part: part.filter(|_| outcome.is_err()),
            progress: self.progress(),
            counts: self.receiver.counts(),
            digest: self.receiver.digest().unwrap_or_default(),
            error: self.error.take(),
            outcome,
        })
    }
}
