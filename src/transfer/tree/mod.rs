//! What a sender reads: files, folders and streams as the forward stream of a transfer
//! ([`manifest`](crate::protocol::transfer::manifest)).
//!
//! A [`Tree`] runs on a thread of its own and may block there: on a disk, on a pipe, on its
//! [`Outlet`]. It walks the arguments ([`Roots`]), lists what it finds, reads what the receiver
//! wants, and hands on the stream in chunks.
//!
//! - Everything is opened by descriptor below its argument, without following symbolic links
//!   (openat2(2), or name by name where there is none): what is moved or replaced meanwhile can
//!   make an entry fail, and never leads elsewhere. Links are sent as links, so there are no loops.
//! - Within a folder, FIFOs, sockets and devices are skipped with a note, and never opened. Hard
//!   links are sent as separate files.
//! - The order is that of the names' bytes within each folder; folders precede what they hold.
//! - Holes are not read (SEEK_DATA, lseek(2)).
//! - A file must be at its end what it was when it was listed: inode, size, mtime and ctime.
//!   Otherwise it fails at both ends, and the rest goes on. So does what cannot be read.
//! - A small file takes five system calls (fstatat, openat2, pread, fstat, close), and a sixth where
//!   a second thread counts ahead; that thread runs only if the list does not fit the window of
//!   [`MAX_SECTIONS`](crate::protocol::transfer::manifest::MAX_SECTIONS) sections.
//! - Memory is bounded by that window, the names of the folders on the path to where the walk is
//!   (28 bytes for a name of 20), and the outlet's buffers.

mod chunk;
mod contents;
mod count;
mod exclude;
mod open;
mod outlet;
mod roots;
mod send;
mod walk;

use std::sync::Arc;

pub use exclude::Exclude;
pub use outlet::{Outlet, TreeCounts, TreeEvent};
pub use roots::Roots;

use crate::error::{Error, Result};
use crate::protocol::transfer::manifest::{Finished, Violation};

/// Everything that is to be sent.
#[derive(Debug)]
pub struct Tree {
    roots: Arc<Roots>,
    exclude: Arc<Exclude>,
    counts: Arc<TreeCounts>,
}

/// Why the reading ends early.
#[derive(Debug)]
enum Stop {
    /// Nobody wants more.
    Over,
    Violation(Violation),
    Error(Error),
}

type Ended<T> = std::result::Result<T, Stop>;

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl Tree {
    /// Sends the arguments, without what is excluded.
    pub fn new(roots: Roots, exclude: Exclude) -> Self {
        Self {
            roots: Arc::new(roots),
            exclude: Arc::new(exclude),
            counts: Arc::default(),
        }
    }

    /// The same, to be sent once more from the beginning: what an argument was, it still is, and a
    /// pipe goes on where it is.
    pub fn again(&self) -> Self {
        Self {
            roots: Arc::clone(&self.roots),
            exclude: Arc::clone(&self.exclude),
            counts: Arc::default(),
        }
    }

    /// The arguments.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// How far it is.
    pub fn counts(&self) -> Arc<TreeCounts> {
        Arc::clone(&self.counts)
    }

    /// Sends everything, then waits for late answers until the outlet is over. Returns how it
    /// ended; none if the outlet was over before everything was sent.
    ///
    /// A file that cannot be read or that changed does not end it: see
    /// [`Finished::failed`] and [`Finished::unlisted`], and the events.
    ///
    /// # Errors
    /// If everything is excluded, before anything is sent; if the receiver violates the protocol.
    pub fn run(&self, outlet: &mut impl Outlet) -> Result<Option<Finished>> {
        match send::Sending::new(self, outlet).run() {
            Ok(finished) => Ok(Some(finished)),
            Err(Stop::Over) => Ok(None),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::Violation(violation)) => Err(Error::invalid(
                "go on",
                "with this receiver",
                format!("it violates the protocol: {violation}"),
            )),
        }
    }
}
