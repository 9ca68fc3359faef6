//! Sends messages in spite of partial sends, errors of earlier datagrams, and offload that a device
//! refuses.

use std::io;

use super::coalesce::Limits;
use super::counters::Counters;
use super::outlet::{Calls, Outlet, Scattered};
use super::transmit::Transmit;
use super::wait::{Wait, Waiting};
use crate::error::Error;
use crate::socket::Endpoint;

/// The result for the datagrams since the last flush.
#[derive(Debug, Default)]
pub struct Sent {
    /// How many the kernel accepted.
    pub datagrams: usize,
    /// How many it refused; they are given up, and later ones were still sent.
    pub refused: usize,
    /// The first error, of a refused datagram or of an earlier one.
    pub error: Option<Error>,
}

impl Sent {
    /// The number of datagrams sent, or the first error.
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

/// How many times a message is retried after an error that an earlier datagram may have caused.
fn retry_budget(errno: Option<i32>) -> u32 {
    match errno {
        // Never of the current datagram: each retry clears one ICMP error about an earlier one.
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

/// Whether an error may mean that the kernel or the device does not accept a run as such.
fn refuses_runs(errno: Option<i32>) -> bool {
    matches!(
        errno,
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP)
    )
}

/// What sending has learned and counted.
pub(super) struct SendState<O = Calls> {
    pub(super) outlet: O,
    pub(super) limits: Limits,
    pub(super) counters: Counters,
    /// Since the last flush.
    pub(super) sent: Sent,
}

impl<O: Outlet> SendState<O> {
    pub(super) fn new(outlet: O, limits: Limits) -> Self {
        Self {
            outlet,
            limits,
            counters: Counters::default(),
            sent: Sent::default(),
        }
    }

    /// Sends `count` messages in their order; each is sent once, or given up.
    ///
    /// Returns how many of them are finished: fewer than `count` only if the socket had no room for
    /// the next one for as long as `wait` allows.
    pub(super) fn send<'m>(
        &mut self,
        endpoint: &Endpoint,
        count: usize,
        wait: Wait,
        message: impl Fn(usize) -> Transmit<'m>,
    ) -> usize {
        let (mut next, mut tries) = (0, 0);
        let mut waiting = Waiting::new(wait);
        let may_block = wait == Wait::Forever;
        while next < count {
            let left = count - next;
            let attempt = self
                .outlet
                .attempt(endpoint, left, may_block, |at| message(next + at));
            match attempt {
                Ok(taken) => {
                    let taken = taken.clamp(1, left);
                    self.counters.syscalls += 1;
                    self.counters.batches += 1;
                    for at in next..next + taken {
                        self.took(&message(at));
                    }
                    (next, tries) = (next + taken, 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.counters.syscalls += 1;
                    self.counters.would_block += 1;
                    if waiting.wait == Wait::Never {
                        return next;
                    }
                    self.counters.syscalls += 1;
                    match self.outlet.wait_for_room(endpoint, waiting.left()) {
                        Ok(true) => {}
                        Ok(false) => return next,
                        Err(error) => {
                            self.refused(endpoint, &message(next), error);
                            next += 1;
                        }
                    }
                }
                Err(error) => {
                    self.counters.syscalls += 1;
                    self.counters.errors += 1;
                    let (message, errno) = (message(next), error.raw_os_error());
                    if tries < retry_budget(errno) {
                        tries += 1;
                        self.remember(endpoint, &message, error);
                        continue;
                    }
                    if message.is_run() && refuses_runs(errno) {
                        self.split(endpoint, &message, errno);
                    } else {
                        self.refused(endpoint, &message, error);
                    }
                    (next, tries) = (next + 1, 0);
                }
            }
        }
        next
    }

    /// Sends bytes in several places with one call; `false` if they were not sent, for any reason:
    /// then they must be sent another way, which finds the reason.
    pub(super) fn gather(&mut self, endpoint: &Endpoint, scattered: &Scattered<'_>) -> bool {
        self.counters.syscalls += 1;
        if let Err(error) = scattered.send(endpoint) {
            if retry_budget(error.raw_os_error()) > 0 {
                // It may be of an earlier datagram: it is reported, whatever happens to this one.
                let length = scattered.segment.min(scattered.length);
                self.sent.error.get_or_insert_with(|| {
                    endpoint.send_failure(length, scattered.destination, error)
                });
            }
            return false;
        }
        self.counters.batches += 1;
        self.count_sent(scattered.count, scattered.length);
        true
    }

    /// Sends a refused run in smaller ones, or as single datagrams, and learns from it.
    ///
    /// It waits for room without a limit: half a run may have been sent.
    fn split(&mut self, endpoint: &Endpoint, run: &Transmit<'_>, errno: Option<i32>) {
        // Before Linux 6.9 a run has at most 64 datagrams; more of them are EINVAL.
        const OLDER: usize = 64;
        if errno == Some(libc::EINVAL) && run.count() > OLDER {
            let failed = self.sent.refused;
            self.send(endpoint, run.parts(OLDER), Wait::Forever, |index| {
                run.part(index, OLDER)
            });
            if self.sent.refused == failed {
                self.limits.segments = self.limits.segments.min(OLDER);
            }
            return;
        }
        self.counters.offload_fallbacks += 1;
        let before = self.sent.datagrams;
        self.send(endpoint, run.parts(1), Wait::Forever, |index| {
            run.part(index, 1)
        });
        if self.sent.datagrams == before {
            // The datagrams themselves are refused: that says nothing about runs.
            return;
        }
        match errno {
            // Each datagram must be fragmented, which a run cannot be.
            Some(libc::EMSGSIZE) => {
                self.limits.segment_size = self.limits.segment_size.min(run.segment() - 1);
            }
            _ => self.limits = Limits::NONE,
        }
    }

    fn took(&mut self, message: &Transmit<'_>) {
        self.count_sent(message.count(), message.contents.len());
    }

    fn count_sent(&mut self, datagrams: usize, bytes: usize) {
        self.sent.datagrams += datagrams;
        self.counters.sent_messages += 1;
        self.counters.sent += datagrams as u64;
        self.counters.sent_bytes += bytes as u64;
        self.counters.runs += u64::from(datagrams > 1);
    }

    #[cold]
    fn refused(&mut self, endpoint: &Endpoint, message: &Transmit<'_>, error: io::Error) {
        let count = message.count();
        self.sent.refused += count;
        self.counters.refused += count as u64;
        self.remember(endpoint, message, error);
    }

    /// Keeps the first error.
    #[cold]
    fn remember(&mut self, endpoint: &Endpoint, message: &Transmit<'_>, error: io::Error) {
        self.sent.error.get_or_insert_with(|| {
            endpoint.send_failure(message.segment(), message.destination, error)
        });
    }
}

#[cfg(test)]
#[path = "send_tests.rs"]
mod tests;
