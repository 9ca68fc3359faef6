//! Backend `offload`: runs of datagrams that cross the stack as one, `UDP_GRO` in and `UDP_SEGMENT`
//! out, inside batches.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::adaptive_batch::AdaptiveBatch;
use super::backend::{Backend, TransportConfig};
use super::batch::{truncation, waiting};
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use super::received::Received;
use super::send::{Messages, Sender, compose};
use super::unsupported;
use crate::error::Result;
use crate::socket::options::SocketOption;
use crate::socket::{Endpoint, ReceiveBuffer};
use crate::sys::mmsg::{self, ReceiveArena, SendArena};
use crate::sys::sockopt;

/// The most slots that a batch uses while whole runs come: more memory than that leaves the cache.
const RUNS: usize = 16;

pub(super) struct Offload {
    arena: ReceiveArena,
    flags: i32,
    adaptive_batch: AdaptiveBatch,
    /// How many slots the next batch uses.
    slots: usize,
    outgoing: Runs,
}

struct Runs {
    arena: SendArena,
    is_forced: bool,
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
        endpoint.set(&"UDP_GRO=1".parse()?).map_err(|error| {
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
            outgoing: Runs {
                arena: SendArena::new(settings.batch),
                is_forced: settings.force_no_gso,
            },
        })
    }

    /// Turns `UDP_GRO` off again, for a backend that would not tell a run from a datagram.
    pub(super) fn undo(endpoint: &mut Endpoint) -> Result<()> {
        if SocketOption::find("UDP_GRO")?.get(endpoint.as_fd()).is_ok() {
            endpoint.set(&"UDP_GRO=0".parse()?)?;
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
        let came = self
            .arena
            .receive(fd, self.slots, self.flags | waiting(block_for))?;
        // Runs and lone datagrams rarely mix: the last message tells what the next batch is like.
        let last = self.arena.slot(came.saturating_sub(1));
        let is_run = last.is_some_and(|slot| slot.length > ReceiveBuffer::DEFAULT_CAPACITY / 16);
        let most = if is_run {
            RUNS.min(self.arena.slots())
        } else {
            self.arena.slots()
        };
        self.slots = self.adaptive_batch.next(came, most);
        Ok(came)
    }

    fn split(&mut self, index: usize) -> (Option<Received<'_>>, &mut dyn Sender) {
        let message = self.arena.slot(index).map(Received::from_slot);
        (message, &mut self.outgoing)
    }
}

impl Sender for Runs {
    fn attempt(
        &mut self,
        fd: BorrowedFd<'_>,
        first: usize,
        count: usize,
        messages: Messages<'_, '_>,
    ) -> io::Result<usize> {
        let count = if self.is_forced {
            // As a kernel would: what comes before the run goes, and then the run is refused.
            let runs = (first..first + count).map(messages);
            match runs.take_while(|message| !message.is_run()).count() {
                0 => return Err(io::Error::from_raw_os_error(libc::EIO)),
                before => before,
            }
        } else {
            count
        };
        self.arena.send(fd, count, |index, control| {
            compose(&messages(first + index), control)
        })
    }
}
