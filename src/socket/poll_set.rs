//! Waiting for traffic on one socket or several (ppoll(2)).

use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};
use crate::units::LONGEST;

/// The events of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// A datagram may be received. Its checksum can turn out to be wrong, so receive without
    /// blocking.
    Datagram,
    /// The error queue has an entry, or the socket an error.
    Error,
}

/// A time for ppoll(2): at most a year, since more could overflow the kernel's signed seconds.
pub(crate) fn timespec(time: Duration) -> TimeSpec {
    TimeSpec::from(time.min(LONGEST))
}

/// Several sockets to wait for at once.
#[derive(Debug)]
pub(crate) struct PollSet<'a> {
    polled: Vec<PollFd<'a>>,
}

impl<'a> PollSet<'a> {
    /// A set of `sockets`, in their order.
    pub(crate) fn new<S: AsFd + 'a>(sockets: impl IntoIterator<Item = &'a S>) -> Self {
        let poll = |socket: &'a S| PollFd::new(socket.as_fd(), PollFlags::POLLIN);
        Self {
            polled: sockets.into_iter().map(poll).collect(),
        }
    }

    /// The same set with a waker after the sockets; its index is their number. It is not reset.
    #[cfg(feature = "server")]
    pub(crate) fn with_waker(mut self, waker: Option<&'a super::Waker>) -> Self {
        let waker = waker.map(|waker| PollFd::new(waker.as_fd(), PollFlags::POLLIN));
        self.polled.extend(waker);
        self
    }

    /// Waits until something arrives, without a limit if `timeout` is `None`; then returns each
    /// socket that has an event. It returns none after the timeout, or after a signal.
    ///
    /// # Errors
    /// The errors of ppoll(2).
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<impl Iterator<Item = (usize, Readiness)>> {
        let interrupted = match ppoll(&mut self.polled, timeout.map(timespec), None) {
            Ok(_) => false,
            Err(Errno::EINTR) => true,
            Err(errno) => return Err(Error::os("wait for", "a datagram", errno.into())),
        };
        let seen = move |(index, polled): (usize, &PollFd<'_>)| match polled.revents()? {
            // After an interrupted call the entries are those of the previous call.
            _ if interrupted => None,
            events if events.contains(PollFlags::POLLERR) => Some((index, Readiness::Error)),
            events if !events.is_empty() => Some((index, Readiness::Datagram)),
            _ => None,
        };
        Ok(self.polled.iter().enumerate().filter_map(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Endpoint;

    #[test]
    fn no_time_is_too_long() {
        let socket = Endpoint::builder()
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        let own = socket.local_address().unwrap();
        for time in [LONGEST * 2, Duration::from_secs(1 << 63), Duration::MAX] {
            socket.send_to(b"x", own).unwrap();
            assert_eq!(socket.wait(Some(time)).unwrap(), Some(Readiness::Datagram));
        }
    }
}
