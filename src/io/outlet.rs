//! Turns messages into system calls.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};

use super::transmit::Transmit;
use crate::socket::{Endpoint, Family, timespec};
use crate::sys::control::Outgoing;
use crate::sys::mmsg::{self, SendArena};
#[cfg(feature = "uring")]
use crate::sys::uring::SendRing;

/// The destination of messages: the kernel, or a test's replacement.
pub(super) trait Outlet {
    /// One call for `count` messages, or for as many of them as a call accepts; it blocks if
    /// `may_block` and the socket does.
    ///
    /// Returns how many were sent: those before the first failure. An error belongs to the first
    /// message, and then none was sent.
    fn attempt<'m>(
        &mut self,
        endpoint: &Endpoint,
        count: usize,
        may_block: bool,
        message: impl Fn(usize) -> Transmit<'m>,
    ) -> io::Result<usize>;

    /// Waits until the socket has room, at most as long as `left`; false after that time.
    fn wait_for_room(&mut self, endpoint: &Endpoint, left: Option<Duration>) -> io::Result<bool> {
        let mut socket = [PollFd::new(endpoint.as_fd(), PollFlags::POLLOUT)];
        match ppoll(&mut socket, left.map(timespec), None) {
            Ok(ready) => Ok(ready > 0),
            // A signal does not drop a datagram.
            Err(nix::errno::Errno::EINTR) => Ok(true),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The system calls of every backend.
pub(super) struct Calls {
    arena: SendArena,
    #[cfg(feature = "uring")]
    ring: Option<SendRing>,
    /// Runs fail with EIO, as on a device that cannot offload.
    is_offload_broken: bool,
    /// The DSCP bits of `IP_TOS` and `IPV6_TCLASS`, once a message has set its ECN.
    dscp: Option<(u8, u8)>,
}

impl Calls {
    /// Calls for up to `batch` messages each.
    pub(super) fn new(batch: usize, is_offload_broken: bool) -> Self {
        Self {
            arena: SendArena::new(batch),
            #[cfg(feature = "uring")]
            ring: None,
            is_offload_broken,
            dscp: None,
        }
    }

    /// The same, with a ring.
    #[cfg(feature = "uring")]
    pub(super) fn through(self, ring: SendRing) -> Self {
        Self {
            ring: Some(ring),
            ..self
        }
    }
}

impl Outlet for Calls {
    fn attempt<'m>(
        &mut self,
        endpoint: &Endpoint,
        count: usize,
        may_block: bool,
        message: impl Fn(usize) -> Transmit<'m>,
    ) -> io::Result<usize> {
        let mut count = count;
        if self.is_offload_broken {
            // As a kernel does: the messages before the run are sent, and then the run is refused.
            count = (0..count).take_while(|&at| !message(at).is_run()).count();
            if count == 0 {
                return Err(io::Error::from_raw_os_error(libc::EIO));
            }
        }
        let flags = if may_block { 0 } else { libc::MSG_DONTWAIT };
        let dscp = &mut self.dscp;
        let compose = |slot: usize, control: &mut Outgoing| {
            let message = message(slot);
            compose(&message, endpoint, dscp, control);
            (message.destination, message.contents)
        };
        #[cfg(feature = "uring")]
        if let Some(ring) = &mut self.ring {
            return ring.send(endpoint.as_fd(), &mut self.arena, count, flags, compose);
        }
        self.arena.send(endpoint.as_fd(), count, flags, compose)
    }
}

/// Writes a message's control messages. `Outgoing` has room for an address and three integers.
fn compose(
    message: &Transmit<'_>,
    endpoint: &Endpoint,
    dscp: &mut Option<(u8, u8)>,
    control: &mut Outgoing,
) {
    if let Some(source) = message.source {
        source.push(control);
    }
    if message.is_run() {
        push_segment_size(message.segment(), control);
    }
    let Some(ecn) = message.ecn else {
        return;
    };
    let (tos, class) = *dscp.get_or_insert_with(|| endpoint.dscp());
    // An IPv6 socket that talks to an IPv4-mapped address sends IPv4: each family skips the message
    // of the other (ip(7), ipv6(7)).
    let (is_v4, is_v6) = match message.destination {
        Some(SocketAddr::V4(_)) => (true, false),
        Some(SocketAddr::V6(to)) if to.ip().to_ipv4_mapped().is_some() => (true, false),
        Some(SocketAddr::V6(_)) => (false, true),
        None => (true, endpoint.family() == Family::V6),
    };
    let mut push = |level, kind, dscp: u8| {
        let value = i32::from(dscp | ecn.bits()).to_ne_bytes();
        let _ = control.push(level, kind, &value);
    };
    if is_v4 {
        push(libc::IPPROTO_IP, libc::IP_TOS, tos);
    }
    if is_v6 {
        push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, class);
    }
}

fn push_segment_size(size: usize, control: &mut Outgoing) {
    let size = u16::try_from(size).unwrap_or(u16::MAX);
    let _ = control.push(libc::IPPROTO_UDP, libc::UDP_SEGMENT, &size.to_ne_bytes());
}

/// One datagram or one run whose bytes are in several places.
pub(super) struct Scattered<'a> {
    pub(super) destination: Option<SocketAddr>,
    pub(super) parts: &'a [IoSlice<'a>],
    /// Bytes of all of them.
    pub(super) length: usize,
    /// The size of each datagram; the last may be shorter.
    pub(super) segment: usize,
    /// How many datagrams it contains.
    pub(super) count: usize,
}

impl Scattered<'_> {
    /// Sends it with one call.
    pub(super) fn send(&self, endpoint: &Endpoint) -> io::Result<()> {
        let mut control = Outgoing::new();
        if self.count > 1 {
            push_segment_size(self.segment, &mut control);
        }
        mmsg::send_parts(endpoint.as_fd(), self.destination, self.parts, &control)
    }
}
