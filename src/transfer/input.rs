//! What is sent: a file, or a pipe, read by a thread.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::feed::{self, Feed, Filler};
use super::thread;
use crate::error::{Error, Result};
use crate::protocol::transfer::Digest;
use crate::socket::Waker;

/// A stream to send.
#[derive(Debug)]
pub struct Input {
    file: File,
    size: Option<u64>,
    name: String,
}

impl Input {
    /// Opens a file. Anything other than a regular file (a FIFO, a device) is read as a stream.
    ///
    /// # Errors
    /// The errors of open(2); EISDIR for a folder.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let failed = |source| Error::os("read", &shown, source);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            let source = io::Error::from_raw_os_error(libc::EISDIR);
            return Err(
                failed(source).with_remedy("pipe it instead: tar c FOLDER | udpraw send HOST -")
            );
        }
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        // Files of /proc report a size of 0.
        let size = Some(metadata.len()).filter(|size| metadata.is_file() && *size > 0);
        Ok(Self { file, size, name })
    }

    /// Reads a descriptor to its end: a pipe, a terminal, standard input.
    pub fn from_fd(fd: OwnedFd, name: &str) -> Self {
        Self {
            file: fd.into(),
            size: None,
            name: name.to_owned(),
        }
    }

    /// A file's name without its folders; otherwise the given name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stream's length in bytes, if it is known in advance.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Starts to read it, in a thread.
    ///
    /// # Errors
    /// The errors of clone(2) and dup(2).
    pub(super) fn start(&self, waker: Waker) -> Result<Feed> {
        let failed = |source| Error::os("read", &self.name, source);
        let file = self.file.try_clone().map_err(failed)?;
        let (feed, filler) = feed::feed(waker);
        let (size, name) = (self.size, self.name.clone());
        thread::spawn("reader", move || {
            let read = read_all(file, size, &filler);
            filler.end(read.map_err(|source| Error::os("read", name, source)));
        })?;
        Ok(feed)
    }
}

/// Reads all of it; returns its digest, computed while the bytes are in the cache of this CPU.
fn read_all(mut file: File, size: Option<u64>, filler: &Filler) -> io::Result<Option<u128>> {
    let mut digest = Digest::default();
    while let Some(mut chunk) = filler.buffer() {
        let count = match file.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let polled = &mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
                match poll(polled, PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => continue,
                    Err(errno) => return Err(errno.into()),
                }
            }
            Err(error) => return Err(error),
        };
        if count == 0 {
            let is_short = size.is_some_and(|size| digest.length() != size);
            return if is_short {
                let shrunk = "its size changed during the transfer";
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, shrunk))
            } else {
                Ok(Some(digest.value()))
            };
        }
        chunk.truncate(count);
        digest.update(&chunk);
        filler.push(chunk);
    }
    Ok(None)
}
