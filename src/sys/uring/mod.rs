//! `io_uring(7)`: multishot `recvmsg` into provided buffers, and sends by the batch, each on a ring of
//! its own, so that two threads can use them.
//!
//! A ring owns what is submitted to it until the completion comes: the buffers live as long as the
//! receiving ring, and are leaked rather than freed if the kernel cannot be made to let go of them; what
//! a send borrows is waited for before the call returns, even where io_uring has been forbidden meanwhile
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
    /// io_uring is forbidden from the first submission on.
    #[cfg(test)]
    is_forbidden: bool,
}

impl Queues {
    /// Room for `entries` submissions and that many completions and `more`.
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
    /// What the entry leads to must stay valid until its completion.
    unsafe fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.ring.submission().push(entry) }
            .map_err(|_| io::Error::from_raw_os_error(libc::EBUSY))
    }

    /// One `io_uring_enter`: submits what is queued, then waits for `want` completions, at most as
    /// long as `timeout` says (ETIME).
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

#[cfg(test)]
mod tests;
