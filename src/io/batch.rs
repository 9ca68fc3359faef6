//! Backend `batch`: many datagrams per call, with `recvmmsg` and `sendmmsg`.

use std::io;
use std::os::fd::BorrowedFd;

use super::adaptive_batch::AdaptiveBatch;
use super::backend::{Backend, TransportConfig};
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use super::unsupported;
use crate::error::Result;
use crate::socket::{Endpoint, ReceiveBuffer, Received};
use crate::sys::mmsg::{self, ReceiveArena};

pub(super) struct Batch {
    arena: ReceiveArena,
    flags: i32,
    adaptive_batch: AdaptiveBatch,
    /// How many slots the next batch uses.
    slots: usize,
    has_drained: bool,
}

impl Batch {
    pub(super) fn open(endpoint: &mut Endpoint, settings: &TransportConfig) -> Result<Self> {
        let control = endpoint.control_space();
        mmsg::probe().map_err(|error| unsupported(Backend::Batch, error))?;
        Ok(Self {
            arena: ReceiveArena::new(settings.batch, settings.capacity, control),
            flags: truncation(settings.capacity),
            adaptive_batch: AdaptiveBatch::default(),
            slots: settings.batch,
            has_drained: false,
        })
    }
}

/// The flag that requests the true length, if a datagram may be truncated.
pub(super) fn truncation(capacity: usize) -> i32 {
    if capacity < ReceiveBuffer::DEFAULT_CAPACITY {
        libc::MSG_TRUNC
    } else {
        0
    }
}

/// The flag that makes `recvmmsg` wait for only the first datagram, or for none.
pub(super) fn waiting(block_for: BlockFor) -> i32 {
    match block_for {
        BlockFor::None | BlockFor::Drain => libc::MSG_DONTWAIT,
        BlockFor::Endless | BlockFor::AtMost(_) => libc::MSG_WAITFORONE,
    }
}

/// How many slots a call should use, of the recommended `slots` and the maximum `most`: with two at
/// least, a short batch shows that the socket is empty.
pub(super) fn asked(slots: usize, most: usize, block_for: BlockFor) -> usize {
    match block_for {
        BlockFor::Drain => slots.max(2).min(most),
        _ => slots,
    }
}

impl Engine for Batch {
    fn fetch(
        &mut self,
        fd: BorrowedFd<'_>,
        block_for: BlockFor,
        counters: &mut Counters,
    ) -> io::Result<usize> {
        counters.syscalls += 1;
        let slots = asked(self.slots, self.arena.slots(), block_for);
        let received = self
            .arena
            .receive(fd, slots, self.flags | waiting(block_for))?;
        self.has_drained = received < slots;
        self.slots = self.adaptive_batch.next(received, self.arena.slots());
        Ok(received)
    }

    #[cfg(feature = "tokio")]
    fn has_drained(&self) -> bool {
        self.has_drained
    }

    fn message(&self, index: usize) -> Option<Received<'_>> {
        self.arena.slot(index).map(Received::from_slot)
    }
}
