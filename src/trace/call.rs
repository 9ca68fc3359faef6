//! A system call as it was made: its arguments as values, and the facts in it.

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
    /// It never returned: the process ended in it, or the tracer let go of it.
    #[default]
    Never,
}

/// What a socket is: the three arguments of socket(2), without the flags in the type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kind {
    /// `AF_INET`, `AF_UNIX` …
    pub domain: i32,
    /// `SOCK_DGRAM`, `SOCK_STREAM` …
    pub style: i32,
    /// `IPPROTO_UDP`, or 0 for the only one.
    pub protocol: i32,
}

impl Kind {
    /// Whether it is a UDP socket, over IPv4 or IPv6 (UDP-Lite included).
    pub fn is_udp(&self) -> bool {
        matches!(self.domain, libc::AF_INET | libc::AF_INET6)
            && self.style == libc::SOCK_DGRAM
            && matches!(self.protocol, 0 | libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE)
    }

    /// One word for it: `udp`, `tcp`, `unix`, `netlink`.
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

/// Which way a call moves datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the program to the kernel.
    Out,
    /// From the kernel to the program.
    In,
}

/// One datagram, or one offloaded run of them, that a call moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// The other side, as the call names it; `None` on a connected socket.
    pub peer: Option<SocketAddr>,
    /// How many bytes, headers not counted; of a truncated datagram those that came.
    pub bytes: usize,
    /// The first of them.
    pub start: Vec<u8>,
    /// The size of each datagram in it, if it is a run (`UDP_SEGMENT`, `UDP_GRO`).
    pub segment: Option<usize>,
    /// Whether it comes from the error queue: something that was sent earlier.
    pub is_error: bool,
}

/// Kinds of events that poll(2) and its like wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events(u8);

impl Events {
    /// There is something to receive.
    pub const INPUT: Self = Self(1);
    /// There is room to send.
    pub const OUTPUT: Self = Self(2);
    /// An error, an end, or something urgent.
    pub const OTHER: Self = Self(4);

    /// From the bits of poll(2), which are epoll(7)'s too.
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

    /// Whether one of them is among these.
    pub fn has(self, event: Self) -> bool {
        self.0 & event.0 != 0
    }

    /// Whether there is none.
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

/// What a call of poll(2) or its like waited for, and what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// How long it would have waited at most; `None` is for ever.
    pub limit: Option<Duration>,
    /// The events that it asked for; none where the call does not say (epoll).
    pub asked: Events,
    /// Those that it found.
    pub ready: Events,
}

/// What a call says about sockets, beyond its arguments.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The file descriptor that it is about.
    pub fd: Option<i32>,
    /// The socket behind it.
    pub kind: Option<Kind>,
    /// The socket's inode, the same in every process that shares it.
    pub socket: Option<u64>,
    /// The socket's own address, where it is known.
    pub local: Option<SocketAddr>,
    /// The address that it is connected to.
    pub connected: Option<SocketAddr>,
    /// The address in the call: where to bind, connect or send, or where from.
    pub address: Option<SocketAddr>,
    /// Whether the kernel picked the local port in this very call.
    pub is_port_picked: bool,
    /// The `MSG_*` flags of the call.
    pub flags: i32,
    /// The option that was set or read, and its value.
    pub option: Option<(&'static SocketOption, Option<Value>)>,
    /// Which way datagrams went.
    pub direction: Option<Direction>,
    /// The datagrams that it moved.
    pub moved: Vec<Moved>,
    /// File descriptors that it made or closed, or looked at.
    pub fds: Vec<i32>,
    /// A second file descriptor or number: the target of dup2, the command of fcntl.
    pub number: i64,
    /// The argument of that command, where it is an `int`: the flags of `F_SETFL`, the switch of
    /// `FIONBIO`.
    pub value: i32,
    /// What it waited for, if it is one of poll(2)'s kind.
    pub wait: Option<Wait>,
    /// Whether the socket behind [`Self::fd`] was set not to block when the call was made; `None`
    /// where nobody knows.
    pub is_nonblocking: Option<bool>,
    /// An ICMP error that the error queue brought: errno, type and code, and who sent it.
    pub icmp: Option<(i32, u8, u8, Option<SocketAddr>)>,
}

/// What strace adds to a result.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Remark {
    /// Nothing.
    #[default]
    None,
    /// The time to wait was over.
    Timeout,
    /// The result is a sum of flags, and these are they.
    Flags(Argument),
    /// The result is a signal.
    Signal(i32),
    /// The time that is left of the time to wait.
    Left(Argument),
    /// What poll(2) found.
    Polled {
        /// Descriptors with events, and the events (`POLLIN` …).
        ready: Vec<(i32, Argument)>,
        /// How many of them are shown at most.
        shown: usize,
        /// The time that is left.
        left: Option<Argument>,
    },
    /// What select(2) found: the sets to read, to write and of exceptions.
    Selected {
        /// Those that are not empty.
        sets: [Option<Vec<i32>>; 3],
        /// The time that is left.
        left: Option<Argument>,
    },
}

/// A system call.
///
/// Its text is made when it is asked for: [`Call::line`] in strace's notation, [`Call::explain`] in
/// English, [`Call::python`] in Python.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The thread that made it.
    pub thread: i32,
    /// The process that the thread belongs to.
    pub process: i32,
    /// Its name.
    pub name: &'static str,
    /// When it was made, since 1970.
    pub began: Duration,
    /// How long it took, as the tracer saw it.
    pub took: Duration,
    /// How it ended.
    pub returned: Returned,
    /// What its result means, where that is not plain.
    pub remark: Remark,
    /// What it says about sockets.
    pub facts: Facts,
    /// Its arguments, in their order.
    pub arguments: Vec<Argument>,
    /// How much of it strace writes as the call begins.
    pub(super) shown: Shown,
    /// Whether that has been told already, as an [`Event::Unfinished`](super::Event::Unfinished).
    pub(super) is_resumed: bool,
}

/// How many of a call's arguments are known as it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shown {
    /// All of them.
    #[default]
    Whole,
    /// So many; what the kernel writes comes behind them.
    Some(usize),
}

impl Call {
    /// The value that it returned, if it returned one.
    pub fn value(&self) -> Option<i64> {
        match self.returned {
            Returned::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Whether the socket blocks no more from this call on; `None` if it changes nothing about that.
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

    /// Empties it for the next call, and keeps its memory.
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

    /// Adds the next argument, a number without a sign.
    pub(super) fn push_unsigned(&mut self, number: impl Into<u64>) {
        self.push(Argument::Unsigned(number.into()));
    }

    /// Cuts the arguments to what a call on a socket of another kind is worth: the descriptor, what
    /// it is, and the address.
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
