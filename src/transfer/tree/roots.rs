//! The arguments: what is to be sent, opened.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Component, Path};

use super::open::Status;
use crate::error::{Error, Result};

/// What is to be sent: the arguments of a `send`, opened, each with the name under which it arrives.
///
/// A folder arrives under its last component, as with `scp -r`: `photos`, `photos/` and
/// `/home/me/photos` are all `photos`. A folder without a name of its own (`.`, `..`, `photos/.`)
/// arrives under its real one. An argument that is a symbolic link stands for its target, under the
/// link's name; links within folders are sent as links.
#[derive(Debug, Default)]
pub struct Roots(pub(super) Vec<Root>);

#[derive(Debug)]
pub(super) struct Root {
    pub(super) name: Vec<u8>,
    pub(super) kind: RootKind,
    pub(super) fd: OwnedFd,
    pub(super) status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RootKind {
    Folder,
    File,
    Stream,
}

impl Roots {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, a folder, or something to be read as a stream: a FIFO, a device, a file of
    /// /proc. Does not wait for a FIFO's writer.
    ///
    /// # Errors
    /// The errors of open(2); a path without a name (`/`); a name that an earlier argument has.
    pub fn add(&mut self, path: &Path) -> Result<()> {
        self.add_as(path, None)
    }

    /// As [`Self::add`], under another name.
    ///
    /// # Errors
    /// As there.
    pub fn add_as(&mut self, path: &Path, other: Option<&str>) -> Result<()> {
        let shown = path.display();
        let failed = |source| Error::os("read", &shown, source);
        // O_NONBLOCK: a FIFO is opened without a writer.
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = options.open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let file_type = metadata.file_type();
        let name = match other {
            Some(other) => other.as_bytes().to_vec(),
            None => name(path)?,
        };
        let kind = if file_type.is_dir() {
            RootKind::Folder
        } else if file_type.is_file() && !(metadata.len() == 0 && has_bytes(&file)) {
            RootKind::File
        } else if file_type.is_block_device() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "it is a block device");
            return Err(failed(source)
                .with_remedy(format!("pipe it instead: udpraw send HOST - < {shown}")));
        } else {
            RootKind::Stream
        };
        self.push(name, kind, file.into())
    }

    /// Adds a descriptor, to be read to its end as a stream: a pipe, a terminal, standard input.
    ///
    /// # Errors
    /// The errors of fstat(2), and a name that an earlier argument has.
    pub fn add_stream(&mut self, fd: OwnedFd, name: &str) -> Result<()> {
        self.push(name.as_bytes().to_vec(), RootKind::Stream, fd)
    }

    /// The names under which they arrive.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|root| &root.name[..])
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The size in bytes, if it is one regular file.
    pub fn size(&self) -> Option<u64> {
        match &self.0[..] {
            [root] if root.kind == RootKind::File => Some(root.status.fingerprint.size),
            _ => None,
        }
    }

    fn push(&mut self, name: Vec<u8>, kind: RootKind, fd: OwnedFd) -> Result<()> {
        let shown = String::from_utf8_lossy(&name).into_owned();
        if self.0.iter().any(|root| root.name == name) {
            let error = Error::invalid("send", &shown, "two arguments have this name");
            return Err(
                error.with_remedy("send them one after the other, or the folder that they are in")
            );
        }
        let status =
            Status::of(fd.as_fd()).map_err(|errno| Error::os("read", &shown, errno.into()))?;
        self.0.push(Root {
            name,
            kind,
            fd,
            status,
        });
        Ok(())
    }
}

/// Whether a file that reports a size of 0 has contents, as those of /proc have.
fn has_bytes(file: &File) -> bool {
    matches!(file.read_at(&mut [0], 0), Ok(1))
}

/// The name under which an argument arrives.
fn name(path: &Path) -> Result<Vec<u8>> {
    let is_folder_itself = path.as_os_str().as_bytes().ends_with(b"/.");
    if let Some(Component::Normal(name)) = path.components().next_back()
        && !is_folder_itself
    {
        return Ok(name.as_bytes().to_vec());
    }
    let real =
        fs::canonicalize(path).map_err(|source| Error::os("read", path.display(), source))?;
    match real.file_name() {
        Some(name) => Ok(name.as_bytes().to_vec()),
        None => Err(Error::invalid("send", path.display(), "it has no name")
            .with_remedy("name the folders in it instead")),
    }
}
