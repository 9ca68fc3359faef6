//! Reads the contents of one file or stream into the stream of the transfer.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Whence, lseek};

use super::outlet::{Outlet, TreeCounts, TreeEvent};
use super::roots::RootKind;
use super::send::Sending;
use super::walk::{Item, below};
use super::{Ended, Stop, open};
use crate::error::Error;
use crate::protocol::transfer::Digest;
use crate::protocol::transfer::manifest::{DATA_HEAD, Kind, MAX_DATA, Status};
use crate::sys::read;

/// A file of at most this size is read at once, and checked before it is in the stream.
const SMALL: u64 = 32 << 10;
/// A buffer with less room than this is handed on before more of a large file is read.
const MIN_READ: u64 = 16 << 10;
/// Bytes that are read at once where they are only compared.
const COMPARE: usize = 256 << 10;
/// How often the comparison of a kept part is reported.
const REPORT: u64 = 16 << 20;
/// How often a pipe that has nothing looks whether anybody still wants it, in milliseconds.
const PIPE_POLL: u8 = 100;

/// How an entry ended.
pub(super) struct Contents {
    pub(super) length: u64,
    pub(super) status: Status,
    pub(super) errno: Option<Errno>,
}

impl Contents {
    fn new(length: u64, status: Status) -> Self {
        let errno = None;
        Self {
            length,
            status,
            errno,
        }
    }

    pub(super) fn abandoned() -> Self {
        Self::new(0, Status::Abandoned)
    }

    fn failed(length: u64, errno: Errno) -> Self {
        let status = match errno {
            Errno::ENOENT | Errno::ESTALE => Status::Vanished,
            Errno::EACCES | Errno::EPERM => Status::Forbidden,
            // Something else is in its place.
            Errno::ELOOP | Errno::ENOTDIR | Errno::ENXIO | Errno::EXDEV | Errno::ESPIPE => {
                Status::Changed
            }
            _ => Status::Unreadable,
        };
        let errno = Some(errno);
        Self {
            length,
            status,
            errno,
        }
    }
}

/// A descriptor of an argument, or of something below one.
enum Opened<'a> {
    Root(BorrowedFd<'a>),
    Below(OwnedFd),
}

impl AsFd for Opened<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(fd) => *fd,
            Self::Below(fd) => fd.as_fd(),
        }
    }
}

/// Repeats a call that a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> std::io::Result<T>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))),
            Ok(value) => return Ok(value),
        }
    }
}

impl<O: Outlet> Sending<'_, O> {
    /// Sends what is wanted of an item; `kept` is the length and digest of the receiver's part.
    pub(super) fn contents(&mut self, item: &Item, kept: Option<(u64, u128)>) -> Ended<Contents> {
        let roots = self.roots();
        let Some(root) = roots.0.get(item.root) else {
            return Ok(Contents::failed(0, Errno::ENOENT));
        };
        let opened = if root.kind == RootKind::Folder {
            let path = below(root, &item.entry.path);
            match open::beneath(root.fd.as_fd(), path, OFlag::empty()) {
                Ok(fd) => Opened::Below(fd),
                Err(errno) => return Ok(Contents::failed(0, errno)),
            }
        } else {
            Opened::Root(root.fd.as_fd())
        };
        let fd = opened.as_fd();
        match item.entry.kind {
            Kind::File { size } if size <= SMALL && kept.is_none() => self.small(item, fd, size),
            Kind::File { size } => self.large(item, fd, size, kept),
            _ => self.stream(item, fd, kept),
        }
    }

    /// Whether an open file is still what was listed.
    fn is_unchanged(item: &Item, fd: BorrowedFd<'_>) -> bool {
        open::Status::of(fd).is_ok_and(|now| now.fingerprint == item.status.fingerprint)
    }

    fn small(&mut self, item: &Item, fd: BorrowedFd<'_>, size: u64) -> Ended<Contents> {
        let length = size as usize;
        let chunk = self.chunks.room(DATA_HEAD + length)?;
        let start = chunk.len();
        if length > 0 {
            chunk.extend_from_slice(&[0; DATA_HEAD]);
        }
        let contents = chunk.len();
        let mut failure = None;
        while chunk.len() < contents + length {
            let at = chunk.len() - contents;
            match retry(|| read::pread(fd, chunk, length - at, at as u64)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(errno) => {
                    failure = Some(Contents::failed(0, errno));
                    break;
                }
            }
        }
        if failure.is_none() && (chunk.len() < contents + length || !Self::is_unchanged(item, fd)) {
            failure = Some(Contents::new(0, Status::Changed));
        }
        if let Some(failure) = failure {
            chunk.truncate(start);
            return Ok(failure);
        }
        if length > 0
            && let Some(head) = chunk.get_mut(start..contents)
        {
            head.copy_from_slice(&self.state.data_head(0, length));
        }
        TreeCounts::add(&self.counts.bytes, size);
        Ok(Contents::new(size, Status::Whole))
    }

    fn large(
        &mut self,
        item: &Item,
        fd: BorrowedFd<'_>,
        size: u64,
        kept: Option<(u64, u128)>,
    ) -> Ended<Contents> {
        if !Self::is_unchanged(item, fd) {
            return Ok(Contents::new(0, Status::Changed));
        }
        let mut offset = 0;
        if let Some((length, digest)) = kept {
            match self.digest(item, length, |buffer, at| {
                read::pread(fd, buffer, COMPARE, at)
            })? {
                Ok(ours) if ours == Some(digest) => offset = length,
                Ok(_) => {}
                Err(errno) => return Ok(Contents::failed(0, errno)),
            }
            self.resumed(item, offset)?;
            TreeCounts::add(&self.counts.bytes, offset);
            TreeCounts::add(&self.counts.kept, offset);
        }
        // Up to here there are bytes, from the current offset on.
        let mut extent = if item.status.is_sparse { offset } else { size };
        while offset < size {
            if self.take_answers(false)? {
                return Ok(Contents::new(offset, Status::Abandoned));
            }
            if offset >= extent {
                let (data, end) = match next_extent(fd, offset, size) {
                    Ok(found) => found,
                    Err(errno) => return Ok(Contents::failed(offset, errno)),
                };
                TreeCounts::add(&self.counts.bytes, data - offset);
                TreeCounts::add(&self.counts.holes, data - offset);
                (offset, extent) = (data, end);
                continue;
            }
            match self.piece(fd, offset, extent - offset)? {
                Ok(0) => return Ok(Contents::new(offset, Status::Changed)),
                Ok(length) => {
                    offset += length as u64;
                    TreeCounts::add(&self.counts.bytes, length as u64);
                }
                Err(errno) => return Ok(Contents::failed(offset, errno)),
            }
        }
        let status = if Self::is_unchanged(item, fd) {
            Status::Whole
        } else {
            Status::Changed
        };
        Ok(Contents::new(size, status))
    }

    /// Reads as much as the buffer has room for; 0 at the end of the file.
    fn piece(
        &mut self,
        fd: BorrowedFd<'_>,
        offset: u64,
        available: u64,
    ) -> Ended<Result<usize, Errno>> {
        let least = available.min(MIN_READ) as usize;
        let chunk = self.chunks.room(DATA_HEAD + least)?;
        let start = chunk.len();
        chunk.extend_from_slice(&[0; DATA_HEAD]);
        let max = available.min(MAX_DATA as u64) as usize;
        let result = retry(|| read::pread(fd, chunk, max, offset));
        match (result, chunk.get_mut(start..start + DATA_HEAD)) {
            (Ok(length @ 1..), Some(head)) => {
                head.copy_from_slice(&self.state.data_head(offset, length));
            }
            _ => chunk.truncate(start),
        }
        Ok(result)
    }

    /// Says where the contents go on.
    fn resumed(&mut self, item: &Item, from: u64) -> Ended<()> {
        self.state.resumed(from, &mut self.scratch);
        self.chunks.append(&mut self.scratch)?;
        let path = item.entry.path.clone();
        let event = TreeEvent::Resumed { path, from };
        self.chunks.outlet.on_event(event);
        Ok(())
    }

    /// The digest of the first `length` bytes; none if there are fewer.
    fn digest(
        &mut self,
        item: &Item,
        length: u64,
        read: impl Fn(&mut Vec<u8>, u64) -> std::io::Result<usize>,
    ) -> Ended<Result<Option<u128>, Errno>> {
        self.chunks.flush();
        let mut digest = Digest::default();
        let mut buffer = Vec::with_capacity(COMPARE);
        let mut reported = None;
        while digest.length() < length {
            let at = digest.length();
            if self.chunks.outlet.is_over() {
                return Err(Stop::Over);
            }
            if reported.is_none_or(|reported| at - reported >= REPORT) {
                reported = Some(at);
                let (path, total) = (item.entry.path.clone(), length);
                let checked = at;
                self.chunks.outlet.on_event(TreeEvent::Checking {
                    path,
                    checked,
                    total,
                });
            }
            buffer.clear();
            match retry(|| read(&mut buffer, at)) {
                Ok(0) => return Ok(Ok(None)),
                Ok(_) => {
                    let wanted = (length - at).min(buffer.len() as u64) as usize;
                    digest.update(&buffer[..wanted]);
                }
                Err(errno) => return Ok(Err(errno)),
            }
        }
        Ok(Ok(Some(digest.value())))
    }

    /// Reads a pipe to its end.
    fn stream(
        &mut self,
        item: &Item,
        fd: BorrowedFd<'_>,
        kept: Option<(u64, u128)>,
    ) -> Ended<Contents> {
        let mut offset = 0;
        if let Some((length, digest)) = kept {
            let mut left = length;
            let mut ours = Digest::default();
            let mut buffer = Vec::with_capacity(COMPARE);
            while left > 0 {
                self.wait(fd)?;
                buffer.clear();
                let max = left.min(COMPARE as u64) as usize;
                match retry(|| read::read(fd, &mut buffer, max)) {
                    Ok(0) => return Ok(Contents::new(0, Status::Different)),
                    Ok(count) => {
                        ours.update(&buffer);
                        left -= count as u64;
                    }
                    Err(Errno::EAGAIN) => {}
                    Err(errno) => return Ok(Contents::failed(0, errno)),
                }
            }
            if ours.value() != digest {
                return Ok(Contents::new(0, Status::Different));
            }
            self.resumed(item, length)?;
            TreeCounts::add(&self.counts.bytes, length);
            TreeCounts::add(&self.counts.kept, length);
            offset = length;
        }
        loop {
            if self.take_answers(false)? {
                return Ok(Contents::new(offset, Status::Abandoned));
            }
            self.wait(fd)?;
            let chunk = self.chunks.room(DATA_HEAD + MIN_READ as usize)?;
            let start = chunk.len();
            chunk.extend_from_slice(&[0; DATA_HEAD]);
            let result = retry(|| read::read(fd, chunk, MAX_DATA));
            if let (Ok(length @ 1..), Some(head)) =
                (&result, chunk.get_mut(start..start + DATA_HEAD))
            {
                head.copy_from_slice(&self.state.data_head(offset, *length));
                TreeCounts::add(&self.counts.bytes, *length as u64);
                offset += *length as u64;
                continue;
            }
            chunk.truncate(start);
            match result {
                Ok(_) => return Ok(Contents::new(offset, Status::Whole)),
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Ok(Contents::failed(offset, errno)),
            }
        }
    }

    /// Waits until a pipe has something, or is at its end. What was read before is handed on first.
    fn wait(&mut self, fd: BorrowedFd<'_>) -> Ended<()> {
        let mut timeout = PollTimeout::ZERO;
        loop {
            let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Ok(0) | Err(Errno::EINTR) => {}
                // An error of poll is one of read, too.
                _ => return Ok(()),
            }
            self.chunks.flush();
            if self.chunks.outlet.is_over() {
                return Err(Stop::Over);
            }
            timeout = PollTimeout::from(PIPE_POLL);
        }
    }

    /// What the sender's user is told of an entry that failed.
    pub(super) fn report(&mut self, item: &Item, contents: &Contents) {
        let path = item.entry.path.clone();
        let shown = String::from_utf8_lossy(&path).into_owned();
        let error = |errno: Errno| Error::os("read", shown, errno.into());
        let event = TreeEvent::Failed {
            path,
            status: contents.status,
            error: contents.errno.map(error),
        };
        self.chunks.outlet.on_event(event);
    }
}

/// Where the next bytes are that are not a hole, and where the next hole is.
fn next_extent(fd: BorrowedFd<'_>, offset: u64, size: u64) -> Result<(u64, u64), Errno> {
    let at = i64::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
    let data = match lseek(fd, at, Whence::SeekData) {
        Ok(data) => data,
        // Only a hole is left.
        Err(Errno::ENXIO) => return Ok((size, size)),
        // A file system that cannot tell.
        Err(Errno::EINVAL | Errno::EOPNOTSUPP) => return Ok((offset, size)),
        Err(errno) => return Err(errno),
    };
    let end = lseek(fd, data, Whence::SeekHole)?;
    let within = |at: i64| u64::try_from(at).unwrap_or(0).clamp(offset, size);
    // An extent has a byte at least, so that reading gets on.
    let data = within(data);
    Ok((data, within(end).max((data + 1).min(size))))
}
