//! The receiver's side of the disk: blocking code for a thread of its own.
//!
//! A [`Place`] is where transfers are stored: a folder, one file, or an output such as a pipe. Each
//! transfer has a [`Store`] in it, which does four things with an [`Entry`] of a stranger:
//! - [`Store::examine`]: what is there already (nothing, an equal file, a part that was kept);
//! - [`Store::begin`]: an [`Unfinished`] file, which gets its name when it is complete;
//! - [`Store::folder`] and [`Store::link`]: made at once;
//! - [`Store::sync`]: everything is on the disk.
//!
//! # Names
//! The target folder is held open, and a stranger's path is resolved below it with openat2(2)
//! (`RESOLVE_BENEATH`, `RESOLVE_NO_SYMLINKS`), or one component at a time with `O_NOFOLLOW`. A
//! symbolic link is never followed. A name is made safe as the module `names` describes.
//!
//! # Unfinished files
//! A file is `.udpraw-` with 16 random letters and `.part` until it is complete. What is kept of an
//! interrupted one has a `.state` file beside it, with the name, size and time of the source: a file
//! that merely has such a name is never touched. It is not replaced until the new one is complete.
//!
//! # What is set
//! A new file has the sender's permission bits without those of the umask; one that is replaced keeps
//! its own, and its owner where that is allowed. The bits set-user-ID, set-group-ID and sticky are
//! never taken from a sender, nor kept on a file whose contents were replaced. The time of
//! modification is the sender's. A folder that was there before keeps its permissions. Hard links,
//! owners, access lists and extended attributes are not transferred.

mod calls;
mod claimed;
#[cfg(test)]
mod faults;
mod find;
mod folder;
mod folders;
mod names;
mod open_file;
mod output;
mod part;
mod partial;
mod problem;
mod store;
mod sync;
mod unfinished;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod race_tests;
#[cfg(test)]
mod resume_tests;
#[cfg(test)]
mod tests;

pub(crate) use problem::Problem;
pub(crate) use store::{Compare, Found, Kept, Options, Place, Placed, Store};
pub(crate) use unfinished::{Finished, Unfinished};

use std::ops::ControlFlow;

/// A file of this size in bytes is worth a state of its own, and a write to the disk by itself. Tests store
/// thousands of them.
const LARGE: u64 = if cfg!(test) { 64 << 10 } else { 1 << 20 };

/// How far a long check has come; called about once a megabyte. `Break` ends the check.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(Checked) -> ControlFlow<()>;

/// How far the check of a kept part has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Bytes read so far.
    pub(crate) done: u64,
    /// Bytes to read.
    pub(crate) total: u64,
}
