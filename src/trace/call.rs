//! A system call as it was made: in strace's notation, and the facts in it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::errno_name;
use crate::socket::options::{SocketOption, Value};

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
pub struct Wait {
    /// How long it would have waited at most; `None` is for ever.
    pub limit: Option<Duration>,
    /// The events that it asked for; none where the call does not say (epoll).
    pub asked: Events,
    /// Those that it found.
    pub ready: Events,
}

/// What a call says about sockets, beyond its text.
#[derive(Clone, Debug, Default)]
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

/// A system call.
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
    /// What strace adds to the result: `(Timeout)`, `([{fd=4, revents=POLLIN}])`.
    pub remark: String,
    /// What it says about sockets.
    pub facts: Facts,
    pub(super) text: String,
    pub(super) starts: Vec<usize>,
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
    /// Its arguments in strace's notation, as one text: `3, "hello", 5, 0, NULL, 0`.
    pub fn arguments(&self) -> &str {
        &self.text
    }

    /// Each argument in strace's notation.
    pub fn each_argument(&self) -> impl Iterator<Item = &str> {
        let ends = self.starts.iter().skip(1).map(|start| start - 2);
        let ends = ends.chain([self.text.len()]);
        self.starts
            .iter()
            .zip(ends)
            .map(|(start, end)| self.text.get(*start..end).unwrap_or_default())
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

    /// The value that it returned, if it returned one.
    pub fn value(&self) -> Option<i64> {
        match self.returned {
            Returned::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Its result in strace's notation: `5`, `-1 EAGAIN (Resource temporarily unavailable)`.
    pub fn result(&self) -> String {
        let mut result = match self.returned {
            Returned::Value(0) if self.remark.starts_with("(flags ") => "0".into(),
            Returned::Value(value) if self.remark.starts_with("(flags ") => format!("{value:#x}"),
            Returned::Value(value) => value.to_string(),
            Returned::Error(errno) => return error_text(errno),
            Returned::Never => return "?".into(),
        };
        if !self.remark.is_empty() {
            result.push(' ');
            result.push_str(&self.remark);
        }
        result
    }

    /// The whole line: `sendto(3, "hello", 5, 0, NULL, 0) = 5`.
    pub fn line(&self) -> String {
        self.line_behind(0)
    }

    /// The whole line, behind a prefix of so many columns. As with strace, the result stands in column
    /// 40, where the call leaves it free.
    pub fn line_behind(&self, prefix: usize) -> String {
        let mut line = match (self.is_resumed, self.shown) {
            (false, _) => format!("{}(", self.name),
            (true, _) => format!("<... {} resumed>", self.name),
        };
        let is_never = self.returned == Returned::Never;
        line.push_str(match (self.is_resumed, self.shown) {
            (true, Shown::Whole) => "",
            (true, Shown::Some(_)) if is_never => "",
            (true, Shown::Some(count)) => self.text.get(self.start(count)..).unwrap_or_default(),
            (false, Shown::Some(count)) if is_never => self.beginning(count),
            (false, _) => &self.text,
        });
        if is_never && self.shown != Shown::Whole {
            line.push_str(" <unfinished ...>");
        }
        line.push_str(") ");
        let width = 40_usize.saturating_sub(prefix);
        format!("{line:<width$}= {}", self.result())
    }

    /// The line of a call that has only begun: `recvfrom(3,  <unfinished ...>`.
    pub(super) fn unfinished(&self) -> String {
        let text = match self.shown {
            Shown::Whole => &self.text,
            Shown::Some(count) => self.beginning(count),
        };
        format!("{}({text} <unfinished ...>", self.name)
    }

    /// Where the argument of that number begins.
    fn start(&self, index: usize) -> usize {
        self.starts.get(index).copied().unwrap_or(self.text.len())
    }

    /// The first arguments, and the comma in front of what follows.
    fn beginning(&self, count: usize) -> &str {
        self.text.get(..self.start(count)).unwrap_or_default()
    }

    /// Empties it for the next call, and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.starts.clear();
        self.remark.clear();
        let (mut moved, mut fds) = (
            std::mem::take(&mut self.facts.moved),
            std::mem::take(&mut self.facts.fds),
        );
        moved.clear();
        fds.clear();
        self.facts = Facts {
            moved,
            fds,
            ..Facts::default()
        };
        self.returned = Returned::Never;
        self.shown = Shown::Whole;
        self.is_resumed = false;
    }

    /// Begins the next argument, and returns the text to write it to.
    pub(super) fn next(&mut self) -> &mut String {
        if !self.starts.is_empty() {
            self.text.push_str(", ");
        }
        self.starts.push(self.text.len());
        &mut self.text
    }
}

/// `-1 EAGAIN (Resource temporarily unavailable)`; the kernel's own numbers above 511 are `?`.
fn error_text(errno: i32) -> String {
    // Numbers that never reach a program: the call is made again, or ends with EINTR (errno.h).
    let restart = match errno {
        512 => "ERESTARTSYS (To be restarted if SA_RESTART is set)",
        513 => "ERESTARTNOINTR (To be restarted)",
        514 => "ERESTARTNOHAND (To be restarted if no handler)",
        516 => "ERESTART_RESTARTBLOCK (Interrupted by signal)",
        _ => {
            // As strerror(3) words it, which nix's table does with but few exceptions.
            let words = std::io::Error::from_raw_os_error(errno).to_string();
            let words = words.split(" (os error").next().unwrap_or_default();
            return format!("-1 {} ({words})", errno_name(errno));
        }
    };
    format!("? {restart}")
}

impl Call {
    /// Cuts the arguments to what a call on a socket of another kind is worth: the descriptor, what
    /// it is, and the address.
    pub(super) fn shorten(&mut self) {
        let word = self.facts.kind.map_or("socket", |kind| kind.word());
        let mut text = self.each_argument().next().unwrap_or_default().to_owned();
        text.push_str(", ");
        text.push_str(word);
        if matches!(self.name, "connect" | "bind" | "accept" | "accept4") {
            let given = self.each_argument().nth(1).unwrap_or_default();
            let path = given
                .split_once("sun_path=")
                .map(|(_, path)| path.trim_end_matches('}'));
            match (path, self.facts.address) {
                (Some(path), _) => text.push_str(&format!(" {path}")),
                (None, Some(address)) => text.push_str(&format!(" {address}")),
                (None, None) => {}
            }
        }
        let second = text.find(", ").map_or(0, |at| at + 2);
        self.text = text;
        self.starts = vec![0, second];
    }
}
