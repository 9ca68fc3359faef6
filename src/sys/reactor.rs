//! A descriptor that is registered with tokio's reactor (epoll_ctl(2)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;

use ::tokio::io::unix::AsyncFd;

/// The owner of a descriptor, kept alive while the descriptor is registered.
pub(crate) struct Registered<T> {
    _owner: Arc<T>,
    fd: RawFd,
}

impl<T> AsRawFd for Registered<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}

/// Registers the descriptor of `owner` with the runtime of this task.
pub(crate) fn register<T: AsFd>(owner: Arc<T>) -> io::Result<AsyncFd<Registered<T>>> {
    let fd = owner.as_fd().as_raw_fd();
    let registered = Registered { _owner: owner, fd };
    // SAFETY: `register` demands that the descriptor stays valid and the same until it is deregistered:
    // it is stored, and valid for as long as `owner` may be borrowed, which is kept alive and which
    // nothing can borrow exclusively meanwhile.
    let registered = unsafe { AsyncFd::register(registered) };
    registered.map_err(io::Error::from)
}
