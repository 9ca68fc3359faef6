//! Events and results of sending and receiving.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Progress;
use super::store_report::{KeptPart, StoreCounts, StoreEvent};
use super::tree::TreeEvent;
use crate::error::{Error, Result};
use crate::io::Backend;
use crate::protocol::transfer::{Failure, Limit, ReceiverCounts, SenderCounts};

/// An event while something is sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendEvent<'a> {
    /// Progress of the transfer.
    Progress(&'a Progress),
    /// Something about one file or folder.
    Entry(&'a TreeEvent),
    /// So many events about files are not reported singly.
    More(u64),
    /// The network does not take datagrams at present; it goes on until the timeout.
    Trouble(&'a Error),
    /// The receiver was started again; the transfer goes on with it.
    Restarted,
}

/// An event while transfers are received.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReceiveEvent<'a> {
    /// A transfer begins.
    Opened {
        /// The sender.
        peer: SocketAddr,
        /// The transfer's id.
        id: u64,
        /// Whether it is encrypted.
        is_keyed: bool,
    },
    /// Progress of a transfer.
    Progress {
        /// The transfer's id.
        id: u64,
        /// The progress.
        progress: &'a Progress,
    },
    /// Something about one file or folder.
    Entry {
        /// The transfer's id.
        id: u64,
        /// What.
        event: &'a StoreEvent,
    },
    /// A transfer is over.
    Ended(&'a Arrived),
    /// A sender was refused.
    Refused {
        /// The sender.
        peer: SocketAddr,
        /// Why.
        reason: &'a str,
        /// Whether there are too many senders, for now or permanently, or it is a stranger without
        /// the code: nothing that this end lacks.
        is_busy: bool,
    },
}

/// The result of receiving a transfer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrived {
    /// The sender.
    pub peer: SocketAddr,
    /// The transfer's id.
    pub id: u64,
    /// The sender's name of the last file; untrusted bytes.
    pub name: Vec<u8>,
    /// The last file that was written, if any.
    pub path: Option<PathBuf>,
    /// What is kept of a file for another try, if the transfer failed.
    pub part: Option<KeptPart>,
    /// How much was received.
    pub progress: Progress,
    /// Counters of the receiver.
    pub counts: ReceiverCounts,
    /// What was done with the entries.
    pub files: StoreCounts,
    /// Whether it was encrypted.
    pub is_keyed: bool,
    /// This end's own error, if that ended it.
    pub error: Option<Error>,
    /// Whether everything arrived and is stored, except the entries that were reported as failed.
    pub outcome: std::result::Result<(), Failure>,
}

impl Arrived {
    /// Bits of the files per second; what was there before does not count.
    pub fn goodput(&self) -> f64 {
        self.progress.goodput()
    }

    /// Whether each entry is stored.
    pub fn is_whole(&self) -> bool {
        self.outcome.is_ok() && self.files.failed == 0
    }
}

/// The results of all transfers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Transfers that were stored.
    pub whole: u64,
    /// Transfers that failed, as a whole or for some files.
    pub failed: u64,
    /// Datagrams that did not belong to a transfer here.
    pub foreign: u64,
}

/// The result of sending.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sent {
    /// Whether the receiver has stored everything, except the entries that were reported as failed,
    /// or why not.
    pub outcome: std::result::Result<(), Failure>,
    /// The receiver's address.
    pub destination: SocketAddr,
    /// The local address.
    pub local: SocketAddr,
    /// How much was sent.
    pub progress: Progress,
    /// Files, folders and links that were not stored, or could not be read.
    pub failed: u64,
    /// Those that the receiver had already, or made from the list.
    pub equal: u64,
    /// Whether it was encrypted.
    pub is_keyed: bool,
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
    /// Bits of the files per second; what the receiver had before does not count.
    pub fn goodput(&self) -> f64 {
        self.progress.goodput()
    }

    /// Whether each entry is stored.
    pub fn is_whole(&self) -> bool {
        self.outcome.is_ok() && self.failed == 0
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

    /// Calls the observer, unless it has failed; returns whether to continue.
    pub(super) fn report_with(&mut self, call: impl FnOnce(&mut F) -> Result<(), E>) -> bool {
        if self.failure.is_none() {
            self.failure = call(&mut self.on_event).err();
        }
        self.failure.is_none()
    }

    /// The result of the run: the observer's error comes first.
    pub(super) fn finish<T>(self, result: Result<T>) -> Result<T, E> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(result?),
        }
    }
}
