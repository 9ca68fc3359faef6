//! `io_uring(7)`: multishot `recvmsg` into provided buffers, and sends by the batch.
//!
//! The ring owns what is submitted to it until the completion comes: the buffers live as long as
//! this, and are leaked rather than freed if the kernel cannot be told to let go of them; what a
//! send borrows is waited for before the call returns, even where io_uring has been forbidden meanwhile
//! (a seccomp filter) and neither a wait nor a cancellation works any more.

use std::collections::VecDeque;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use io_uring::types::{BufRingEntry, CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use super::arena::PinnedSlice;
use super::control::Outgoing;
use super::mmsg::{Piece, SendArena, Slot};
use super::name::{self, Name};

/// `user_data` of the multishot receive; a send's is its slot.
const RECEIVE: u64 = u64::MAX;
/// `sizeof(struct io_uring_recvmsg_out)`: four `u32`, the lengths of name, control and payload, and
/// the flags.
const OUT: usize = 16;
const GROUP: u16 = 0;
/// The result of a send that has not completed.
const PENDING: i32 = i32::MIN;
/// How often completions are looked for where the kernel cannot be asked to wait for them.
const LOOK: Duration = Duration::from_millis(1);

/// A page, on which the kernel wants the ring of buffers to start.
#[derive(Clone)]
#[repr(C, align(4096))]
struct Page([u8; 4096]);

/// The memory that the kernel writes on its own time.
struct Buffers {
    /// An array of `struct io_uring_buf`, its first entry's last field the tail.
    ring: PinnedSlice<Page>,
    pool: PinnedSlice<u8>,
    template: PinnedSlice<libc::msghdr>,
    count: u16,
    stride: usize,
    length: usize,
    tail: u16,
}

/// What a completion of the receive says.
#[derive(Clone, Copy)]
struct Arrived {
    result: i32,
    buffer: Option<u16>,
}

impl Arrived {
    fn is_datagram(self) -> bool {
        self.result >= 0 && self.buffer.is_some()
    }
}

/// A ring for one socket.
pub(crate) struct Ring {
    buffers: ManuallyDrop<Buffers>,
    queues: Queues,
}

/// The submission and the completion queue, and what sends: all but the buffers, so that a datagram
/// in one can be answered.
pub(crate) struct Queues {
    ring: IoUring,
    arrived: VecDeque<Arrived>,
    is_armed: bool,
    /// The kernel refused to take entries that lead to memory gone since: none is submitted again.
    is_broken: bool,
    arena: SendArena,
    /// Results of the current batch of sends.
    results: Vec<i32>,
    /// io_uring is forbidden from the first submission on.
    #[cfg(test)]
    is_forbidden: bool,
}

impl Buffers {
    fn new(count: u16, capacity: usize, control_space: usize) -> Self {
        let length = OUT + Name::CAPACITY + control_space + capacity;
        let stride = length.next_multiple_of(64) + 64;
        // SAFETY: msghdr is a C struct of integers and pointers, for which all zeroes are valid.
        let mut template: libc::msghdr = unsafe { mem::zeroed() };
        template.msg_namelen = Name::CAPACITY as libc::socklen_t;
        template.msg_controllen = control_space as _;
        let pages = (usize::from(count) * size_of::<BufRingEntry>()).div_ceil(size_of::<Page>());
        let mut buffers = Self {
            ring: PinnedSlice::new(vec![Page([0; 4096]); pages]),
            // Zero pages of the kernel: nothing is touched before a datagram comes.
            pool: PinnedSlice::new(vec![0; usize::from(count) * stride]),
            template: PinnedSlice::new([template]),
            count,
            stride,
            length,
            tail: 0,
        };
        for buffer in 0..count {
            buffers.provide(buffer);
        }
        buffers.publish();
        buffers
    }

    fn entries(&self) -> *mut BufRingEntry {
        self.ring.address(0).cast()
    }

    /// Puts a buffer at the tail of the ring; the kernel sees it once it is published.
    fn provide(&mut self, buffer: u16) {
        let address = self.pool.address(usize::from(buffer) * self.stride);
        let index = usize::from(self.tail & (self.count - 1));
        let entry = self.entries().wrapping_add(index);
        // SAFETY: `index` is below `count`, for which `ring` has room, and the kernel does not look
        // at entries from the tail on (io_uring_register_buf_ring(3)).
        let entry = unsafe { &mut *entry };
        entry.set_addr(address as u64);
        entry.set_len(self.length as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&mut self) {
        // SAFETY: the ring has at least one entry, inside which the tail lies.
        let tail = unsafe { BufRingEntry::tail(self.entries()) };
        // SAFETY: the tail is an aligned u16 that the kernel reads with acquire semantics, and that
        // only this end writes (io_uring_buf_ring_advance(3)).
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    /// What a completion tells of a buffer that the kernel has given out.
    fn slot(&self, arrived: Arrived) -> Option<Slot<'_>> {
        let length = usize::try_from(arrived.result).ok()?.min(self.length);
        let buffer = arrived.buffer.filter(|&buffer| buffer < self.count)?;
        let start = self.pool.address(usize::from(buffer) * self.stride);
        // SAFETY: the buffer lies inside the pool, its bytes were initialized when it was made, and
        // the kernel does not write to it from its completion until it is provided anew.
        let memory = unsafe { std::slice::from_raw_parts(start, length) };
        let (out, rest) = memory.split_first_chunk::<OUT>()?;
        let (name, rest) = rest.split_first_chunk::<{ Name::CAPACITY }>()?;
        let word = |at: usize| u32::from_ne_bytes([out[at], out[at + 1], out[at + 2], out[at + 3]]);
        // The C libraries differ in its type.
        let space: usize = self.template.slice()[0].msg_controllen as _;
        let (control, payload) = rest.split_at_checked(space)?;
        Some(Slot {
            bytes: payload,
            control: control.get(..word(4) as usize).unwrap_or(control),
            source: name::read(name, word(0) as usize),
            length: word(8) as usize,
            flags: word(12) as i32,
        })
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Closing the ring ends what is in flight at some later time, in the kernel's own thread.
        if self.queues.cancel_all().is_ok() {
            // SAFETY: nothing is in flight any more, and the field is not used again.
            unsafe { ManuallyDrop::drop(&mut self.buffers) };
        }
    }
}

impl Ring {
    /// A ring with `count` buffers (a power of two) for datagrams of `capacity` bytes, and for
    /// `sends` messages a batch.
    pub(crate) fn new(
        count: u16,
        capacity: usize,
        control_space: usize,
        sends: usize,
    ) -> io::Result<Self> {
        let entries = (sends as u32 + 4).next_power_of_two();
        let ring = IoUring::builder()
            .setup_coop_taskrun()
            .setup_cqsize((entries + u32::from(count)).next_power_of_two() * 2)
            .build(entries)?;
        if !ring.params().is_feature_ext_arg() {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let ring = Self {
            buffers: ManuallyDrop::new(Buffers::new(count, capacity, control_space)),
            queues: Queues {
                ring,
                arrived: VecDeque::with_capacity(usize::from(count) + 4),
                is_armed: false,
                is_broken: false,
                arena: SendArena::new(sends),
                results: Vec::with_capacity(sends),
                #[cfg(test)]
                is_forbidden: false,
            },
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
        self.queues.is_armed
    }

    /// Whether no completion of the receive is left to take.
    pub(crate) fn is_idle(&self) -> bool {
        self.queues.arrived.is_empty()
    }

    /// Queues a multishot receive for the next [`Self::enter`].
    pub(crate) fn arm(&mut self, fd: BorrowedFd<'_>, flags: i32) -> io::Result<()> {
        let template = self.buffers.template.address(0);
        let entry = opcode::RecvMsgMulti::new(Fd(fd.as_raw_fd()), template, GROUP)
            .flags(flags as u32)
            .build()
            .user_data(RECEIVE);
        self.queues.push(&entry)?;
        self.queues.is_armed = true;
        Ok(())
    }

    /// One `io_uring_enter`: submits what is queued, then waits for `want` completions, at most as
    /// long as `timeout` says (ETIME).
    pub(crate) fn enter(&mut self, want: usize, timeout: Option<Duration>) -> io::Result<()> {
        self.queues.enter(want, timeout)
    }

    /// How many datagrams wait, up to the first error.
    pub(crate) fn waiting(&self) -> usize {
        let arrived = self.queues.arrived.iter();
        arrived.take_while(|arrived| arrived.is_datagram()).count()
    }

    /// Takes the oldest completion of the receive if it is no datagram: its errno, or 0.
    pub(crate) fn take_error(&mut self) -> Option<i32> {
        let arrived = *self.queues.arrived.front()?;
        if arrived.is_datagram() {
            return None;
        }
        self.release(1);
        Some(arrived.result.min(0).wrapping_neg())
    }

    /// Gives the buffers of the oldest `count` datagrams back to the kernel.
    pub(crate) fn release(&mut self, count: usize) {
        let arrived = &mut self.queues.arrived;
        for arrived in arrived.drain(..count.min(arrived.len())) {
            if let Some(buffer) = arrived.buffer {
                self.buffers.provide(buffer);
            }
        }
        self.buffers.publish();
    }

    /// A waiting datagram, the oldest first, and what can answer it.
    pub(crate) fn split(&mut self, index: usize) -> (Option<Slot<'_>>, &mut Queues) {
        let arrived = self.queues.arrived.get(index);
        let slot = arrived.and_then(|arrived| self.buffers.slot(*arrived));
        (slot, &mut self.queues)
    }
}

impl Queues {
    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        // SAFETY: what the entry leads to must stay valid until its completion: the receive's
        // template and buffers do until `drop`, and `send` waits for its own.
        unsafe { self.ring.submission().push(entry) }
            .map_err(|_| io::Error::from_raw_os_error(libc::EBUSY))
    }

    /// As [`Ring::enter`].
    fn enter(&mut self, want: usize, timeout: Option<Duration>) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::from_raw_os_error(libc::EOWNERDEAD));
        }
        #[cfg(test)]
        if self.is_forbidden {
            self.ring.submit()?;
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        let result = match timeout {
            None => self.ring.submit_and_wait(want),
            Some(timeout) => {
                let timespec = Timespec::from(timeout);
                let arguments = SubmitArgs::new().timespec(&timespec);
                self.ring.submitter().submit_with_args(want, &arguments)
            }
        };
        self.drain();
        result.map(drop)
    }

    /// Sorts the completions that have come.
    fn drain(&mut self) {
        let mut completions = self.ring.completion();
        completions.sync();
        for completion in completions {
            if completion.user_data() == RECEIVE {
                self.is_armed = cqueue::more(completion.flags());
                self.arrived.push_back(Arrived {
                    result: completion.result(),
                    buffer: cqueue::buffer_select(completion.flags()),
                });
            } else if let Some(result) = usize::try_from(completion.user_data())
                .ok()
                .and_then(|slot| self.results.get_mut(slot))
            {
                *result = completion.result();
            }
        }
    }

    /// Sends up to `count` messages, one after the other (`IOSQE_IO_LINK`: the first failure cancels
    /// the rest), and waits for all of them. Returns how many went, an error only if none did.
    pub(crate) fn send<'a>(
        &mut self,
        fd: BorrowedFd<'_>,
        count: usize,
        mut compose: impl FnMut(usize, &mut Outgoing) -> Piece<'a>,
    ) -> io::Result<usize> {
        let count = count.min(self.arena.slots());
        self.results.clear();
        self.results.resize(count, PENDING);
        // Whatever ends this loop early leaves entries in the queue that must not be submitted.
        let was_broken = std::mem::replace(&mut self.is_broken, true);
        for slot in 0..count {
            let header = self.arena.fill(slot, &mut compose);
            let mut entry = opcode::SendMsg::new(Fd(fd.as_raw_fd()), header)
                .build()
                .user_data(slot as u64);
            if slot + 1 < count {
                entry = entry.flags(squeue::Flags::IO_LINK);
            }
            self.push(&entry)?;
        }
        self.is_broken = was_broken;
        loop {
            let pending = self.pending();
            if pending == 0 {
                break;
            }
            match self.enter(pending, None) {
                Ok(()) => {}
                Err(error) if is_transient(&error) => {}
                Err(error) => {
                    self.is_broken = true;
                    self.give_up();
                    return Err(error);
                }
            }
        }
        let sent = self.results.iter().take_while(|&&result| result >= 0);
        match (sent.count(), self.results.first()) {
            (0, Some(&result)) => Err(io::Error::from_raw_os_error(-result)),
            (sent, _) => Ok(sent),
        }
    }

    fn pending(&self) -> usize {
        let pending = self.results.iter().filter(|&&result| result == PENDING);
        pending.count()
    }

    /// Waits until the kernel uses nothing that a send has borrowed, whatever calls still work: its
    /// completions are in shared memory, and sleeping lets it write them.
    fn give_up(&mut self) {
        // Cancelled ones complete as well; where they cannot be, they have to end by themselves.
        let _ = self.cancel_all();
        loop {
            self.drain();
            // What the kernel has not taken from the queue, it never will.
            let queued = self.ring.submission().len();
            if self.pending() <= queued {
                return;
            }
            thread::sleep(LOOK);
        }
    }

    /// Has the kernel let go of everything that is in flight.
    fn cancel_all(&self) -> io::Result<()> {
        #[cfg(test)]
        if self.is_forbidden {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        loop {
            let everything = CancelBuilder::any();
            let cancelled = self.ring.submitter().register_sync_cancel(None, everything);
            match cancelled.map_err(|error| (error.raw_os_error(), error)) {
                Err((Some(libc::EINTR), _)) => {}
                Ok(()) | Err((Some(libc::ENOENT), _)) => return Ok(()),
                Err((_, error)) => return Err(error),
            }
        }
    }
}

/// Whether to call again: a signal came, or completions have to be taken first.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINTR | libc::EAGAIN | libc::EBUSY)
    )
}

#[cfg(test)]
#[path = "uring_tests.rs"]
mod tests;
