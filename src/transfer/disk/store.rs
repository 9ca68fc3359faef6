//! Where transfers are stored, and one transfer's view of it.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::stat::FileStat;

use super::Progress;
use super::calls;
use super::folder::FolderStore;
use super::open_file::OpenFile;
use super::output::Output;
use super::partial::Names;
use super::problem::{Note, Problem};
use super::unfinished::Unfinished;
use crate::error::{Error, Result};
use crate::protocol::transfer::Digest;
use crate::protocol::transfer::manifest::{Entry, Reason};

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
pub(crate) struct Place(Kind);

#[derive(Debug)]
enum Kind {
    Folder {
        root: Arc<OwnedFd>,
        shown: String,
        /// The name of the only file.
        only: Option<Vec<u8>>,
        options: Options,
    },
    Output(Output),
}

impl Place {
    /// A folder that exists: each file gets the name that its sender gives it.
    ///
    /// # Errors
    /// The errors of open(2).
    pub(crate) fn folder(path: &Path, options: Options) -> Result<Self> {
        Self::open(path, None, options)
    }

    fn open(path: &Path, only: Option<Vec<u8>>, options: Options) -> Result<Self> {
        let failed = |errno| Problem::os("receive into", path.display(), errno).into_error();
        Ok(Self(Kind::Folder {
            root: Arc::new(calls::open_root(path).map_err(failed)?),
            shown: path.display().to_string(),
            only,
            options,
        }))
    }

    /// One file of that name. What is there and no regular file (a FIFO, a device) becomes an output.
    ///
    /// # Errors
    /// The errors of open(2); EISDIR if it is a folder, EEXIST if it is not to be replaced.
    pub(crate) fn file(path: &Path, options: Options) -> Result<Self> {
        let failed = |errno| Problem::os("write", path.display(), errno).into_error();
        if let Ok(metadata) = path.metadata() {
            let kind = metadata.file_type();
            if kind.is_dir() {
                return Err(failed(nix::errno::Errno::EISDIR));
            }
            if kind.is_socket() {
                return Err(failed(nix::errno::Errno::ENXIO));
            }
            if !kind.is_file() {
                return Ok(Self(Kind::Output(Output::special(path))));
            }
        }
        if !options.overwrite && !options.resume && path.symlink_metadata().is_ok() {
            return Err(failed(nix::errno::Errno::EEXIST));
        }
        let Some(name) = path.file_name() else {
            return Err(failed(nix::errno::Errno::EISDIR));
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Self::open(folder, Some(name.as_bytes().to_vec()), options)
    }

    /// A descriptor that the bytes are written to as they come: standard output, a pipe.
    ///
    /// # Errors
    /// The errors of fcntl(2); EBADF if it is not open for writing.
    pub(crate) fn output(fd: OwnedFd, shown: &str) -> Result<Self> {
        Ok(Self(Kind::Output(Output::descriptor(fd, shown)?)))
    }

    /// A store for one transfer, to be moved to its thread. Nothing is opened.
    pub(crate) fn store(&self) -> Store {
        Store(match &self.0 {
            Kind::Folder {
                root,
                shown,
                only,
                options,
            } => Side::Folder(Box::new(FolderStore::new(
                Arc::clone(root),
                shown.clone(),
                only.clone(),
                *options,
            ))),
            Kind::Output(output) => Side::Output(output.clone()),
        })
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
    Kept(Box<Kept>),
    /// The check was ended by the callback.
    Stopped,
}

/// What is kept of a file, locked against other receivers unless very many of them wait.
#[derive(Debug)]
pub(crate) struct Kept {
    /// It is closed while too many of them wait, and opened again when its turn comes.
    pub(super) file: Option<OpenFile>,
    pub(super) stat: FileStat,
    pub(super) digest: Digest,
    /// Its names; none for an existing file that is complete.
    pub(super) names: Option<Names>,
    /// Counts those that are open.
    pub(super) _open: Option<Arc<()>>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The path below the target folder; empty for an output.
    pub(crate) path: PathBuf,
    /// Whether it differs from the sender's.
    pub(crate) is_renamed: bool,
}

/// One transfer's view of a [`Place`].
#[derive(Debug)]
pub(crate) struct Store(pub(super) Side);

#[derive(Debug)]
pub(super) enum Side {
    Folder(Box<FolderStore>),
    Output(Output),
}

impl Store {
    /// Looks for what is there already. With `resume`, this reads a kept part as a whole, and `progress`
    /// may end that. For files and streams.
    ///
    /// # Errors
    /// The entry cannot be stored.
    pub(crate) fn examine(
        &mut self,
        entry: &Entry,
        progress: Progress<'_>,
    ) -> Result<Found, Problem> {
        match &mut self.0 {
            Side::Folder(folder) => folder.examine(entry, progress),
            Side::Output(_) => Ok(Found::New),
        }
    }

    /// Makes the unfinished file, and the folders that it needs; or goes on with what was kept, if its
    /// sender agreed. A part that it did not agree with stays until the new file is complete.
    ///
    /// # Errors
    /// The entry cannot be stored.
    pub(crate) fn begin(
        &mut self,
        entry: &Entry,
        kept: Option<Kept>,
    ) -> Result<Unfinished, Problem> {
        match &mut self.0 {
            Side::Folder(folder) => folder.begin(entry, kept).map(Unfinished::file),
            Side::Output(output) => output.begin(entry).map(Unfinished::output),
        }
    }

    /// Makes a folder, unless it is there. Its permissions and time are set once all below it is done:
    /// see [`settled`](Self::settled). `index` is the entry's.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(crate) fn folder(&mut self, index: u64, entry: &Entry) -> Result<Placed, Problem> {
        match &mut self.0 {
            Side::Folder(folder) => folder.folder(index, entry),
            Side::Output(_) => Err(one_file("make a folder")),
        }
    }

    /// Makes a symbolic link, which cannot lead out of the target folder.
    ///
    /// # Errors
    /// The link cannot be made, or leads out.
    pub(crate) fn link(&mut self, entry: &Entry) -> Result<Placed, Problem> {
        match &mut self.0 {
            Side::Folder(folder) => folder.link(entry),
            Side::Output(_) => Err(one_file("make a link")),
        }
    }

    /// All entries before this index are stored or failed: folders that were left before it get their
    /// permissions and times.
    pub(crate) fn settled(&mut self, index: u64) {
        if let Side::Folder(folder) = &mut self.0 {
            folder.settled(index);
        }
    }

    /// Ends the transfer: folders get their permissions and times, and everything is on the disk when
    /// this returns.
    ///
    /// # Errors
    /// Something may not be on the disk.
    pub(crate) fn sync(&mut self) -> Result<(), Problem> {
        match &mut self.0 {
            Side::Folder(folder) => folder.sync(),
            Side::Output(_) => Ok(()),
        }
    }

    /// What happened meanwhile that the user should know.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        match &mut self.0 {
            Side::Folder(folder) => folder.notes.take(),
            Side::Output(_) => Vec::new(),
        }
    }
}

/// One file is received, and the sender has something else.
pub(super) fn one_file(operation: &'static str) -> Problem {
    let error = Error::invalid(operation, "", "only one file or stream is received here");
    Problem::new(Reason::Unsupported, error.with_remedy("use --into FOLDER"))
}
