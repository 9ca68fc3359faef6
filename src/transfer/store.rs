//! Where the received bytes are written: a file that appears when it is complete, or a stream.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::{Error, Result};
use crate::protocol::transfer::Digest;

/// The suffix of the name of an unfinished file.
const SUFFIX: &str = ".part";

/// A file or a stream that is written. Its calls block: they are for a thread of their own.
#[derive(Debug)]
pub(super) struct Store {
    file: File,
    shown: String,
    target: Option<Target>,
}

/// An incomplete file, and its final name.
#[derive(Clone, Debug)]
struct Target {
    part: PathBuf,
    path: PathBuf,
}

impl Store {
    /// A stream: a pipe, a terminal, a device.
    pub(super) fn stream(file: File, shown: &str) -> Self {
        Self {
            file,
            shown: shown.to_owned(),
            target: None,
        }
    }

    /// A file, which has another name until it is complete; with `resume`, the part from an earlier
    /// transfer stays, and its digest is returned.
    ///
    /// # Errors
    /// The errors of open(2); EBUSY if another program is receiving into the same file.
    pub(super) fn file(path: &Path, resume: bool) -> Result<(Self, Digest)> {
        // The target of a symbolic link is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let shown = path.display().to_string();
        let failed = |source: io::Error| {
            let error = Error::os("write", &shown, source);
            match error.errno() {
                Some(libc::ENOENT) => error.with_remedy("the folder does not exist"),
                _ => error,
            }
        };
        if let Ok(metadata) = path.metadata() {
            let kind = metadata.file_type();
            if kind.is_dir() {
                let source = io::Error::from_raw_os_error(libc::EISDIR);
                return Err(failed(source).with_remedy("name a file, or use --into"));
            }
            if kind.is_fifo() || kind.is_char_device() || kind.is_block_device() {
                let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
                return Ok((Self::stream(file, &shown), Digest::default()));
            }
        }
        let mut part = path.clone().into_os_string();
        part.push(SUFFIX);
        let part = PathBuf::from(part);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&part)
            .map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(source) => failed(source),
            TryLockError::WouldBlock => failed(io::Error::from_raw_os_error(libc::EBUSY))
                .with_remedy("another program is receiving into it"),
        })?;
        let mut digest = Digest::default();
        if resume {
            read_all(&mut file, &mut digest).map_err(failed)?;
        } else {
            file.set_len(0).map_err(failed)?;
        }
        let target = Some(Target { part, path });
        let store = Self {
            file,
            shown,
            target,
        };
        Ok((store, digest))
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// The errors of write(2).
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let failed = |source| Error::os("write", &self.shown, source);
        write_all(&mut self.file, bytes).map_err(failed)
    }

    /// The name of the kept part of an unfinished file.
    pub(super) fn part(&self) -> Option<&Path> {
        self.target.as_ref().map(|target| target.part.as_path())
    }

    /// Makes a complete file appear under its name, safe against a crash (fsync(2), rename(2)).
    ///
    /// # Errors
    /// The errors of these calls.
    pub(super) fn finish(&mut self) -> Result<()> {
        let Some(target) = self.target.take() else {
            return Ok(());
        };
        let settled = settle(&self.file, &target);
        settled.map_err(|source| {
            self.target = Some(target);
            Error::os("store", &self.shown, source)
        })
    }

    /// Removes an unfinished file.
    pub(super) fn discard(&mut self) {
        if let Some(target) = self.target.take() {
            // A file that cannot be removed remains as a part.
            let _ = std::fs::remove_file(&target.part);
        }
    }
}

/// No sender, or no data: an empty part is useless, and is removed.
impl Drop for Store {
    fn drop(&mut self) {
        if self.target.is_some() && self.file.metadata().is_ok_and(|it| it.len() == 0) {
            self.discard();
        }
    }
}

/// Writes all of it. It waits for a non-blocking stream, which the parent of a pipeline may have
/// made so.
fn write_all(file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let polled = &mut [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
                match poll(polled, PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes a complete file appear under its name, safe against a crash (fsync(2), rename(2)).
fn settle(file: &File, target: &Target) -> io::Result<()> {
    file.sync_all()?;
    std::fs::rename(&target.part, &target.path)?;
    let folder = target.path.parent().unwrap_or(Path::new("."));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

fn read_all(file: &mut File, digest: &mut Digest) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => digest.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
