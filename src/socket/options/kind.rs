//! What type of value an option has: how it is written as text, and in which unit it counts.

use std::borrow::Cow;

/// Names of numbers, such as the ways of path MTU discovery.
pub type Names = &'static [(&'static str, i32)];

/// The type of an option's value, and so its C type at the system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// On or off; an `int`.
    Flag,
    /// A whole number from `low` to `high`; an `int`.
    Int {
        /// The smallest that makes sense.
        low: i32,
        /// The largest that makes sense.
        high: i32,
    },
    /// Any number of 32 bits without a sign, such as a firewall mark.
    Word,
    /// A number of bytes; an `int`.
    Bytes,
    /// Bytes a second, or `unlimited`; an `unsigned long`.
    Rate,
    /// A duration; a `struct timeval`, in which 0 means for ever.
    Time,
    /// A duration in microseconds; an `int`.
    Microseconds,
    /// How long a close lingers: seconds or `off`; a `struct linger`.
    Linger,
    /// The TOS byte or traffic class, as a number or the name of a DSCP; -1 where IPv6 allows it.
    Tos {
        /// The smallest that makes sense.
        low: i32,
    },
    /// One of several values that have names; an `int`.
    Enumeration(Names),
    /// Any of several bits that have names, joined by `+`; an `int`.
    Bits(Names),
    /// The name of an interface; text.
    Device,
    /// The index of an interface, as an `int` of this machine's byte order.
    Interface,
    /// The index of an interface, as an `int` of network byte order.
    InterfaceBigEndian,
    /// The interface that IPv4 multicast leaves by: its name or its address.
    MulticastInterface,
    /// A multicast or anycast group and the interface to join it on.
    Membership,
    /// One source of a multicast group, and the interface.
    SourceMembership,
    /// A source address and the interface that it is on; a `struct in6_pktinfo`.
    PacketInfo,
    /// Two ports.
    PortRange,
    /// A clock and flags; a `struct sock_txtime`.
    TransmitTime,
    /// Bytes in hexadecimal, at most so many.
    Hex {
        /// The most bytes that fit.
        at_most: usize,
    },
    /// A number of 64 bits that identifies something.
    Cookie,
    /// An errno; an `int`.
    Errno,
    /// The address of a socket.
    SocketAddress,
    /// A path MTU in bytes; a `struct ip6_mtuinfo`.
    PathMtu,
    /// The nine counters of `SO_MEMINFO`.
    MemoryInfo,
    /// How many instructions of a BPF program there are; the program itself is no text.
    Filter,
    /// A structure or a file descriptor that only a program can hand over.
    Structure,
}

/// Code points of RFC 2474, 2597, 3246, 5865 and 8622, as the TOS byte that carries each.
pub(super) const DSCP: Names = &[
    ("cs0", 0),
    ("le", 0x04),
    ("cs1", 0x20),
    ("af11", 0x28),
    ("af12", 0x30),
    ("af13", 0x38),
    ("cs2", 0x40),
    ("af21", 0x48),
    ("af22", 0x50),
    ("af23", 0x58),
    ("cs3", 0x60),
    ("af31", 0x68),
    ("af32", 0x70),
    ("af33", 0x78),
    ("cs4", 0x80),
    ("af41", 0x88),
    ("af42", 0x90),
    ("af43", 0x98),
    ("cs5", 0xa0),
    ("va", 0xb0),
    ("ef", 0xb8),
    ("cs6", 0xc0),
    ("cs7", 0xe0),
];

impl Kind {
    /// A number without limits but those of an `int`.
    pub(super) const ANY_INT: Self = Self::Int {
        low: i32::MIN,
        high: i32::MAX,
    };

    /// Its name, in a word or two.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Int { .. } | Self::Word | Self::Filter => "number",
            Self::Bytes => "size",
            Self::Rate => "rate",
            Self::Time | Self::Microseconds | Self::Linger => "duration",
            Self::Tos { .. } => "TOS byte",
            Self::Enumeration(_) => "choice",
            Self::Bits(_) => "bits",
            Self::Device
            | Self::Interface
            | Self::InterfaceBigEndian
            | Self::MulticastInterface => "interface",
            Self::Membership => "group",
            Self::SourceMembership => "source and group",
            Self::PacketInfo | Self::SocketAddress => "address",
            Self::PortRange => "port range",
            Self::TransmitTime => "clock",
            Self::Hex { .. } => "hex",
            Self::Cookie => "cookie",
            Self::Errno => "errno",
            Self::PathMtu => "size",
            Self::MemoryInfo => "counters",
            Self::Structure => "structure",
        }
    }

    /// The unit that its value is read and shown in; empty where it counts nothing.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Bytes | Self::PathMtu | Self::MemoryInfo => "bytes",
            Self::Rate => "bytes/s",
            Self::Time | Self::Linger => "s",
            Self::Microseconds => "us",
            Self::Filter => "instructions",
            _ => "",
        }
    }

    /// What may be written as its value: `0 to 255`, `dont, want, do …`.
    pub fn allowed(&self) -> Cow<'static, str> {
        let text = match self {
            Self::Flag => "on or off (1 or 0)",
            Self::Int { low, high } => match (*low, *high) {
                (i32::MIN, i32::MAX) => "any whole number of 32 bits",
                (low, i32::MAX) => return format!("a whole number from {low}").into(),
                (low, high) => return format!("a whole number from {low} to {high}").into(),
            },
            Self::Word => "0 to 4294967295, or hexadecimal as in 0x2a",
            Self::Bytes => "a size from 0 to 2147483647, as in 4MiB",
            Self::Rate => "a size per second, as in 10M, or unlimited",
            Self::Time => "a duration, as in 250ms; 0 waits for ever",
            Self::Microseconds => {
                "a whole number of microseconds, or a duration with its unit, as in 50us"
            }
            Self::Linger => "off, or whole seconds, as in 5s",
            Self::Tos { low } => {
                return format!("{low} to 255 (0xff), or one of {}", listed(DSCP)).into();
            }
            Self::Enumeration(names) => return listed(names).into(),
            Self::Bits(names) => {
                return format!("none, or any of {} joined by +", listed(names)).into();
            }
            Self::Device => "an interface's name, as in eth0, or any",
            Self::Interface | Self::InterfaceBigEndian => "an interface's name or index, or any",
            Self::MulticastInterface => "an interface's name, or its IPv4 address; 0.0.0.0 for any",
            Self::Membership => "GROUP[%INTERFACE], as in 239.1.2.3%eth0",
            Self::SourceMembership => {
                "SOURCE@GROUP[%INTERFACE], as in 192.0.2.1@232.1.2.3%192.0.2.9"
            }
            Self::PacketInfo => "ADDRESS[%INTERFACE], as in ::1%lo",
            Self::PortRange => "LOW-HIGH, as in 40000-40999, or none",
            Self::TransmitTime => {
                "realtime, monotonic or tai, with +deadline and +report-errors if wanted"
            }
            Self::Hex { at_most } => {
                return format!("at most {at_most} bytes in hexadecimal, or none").into();
            }
            Self::Cookie | Self::Errno | Self::SocketAddress | Self::PathMtu | Self::MemoryInfo => {
                "nothing: it is read only"
            }
            Self::Filter | Self::Structure => "nothing that can be written as text",
        };
        text.into()
    }

    /// Whether a person can write its value: not so of a structure with pointers.
    pub fn is_text(&self) -> bool {
        !matches!(
            self,
            Self::Filter
                | Self::Structure
                | Self::Cookie
                | Self::Errno
                | Self::SocketAddress
                | Self::PathMtu
                | Self::MemoryInfo
        )
    }
}

fn listed(names: Names) -> String {
    let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}
