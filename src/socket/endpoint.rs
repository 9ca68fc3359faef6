//! The socket itself: receive, send, reply, wait.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use socket2::{MsgHdr, SockAddr, Socket};

use super::address::Family;
use super::datagram::ReceiveBuffer;
use super::error_queue::QueuedError;
use super::failure::{receive_error, route_error, send_error};
use super::option::{self, OptionType, Readable, Settable, TypedOption};
use super::options::{self, OptionValue};
use super::poll_set::{PollSet, Readiness};
use super::received::Received;
use crate::error::{Error, Result};
use crate::sys::control::{self, Outgoing};
use crate::sys::sockopt;
use crate::units::LONGEST;

/// A UDP socket.
///
/// It tracks which options request control messages: it receives with plain `recvfrom` while none
/// is on, and with `recvmsg` and a control buffer of the exact size otherwise.
#[derive(Debug)]
pub struct Endpoint {
    socket: Socket,
    family: Family,
    /// Bytes of control buffer that the enabled options need; 0 without any.
    control: usize,
}

impl Endpoint {
    pub(super) fn new(socket: Socket, family: Family, control: usize) -> Self {
        Self {
            socket,
            family,
            control,
        }
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The address family of the socket.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Sets a socket option. If it requests a control message with each datagram, the control
    /// buffer has room for it from now on.
    ///
    /// ```
    /// use udpraw::socket::{Endpoint, Family, option};
    /// let mut endpoint = Endpoint::builder().unbound(Family::V4)?;
    /// endpoint.set(option::IP_RECVTTL, true)?;
    /// endpoint.set(option::IP_TTL, 9)?;
    /// assert_eq!(endpoint.get(option::IP_TTL)?, 9);
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of setsockopt(2), with the option's name and value.
    pub fn set<T: OptionType, A: Settable>(
        &mut self,
        option: TypedOption<T, A>,
        value: T,
    ) -> Result<()> {
        self.apply(&option.with_value(value))
    }

    /// Reads a socket option.
    ///
    /// # Errors
    /// The errors of [`TypedOption::get`].
    pub fn get<T: OptionType, A: Readable>(&self, option: TypedOption<T, A>) -> Result<T> {
        option.get(self)
    }

    /// Sets a socket option to a value that is known only at run time, for example from a command
    /// line; otherwise as [`Self::set`].
    ///
    /// # Errors
    /// The errors of setsockopt(2), with the option's name and value.
    pub fn apply(&mut self, setting: &OptionValue) -> Result<()> {
        setting.apply(self.as_fd())?;
        if setting.is_about_control() {
            self.control = options::enabled_control(self.as_fd(), self.family);
        }
        Ok(())
    }

    /// The address that the socket is bound to (getsockname(2)); the wildcard address and port 0
    /// before the bind.
    ///
    /// # Errors
    /// The errors of getsockname(2).
    pub fn local_address(&self) -> Result<SocketAddr> {
        self.socket
            .local_addr()
            .map(|address| to_socket_addr(&address))
            .map_err(|source| Error::os("read", "the socket's own address", source))
    }

    /// Fixes the peer (connect(2)): sends go there, datagrams from other addresses are not
    /// received, and an ICMP port unreachable is returned as ECONNREFUSED.
    ///
    /// # Errors
    /// The errors of connect(2), such as ENETUNREACH without a route.
    pub fn connect(&self, peer: SocketAddr) -> Result<()> {
        self.socket
            .connect(&SockAddr::from(peer))
            .map_err(|source| route_error("connect to", peer, source))
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    /// The errors of recvfrom(2), such as ECONNREFUSED on a connected socket after an ICMP message.
    /// A signal is not an error: the call is restarted.
    pub fn receive<'a>(&self, buffer: &'a mut ReceiveBuffer) -> Result<Received<'a>> {
        loop {
            match self.receive_once(buffer, 0) {
                Ok(()) => return Ok(Received::from_buffer(&buffer.0)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(receive_error(error)),
            }
        }
    }

    /// Waits for a datagram or a signal: `None` if a signal handler ran, so that the caller can
    /// check what it changed.
    ///
    /// # Errors
    /// The errors of [`Self::receive`].
    pub fn receive_interruptible<'a>(
        &self,
        buffer: &'a mut ReceiveBuffer,
    ) -> Result<Option<Received<'a>>> {
        match self.receive_once(buffer, 0) {
            Ok(()) => Ok(Some(Received::from_buffer(&buffer.0))),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(receive_error(error)),
        }
    }

    /// Receives a datagram that has already arrived (`MSG_DONTWAIT`), if any.
    ///
    /// # Errors
    /// The errors of [`Self::receive`].
    pub fn try_receive<'a>(&self, buffer: &'a mut ReceiveBuffer) -> Result<Option<Received<'a>>> {
        loop {
            match self.receive_once(buffer, libc::MSG_DONTWAIT) {
                Ok(()) => return Ok(Some(Received::from_buffer(&buffer.0))),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(receive_error(error)),
            }
        }
    }

    fn receive_once(&self, buffer: &mut ReceiveBuffer, mut flags: i32) -> io::Result<()> {
        // With MSG_TRUNC the call returns the true length (recv(2)). No datagram is longer than
        // the default buffer, which therefore does without, as the textbook's program does.
        if buffer.capacity() < ReceiveBuffer::DEFAULT_CAPACITY {
            flags |= libc::MSG_TRUNC;
        }
        if self.control == 0 {
            buffer.0.receive_from(self.as_fd(), flags)
        } else {
            buffer.0.receive_message(self.as_fd(), flags, self.control)
        }
    }

    /// Reads the oldest entry of the error queue, if any: an error (needs `IP_RECVERR`; ip(7)), or
    /// the time when a message was sent (needs `SO_TIMESTAMPING`).
    ///
    /// The buffer receives the payload of the datagram that caused it.
    ///
    /// # Errors
    /// The errors of recvmsg(2) with `MSG_ERRQUEUE`.
    pub fn queued_error(&self, buffer: &mut ReceiveBuffer) -> Result<Option<QueuedError>> {
        let control = self.control + control::space(QueuedError::PAYLOAD);
        loop {
            match buffer
                .0
                .receive_message(self.as_fd(), libc::MSG_ERRQUEUE, control)
            {
                Ok(()) => return Ok(QueuedError::read(&Received::from_buffer(&buffer.0))),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(receive_error(error)),
            }
        }
    }

    /// Reads and clears the pending error of the socket (`SO_ERROR`), if any.
    ///
    /// # Errors
    /// The errors of getsockopt(2).
    pub fn take_error(&self) -> Result<Option<Error>> {
        match self.socket.take_error() {
            Ok(pending) => Ok(pending.map(receive_error)),
            Err(source) => Err(Error::os("read", "SO_ERROR", source)),
        }
    }

    /// Sends one datagram to `destination`.
    ///
    /// # Errors
    /// The errors of sendto(2): EMSGSIZE above [`Family::largest_payload`], EACCES for a broadcast
    /// without `SO_BROADCAST`, ENETUNREACH, and ECONNREFUSED on a socket that receives ICMP errors.
    pub fn send_to(&self, bytes: &[u8], destination: SocketAddr) -> Result<()> {
        let address = SockAddr::from(destination);
        retry(|| self.socket.send_to(bytes, &address))
            .map_err(|source| send_error(bytes.len(), destination, source))
    }

    /// Sends one datagram to the peer that [`Self::connect`] fixed.
    ///
    /// # Errors
    /// The errors of [`Self::send_to`]; EDESTADDRREQ without a peer.
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        retry(|| self.socket.send(bytes))
            .map_err(|source| self.send_failure(bytes.len(), None, source))
    }

    /// The error of a failed send; without a `destination` it was sent to the connected peer.
    #[cold]
    pub(crate) fn send_failure(
        &self,
        length: usize,
        destination: Option<SocketAddr>,
        source: io::Error,
    ) -> Error {
        let peer = || self.socket.peer_addr().ok()?.as_socket();
        let destination = destination
            .or_else(peer)
            .unwrap_or(self.family.unspecified());
        send_error(length, destination, source)
    }

    /// The error of a failed receive.
    #[cold]
    pub(crate) fn receive_failure(&self, source: io::Error) -> Error {
        receive_error(source)
    }

    /// Bytes of control buffer that the enabled options need; 0 without any.
    pub(crate) fn control_space(&self) -> usize {
        self.control
    }

    /// The TOS byte and the traffic class of its outgoing datagrams, without ECN; 0 without such an
    /// option.
    pub(crate) fn dscp(&self) -> (u8, u8) {
        let read = |level, name| {
            let mut value = [0; 4];
            let read = sockopt::get(self.as_fd(), level, name, &mut value);
            read.map_or(0, |_| i32::from_ne_bytes(value) as u8 & !0b11)
        };
        (
            read(libc::IPPROTO_IP, libc::IP_TOS),
            read(libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
        )
    }

    /// Whether its calls return EAGAIN instead of waiting (`O_NONBLOCK`), as the descriptor was set
    /// up.
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.socket.nonblocking().unwrap_or(false)
    }

    /// Makes calls on the socket fail with `WouldBlock` (EAGAIN) instead of waiting, as an event loop
    /// needs it, or wait again (`O_NONBLOCK`, fcntl(2)). Set it before a
    /// [`Transport`](crate::io::Transport) takes the socket.
    ///
    /// # Errors
    /// Of fcntl(2).
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.socket
            .set_nonblocking(on)
            .map_err(|source| Error::os("set", "O_NONBLOCK", source))
    }

    /// Limits the wait of a receive to `timeout` (`SO_RCVTIMEO`); `None` for no limit.
    pub(crate) fn set_receive_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        // The kernel counts whole microseconds, and 0 means no limit.
        let timeout = timeout.map(|timeout| {
            let micros = timeout.min(LONGEST).as_nanos().div_ceil(1000).max(1);
            Duration::from_micros(micros as u64)
        });
        self.socket
            .set_read_timeout(timeout)
            .map_err(|source| Error::os("set", "SO_RCVTIMEO", source))
    }

    /// Sends one datagram to the sender of `received`, from the address that the request was sent
    /// to if [`Builder::packet_info`](super::Builder::packet_info) requested it.
    ///
    /// # Errors
    /// The errors of [`Self::send_to`].
    pub fn reply(&self, received: &Received<'_>, bytes: &[u8]) -> Result<()> {
        let source = if self.control == 0 {
            None
        } else {
            received.reply_source()
        };
        let Some(source) = source else {
            return self.send_to(bytes, received.source());
        };
        let mut control = Outgoing::new();
        source.push(&mut control);
        let client = SockAddr::from(received.source());
        let buffers = [io::IoSlice::new(bytes)];
        let message = MsgHdr::new()
            .with_addr(&client)
            .with_buffers(&buffers)
            .with_control(control.bytes());
        retry(|| self.socket.sendmsg(&message, 0))
            .map_err(|source| send_error(bytes.len(), received.source(), source))
    }

    /// Waits until something arrives, without a limit if `timeout` is `None`; returns `None` after
    /// the timeout, or after a signal.
    ///
    /// # Errors
    /// The errors of ppoll(2).
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<Readiness>> {
        let mut set = PollSet::new([self]);
        let seen = set.wait(timeout)?.next();
        Ok(seen.map(|(_, traffic)| traffic))
    }

    /// How many datagrams the kernel has dropped on this socket since it was made, mostly because
    /// the receive buffer was full (`SO_MEMINFO`, Linux 4.12; the drops column of `/proc/net/udp`).
    ///
    /// # Errors
    /// The errors of getsockopt(2).
    pub fn kernel_drops(&self) -> Result<u32> {
        Ok(self.get(option::SO_MEMINFO)?.drops)
    }
}

/// Restarts a call that a signal interrupted. A datagram is sent whole or not at all, so the byte
/// count that the call returns is not needed.
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<()> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(()),
        }
    }
}

fn to_socket_addr(address: &SockAddr) -> SocketAddr {
    // UDP sockets have AF_INET or AF_INET6 addresses; the fallback is for a foreign fd.
    address.as_socket().unwrap_or(Family::V4.unspecified())
}

impl AsFd for Endpoint {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Endpoint {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl From<Endpoint> for OwnedFd {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.socket.into()
    }
}

/// Takes over a UDP socket made elsewhere. Its options are read, to size the control buffer for what they
/// bring with each datagram.
impl From<OwnedFd> for Endpoint {
    fn from(fd: OwnedFd) -> Self {
        let socket = Socket::from(fd);
        let family = match socket.local_addr() {
            Ok(address) if address.is_ipv6() => Family::V6,
            _ => Family::V4,
        };
        let control = options::enabled_control(socket.as_fd(), family);
        Self {
            socket,
            family,
            control,
        }
    }
}
