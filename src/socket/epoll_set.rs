//! Waiting for traffic on many sockets, at a cost that does not grow with them (epoll(7)).

use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::poll_set::timespec;
use crate::error::{Error, Result};

/// The most sockets that one wait returns.
const EVENTS: usize = 64;

/// From this many milliseconds on, epoll's own timeout is used: its unit is one millisecond.
const COARSE: u128 = 2;

/// A changing set of sockets, and which of them have something to receive.
///
/// A socket leaves the set when its descriptor is closed.
#[derive(Debug)]
pub(crate) struct EpollSet {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

impl EpollSet {
    /// An empty set.
    ///
    /// # Errors
    /// The errors of epoll_create1(2), such as EMFILE.
    pub(crate) fn new() -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .map_err(|errno| Error::os("make", "an epoll instance", errno.into()))?;
        Ok(Self {
            epoll,
            events: vec![EpollEvent::empty(); EVENTS],
        })
    }

    /// Adds a socket, or a waker; the waits return its `key`.
    ///
    /// # Errors
    /// The errors of epoll_ctl(2), such as ENOSPC above `/proc/sys/fs/epoll/max_user_watches`.
    pub(crate) fn add(&self, socket: &impl AsFd, key: u64) -> Result<()> {
        self.epoll
            .add(socket.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, key))
            .map_err(|errno| Error::os("watch", "a socket", errno.into()))
    }

    /// Waits until something arrives, without a limit if `timeout` is `None`; then returns the keys
    /// of up to 64 sockets that have a datagram or an error. It returns none after the timeout, or
    /// after a signal, and may do so up to a millisecond early, if that is at most half of the
    /// timeout.
    ///
    /// # Errors
    /// The errors of epoll_wait(2) and ppoll(2).
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> Result<impl Iterator<Item = u64>> {
        let coarse = match timeout {
            None => EpollTimeout::NONE,
            Some(timeout) if timeout.as_millis() >= COARSE => {
                let longest = i32::MAX.unsigned_abs().into();
                // At most the maximum of an i32.
                let millis = timeout.as_millis().min(longest) as i32;
                EpollTimeout::try_from(millis).unwrap_or(EpollTimeout::NONE)
            }
            Some(timeout) => {
                if !timeout.is_zero() {
                    let polled = &mut [PollFd::new(self.epoll.0.as_fd(), PollFlags::POLLIN)];
                    match ppoll(polled, Some(timespec(timeout)), None) {
                        Ok(_) | Err(Errno::EINTR) => {}
                        Err(errno) => return Err(failed(errno)),
                    }
                }
                EpollTimeout::ZERO
            }
        };
        let ready = match self.epoll.wait(&mut self.events, coarse) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(failed(errno)),
        };
        Ok(self.events.iter().take(ready).map(EpollEvent::data))
    }
}

#[cold]
fn failed(errno: Errno) -> Error {
    Error::os("wait for", "a datagram", errno.into())
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
        let mut set = EpollSet::new().unwrap();
        set.add(&socket, 7).unwrap();
        for time in [
            None,
            Some(crate::units::LONGEST * 2),
            Some(Duration::from_secs(1 << 63)),
            Some(Duration::MAX),
        ] {
            socket.send_to(b"x", own).unwrap();
            assert_eq!(set.wait(time).unwrap().collect::<Vec<_>>(), [7]);
            let mut buffer = crate::socket::ReceiveBuffer::new();
            socket.receive(&mut buffer).unwrap();
        }
    }
}
