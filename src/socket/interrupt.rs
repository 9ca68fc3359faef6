//! How another thread ends a wait for datagrams.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::error::{Error, Result};

/// Ends a wait for datagrams from another thread, so that the waiting thread can check its stop flag
/// (eventfd(2)).
///
/// A signal handler needs no waker: a signal ends the wait by itself. A thread that sets a stop flag
/// needs one, because a library that is waiting checks no flag. A transport takes one
/// ([`Transport::wake_by`](crate::io::Transport::wake_by)), and the tools that may wait without a limit
/// have a method that makes one, such as `Server::waker`.
#[derive(Clone, Debug)]
pub struct Waker(Arc<EventFd>);

impl Waker {
    /// A new waker.
    ///
    /// # Errors
    /// The errors of eventfd(2), such as EMFILE.
    pub fn new() -> Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let fd = EventFd::from_value_and_flags(0, flags)
            .map_err(|errno| Error::os("make", "an eventfd", errno.into()))?;
        Ok(Self(Arc::new(fd)))
    }

    /// Ends the current wait, or the next one if nobody waits.
    pub fn wake(&self) {
        // EAGAIN: it was woken 2^64 times without a wait.
        let _ = self.0.write(1);
    }

    /// Clears the wake-up; returns whether there was one.
    pub(crate) fn take(&self) -> bool {
        // EAGAIN: there was none.
        self.0.read().is_ok()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
