//! Opens what is below a folder by descriptor: no symbolic link on the way, and none at the end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

/// How often an openat2 that met a concurrent rename is repeated (EAGAIN, openat2(2)).
const ATTEMPTS: usize = 16;

/// Opens for reading. `path` has names between slashes, and neither `.` nor `..`; an empty one is
/// the folder itself. Nothing waits: a FIFO is opened without a writer.
pub(super) fn beneath(folder: BorrowedFd<'_>, path: &[u8], flags: OFlag) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { b"." } else { path };
    let flags = flags
        | OFlag::O_RDONLY
        | OFlag::O_CLOEXEC
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_NOCTTY;
    let how = OpenHow::new().flags(flags).resolve(
        ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_MAGICLINKS,
    );
    for _ in 0..ATTEMPTS {
        match openat2(folder, path, how) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // Before Linux 5.6, or a filter of system calls that does not know it.
            Err(Errno::ENOSYS | Errno::EPERM) => return by_component(folder, path, flags),
            result => return result,
        }
    }
    Err(Errno::EAGAIN)
}

/// The same one name at a time.
fn by_component(folder: BorrowedFd<'_>, path: &[u8], flags: OFlag) -> Result<OwnedFd, Errno> {
    let way = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut parent: Option<OwnedFd> = None;
    let mut names = path.split(|byte| *byte == b'/').peekable();
    while let Some(name) = names.next() {
        let at = parent.as_ref().map_or(folder, |parent| parent.as_fd());
        if names.peek().is_none() {
            return openat(at, name, flags, Mode::empty());
        }
        parent = Some(openat(at, name, way, Mode::empty())?);
    }
    Err(Errno::ENOENT)
}

/// What shows that a file is still the same: fstat(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    device: u64,
    inode: u64,
    format: u32,
    pub(super) size: u64,
    pub(super) modified: (i64, u32),
    changed: (i64, u32),
}

/// What stat(2) says of something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) fingerprint: Fingerprint,
    pub(super) mode: u16,
    /// It has fewer blocks than bytes: there may be holes.
    pub(super) is_sparse: bool,
}

impl Status {
    /// Of what has this name in a folder; of a link itself.
    pub(super) fn of_name(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Self, Errno> {
        fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW).map(|stat| Self::from(&stat))
    }

    /// Of an open file.
    pub(super) fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        fstat(fd).map(|stat| Self::from(&stat))
    }

    /// What it is: S_IFREG, S_IFDIR and so on.
    pub(super) fn kind(&self) -> SFlag {
        SFlag::from_bits_truncate(self.fingerprint.format)
    }
}

impl Fingerprint {
    /// Whether it is the same inode, changed or not.
    pub(super) fn is_same_inode(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl From<&FileStat> for Status {
    fn from(stat: &FileStat) -> Self {
        let nanoseconds = |value: i64| u32::try_from(value).unwrap_or(0);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Self {
            fingerprint: Fingerprint {
                device: stat.st_dev,
                inode: stat.st_ino,
                format: stat.st_mode & SFlag::S_IFMT.bits(),
                size,
                modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
                changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
            },
            mode: (stat.st_mode & 0o7777) as u16,
            is_sparse: u64::try_from(stat.st_blocks)
                .unwrap_or(0)
                .saturating_mul(512)
                < size,
        }
    }
}
