//! Where the received bytes are written: a file that appears when it is complete, or a stream.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::writer::Writer;
use crate::error::{Error, Result};
use crate::protocol::transfer::{Digest, Sink};

/// Bytes that are collected before a write.
const BUFFER: usize = 256 << 10;
/// The suffix of the name of an unfinished file.
const SUFFIX: &str = ".part";

/// Writes a stream and keeps the first error, after which it accepts no more.
#[derive(Debug)]
pub(super) struct Store {
    file: Option<File>,
    writer: Option<Writer>,
    shown: String,
    target: Option<Target>,
    buffer: Vec<u8>,
    error: Option<Error>,
    finishing: Option<JoinHandle<io::Result<()>>>,
}

/// An incomplete file, and its final name.
#[derive(Clone, Debug)]
struct Target {
    part: PathBuf,
    path: PathBuf,
}

impl Store {
    /// A stream: a pipe, a terminal, a device.
    ///
    /// # Errors
    /// The errors of fstat(2), and of clone(2): an output that may block has its own thread.
    pub(super) fn stream(file: File, shown: &str) -> Result<Self> {
        let failed = |source| Error::os("write", shown, source);
        let kind = file.metadata().map_err(failed)?.file_type();
        let mut store = Self::new(shown);
        if kind.is_fifo() || kind.is_socket() || file.is_terminal() {
            store.writer = Some(Writer::start(file).map_err(failed)?);
        } else {
            store.file = Some(file);
        }
        Ok(store)
    }

    fn new(shown: &str) -> Self {
        Self {
            file: None,
            writer: None,
            shown: shown.to_owned(),
            target: None,
            buffer: Vec::with_capacity(BUFFER),
            error: None,
            finishing: None,
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
                return Ok((Self::stream(file, &shown)?, Digest::default()));
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
        let mut store = Self::new(&shown);
        store.file = Some(file);
        store.target = Some(Target { part, path });
        Ok((store, digest))
    }

    /// Writes the collected bytes; call it after each batch.
    pub(super) fn flush(&mut self) {
        if let (Some(file), None) = (&mut self.file, &self.error)
            && let Err(source) = file.write_all(&self.buffer)
        {
            self.error = Some(Error::os("write", &self.shown, source));
        }
        if let Some(writer) = &self.writer {
            writer.write(&self.buffer);
        }
        self.buffer.clear();
    }

    /// Bytes that wait for the reader of the stream.
    pub(super) fn backlog(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::backlog)
    }

    /// The first error.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        if let Some(source) = self.writer.as_ref().and_then(Writer::take_error) {
            return Some(Error::os("write", &self.shown, source));
        }
        self.error.take()
    }

    /// The name of the kept part of an unfinished file.
    pub(super) fn part(&self) -> Option<&Path> {
        self.target.as_ref().map(|target| target.part.as_path())
    }

    /// Whether the stream is stored permanently. For a file this takes time, in a separate thread:
    /// ask again.
    pub(super) fn finish(&mut self) -> Option<Result<()>> {
        self.flush();
        if self.backlog() > 0 {
            return None;
        }
        if let Some(error) = self.take_error() {
            return Some(Err(error));
        }
        let Some(target) = self.target.clone() else {
            return Some(Ok(()));
        };
        if let Some(file) = self.file.take() {
            let file = Arc::new(file);
            let (its, goal) = (Arc::clone(&file), target.clone());
            match thread::Builder::new().spawn(move || settle(&its, &goal)) {
                Ok(thread) => self.finishing = Some(thread),
                // No thread is available: it is stored here, and datagrams wait meanwhile.
                Err(_) => {
                    let failed = |source| Error::os("store", &self.shown, source);
                    return Some(settle(&file, &target).map_err(failed));
                }
            }
        }
        if !self.finishing.as_ref().is_some_and(JoinHandle::is_finished) {
            return None;
        }
        let result = self.finishing.take()?.join();
        let failed = |source| Error::os("store", &self.shown, source);
        Some(match result {
            Ok(stored) => stored.map_err(failed),
            Err(_) => Err(failed(io::Error::other("the writing thread ended"))),
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
        let is_empty = |file: &File| file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        if self.file.as_ref().is_some_and(is_empty) {
            self.discard();
        }
    }
}

impl Sink for Store {
    fn write(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush();
        }
        self.buffer.extend_from_slice(bytes);
    }
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
