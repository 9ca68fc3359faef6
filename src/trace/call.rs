//! A system call: its arguments as values, and what they say about sockets.

use std::net::SocketAddr;
use std::time::Duration;

use super::address::SocketAddress;
use super::argument::Argument;
use crate::socket::options::{SocketOption, Value};

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Returned {
    /// It returned this value.
    Value(i64),
    /// It failed with this errno.
    Error(i32),
    /// It never returned: the process ended in it, or the tracer detached from it.
    #[default]
    Never,
}

/// The kind of a socket: the three arguments of socket(2), without the flags in the type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kind {
    /// `AF_INET`, `AF_UNIX` …
    pub domain: i32,
    /// `SOCK_DGRAM`, `SOCK_STREAM` …
    pub style: i32,
    /// `IPPROTO_UDP`, or 0 for the default.
    pub protocol: i32,
}

impl Kind {
    /// Whether it is a UDP socket, over IPv4 or IPv6 (UDP-Lite included).
    pub fn is_udp(&self) -> bool {
        matches!(self.domain, libc::AF_INET | libc::AF_INET6)
            && self.style == libc::SOCK_DGRAM
            && matches!(self.protocol, 0 | libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE)
    }

    /// The kind in one word: `udp`, `tcp`, `unix`, `netlink`.
    pub fn word(&self) -> &'static str {
        match (self.domain, self.style) {
            _ if self.is_udp() => "udp",
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM) => "tcp",
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM) => "icmp",
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_RAW) => "raw",
            (libc::AF_UNIX, _) => "unix",
            (libc::AF_NETLINK, _) => "netlink",
            (libc::AF_PACKET, _) => "packet",
            (libc::AF_VSOCK, _) => "vsock",
            _ => "socket",
        }
    }
}

/// The direction in which a call moves datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the program to the kernel.
    Out,
    /// From the kernel to the program.
    In,
}

/// One datagram, or one offloaded run of datagrams, that a call moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// The peer's address in the call; `None` if the call has none, as on a connected socket.
    pub peer: Option<SocketAddr>,
    /// The number of payload bytes; for a truncated datagram, those that were delivered.
    pub bytes: usize,
    /// The first bytes.
    pub start: Vec<u8>,
    /// The size of each datagram, for a run (`UDP_SEGMENT`, `UDP_GRO`).
    pub segment: Option<usize>,
    /// Whether it comes from the error queue: a datagram that was sent earlier.
    pub is_error: bool,
}

/// The kinds of events that poll(2), select(2) and epoll_wait(2) wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events(u8);

impl Events {
    /// There is something to receive.
    pub const INPUT: Self = Self(1);
    /// There is room to send.
    pub const OUTPUT: Self = Self(2);
    /// An error, a hang-up, or urgent data.
    pub const OTHER: Self = Self(4);

    /// Converts the bits of poll(2), which epoll(7) shares.
    pub(super) fn polled(bits: u16) -> Self {
        const INPUT: i16 = libc::POLLIN | libc::POLLRDNORM | libc::POLLRDBAND;
        const OUTPUT: i16 = libc::POLLOUT | libc::POLLWRNORM | libc::POLLWRBAND;
        let bits = bits.cast_signed();
        let one = |mask: i16, event: Self| if bits & mask != 0 { event.0 } else { 0 };
        Self(
            one(INPUT, Self::INPUT)
                | one(OUTPUT, Self::OUTPUT)
                | one(!(INPUT | OUTPUT), Self::OTHER),
        )
    }

    /// Whether any of `event` is among these.
    pub fn has(self, event: Self) -> bool {
        self.0 & event.0 != 0
    }

    /// Whether no event is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::BitOr for Events {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The events that a poll(2), select(2) or epoll_wait(2) waited for and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The timeout; `None` is unlimited.
    pub limit: Option<Duration>,
    /// The events that it asked for; none if the call does not name them (epoll).
    pub asked: Events,
    /// The events that it found.
    pub ready: Events,
}

/// Facts about the sockets in a call, beyond its arguments.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The file descriptor that the call operates on.
    pub fd: Option<i32>,
    /// The socket that the descriptor refers to.
    pub kind: Option<Kind>,
    /// The socket's inode, the same in every process that shares it.
    pub socket: Option<u64>,
    /// The socket's local address, if known.
    pub local: Option<SocketAddr>,
    /// The address that the socket is connected to.
    pub connected: Option<SocketAddr>,
    /// The address in the call: to bind, to connect to, of the destination or of the sender.
    pub address: Option<SocketAddr>,
    /// Whether the kernel picked the local port in this call.
    pub is_port_picked: bool,
    /// The `MSG_*` flags of the call.
    pub flags: i32,
    /// The option that was set or read, and its value.
    pub option: Option<(&'static SocketOption, Option<Value>)>,
    /// The direction of the datagrams.
    pub direction: Option<Direction>,
    /// The datagrams that it moved.
    pub moved: Vec<Moved>,
    /// File descriptors that the call created, closed or polled.
    pub fds: Vec<i32>,
    /// A second file descriptor or number: the target of dup2, the command of fcntl.
    pub number: i64,
    /// The argument of that command, if it is an `int`: the flags of `F_SETFL`, the switch of
    /// `FIONBIO`.
    pub value: i32,
    /// The events that it waited for, if it is poll(2), select(2) or epoll_wait(2).
    pub wait: Option<Wait>,
    /// Whether the socket of [`Self::fd`] was non-blocking when the call was made; `None` if unknown.
    pub is_nonblocking: Option<bool>,
    /// An ICMP error from the error queue: errno, type and code, and its sender.
    pub icmp: Option<(i32, u8, u8, Option<SocketAddr>)>,
}

/// The comment that strace adds to a result.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Remark {
    /// Nothing.
    #[default]
    None,
    /// The timeout expired.
    Timeout,
    /// The result is a set of flags.
    Flags(Argument),
    /// The result is a signal.
    Signal(i32),
    /// The remainder of the timeout.
    Left(Argument),
    /// What poll(2) found.
    Polled {
        /// Descriptors with events, and the events (`POLLIN` …).
        ready: Vec<(i32, Argument)>,
        /// The maximum number that is shown.
        shown: usize,
        /// The remainder of the timeout.
        left: Option<Argument>,
    },
    /// What select(2) found: the sets for reading, writing and exceptions.
    Selected {
        /// The non-empty sets.
        sets: [Option<Vec<i32>>; 3],
        /// The remainder of the timeout.
        left: Option<Argument>,
    },
}

/// A system call.
///
/// Its text is made on request: [`Call::line`] in strace's notation, [`Call::explain`] in English,
/// [`Call::python`] in Python.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The thread that made the call.
    pub thread: i32,
    /// The process that the thread belongs to.
    pub process: i32,
    /// Its name.
    pub name: &'static str,
    /// The time of the call, since 1970.
    pub began: Duration,
    /// Its duration, as measured by the tracer.
    pub took: Duration,
    /// How it ended.
    pub returned: Returned,
    /// The meaning of its result, if that is not obvious.
    pub remark: Remark,
    /// What the call says about sockets.
    pub facts: Facts,
    /// Its arguments, in order.
    pub arguments: Vec<Argument>,
    /// How many of its arguments strace writes when the call begins.
    pub(super) shown: Shown,
    /// Whether the beginning has been reported already, by an
    /// [`Event::Unfinished`](super::Event::Unfinished).
    pub(super) is_resumed: bool,
}

/// How many of a call's arguments are known when it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shown {
    /// All of them.
    #[default]
    Whole,
    /// The first N; the kernel writes the rest.
    Some(usize),
}

impl Call {
    /// The return value, if the call succeeded.
    pub fn value(&self) -> Option<i64> {
        match self.returned {
            Returned::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Whether the socket is non-blocking after this call; `None` if the call does not change that.
    pub(super) fn nonblocking_from_now(&self) -> Option<bool> {
        let (number, value) = (self.facts.number, self.facts.value);
        match (self.name, self.value()?) {
            ("fcntl", _) if number == i64::from(libc::F_SETFL) => {
                Some(value & libc::O_NONBLOCK != 0)
            }
            ("fcntl", flags) if number == i64::from(libc::F_GETFL) => {
                Some(flags & i64::from(libc::O_NONBLOCK) != 0)
            }
            ("ioctl", _) if number == 0x5421 => Some(value != 0),
            _ => None,
        }
    }

    /// Clears it for the next call, and keeps its memory.
    pub(super) fn clear(&mut self) {
        let (mut arguments, mut moved, mut fds) = (
            std::mem::take(&mut self.arguments),
            std::mem::take(&mut self.facts.moved),
            std::mem::take(&mut self.facts.fds),
        );
        arguments.clear();
        moved.clear();
        fds.clear();
        *self = Self {
            arguments,
            facts: Facts {
                moved,
                fds,
                ..Facts::default()
            },
            ..Self::default()
        };
    }

    /// Adds the next argument.
    pub(super) fn push(&mut self, argument: Argument) {
        self.arguments.push(argument);
    }

    /// Adds the next argument, a number.
    pub(super) fn push_signed(&mut self, number: impl Into<i64>) {
        self.push(Argument::Signed(number.into()));
    }

    /// Adds the next argument, an unsigned number.
    pub(super) fn push_unsigned(&mut self, number: impl Into<u64>) {
        self.push(Argument::Unsigned(number.into()));
    }

    /// Reduces the arguments of a call on a socket that is not UDP to the descriptor, the kind and the
    /// address.
    pub(super) fn shorten(&mut self) {
        let kind = self.facts.kind.map_or("socket", |kind| kind.word());
        let has_address = matches!(self.name, "connect" | "bind" | "accept" | "accept4");
        let address = match self.arguments.get_mut(1) {
            Some(Argument::SocketAddress(address)) if has_address => {
                let nothing = SocketAddress::Family(0);
                Some(Box::new(std::mem::replace(&mut **address, nothing)))
            }
            _ => None,
        };
        self.arguments.truncate(1);
        self.push(Argument::Brief { kind, address });
    }
}
