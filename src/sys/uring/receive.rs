//! A multishot `recvmsg` into provided buffers.

use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use io_uring::types::Fd;
use io_uring::{cqueue, opcode};

use super::Queues;
use super::buffers::{Arrived, Buffers};
use crate::sys::mmsg::Slot;

/// The only buffer group of a ring.
const GROUP: u16 = 0;

/// The receiving ring of one socket.
pub(crate) struct ReceiveRing {
    buffers: ManuallyDrop<Buffers>,
    pub(super) queues: Queues,
    arrived: VecDeque<Arrived>,
    is_armed: bool,
}

impl ReceiveRing {
    /// Makes a ring with `count` buffers (a power of two) for datagrams of `capacity` bytes.
    pub(crate) fn new(count: u16, capacity: usize, control_space: usize) -> io::Result<Self> {
        // First, since nothing frees the buffers if there is no ring.
        let queues = Queues::new(4, u32::from(count))?;
        let ring = Self {
            buffers: ManuallyDrop::new(Buffers::new(count, capacity, control_space)),
            queues,
            arrived: VecDeque::with_capacity(usize::from(count) + 4),
            is_armed: false,
        };
        let start = ring.buffers.entries() as u64;
        let submitter = ring.queues.ring.submitter();
        // SAFETY: io_uring_register_buf_ring(3) demands page-aligned memory for `count` entries,
        // valid for as long as the ring: it is freed in `drop` only after all is cancelled.
        unsafe { submitter.register_buf_ring_with_flags(start, count, GROUP, 0) }?;
        Ok(ring)
    }

    /// Whether a receive is in flight.
    pub(crate) fn is_armed(&self) -> bool {
        self.is_armed
    }

    /// Whether no completion is left to take.
    pub(crate) fn is_idle(&self) -> bool {
        self.arrived.is_empty()
    }

    /// Queues a multishot receive for the next [`Self::enter`].
    pub(crate) fn arm(&mut self, fd: BorrowedFd<'_>, flags: i32) -> io::Result<()> {
        let template = self.buffers.template.address(0);
        let entry = opcode::RecvMsgMulti::new(Fd(fd.as_raw_fd()), template, GROUP)
            .flags(flags as u32)
            .build();
        // SAFETY: the template and the buffers live until `drop`, which cancels the receive first.
        unsafe { self.queues.push(&entry) }?;
        self.is_armed = true;
        Ok(())
    }

    /// Makes one `io_uring_enter`: submits the queue, then waits for `want` completions, at most for
    /// `timeout` (ETIME).
    pub(crate) fn enter(&mut self, want: usize, timeout: Option<Duration>) -> io::Result<()> {
        let entered = self.queues.enter(want, timeout);
        let mut completions = self.queues.ring.completion();
        completions.sync();
        for completion in completions {
            self.is_armed = cqueue::more(completion.flags());
            self.arrived.push_back(Arrived {
                result: completion.result(),
                buffer: cqueue::buffer_select(completion.flags()),
            });
        }
        entered
    }

    /// The number of waiting datagrams, up to the first error.
    pub(crate) fn waiting(&self) -> usize {
        let arrived = self.arrived.iter();
        arrived.take_while(|arrived| arrived.is_datagram()).count()
    }

    /// Takes the oldest completion if it is not a datagram: its errno, or 0.
    pub(crate) fn take_error(&mut self) -> Option<i32> {
        let arrived = *self.arrived.front()?;
        if arrived.is_datagram() {
            return None;
        }
        self.release(1);
        Some(arrived.result.min(0).wrapping_neg())
    }

    /// Returns the buffers of the oldest `count` datagrams to the kernel.
    pub(crate) fn release(&mut self, count: usize) {
        let count = count.min(self.arrived.len());
        for arrived in self.arrived.drain(..count) {
            if let Some(buffer) = arrived.buffer {
                self.buffers.provide(buffer);
            }
        }
        self.buffers.publish();
    }

    /// A waiting datagram, the oldest first.
    pub(crate) fn slot(&self, index: usize) -> Option<Slot<'_>> {
        let arrived = self.arrived.get(index)?;
        self.buffers.slot(*arrived)
    }
}

impl Drop for ReceiveRing {
    fn drop(&mut self) {
        // Closing the ring ends operations in flight later, in a kernel thread.
        if self.queues.cancel_all().is_ok() {
            // SAFETY: nothing is in flight any more, and the field is not used again.
            unsafe { ManuallyDrop::drop(&mut self.buffers) };
        }
    }
}
