//! Events and results of sending and receiving streams.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Progress;
use crate::error::{Error, Result};
use crate::io::Backend;
use crate::protocol::transfer::{Failure, Limit, ReceiverCounts, SenderCounts};

/// An event while a stream is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendEvent {
    /// Progress of the transfer.
    Progress(Progress),
}

/// An event while streams are received.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReceiveEvent<'a> {
    /// A transfer begins.
    Opened {
        /// The sender.
        peer: SocketAddr,
        /// The transfer's id.
        id: u64,
        /// The sender's name of the stream; untrusted text.
        name: &'a str,
        /// Its length in bytes, if the sender knows it.
        size: Option<u64>,
        /// Bytes of it that are stored already.
        kept: u64,
    },
    /// Progress of a transfer.
    Progress {
        /// The transfer's id.
        id: u64,
        /// The progress.
        progress: Progress,
    },
    /// A transfer is over.
    Ended(Arrived),
    /// A sender was refused.
    Refused {
        /// The sender.
        peer: SocketAddr,
        /// Why.
        reason: &'a str,
        /// Whether there are too many senders, for now or permanently; otherwise the sender's
        /// frames are wrong.
        is_busy: bool,
    },
}

/// The result of receiving a stream.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrived {
    /// The sender.
    pub peer: SocketAddr,
    /// The transfer's id.
    pub id: u64,
    /// The sender's name of the stream; untrusted text.
    pub name: String,
    /// The file that was written, if any.
    pub path: Option<PathBuf>,
    /// The file that is kept for another try, if it failed.
    pub part: Option<PathBuf>,
    /// How much was received.
    pub progress: Progress,
    /// Counters of the receiver.
    pub counts: ReceiverCounts,
    /// The digest of the received part: XXH3-128.
    pub digest: u128,
    /// This end's own error, if that ended it.
    pub error: Option<Error>,
    /// Whether it is stored.
    pub outcome: std::result::Result<(), Failure>,
}

impl Arrived {
    /// Bits of the stream per second; a resumed part does not count.
    pub fn goodput(&self) -> f64 {
        let bytes = self.progress.bytes - self.progress.resumed;
        bytes as f64 * 8.0 / self.progress.elapsed.as_secs_f64().max(1e-9)
    }
}

/// The results of all transfers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Transfers that were stored.
    pub whole: u64,
    /// Transfers that failed.
    pub failed: u64,
    /// Datagrams that were not frames of a transfer here.
    pub foreign: u64,
}

/// The result of sending a stream.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sent {
    /// Whether the receiver has stored the whole stream, or why not.
    pub outcome: std::result::Result<(), Failure>,
    /// The receiver's address.
    pub destination: SocketAddr,
    /// The local address.
    pub local: SocketAddr,
    /// How much was sent.
    pub progress: Progress,
    /// Counters of the sender.
    pub counts: SenderCounts,
    /// The smoothed round trip, once there was one.
    pub round_trip: Option<Duration>,
    /// The length of the datagrams at the end, in bytes of UDP payload.
    pub datagram_size: u16,
    /// What limited it for most of the time, and the share of that time.
    pub limit: (Limit, f64),
    /// The backend that was used.
    pub backend: Backend,
    /// System calls that moved datagrams.
    pub syscalls: u64,
}

impl Sent {
    /// Bits of the stream per second; a resumed part does not count.
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

    /// Reports an event, unless the observer has failed; returns whether to continue.
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
