//! An output that is written as the bytes come: standard output, a pipe, a FIFO, a device.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::problem::Problem;
use super::store::one_file;
use super::{calls, partial};
use crate::error::{Error, Result};
use crate::protocol::transfer::manifest::{Entry, Kind, Reason};

/// An output, for one file or stream.
#[derive(Clone, Debug)]
pub(super) struct Output {
    source: Source,
    shown: Arc<str>,
    is_used: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
enum Source {
    Open(Arc<File>),
    /// It is opened when there is something to write: a FIFO waits for its reader.
    Path(PathBuf),
}

impl Output {
    pub(super) fn special(path: &Path) -> Self {
        Self {
            source: Source::Path(path.to_owned()),
            shown: path.display().to_string().into(),
            is_used: Arc::default(),
        }
    }

    pub(super) fn descriptor(fd: OwnedFd, shown: &str) -> Result<Self> {
        let failed = |errno| Problem::os("write", shown, errno).into_error();
        let flags = fcntl(&fd, FcntlArg::F_GETFL).map_err(failed)?;
        let flags = OFlag::from_bits_retain(flags);
        if flags & OFlag::O_ACCMODE == OFlag::O_RDONLY || flags.contains(OFlag::O_PATH) {
            return Err(failed(Errno::EBADF).with_detail("it is not open for writing"));
        }
        Ok(Self {
            source: Source::Open(Arc::new(File::from(fd))),
            shown: shown.into(),
            is_used: Arc::default(),
        })
    }

    pub(super) fn begin(&self, entry: &Entry) -> Result<Stream, Problem> {
        let size = match entry.kind {
            Kind::File { size } => Some(size),
            Kind::Stream => None,
            Kind::Folder | Kind::Link { .. } => return Err(one_file("write")),
        };
        if self.is_used.swap(true, Ordering::AcqRel) {
            let error = Error::invalid("write", &self.shown, "another transfer uses it");
            return Err(Problem::new(Reason::Busy, error));
        }
        let mut stream = Stream {
            output: self.clone(),
            file: None,
            size,
            position: 0,
        };
        stream.file = Some(match &self.source {
            Source::Open(file) => Arc::clone(file),
            Source::Path(path) => {
                let file = OpenOptions::new().write(true).open(path);
                Arc::new(file.map_err(|error| stream.failed(&error))?)
            }
        });
        Ok(stream)
    }
}

/// An output while it is written.
#[derive(Debug)]
pub(super) struct Stream {
    output: Output,
    file: Option<Arc<File>>,
    size: Option<u64>,
    position: u64,
}

impl Stream {
    fn failed(&self, error: &io::Error) -> Problem {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        Problem::os("write", &self.output.shown, errno)
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Problem> {
        let end = offset.checked_add(bytes.len() as u64);
        if offset < self.position || end.is_none_or(|end| self.size.is_some_and(|size| end > size))
        {
            return Err(bad_offset(&self.output.shown, offset));
        }
        self.fill(offset)?;
        self.write(bytes)
    }

    /// Writes a hole as zeros.
    fn fill(&mut self, offset: u64) -> Result<(), Problem> {
        const ZEROS: [u8; 16 << 10] = [0; 16 << 10];
        while self.position < offset {
            let count = (offset - self.position).min(ZEROS.len() as u64);
            self.write(ZEROS.get(..count as usize).unwrap_or_default())?;
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Problem> {
        let Some(file) = self.file.clone() else {
            return Err(self.failed(&io::Error::from(Errno::EBADF)));
        };
        while !bytes.is_empty() {
            match (&*file).write(bytes) {
                Ok(0) => return Err(self.failed(&io::Error::from(Errno::EIO))),
                Ok(count) => {
                    self.position += count as u64;
                    bytes = bytes.get(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The parent of a pipeline may have made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let polled = &mut [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
                    match poll(polled, PollTimeout::NONE) {
                        Ok(_) | Err(Errno::EINTR) => {}
                        Err(errno) => return Err(self.failed(&errno.into())),
                    }
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, length: u64) -> Result<(), Problem> {
        if length < self.position || self.size.is_some_and(|size| size != length) {
            return Err(bad_offset(&self.output.shown, length));
        }
        self.fill(length)?;
        if let Some(file) = &self.file
            && calls::stat(&**file).is_ok_and(|stat| partial::is_regular(&stat))
        {
            match calls::sync(file) {
                Ok(()) | Err(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ENOSYS) => {}
                Err(errno) => return Err(self.failed(&errno.into())),
            }
        }
        Ok(())
    }
}

/// An output that got nothing can be used by another transfer.
impl Drop for Stream {
    fn drop(&mut self) {
        if self.position == 0 {
            self.output.is_used.store(false, Ordering::Release);
        }
    }
}

/// The sender breaks the rules of a file's contents.
pub(super) fn bad_offset(shown: &str, offset: u64) -> Problem {
    let reason = format!("the sender's bytes at {offset} overlap or exceed its size");
    Problem::new(Reason::Storage, Error::invalid("write", shown, reason))
}

/// The contents are not the sender's.
pub(super) fn bad_digest(shown: &str) -> Problem {
    let reason = "its contents differ from what was sent (XXH3-128)";
    let error = Error::invalid("store", shown, reason).with_remedy("send it again");
    Problem::new(Reason::Storage, error)
}
