//! What is known of a transfer that is being stored.

use std::path::PathBuf;

use super::{Activity, FileProgress};
use crate::error::Error;
use crate::protocol::transfer::Code;
use crate::protocol::transfer::manifest::Status;

/// Events that wait for the loop; more are only counted.
const MAX_EVENTS: usize = 1_024;
/// What is known of a transfer that is being stored.
#[derive(Debug, Default)]
pub(super) struct StoreReport {
    pub(super) counts: StoreCounts,
    pub(super) activity: Activity,
    pub(super) file: Option<FileProgress>,
    pub(super) events: Vec<StoreEvent>,
    /// Everything is on the disk.
    pub(super) is_stored: bool,
    /// What the sender is told of an error, without local paths.
    pub(super) fatal: Option<(Code, String)>,
    /// Where the last file is, below the target folder.
    pub(super) placed: Option<PathBuf>,
    /// Where a part of a file is kept, below the target folder.
    pub(super) part: Option<KeptPart>,
}

/// A part of a file that failed, kept for another try.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptPart {
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub length: u64,
}

impl KeptPart {
    pub(super) fn new(path: PathBuf, length: u64) -> Self {
        Self { path, length }
    }
}

/// What a receiver has done with the entries of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCounts {
    /// Entries listed so far.
    pub listed: u64,
    /// Files and streams that were received and stored.
    pub stored: u64,
    /// Folders and links that were made or were there, and files that were there and equal.
    pub equal: u64,
    /// Entries that were not stored.
    pub failed: u64,
    /// Bytes of files that need not be received any more.
    pub bytes: u64,
    /// Bytes of them that were there before.
    pub resumed: u64,
    /// Bytes of them that are holes of sparse files, and were not sent.
    pub holes: u64,
    /// All entries and all bytes, once the sender has counted them.
    pub total: Option<(u64, u64)>,
}

/// Something about one entry that its user should know.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreEvent {
    /// It is not stored.
    Failed {
        /// Its path, as the sender calls it; untrusted bytes.
        path: Vec<u8>,
        /// This end's error.
        error: Error,
        /// What is kept of it.
        part: Option<KeptPart>,
    },
    /// The sender did not send it completely.
    Incomplete {
        /// Its path, as the sender calls it; untrusted bytes.
        path: Vec<u8>,
        /// Why.
        status: Status,
    },
    /// Its name was changed, to be safe here.
    Renamed {
        /// Its path, as the sender calls it; untrusted bytes.
        path: Vec<u8>,
        /// Where it is, below the target folder.
        placed: PathBuf,
    },
    /// It goes on after the part that was kept from before.
    Resumed {
        /// Its path, as the sender calls it; untrusted bytes.
        path: Vec<u8>,
        /// Bytes that were there; 0 if they were of another file.
        from: u64,
    },
    /// Something that changes nothing.
    Note(String),
    /// So many events are not reported singly.
    More(u64),
}

impl StoreReport {
    /// Takes over what is new.
    pub(super) fn update(&mut self, new: &mut Self) {
        self.events.append(&mut new.events);
        self.counts = new.counts;
        self.activity = new.activity;
        self.file.clone_from(&new.file);
        self.is_stored = new.is_stored;
        self.fatal = new.fatal.take().or_else(|| self.fatal.take());
        self.placed.clone_from(&new.placed);
        self.part.clone_from(&new.part);
    }

    pub(super) fn push(&mut self, event: StoreEvent) {
        if self.events.len() < MAX_EVENTS {
            self.events.push(event);
        } else if let Some(StoreEvent::More(count)) = self.events.last_mut() {
            *count += 1;
        } else {
            self.events.push(StoreEvent::More(1));
        }
    }
}
