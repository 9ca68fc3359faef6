//! Where transfers are stored, and one transfer's view of it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::Progress;
use super::problem::{Note, Problem, Reason};
use super::unfinished::Unfinished;
use crate::error::{Error, Result};
use crate::protocol::transfer::Digest;
use crate::protocol::transfer::manifest::Entry;

/// How files are received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Replace files that exist.
    pub(crate) overwrite: bool,
    /// Skip files that are there and equal, and go on with parts that were kept.
    pub(crate) resume: bool,
    /// How `resume` decides whether an existing file is equal.
    pub(crate) compare: Compare,
    /// Compute the digest of what is stored, to compare it with the sender's.
    pub(crate) digest: bool,
}

/// How an existing file is compared with the sender's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Compare {
    /// Same size and same time of modification, as rsync(1) does.
    #[default]
    SizeAndTime,
    /// Same size and same contents, by their digest.
    Digest,
}

/// Where transfers are stored. It is opened before the first sender comes.
#[derive(Debug)]
pub(crate) struct Place;

impl Place {
    /// A folder that exists: each file gets the name that its sender gives it.
    ///
    /// # Errors
    /// The errors of open(2).
    pub(crate) fn folder(_path: &Path, _options: Options) -> Result<Self> {
        Ok(Self)
    }

    /// One file of that name. What is there and no regular file (a FIFO, a device) becomes an output.
    ///
    /// # Errors
    /// The errors of open(2); EISDIR if it is a folder, EEXIST if it is not to be replaced.
    pub(crate) fn file(_path: &Path, _options: Options) -> Result<Self> {
        Ok(Self)
    }

    /// A descriptor that the bytes are written to as they come: standard output, a pipe.
    ///
    /// # Errors
    /// The errors of fcntl(2); EBADF if it is not open for writing.
    pub(crate) fn output(_fd: OwnedFd, _shown: &str) -> Result<Self> {
        Ok(Self)
    }

    /// A store for one transfer, to be moved to its thread. Nothing is opened.
    pub(crate) fn store(&self) -> Store {
        Store
    }
}

/// What is in the place of an entry.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing, or something that is to be replaced.
    New,
    /// An equal file: nothing needs to be sent.
    Equal,
    /// A part of it (or all), if the sender has the same bytes.
    Kept(Kept),
    /// The check was ended by the callback.
    Stopped,
}

/// What is kept of a file, locked against other receivers.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(super) file: File,
    pub(super) digest: Digest,
}

impl Kept {
    /// Bytes that are there, at least one.
    pub(crate) fn length(&self) -> u64 {
        self.digest.length()
    }

    /// The digest of them.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Where an entry was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The path below the target folder.
    pub(crate) path: PathBuf,
    /// Whether it differs from the sender's.
    pub(crate) is_renamed: bool,
}

/// One transfer's view of a [`Place`].
#[derive(Debug)]
pub(crate) struct Store;

impl Store {
    /// Looks for what is there already. With `resume`, this reads a kept part as a whole, and `progress`
    /// may end that. For files and streams.
    ///
    /// # Errors
    /// The entry cannot be stored.
    pub(crate) fn examine(
        &mut self,
        _entry: &Entry,
        _progress: Progress<'_>,
    ) -> Result<Found, Problem> {
        Ok(Found::New)
    }

    /// Makes the unfinished file, and the folders that it needs; or goes on with what was kept, if its
    /// sender agreed. A part that it did not agree with stays until the new file is complete.
    ///
    /// # Errors
    /// The entry cannot be stored.
    pub(crate) fn begin(
        &mut self,
        _entry: &Entry,
        _kept: Option<Kept>,
    ) -> Result<Unfinished, Problem> {
        let error = Error::invalid("store", "it", "not done yet");
        Err(Problem::new(Reason::Unsupported, error))
    }

    /// Makes a folder, unless it is there. Its permissions and time are set once all below it is done:
    /// see [`settled`](Self::settled). `index` is the entry's.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(crate) fn folder(&mut self, _index: u64, _entry: &Entry) -> Result<Placed, Problem> {
        let error = Error::invalid("make", "it", "not done yet");
        Err(Problem::new(Reason::Unsupported, error))
    }

    /// Makes a symbolic link, which cannot lead out of the target folder.
    ///
    /// # Errors
    /// The link cannot be made, or leads out.
    pub(crate) fn link(&mut self, _entry: &Entry) -> Result<Placed, Problem> {
        let error = Error::invalid("make", "it", "not done yet");
        Err(Problem::new(Reason::Unsupported, error))
    }

    /// All entries before this index are stored or failed: folders that were left before it get their
    /// permissions and times.
    pub(crate) fn settled(&mut self, _index: u64) {}

    /// Ends the transfer: folders get their permissions and times, and everything is on the disk when
    /// this returns.
    ///
    /// # Errors
    /// Something may not be on the disk.
    pub(crate) fn sync(&mut self) -> Result<(), Problem> {
        Ok(())
    }

    /// What happened meanwhile that the user should know.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        Vec::new()
    }
}
