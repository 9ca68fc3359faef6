//! Backend `offload`: runs of datagrams that cross the stack as one, `UDP_GRO` in and `UDP_SEGMENT`
//! out, inside batches.

use std::io;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, BorrowedFd};

use super::adaptive_batch::AdaptiveBatch;
use super::backend::{Backend, TransportConfig};
use super::batch::{drains, truncation, waiting};
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use super::unsupported;
use crate::error::Result;
use crate::socket::option;
use crate::socket::{Endpoint, ReceiveBuffer, Received};
use crate::sys::mmsg::{self, ReceiveArena};
use crate::sys::sockopt;

/// The most slots that a batch uses while whole runs come: more memory than that leaves the cache.
const RUNS: usize = 16;

pub(super) struct Offload {
    arena: ReceiveArena,
    flags: i32,
    adaptive_batch: AdaptiveBatch,
    /// How many slots the next batch uses.
    slots: usize,
    has_drained: bool,
}

impl Offload {
    pub(super) fn open(endpoint: &mut Endpoint, settings: &TransportConfig) -> Result<Self> {
        mmsg::probe().map_err(|error| unsupported(Backend::Offload, error))?;
        sockopt::get(
            endpoint.as_fd(),
            libc::IPPROTO_UDP,
            libc::UDP_SEGMENT,
            &mut [0; 4],
        )
        .map_err(|error| unsupported(Backend::Offload, error))?;
        endpoint.set(option::UDP_GRO, true).map_err(|error| {
            let errno = error.errno().unwrap_or(libc::ENOPROTOOPT);
            unsupported(Backend::Offload, io::Error::from_raw_os_error(errno))
        })?;
        // A run that does not fit is cut: all of it must, or nothing is taken at all.
        let capacity = match settings.capacity {
            0 => 0,
            _ => ReceiveBuffer::DEFAULT_CAPACITY,
        };
        let slots = settings.batch;
        Ok(Self {
            arena: ReceiveArena::new(slots, capacity, endpoint.control_space()),
            flags: truncation(capacity),
            adaptive_batch: AdaptiveBatch::default(),
            slots,
            has_drained: false,
        })
    }

    /// Decides on the next batch, after one of `came` messages in `slots`, the last of that length.
    fn learn(&mut self, came: usize, slots: usize, last: Option<usize>) {
        self.has_drained = came < slots;
        // Runs and lone datagrams rarely mix: the last message tells what the next batch is like.
        let is_run = last.is_some_and(|length| length > ReceiveBuffer::DEFAULT_CAPACITY / 16);
        let most = if is_run {
            RUNS.min(self.arena.slots())
        } else {
            self.arena.slots()
        };
        self.slots = self.adaptive_batch.next(came, most);
    }

    /// Turns `UDP_GRO` off again, for a backend that would not tell a run from a datagram.
    pub(super) fn undo(endpoint: &mut Endpoint) -> Result<()> {
        if endpoint.get(option::UDP_GRO).is_ok() {
            endpoint.set(option::UDP_GRO, false)?;
        }
        Ok(())
    }
}

impl Engine for Offload {
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
        let last = self.arena.slot(came.saturating_sub(1));
        let length = last.map(|slot| slot.length);
        self.learn(came, slots, length);
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
        let last = came.saturating_sub(1);
        let buffer = buffers.get(last);
        let last = buffer.and_then(|buffer| self.arena.lent_slot(last, buffer));
        let length = last.map(|slot| slot.length);
        self.learn(came, slots, length);
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
