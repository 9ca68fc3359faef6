//! Backend `offload`: runs of datagrams that cross the stack as one, with `UDP_GRO` for receiving
//! and `UDP_SEGMENT` for sending, inside batches.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::adaptive_batch::AdaptiveBatch;
use super::backend::{Backend, TransportConfig};
use super::batch::{asked, truncation, waiting};
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use super::unsupported;
use crate::error::Result;
use crate::socket::option;
use crate::socket::{Endpoint, ReceiveBuffer, Received};
use crate::sys::mmsg::{self, ReceiveArena};
use crate::sys::sockopt;

/// The most slots of a batch while whole runs arrive: more memory than that leaves the cache.
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
        // A run that does not fit is truncated: the buffer must hold all of it, or nothing.
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

    /// Turns `UDP_GRO` off again, for a backend that cannot distinguish a run from a datagram.
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
        let slots = asked(self.slots, self.arena.slots(), block_for);
        let received = self
            .arena
            .receive(fd, slots, self.flags | waiting(block_for))?;
        self.has_drained = received < slots;
        // Runs and single datagrams rarely mix: the last message predicts the next batch.
        let last = self.arena.slot(received.saturating_sub(1));
        let is_run = last.is_some_and(|slot| slot.length > ReceiveBuffer::DEFAULT_CAPACITY / 16);
        let most = if is_run {
            RUNS.min(self.arena.slots())
        } else {
            self.arena.slots()
        };
        self.slots = self.adaptive_batch.next(received, most);
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
