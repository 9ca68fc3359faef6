//! Where the bytes that are sent come from: a file in memory, or a pipe.

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
/// A file of so many bytes is worth a thread for its digest.
const WORTH_A_THREAD: usize = 8 << 20;
/// The most that is read at once.
const READ: usize = 256 << 10;

/// A stream to be sent.
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
        /// Its digest, where a thread takes it.
        digest_thread: Option<DigestThread>,
    },
    Piped(Pipe),
}

/// What can be read once only: kept until it has arrived.
#[derive(Debug)]
struct Pipe {
    file: File,
    ring: Vec<u8>,
    /// What is in the ring begins here, and ends there.
    start: u64,
    end: u64,
    is_complete: bool,
}

impl Input {
    /// Opens a file. What is no regular file (a FIFO, a device) is read as it comes.
    ///
    /// # Errors
    /// Of open(2) and mmap(2); EISDIR for a folder.
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
            // Files of /proc say that they are empty.
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

    /// A file's name without its folders; what it was called otherwise.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stream's length in bytes, where it is known beforehand.
    pub fn size(&self) -> Option<u64> {
        match &self.kind {
            Kind::Mapped { map, .. } => Some(map.bytes().len() as u64),
            Kind::Piped(_) => None,
        }
    }

    /// What to wait for before [`Self::fill`], if there is room for more.
    pub(super) fn wanted(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Piped(pipe) if pipe.has_room() => Some(pipe.file.as_fd()),
            _ => None,
        }
    }

    /// Reads what is there; blocks if nothing is.
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

    /// Takes the digest beside the sender from now on, if it is worth a thread; `kept` is the digest
    /// of what need not be sent.
    pub(super) fn run_ahead(&mut self, kept: &Digest) {
        if let Kind::Mapped { map, digest_thread } = &mut self.kind
            && map.bytes().len() >= WORTH_A_THREAD
        {
            // Without a thread, the sender takes it.
            *digest_thread = DigestThread::start(Arc::clone(map), kept.clone()).ok();
        }
    }

    /// Says how far the sender is. The digest, once it is there, is seen from then on.
    pub(super) fn sent(&mut self, offset: u64) {
        if let Kind::Mapped { digest_thread, .. } = &mut self.kind
            && let Some(digest_thread) = digest_thread
        {
            digest_thread.sent(offset);
        }
    }

    /// Why the sender cannot go on, if it cannot.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        match &self.kind {
            Kind::Mapped { map, .. } if map.is_short() => {
                let shrunk = "it became shorter while it was sent";
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
