//! `io_uring(7)`: multishot `recvmsg` into provided buffers, and batched sends, each on its own ring,
//! so that two threads can use them.
//!
//! A ring owns submitted memory until its completion: the buffers live as long as the receiving ring,
//! and are leaked rather than freed if the kernel does not release them; a send waits for the
//! completion of all borrowed memory before it returns, even if io_uring has been forbidden meanwhile
//! (a seccomp filter) and neither a wait nor a cancellation works any more.

mod buffers;
mod receive;
mod send;

use std::io;
use std::time::Duration;

use io_uring::types::{CancelBuilder, SubmitArgs, Timespec};
use io_uring::{IoUring, squeue};

pub(crate) use receive::ReceiveRing;
pub(crate) use send::SendRing;

/// A submission and a completion queue.
struct Queues {
    ring: IoUring,
    /// Whether io_uring is forbidden from the first submission on.
    #[cfg(test)]
    is_forbidden: bool,
}

impl Queues {
    /// Makes a ring for `entries` submissions and for `entries + more` completions.
    fn new(entries: u32, more: u32) -> io::Result<Self> {
        let entries = entries.next_power_of_two();
        let ring = IoUring::builder()
            .setup_coop_taskrun()
            .setup_cqsize((entries + more).next_power_of_two() * 2)
            .build(entries)?;
        if !ring.params().is_feature_ext_arg() {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(Self {
            ring,
            #[cfg(test)]
            is_forbidden: false,
        })
    }

    /// Queues an entry for the next [`Self::enter`].
    ///
    /// # Safety
    /// The memory that the entry points to must stay valid until its completion.
    unsafe fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.ring.submission().push(entry) }
            .map_err(|_| io::Error::from_raw_os_error(libc::EBUSY))
    }

    /// Makes one `io_uring_enter`: submits the queue, then waits for `want` completions, at most for
    /// `timeout` (ETIME).
    fn enter(&mut self, want: usize, timeout: Option<Duration>) -> io::Result<()> {
        #[cfg(test)]
        if self.is_forbidden {
            self.ring.submit()?;
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        let entered = match timeout {
            None => self.ring.submit_and_wait(want),
            Some(timeout) => {
                let timespec = Timespec::from(timeout);
                let arguments = SubmitArgs::new().timespec(&timespec);
                self.ring.submitter().submit_with_args(want, &arguments)
            }
        };
        entered.map(drop)
    }

    /// Makes the kernel release everything that is in flight.
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

#[cfg(test)]
mod tests;
