//! Sending what is queued or lent, whatever the kernel says to it: partial sends, errors of earlier
//! datagrams, offload that a device refuses.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use nix::poll::{PollFd, PollFlags, ppoll};

use super::coalesce::{Limits, Message};
use super::counters::Counters;
use crate::error::Error;
use crate::socket::Endpoint;
use crate::sys::control::Outgoing;
use crate::sys::mmsg::{self, Piece};

/// Messages by their index.
pub(super) type Messages<'f, 'm> = &'f dyn Fn(usize) -> Message<'m>;

/// The sending half of a backend.
pub(super) trait Sender {
    /// One call for messages `first..first + count`, or as many of them as a call takes.
    ///
    /// Returns how many went: those before the first that did not. An error is that of message
    /// `first`, and then nothing went.
    fn attempt(
        &mut self,
        fd: BorrowedFd<'_>,
        first: usize,
        count: usize,
        messages: Messages<'_, '_>,
    ) -> io::Result<usize>;

    /// Waits until the socket has room (EAGAIN: it does not block by itself).
    fn wait_for_room(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match ppoll(&mut [PollFd::new(fd, PollFlags::POLLOUT)], None, None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// What became of the datagrams that were queued or lent.
#[derive(Debug, Default)]
pub struct Sent {
    /// How many the kernel took.
    pub datagrams: usize,
    /// How many it refused; they are given up, and those behind them were sent all the same.
    pub refused: usize,
    /// The first error, whether it is of one that was refused or of one sent earlier.
    pub error: Option<Error>,
}

impl Sent {
    /// The number of datagrams that went, or the first error.
    ///
    /// # Errors
    /// [`Self::error`].
    pub fn into_result(self) -> crate::error::Result<usize> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.datagrams),
        }
    }
}

/// Writes a message as the system call wants it: its control messages into `control`.
pub(super) fn compose<'a>(message: &Message<'a>, control: &mut Outgoing) -> Piece<'a> {
    if let Some(info) = &message.from {
        // An address of the other family is not pushed: the route chooses the source then.
        info.push_source(control);
    }
    if message.is_run() {
        let size = u16::try_from(message.segment).unwrap_or(u16::MAX);
        // Its room is reserved: `Outgoing` holds packet info and three integers.
        let _ = control.push(libc::IPPROTO_UDP, libc::UDP_SEGMENT, &size.to_ne_bytes());
    }
    (message.destination, message.bytes)
}

/// How often a message is tried again after an error that an earlier datagram may have caused.
fn retry_budget(errno: Option<i32>) -> u32 {
    match errno {
        // Never of the datagram at hand: each try takes one ICMP answer to an earlier one.
        Some(libc::ECONNREFUSED) => 64,
        // From the route of this one, or from ICMP about an earlier one.
        Some(
            libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::ENETDOWN
            | libc::ENONET
            | libc::EPROTO
            | libc::ENOPROTOOPT
            | libc::EOPNOTSUPP
            | libc::EACCES
            | libc::EMSGSIZE,
        ) => 1,
        _ => 0,
    }
}

/// Whether an error may mean that the kernel or the device does not take a run as such.
fn refuses_runs(errno: Option<i32>) -> bool {
    matches!(
        errno,
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP)
    )
}

/// One datagram or one run whose bytes lie in several places.
pub(super) struct Scattered<'a> {
    pub(super) parts: &'a [IoSlice<'a>],
    /// Bytes of all of them.
    pub(super) length: usize,
    /// The size of each datagram; the last may be shorter.
    pub(super) segment: usize,
    /// How many datagrams it is.
    pub(super) count: usize,
}

/// Sends over one endpoint by one backend.
pub(super) struct Driver<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) fd: BorrowedFd<'a>,
    pub(super) sender: &'a mut dyn Sender,
    pub(super) limits: &'a mut Limits,
    pub(super) counters: &'a mut Counters,
    pub(super) sent: &'a mut Sent,
}

impl Driver<'_> {
    /// Sends `count` messages in their order; each goes once, or is given up.
    pub(super) fn send(&mut self, count: usize, messages: Messages<'_, '_>) {
        let (mut next, mut tries) = (0, 0);
        while next < count {
            match self.sender.attempt(self.fd, next, count - next, messages) {
                Ok(taken) => {
                    let taken = taken.clamp(1, count - next);
                    self.counters.syscalls += 1;
                    self.counters.batches += 1;
                    for message in (next..next + taken).map(messages) {
                        self.took(&message);
                    }
                    (next, tries) = (next + taken, 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.counters.syscalls += 2;
                    self.counters.would_block += 1;
                    if let Err(error) = self.sender.wait_for_room(self.fd) {
                        self.refused(&messages(next), error);
                        next += 1;
                    }
                }
                Err(error) => {
                    self.counters.syscalls += 1;
                    self.counters.errors += 1;
                    let (message, errno) = (messages(next), error.raw_os_error());
                    if tries < retry_budget(errno) {
                        tries += 1;
                        self.remember(&message, error);
                        continue;
                    }
                    if message.is_run() && refuses_runs(errno) {
                        self.split(&message, errno);
                    } else {
                        self.refused(&message, error);
                    }
                    (next, tries) = (next + 1, 0);
                }
            }
        }
    }

    /// Sends what lies in several places by one call; `false` if it did not go, for whatever reason:
    /// then it has to go another way, which tells the reason.
    pub(super) fn gather(
        &mut self,
        destination: Option<SocketAddr>,
        scattered: &Scattered<'_>,
    ) -> bool {
        let &Scattered {
            parts,
            length,
            segment,
            count,
        } = scattered;
        let is_run = count > 1;
        let mut control = Outgoing::new();
        if is_run {
            let size = u16::try_from(segment).unwrap_or(u16::MAX);
            // Its room is reserved: `Outgoing` holds packet info and three integers.
            let _ = control.push(libc::IPPROTO_UDP, libc::UDP_SEGMENT, &size.to_ne_bytes());
        }
        self.counters.syscalls += 1;
        if let Err(error) = mmsg::send_parts(self.fd, destination, parts, &control) {
            if retry_budget(error.raw_os_error()) > 0 {
                // Maybe of an earlier datagram: told, whatever becomes of this one.
                let message = Message {
                    destination,
                    from: None,
                    bytes: &[],
                    segment: segment.min(length),
                };
                self.remember(&message, error);
            }
            return false;
        }
        self.counters.batches += 1;
        self.counters.runs += u64::from(is_run);
        self.counters.sent += count as u64;
        self.counters.sent_bytes += length as u64;
        self.sent.datagrams += count;
        true
    }

    /// Sends a run that was refused in smaller ones, or its datagrams one by one, and learns from it.
    fn split(&mut self, run: &Message<'_>, errno: Option<i32>) {
        // Before Linux 6.9 a run has at most 64 datagrams; more of them are EINVAL.
        const OLDER: usize = 64;
        if errno == Some(libc::EINVAL) && run.count() > OLDER {
            let failed = self.sent.refused;
            self.send(run.parts(OLDER), &|index| run.part(index, OLDER));
            if self.sent.refused == failed {
                self.limits.segments = self.limits.segments.min(OLDER);
            }
            return;
        }
        self.counters.offload_fallbacks += 1;
        let before = self.sent.datagrams;
        self.send(run.parts(1), &|index| run.part(index, 1));
        if self.sent.datagrams == before {
            // The datagrams themselves are refused: that says nothing about runs.
            return;
        }
        match errno {
            // Each datagram has to be cut into fragments, which a run cannot be.
            Some(libc::EMSGSIZE) => {
                self.limits.segment_size = self.limits.segment_size.min(run.segment - 1);
            }
            _ => *self.limits = Limits::NONE,
        }
    }

    fn took(&mut self, message: &Message<'_>) {
        let count = message.count();
        self.sent.datagrams += count;
        self.counters.sent += count as u64;
        self.counters.sent_bytes += message.bytes.len() as u64;
        self.counters.runs += u64::from(message.is_run());
    }

    #[cold]
    fn refused(&mut self, message: &Message<'_>, error: io::Error) {
        let count = message.count();
        self.sent.refused += count;
        self.counters.refused += count as u64;
        self.remember(message, error);
    }

    /// Keeps the first error.
    #[cold]
    fn remember(&mut self, message: &Message<'_>, error: io::Error) {
        let (length, destination) = (message.segment, message.destination);
        self.sent
            .error
            .get_or_insert_with(|| self.endpoint.send_failure(length, destination, error));
    }
}

#[cfg(test)]
#[path = "send_tests.rs"]
mod tests;
