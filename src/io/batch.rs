//! Backend `batch`: many datagrams a call, `recvmmsg` and `sendmmsg`.

use std::io;
use std::io::IoSliceMut;
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

/// The flag that has the true length told, where a datagram may be cut.
pub(super) fn truncation(capacity: usize) -> i32 {
    if capacity < ReceiveBuffer::DEFAULT_CAPACITY {
        libc::MSG_TRUNC
    } else {
        0
    }
}

/// What makes `recvmmsg` wait for the first datagram only, or for none.
pub(super) fn waiting(block_for: BlockFor) -> i32 {
    match block_for {
        BlockFor::None => libc::MSG_DONTWAIT,
        BlockFor::Endless | BlockFor::AtMost(_) => libc::MSG_WAITFORONE,
    }
}

/// How many slots a call is to use, of `slots` that seem right: with two at least, a short batch says that
/// the socket is empty, which saves the call that would find that out.
pub(super) fn drains(slots: usize) -> usize {
    slots.max(2)
}

impl Engine for Batch {
    fn fetch(
        &mut self,
        fd: BorrowedFd<'_>,
        block_for: BlockFor,
        counters: &mut Counters,
    ) -> io::Result<usize> {
        counters.syscalls += 1;
        let slots = self.slots;
        let came = self
            .arena
            .receive(fd, slots, self.flags | waiting(block_for))?;
        self.has_drained = came < slots;
        self.slots = self.adaptive_batch.next(came, self.arena.slots());
        Ok(came)
    }

    fn fetch_into(
        &mut self,
        fd: BorrowedFd<'_>,
        buffers: &mut [IoSliceMut<'_>],
        block_for: BlockFor,
        counters: &mut Counters,
    ) -> io::Result<usize> {
        counters.syscalls += 1;
        let slots = drains(self.slots).min(buffers.len());
        let buffers = &mut buffers[..slots];
        // Under MSG_TRUNC the true length is known, however short the buffer is.
        let flags = libc::MSG_TRUNC | waiting(block_for);
        let came = self.arena.receive_into(fd, buffers, flags)?;
        self.has_drained = came < slots;
        self.slots = self.adaptive_batch.next(came, self.arena.slots());
        Ok(came)
    }

    fn message_in<'a>(&'a self, index: usize, buffer: &'a [u8]) -> Option<Received<'a>> {
        let slot = self.arena.lent_slot(index, buffer)?;
        Some(Received::from_slot(slot))
    }

    #[cfg(feature = "tokio")]
    fn has_drained(&self) -> bool {
        self.has_drained
    }

    fn message(&self, index: usize) -> Option<Received<'_>> {
        self.arena.slot(index).map(Received::from_slot)
    }
}
