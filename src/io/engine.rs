//! The receiving part of a backend.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::counters::Counters;
use crate::socket::Received;

/// How long one call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockFor {
    /// Not at all (EAGAIN).
    None,
    /// Not at all, for a caller that wants to know whether that was all ([`Engine::has_drained`]).
    Drain,
    /// Until a message arrives, a signal is handled, or the socket's own `SO_RCVTIMEO` expires.
    Endless,
    /// As [`Self::Endless`], and at most that long. Only for a backend whose
    /// [`Engine::times_itself`] is true.
    AtMost(Duration),
}

/// One way to receive. It retries nothing: EINTR and EAGAIN are returned unchanged.
pub(super) trait Engine: Send {
    /// Whether its calls have their own timeout, and the socket needs none.
    fn times_itself(&self) -> bool {
        false
    }

    /// Whether it works only for the socket that it was opened for.
    fn is_tied(&self) -> bool {
        false
    }

    /// Receives, and returns the number of messages: at least one.
    fn fetch(
        &mut self,
        fd: BorrowedFd<'_>,
        block_for: BlockFor,
        counters: &mut Counters,
    ) -> io::Result<usize>;

    /// A message of the last fetch; `None` past the last one.
    fn message(&self, index: usize) -> Option<Received<'_>>;

    /// Whether the last fetch is known to have left nothing in the socket.
    #[cfg(feature = "tokio")]
    fn has_drained(&self) -> bool {
        false
    }

    /// Releases the messages of the last fetch.
    fn release(&mut self) {}
}
