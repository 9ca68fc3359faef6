//! What happens while streams are received.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Progress;
use crate::error::Error;
use crate::protocol::transfer::{Failure, ReceiverCounts};

/// What happens while streams are received.
#[derive(Debug)]
pub enum Event<'a> {
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
    pub outcome: Result<(), Failure>,
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
pub struct Tally {
    /// Stored.
    pub whole: u64,
    /// Not.
    pub failed: u64,
    /// Datagrams that were no frame of a transfer here.
    pub foreign: u64,
}
