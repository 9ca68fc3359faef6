//! The source of the bytes to send: a mapped file, or a pipe.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::digest_thread::DigestThread;
use crate::error::{Error, Result};
use crate::protocol::transfer::{Digest, Digesting, Source};
use crate::sys::map::Map;

/// Bytes of a pipe that are kept until they are acknowledged.
const RING: usize = 8 << 20;
/// A file of at least this size is worth a thread for its digest.
const WORTH_A_THREAD: usize = 8 << 20;
/// The most bytes per read.
const READ: usize = 256 << 10;

/// A stream to send.
#[derive(Debug)]
pub struct Input {
    kind: Kind,
    name: String,
}

#[derive(Debug)]
enum Kind {
    /// A file of at least one byte.
    Mapped {
        map: Arc<Map>,
        /// Its digest, if a thread computes it.
        digest_thread: Option<DigestThread>,
    },
    Piped(Pipe),
}

/// An input that can be read only once: kept until it has arrived.
#[derive(Debug)]
struct Pipe {
    file: File,
    ring: Vec<u8>,
    /// The ring holds the bytes from here, to there.
    start: u64,
    end: u64,
    is_complete: bool,
}

impl Input {
    /// Opens a file. Anything other than a regular file (a FIFO, a device) is read as a stream.
    ///
    /// # Errors
    /// The errors of open(2) and mmap(2); EISDIR for a folder.
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
        let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        let kind = match NonZeroUsize::new(length) {
            Some(length) if metadata.is_file() => Kind::Mapped {
                map: Arc::new(Map::new(&file, length).map_err(failed)?),
                digest_thread: None,
            },
            // Files of /proc report a size of 0.
            _ => Kind::Piped(Pipe::new(file)),
        };
        Ok(Self { kind, name })
    }

    /// Reads a descriptor to its end: a pipe, a terminal, standard input.
    pub fn from_fd(fd: OwnedFd, name: &str) -> Self {
        let kind = Kind::Piped(Pipe::new(fd.into()));
        let name = name.to_owned();
        Self { kind, name }
    }

    /// A file's name without its folders; otherwise the given name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stream's length in bytes, if it is known in advance.
    pub fn size(&self) -> Option<u64> {
        match &self.kind {
            Kind::Mapped { map, .. } => Some(map.bytes().len() as u64),
            Kind::Piped(_) => None,
        }
    }

    /// The descriptor to wait for before [`Self::fill`], if there is room for more.
    pub(super) fn wanted(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Piped(pipe) if pipe.has_room() => Some(pipe.file.as_fd()),
            _ => None,
        }
    }

    /// Reads the available bytes; blocks if there are none.
    pub(super) fn fill(&mut self) -> Result<()> {
        match &mut self.kind {
            Kind::Mapped { .. } => Ok(()),
            Kind::Piped(pipe) => {
                let failed = |source| Error::os("read", &self.name, source);
                pipe.fill().map_err(failed)
            }
        }
    }

    /// Forgets what has arrived.
    pub(super) fn release(&mut self, below: u64) {
        if let Kind::Piped(pipe) = &mut self.kind {
            pipe.start = pipe.start.max(below.min(pipe.end));
        }
    }

    /// Computes the digest in a thread from now on, if the size is worth it; `kept` is the digest
    /// of the part that need not be sent.
    pub(super) fn run_ahead(&mut self, kept: &Digest) {
        if let Kind::Mapped { map, digest_thread } = &mut self.kind
            && map.bytes().len() >= WORTH_A_THREAD
        {
            // Without a thread, the sender computes it.
            *digest_thread = DigestThread::start(Arc::clone(map), kept.clone()).ok();
        }
    }

    /// Updates the position of the sender. A finished digest is visible from then on.
    pub(super) fn sent(&mut self, offset: u64) {
        if let Kind::Mapped { digest_thread, .. } = &mut self.kind
            && let Some(digest_thread) = digest_thread
        {
            digest_thread.sent(offset);
        }
    }

    /// The error that stops the sender, if any.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        match &self.kind {
            Kind::Mapped { map, .. } if map.is_short() => {
                let shrunk = "the file was truncated during the transfer";
                let source = io::Error::new(io::ErrorKind::UnexpectedEof, shrunk);
                Some(Error::os("read", &self.name, source))
            }
            _ => None,
        }
    }
}

impl Source for Input {
    fn available(&self) -> u64 {
        match &self.kind {
            Kind::Mapped { map, .. } => map.bytes().len() as u64,
            Kind::Piped(pipe) => pipe.end,
        }
    }

    fn is_complete(&self) -> bool {
        match &self.kind {
            Kind::Mapped { .. } => true,
            Kind::Piped(pipe) => pipe.is_complete,
        }
    }

    fn digest(&self) -> Digesting {
        match &self.kind {
            Kind::Mapped {
                digest_thread: Some(digest_thread),
                ..
            } => digest_thread
                .digest()
                .map_or(Digesting::Pending, Digesting::Done),
            _ => Digesting::Sender,
        }
    }

    fn bytes(&self, offset: u64, max_length: usize) -> &[u8] {
        match &self.kind {
            Kind::Mapped { map, .. } => {
                let bytes = map.bytes();
                let start = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                &bytes[start..start.saturating_add(max_length).min(bytes.len())]
            }
            Kind::Piped(pipe) => pipe.bytes(offset, max_length),
        }
    }
}

impl Pipe {
    fn new(file: File) -> Self {
        Self {
            file,
            ring: Vec::new(),
            start: 0,
            end: 0,
            is_complete: false,
        }
    }

    fn has_room(&self) -> bool {
        !self.is_complete && self.end - self.start < RING as u64
    }

    fn fill(&mut self) -> io::Result<()> {
        if !self.has_room() {
            return Ok(());
        }
        if self.ring.is_empty() {
            self.ring.resize(RING, 0);
        }
        let at = (self.end % RING as u64) as usize;
        let room = RING - (self.end - self.start) as usize;
        let most = room.min(READ).min(RING - at);
        match self.file.read(&mut self.ring[at..at + most]) {
            Ok(0) => self.is_complete = true,
            Ok(count) => self.end += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn bytes(&self, offset: u64, max_length: usize) -> &[u8] {
        if offset < self.start || offset >= self.end {
            return &[];
        }
        let at = (offset % RING as u64) as usize;
        let there = usize::try_from(self.end - offset).unwrap_or(RING);
        &self.ring[at..at + max_length.min(there).min(RING - at)]
    }
}
