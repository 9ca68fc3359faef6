//! Where the stream goes, and what is reported.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Finished;
use crate::error::Error;
use crate::protocol::transfer::manifest::{Reason, Status};
use crate::transfer::FileProgress;

/// The other end of a [`Tree`](super::Tree): takes the stream in chunks, and has the answers. Its
/// methods are called by the thread that reads, and may block it.
pub trait Outlet {
    /// Waits until more may be read, and returns an empty buffer for it with a capacity of at least
    /// 64 KiB; none if nobody wants more.
    fn buffer(&mut self) -> Option<Vec<u8>>;

    /// Takes the next bytes of the stream.
    fn push(&mut self, chunk: Vec<u8>);

    /// The stream is complete: the last chunk has been pushed.
    fn complete(&mut self);

    /// Appends the new bytes of the answer stream to `into`. With `wait` it blocks until there are
    /// some. False if nobody wants more of the stream, or once the transfer is over.
    fn answers(&mut self, wait: bool, into: &mut Vec<u8>) -> bool;

    /// Whether nobody wants more: asked now and then during long work.
    fn is_over(&self) -> bool;

    /// Takes a report.
    fn on_event(&mut self, event: TreeEvent);
}

/// What a [`Tree`](super::Tree) reports. Paths are bytes as they are sent; escape them for a terminal.
#[derive(Debug)]
#[non_exhaustive]
pub enum TreeEvent {
    /// A FIFO, socket or device within a folder is not sent.
    Skipped {
        /// Its path.
        path: Vec<u8>,
        /// What it is: "a FIFO".
        what: &'static str,
    },
    /// Something cannot be listed, such as a folder without permission; the rest goes on.
    Unlisted {
        /// Its path.
        path: Vec<u8>,
        /// Why.
        error: Error,
    },
    /// The receiver does not store it: at once, or later (the disk is full).
    Refused {
        /// Its index in the list.
        entry: u64,
        /// Its path; empty if it was sent long ago.
        path: Vec<u8>,
        /// Why.
        reason: Reason,
    },
    /// It was not sent completely; the rest goes on.
    Failed {
        /// Its path.
        path: Vec<u8>,
        /// What the receiver is told.
        status: Status,
        /// The error of the system call, if there was one.
        error: Option<Error>,
    },
    /// The part that the receiver kept is compared with the file.
    Checking {
        /// Its path.
        path: Vec<u8>,
        /// Bytes compared.
        checked: u64,
        /// Bytes to compare.
        total: u64,
    },
    /// The part that the receiver kept is, or is not, the beginning of the file.
    Resumed {
        /// Its path.
        path: Vec<u8>,
        /// Where it goes on: at 0 if the part differs.
        from: u64,
    },
    /// Everything is in the stream.
    Finished(Finished),
}

/// Files that are remembered from the one that arrives to the one that is read.
const MAX_BEGUN: usize = 1_024;

/// A file whose reading has begun.
#[derive(Debug)]
struct Begun {
    path: Vec<u8>,
    size: Option<u64>,
    /// What [`TreeCounts::bytes`] was before it.
    before: u64,
}

/// The progress of a [`Tree`](super::Tree), readable from any thread.
#[derive(Debug, Default)]
pub struct TreeCounts {
    pub(super) listed: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) equal: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) kept: AtomicU64,
    pub(super) holes: AtomicU64,
    pub(super) unsent: AtomicU64,
    begun: Mutex<VecDeque<Begun>>,
    pub(super) total_entries: AtomicU64,
    pub(super) total_bytes: AtomicU64,
    pub(super) has_totals: std::sync::atomic::AtomicBool,
}

impl TreeCounts {
    /// Entries listed.
    pub fn listed(&self) -> u64 {
        self.listed.load(Ordering::Relaxed)
    }

    /// Entries that need no more: sent, equal, refused or failed.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Entries that the receiver had, or made from the list (folders and links).
    pub fn equal(&self) -> u64 {
        self.equal.load(Ordering::Relaxed)
    }

    /// Entries refused or failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Bytes of files that need not be sent any more: read, kept by the receiver, holes, or of
    /// entries that are done in another way. Reaches the total.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of files that the receiver had before.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Bytes of files that are holes, and were not read or sent.
    pub fn holes(&self) -> u64 {
        self.holes.load(Ordering::Relaxed)
    }

    /// Those of [`Self::bytes`] that were not sent, since their entries failed.
    pub fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }

    /// The file or stream in progress when so many of [`Self::bytes`] have arrived. Those before it
    /// are forgotten.
    pub fn file(&self, arrived: u64) -> Option<FileProgress> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        while begun.get(1).is_some_and(|next| next.before <= arrived) {
            begun.pop_front();
        }
        let Begun { path, size, before } = begun.front()?;
        let bytes = arrived.saturating_sub(*before);
        Some(FileProgress {
            path: path.clone(),
            size: *size,
            bytes: size.map_or(bytes, |size| size.min(bytes)),
        })
    }

    pub(super) fn begin(&self, path: &[u8], size: Option<u64>) {
        let (path, before) = (path.to_vec(), self.bytes());
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.len() == MAX_BEGUN {
            begun.pop_front();
        }
        begun.push_back(Begun { path, size, before });
    }

    /// Entries and bytes of files in all, once they are counted. Streams count as 0 bytes.
    pub fn totals(&self) -> Option<(u64, u64)> {
        self.has_totals.load(Ordering::Acquire).then(|| {
            let entries = self.total_entries.load(Ordering::Relaxed);
            (entries, self.total_bytes.load(Ordering::Relaxed))
        })
    }

    pub(super) fn set_totals(&self, entries: u64, bytes: u64) {
        self.total_entries.store(entries, Ordering::Relaxed);
        self.total_bytes.store(bytes, Ordering::Relaxed);
        self.has_totals.store(true, Ordering::Release);
    }

    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
