//! What happens while streams are sent and received, and what came of them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Progress;
use crate::error::{Error, Result};
use crate::io::Backend;
use crate::protocol::transfer::{Failure, Limit, ReceiverCounts, SenderCounts};

/// What happens while a stream is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendEvent {
    /// The transfer goes on.
    Progress(Progress),
}

/// What happens while streams are received.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReceiveEvent<'a> {
    /// A transfer begins.
    Opened {
        /// The sender.
        peer: SocketAddr,
        /// The transfer's id.
        id: u64,
        /// What the sender calls the stream; foreign text.
        name: &'a str,
        /// Its length in bytes, if the sender knows it.
        size: Option<u64>,
        /// Bytes of it that are there already.
        kept: u64,
    },
    /// A transfer goes on.
    Progress {
        /// The transfer's id.
        id: u64,
        /// How far it is.
        progress: Progress,
    },
    /// A transfer is over.
    Ended(Arrived),
    /// A sender was turned away.
    Refused {
        /// The sender.
        peer: SocketAddr,
        /// Why.
        reason: &'a str,
        /// Whether it was one sender too many, for now or for good; otherwise something is wrong with
        /// what it sends.
        is_busy: bool,
    },
}

/// A stream that was received, or not.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrived {
    /// The sender.
    pub peer: SocketAddr,
    /// The transfer's id.
    pub id: u64,
    /// What the sender calls the stream; foreign text.
    pub name: String,
    /// The file that it became, if it became one.
    pub path: Option<PathBuf>,
    /// What is kept of it for another try, if it failed.
    pub part: Option<PathBuf>,
    /// How far it came.
    pub progress: Progress,
    /// What the receiver did.
    pub counts: ReceiverCounts,
    /// The digest of what came: XXH3-128.
    pub digest: u128,
    /// This end's own error, if that ended it.
    pub error: Option<Error>,
    /// Whether it is stored.
    pub outcome: std::result::Result<(), Failure>,
}

impl Arrived {
    /// Bits of the stream a second; those that were there before do not count.
    pub fn goodput(&self) -> f64 {
        let bytes = self.progress.bytes - self.progress.resumed;
        bytes as f64 * 8.0 / self.progress.elapsed.as_secs_f64().max(1e-9)
    }
}

/// How many transfers ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Stored.
    pub whole: u64,
    /// Not.
    pub failed: u64,
    /// Datagrams that were no frame of a transfer here.
    pub foreign: u64,
}

/// What was sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sent {
    /// Whether the receiver has it all, stored.
    pub outcome: std::result::Result<(), Failure>,
    /// Where to.
    pub destination: SocketAddr,
    /// From where.
    pub local: SocketAddr,
    /// How far it is.
    pub progress: Progress,
    /// What the sender did.
    pub counts: SenderCounts,
    /// The smoothed round trip, once there was one.
    pub round_trip: Option<Duration>,
    /// The length of the datagrams at the end, in bytes of UDP payload.
    pub datagram_size: u16,
    /// What held it back for most of the time, and for which share of it.
    pub limit: (Limit, f64),
    /// The backend that was used.
    pub backend: Backend,
    /// System calls for datagrams.
    pub syscalls: u64,
}

impl Sent {
    /// Bits of the stream a second; those that were there before do not count.
    pub fn goodput(&self) -> f64 {
        let bytes = self.progress.bytes - self.progress.resumed;
        bytes as f64 * 8.0 / self.progress.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Calls an observer until it returns an error, which ends the run.
pub(super) struct Observer<F, E> {
    on_event: F,
    failure: Option<E>,
}

impl<F, E: From<Error>> Observer<F, E> {
    pub(super) fn new(on_event: F) -> Self {
        let failure = None;
        Self { on_event, failure }
    }

    /// Reports an event, unless the observer has failed; says whether to go on.
    pub(super) fn report<T: ?Sized>(&mut self, event: &T) -> bool
    where
        F: FnMut(&T) -> Result<(), E>,
    {
        if self.failure.is_none() {
            self.failure = (self.on_event)(event).err();
        }
        self.failure.is_none()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The result of the run: the observer's error comes first.
    pub(super) fn finish<T>(self, result: Result<T>) -> Result<T, E> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(result?),
        }
    }
}
