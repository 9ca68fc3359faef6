//! What receives for a backend.

use std::io;
use std::io::IoSliceMut;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::counters::Counters;
use crate::socket::Received;

/// How long one call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockFor {
    /// Not at all (EAGAIN).
    None,
    /// Until something comes, a signal does, or the socket's own `SO_RCVTIMEO` runs out.
    Endless,
    /// As [`Self::Endless`], and at most that long. Only a backend whose [`Engine::times_itself`] is
    /// asked for it.
    AtMost(Duration),
}

/// One way to receive. It retries nothing: EINTR and EAGAIN come back as they are.
pub(super) trait Engine: Send {
    /// Whether its calls take a time to wait, and the socket needs none.
    fn times_itself(&self) -> bool {
        false
    }

    /// Whether it works for the one socket that it was opened for.
    fn is_tied(&self) -> bool {
        false
    }

    /// Receives, and returns how many messages came: at least one.
    fn fetch(
        &mut self,
        fd: BorrowedFd<'_>,
        block_for: BlockFor,
        counters: &mut Counters,
    ) -> io::Result<usize>;

    /// A message of the last fetch; `None` past the last one.
    fn message(&self, index: usize) -> Option<Received<'_>>;

    /// As [`Self::fetch`], into the caller's buffers, a message each.
    fn fetch_into(
        &mut self,
        _fd: BorrowedFd<'_>,
        _buffers: &mut [IoSliceMut<'_>],
        _block_for: BlockFor,
        _counters: &mut Counters,
    ) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// A message of the last [`Self::fetch_into`], whose buffer was `buffer`.
    fn message_in<'a>(&'a self, _index: usize, _buffer: &'a [u8]) -> Option<Received<'a>> {
        None
    }

    /// Whether the last fetch is known to have left nothing in the socket.
    #[cfg(feature = "tokio")]
    fn has_drained(&self) -> bool {
        false
    }

    /// Says that the messages of the last fetch are done with.
    fn release(&mut self) {}
}
