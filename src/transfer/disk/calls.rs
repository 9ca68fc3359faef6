//! The system calls of this module, each by a descriptor. EINTR is retried; a test can make any call
//! fail.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{self, AtFlags, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{self, FileStat, Mode, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{self, Gid, Uid, UnlinkatFlags};

use super::open_file::OpenFile;
use crate::protocol::transfer::manifest::Modified;
use crate::sys::rename;

type Result<T> = nix::Result<T>;

/// A system call of this module, so that a test can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Openat2,
    OpenFolder,
    OpenFile,
    Create,
    Stat,
    StatAt,
    Mkdir,
    Symlink,
    Readlink,
    Link,
    Unlink,
    Rename,
    RenameNoReplace,
    Chmod,
    Chown,
    Times,
    Truncate,
    Lock,
    Read,
    Write,
    /// Of a state, without which a file is stored as well.
    WriteState,
    Sync,
    SyncFolder,
    SyncAll,
    Close,
    CloseState,
    List,
}

fn run<T>(call: Call, mut f: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match fault(call).and_then(|()| f()) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// The error that a test wants for a call.
fn fault(call: Call) -> Result<()> {
    #[cfg(test)]
    return super::faults::check(call);
    #[cfg(not(test))]
    {
        let _ = call;
        Ok(())
    }
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

const FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC);
/// Nothing that exists makes these wait, and no link is followed.
const FILE: OFlag = OFlag::O_NOFOLLOW
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// Opens a folder somewhere below another one (openat2(2), Linux 5.6).
pub(super) fn open_below(folder: impl AsFd, path: &[u8]) -> Result<OwnedFd> {
    let how = |flags| {
        let resolve = ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        OpenHow::new().flags(flags).resolve(resolve)
    };
    let open = |flags| run(Call::Openat2, || fcntl::openat2(&folder, path, how(flags)));
    or_unreadable(open(FOLDER), || open(FOLDER | OFlag::O_PATH))
}

/// Opens a folder directly in another one.
pub(super) fn open_folder(folder: impl AsFd, name: &[u8]) -> Result<OwnedFd> {
    let open = |flags| {
        let flags = FOLDER | OFlag::O_NOFOLLOW | flags;
        run(Call::OpenFolder, || {
            fcntl::openat(&folder, name, flags, Mode::empty())
        })
    };
    or_unreadable(open(OFlag::empty()), || open(OFlag::O_PATH))
}

/// Opens a folder of the user by its path.
pub(super) fn open_root(path: &std::path::Path) -> Result<OwnedFd> {
    let open = |flags| {
        run(Call::OpenFolder, || {
            fcntl::open(path, FOLDER | flags, Mode::empty())
        })
    };
    or_unreadable(open(OFlag::empty()), || open(OFlag::O_PATH))
}

/// A folder that may be written but not read (a drop box) can still be used.
fn or_unreadable(
    opened: Result<OwnedFd>,
    open: impl FnOnce() -> Result<OwnedFd>,
) -> Result<OwnedFd> {
    match opened {
        Err(Errno::EACCES) => open(),
        opened => opened,
    }
}

pub(super) fn open_file(folder: impl AsFd, name: &[u8], is_writable: bool) -> Result<OpenFile> {
    let access = if is_writable {
        OFlag::O_RDWR
    } else {
        OFlag::O_RDONLY
    };
    run(Call::OpenFile, || {
        fcntl::openat(&folder, name, FILE | access, Mode::empty())
    })
    .map(opened)
}

/// Makes a file that did not exist.
pub(super) fn create(folder: impl AsFd, name: &[u8], mode: Mode) -> Result<OpenFile> {
    let flags = FILE | OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL;
    run(Call::Create, || fcntl::openat(&folder, name, flags, mode)).map(opened)
}

fn opened(fd: OwnedFd) -> OpenFile {
    #[cfg(test)]
    super::faults::copy(&fd);
    OpenFile::from(fd)
}

pub(super) fn stat(fd: impl AsFd) -> Result<FileStat> {
    run(Call::Stat, || stat::fstat(&fd))
}

/// The status of what has the name, not of what a link leads to.
pub(super) fn stat_at(folder: impl AsFd, name: &[u8]) -> Result<FileStat> {
    run(Call::StatAt, || {
        stat::fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)
    })
}

pub(super) fn make_folder(folder: impl AsFd, name: &[u8], mode: Mode) -> Result<()> {
    run(Call::Mkdir, || stat::mkdirat(&folder, name, mode))
}

pub(super) fn make_link(target: &[u8], folder: impl AsFd, name: &[u8]) -> Result<()> {
    run(Call::Symlink, || unistd::symlinkat(target, &folder, name))
}

pub(super) fn read_link(folder: impl AsFd, name: &[u8]) -> Result<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt;
    run(Call::Readlink, || fcntl::readlinkat(&folder, name)).map(OsStringExt::into_vec)
}

pub(super) fn link(folder: impl AsFd, from: &[u8], to: &[u8]) -> Result<()> {
    run(Call::Link, || {
        unistd::linkat(&folder, from, &folder, to, AtFlags::empty())
    })
}

pub(super) fn unlink(folder: impl AsFd, name: &[u8]) -> Result<()> {
    run(Call::Unlink, || {
        unistd::unlinkat(&folder, name, UnlinkatFlags::NoRemoveDir)
    })
}

pub(super) fn rename(folder: impl AsFd, from: &[u8], to: &[u8]) -> Result<()> {
    run(Call::Rename, || fcntl::renameat(&folder, from, &folder, to))
}

pub(super) fn rename_no_replace(folder: impl AsFd, from: &[u8], to: &[u8]) -> Result<()> {
    run(Call::RenameNoReplace, || {
        from.with_nix_path(|from| {
            to.with_nix_path(|to| {
                rename::rename_no_replace(folder.as_fd(), from, to).map_err(|error| errno(&error))
            })
        })??
    })
}

pub(super) fn set_mode(fd: impl AsFd, mode: u32) -> Result<()> {
    let mode = Mode::from_bits_truncate(mode & 0o7777);
    run(Call::Chmod, || stat::fchmod(&fd, mode))
}

pub(super) fn set_owner(fd: impl AsFd, owner: u32, group: u32) -> Result<()> {
    let (owner, group) = (Uid::from_raw(owner), Gid::from_raw(group));
    run(Call::Chown, || {
        unistd::fchown(&fd, Some(owner), Some(group))
    })
}

fn time(modified: Modified) -> TimeSpec {
    TimeSpec::new(
        modified.seconds,
        modified.nanoseconds.min(999_999_999).into(),
    )
}

pub(super) fn set_modified(fd: impl AsFd, modified: Modified) -> Result<()> {
    let time = time(modified);
    run(Call::Times, || {
        stat::futimens(&fd, &TimeSpec::UTIME_OMIT, &time)
    })
}

/// Sets the time of a link itself.
pub(super) fn set_modified_at(folder: impl AsFd, name: &[u8], modified: Modified) -> Result<()> {
    let (time, flag) = (time(modified), UtimensatFlags::NoFollowSymlink);
    run(Call::Times, || {
        stat::utimensat(&folder, name, &TimeSpec::UTIME_OMIT, &time, flag)
    })
}

pub(super) fn set_length(file: &File, length: u64) -> Result<()> {
    run(Call::Truncate, || {
        file.set_len(length).map_err(|error| errno(&error))
    })
}

/// Locks it against other programs that lock it (flock(2)); `false` if another one has the lock.
pub(super) fn try_lock(file: &OpenFile) -> Result<bool> {
    run(Call::Lock, || {
        file.try_lock().map_err(|error| errno(&error))
    })
}

pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> Result<usize> {
    run(Call::Read, || {
        file.read_at(bytes, offset).map_err(|error| errno(&error))
    })
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> Result<usize> {
    write(Call::Write, file, bytes, offset)
}

/// Writes a whole state, and closes it.
pub(super) fn write_state(file: OpenFile, bytes: &[u8]) -> Result<()> {
    let mut written = 0;
    while let Some(rest @ [_, ..]) = bytes.get(written..) {
        written += write(Call::WriteState, &file, rest, written as u64)?;
    }
    close_as(Call::CloseState, file)
}

fn write(call: Call, file: &File, bytes: &[u8], offset: u64) -> Result<usize> {
    match run(call, || {
        file.write_at(bytes, offset).map_err(|error| errno(&error))
    }) {
        // write(2) does not say why.
        Ok(0) if !bytes.is_empty() => Err(Errno::ENOSPC),
        result => result,
    }
}

pub(super) fn sync(file: &File) -> Result<()> {
    run(Call::Sync, || {
        file.sync_all().map_err(|error| errno(&error))
    })
}

pub(super) fn sync_folder(folder: impl AsFd) -> Result<()> {
    run(Call::SyncFolder, || unistd::fsync(&folder))
}

/// Writes a whole file system to its disk.
pub(super) fn sync_all(folder: impl AsFd) -> Result<()> {
    run(Call::SyncAll, || unistd::syncfs(&folder))
}

/// Closes a file, with the errors that some file systems report only then.
pub(super) fn close(file: OpenFile) -> Result<()> {
    close_as(Call::Close, file)
}

fn close_as(call: Call, file: OpenFile) -> Result<()> {
    let mut file = Some(file);
    run(call, || match file.take().map(OpenFile::close) {
        // close(2): the descriptor is closed, and nothing is known to be lost.
        Some(Err(Errno::EINTR)) | None => Ok(()),
        Some(result) => result,
    })
}

/// The names in a folder for which `is_wanted` is true, at most `max`.
pub(super) fn list(
    folder: impl AsFd,
    max: usize,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Vec<u8>>> {
    let opened = run(Call::List, || {
        fcntl::openat(&folder, ".", FOLDER, Mode::empty())
    })?;
    let mut names = Vec::new();
    for entry in nix::dir::Dir::from_fd(opened)?.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if is_wanted(name) {
            names.push(name.to_vec());
        }
        if names.len() == max {
            break;
        }
    }
    Ok(names)
}

/// Whether `path` can be used as a path: it has no zero byte, and is not too long.
pub(super) fn is_path(path: &[u8]) -> bool {
    path.len() < libc::PATH_MAX as usize && path.with_nix_path(|_| ()).is_ok()
}
