//! Backend `uring`: one multishot `recvmsg` into provided buffers, and linked sends in batches
//! (io_uring(7)).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::backend::{Backend, TransportConfig};
use super::batch::truncation;
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use super::unsupported;
use crate::error::Result;
use crate::socket::{Endpoint, Received};
use crate::sys::uring::{ReceiveRing, SendRing};

pub(super) struct Uring {
    ring: ReceiveRing,
    flags: i32,
    /// How many datagrams the last fetch returned.
    fetched: usize,
}

impl Uring {
    pub(super) fn open(endpoint: &mut Endpoint, settings: &TransportConfig) -> Result<Self> {
        let buffers = settings.batch.next_power_of_two() as u16;
        let control = endpoint.control_space();
        let ring = ReceiveRing::new(buffers, settings.capacity, control)
            .map_err(|error| unsupported(Backend::Uring, error))?;
        let mut uring = Self {
            ring,
            flags: truncation(settings.capacity),
            fetched: 0,
        };
        // A kernel without multishot recvmsg refuses it at once (EINVAL).
        let armed = uring.arm(endpoint.as_fd());
        armed.map_err(|error| unsupported(Backend::Uring, error))?;
        Ok(uring)
    }

    /// The ring of the sending side.
    pub(super) fn send_ring(settings: &TransportConfig) -> Result<SendRing> {
        SendRing::new(settings.batch).map_err(|error| unsupported(Backend::Uring, error))
    }

    fn arm(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let ring = &mut self.ring;
        ring.arm(fd, self.flags)?;
        ring.enter(0, None)?;
        match ring.waiting() {
            0 if !ring.is_armed() => match ring.take_error() {
                Some(libc::EINVAL) => Err(io::Error::from_raw_os_error(libc::EINVAL)),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl Engine for Uring {
    fn times_itself(&self) -> bool {
        true
    }

    fn is_tied(&self) -> bool {
        true
    }

    fn fetch(
        &mut self,
        fd: BorrowedFd<'_>,
        block_for: BlockFor,
        counters: &mut Counters,
    ) -> io::Result<usize> {
        let ring = &mut self.ring;
        loop {
            self.fetched = ring.waiting();
            if self.fetched > 0 {
                return Ok(self.fetched);
            }
            match ring.take_error() {
                // All buffers are full: they have been returned by now, so continue.
                Some(0 | libc::ENOBUFS | libc::ECANCELED) => continue,
                Some(errno) => return Err(io::Error::from_raw_os_error(errno)),
                None => {}
            }
            if !ring.is_armed() {
                ring.arm(fd, self.flags)?;
                counters.rearmed += 1;
            }
            let (want, timeout) = match block_for {
                BlockFor::None => (0, None),
                BlockFor::Endless => (1, None),
                BlockFor::AtMost(timeout) => (1, Some(timeout)),
            };
            counters.syscalls += 1;
            match ring.enter(want, timeout) {
                Ok(()) if want == 0 && ring.is_idle() => {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Err(error) if error.raw_os_error() == Some(libc::ETIME) && ring.is_idle() => {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Err(error) if error.raw_os_error() != Some(libc::ETIME) && ring.is_idle() => {
                    return Err(error);
                }
                _ => {}
            }
        }
    }

    fn message(&self, index: usize) -> Option<Received<'_>> {
        self.ring.slot(index).map(Received::from_slot)
    }

    fn release(&mut self) {
        self.ring.release(self.fetched);
        self.fetched = 0;
    }
}
