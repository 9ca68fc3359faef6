//! Batched sends.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::thread;
use std::time::Duration;

use io_uring::types::Fd;
use io_uring::{opcode, squeue};

use super::Queues;
use crate::sys::control::Outgoing;
use crate::sys::mmsg::{Piece, SendArena};

/// The result of a send that has not completed.
const PENDING: i32 = i32::MIN;

/// The polling interval for completions if the kernel cannot wait for them.
const LOOK: Duration = Duration::from_millis(1);

/// The sending ring of one socket.
pub(crate) struct SendRing {
    pub(super) queues: Queues,
    /// Results of the current batch; an entry's `user_data` is its index.
    results: Vec<i32>,
    /// The kernel refused entries whose memory is gone by now: nothing is submitted again.
    is_broken: bool,
}

impl SendRing {
    /// Makes a ring for batches of up to `batch` messages.
    pub(crate) fn new(batch: usize) -> io::Result<Self> {
        Ok(Self {
            queues: Queues::new(batch as u32, 0)?,
            results: Vec::with_capacity(batch),
            is_broken: false,
        })
    }

    /// Sends up to `count` messages, one after the other (`IOSQE_IO_LINK`: the first failure cancels
    /// the rest), and waits for all of them. Returns the number sent, and an error only if none was.
    ///
    /// `compose` and `flags` are as in [`SendArena::send`].
    pub(crate) fn send<'a>(
        &mut self,
        fd: BorrowedFd<'_>,
        arena: &mut SendArena,
        count: usize,
        flags: i32,
        mut compose: impl FnMut(usize, &mut Outgoing) -> Piece<'a>,
    ) -> io::Result<usize> {
        let count = count.min(arena.slots());
        self.results.clear();
        self.results.resize(count, PENDING);
        // If this loop ends early, entries stay in the queue that must not be submitted.
        let was_broken = std::mem::replace(&mut self.is_broken, true);
        for slot in 0..count {
            let header = arena.fill(slot, &mut compose);
            let mut entry = opcode::SendMsg::new(Fd(fd.as_raw_fd()), header)
                .flags(flags as u32)
                .build()
                .user_data(slot as u64);
            if slot + 1 < count {
                entry = entry.flags(squeue::Flags::IO_LINK);
            }
            // SAFETY: the arena and what `compose` lends are borrowed until this returns, and it
            // returns only when the kernel uses them no more.
            unsafe { self.queues.push(&entry) }?;
        }
        self.is_broken = was_broken;
        loop {
            let pending = self.pending();
            if pending == 0 {
                break;
            }
            match self.enter(pending) {
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

    pub(super) fn enter(&mut self, want: usize) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::from_raw_os_error(libc::EOWNERDEAD));
        }
        let entered = self.queues.enter(want, None);
        self.drain();
        entered
    }

    /// Records the completions that have arrived.
    fn drain(&mut self) {
        let mut completions = self.queues.ring.completion();
        completions.sync();
        for completion in completions {
            let slot = usize::try_from(completion.user_data()).ok();
            if let Some(result) = slot.and_then(|slot| self.results.get_mut(slot)) {
                *result = completion.result();
            }
        }
    }

    fn pending(&self) -> usize {
        let pending = self.results.iter().filter(|&&result| result == PENDING);
        pending.count()
    }

    /// Waits until the kernel no longer uses memory that a send has borrowed, even if no call works any
    /// more: completions are in shared memory, and the kernel writes them while this thread sleeps.
    fn give_up(&mut self) {
        // Cancelled operations complete as well; if they cannot be cancelled, they have to end by
        // themselves.
        let _ = self.queues.cancel_all();
        loop {
            self.drain();
            // The kernel will never take the entries that are still in the queue.
            let queued = self.queues.ring.submission().len();
            if self.pending() <= queued {
                return;
            }
            thread::sleep(LOOK);
        }
    }
}

/// Whether to call again: a signal arrived, or completions have to be taken first.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINTR | libc::EAGAIN | libc::EBUSY)
    )
}
