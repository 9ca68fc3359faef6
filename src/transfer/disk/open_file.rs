//! An open file whose lock ends with it.

use std::cell::Cell;
use std::fs::{File, TryLockError};
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A file that this module opened.
///
/// A lock of flock(2) ends when the last copy of the descriptor is closed, and a child that another
/// thread of the program starts has a copy of each until it calls execve(2). So the lock is given back
/// by name when this is dropped, and the same file can be locked again at once.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    is_locked: Cell<bool>,
}

impl OpenFile {
    /// Locks it against other programs that lock it; `false` if another one has the lock.
    pub(super) fn try_lock(&self) -> io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => {
                self.is_locked.set(true);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives its lock back, and closes it.
    pub(super) fn close(mut self) -> nix::Result<()> {
        self.unlock();
        // Nothing else of it is to be dropped, and its descriptor is closed here.
        let file = std::mem::ManuallyDrop::new(self);
        nix::unistd::close(std::os::fd::AsRawFd::as_raw_fd(&file.file))
    }

    fn unlock(&mut self) {
        if self.is_locked.replace(false) {
            let _ = self.file.unlock();
        }
    }
}

impl From<OwnedFd> for OpenFile {
    fn from(fd: OwnedFd) -> Self {
        Self {
            file: File::from(fd),
            is_locked: Cell::new(false),
        }
    }
}

impl Deref for OpenFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl AsFd for OpenFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.unlock();
    }
}
