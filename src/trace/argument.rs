//! The arguments of a call as values. Every rendering of a call is made from them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::address::SocketAddress;
use super::notation::Names;
use crate::socket::options::{SocketOption, Value};

/// An argument of a call, or a part of one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Argument {
    /// A signed number or a file descriptor.
    Signed(i64),
    /// An unsigned number.
    Unsigned(u64),
    /// A number that is shown in hexadecimal.
    Hex(u64),
    /// An address in the program's memory; 0 is the null pointer. Also used if the memory there could
    /// not be read.
    Pointer(u64),
    /// A value of a set whose values have names.
    Named(Named),
    /// Flags: bits that have names.
    Flags(Flags),
    /// The type of a socket, including flags, as socket(2) takes it.
    SocketType(u32),
    /// The status flags of open file descriptions, as fcntl(2) has them.
    StatusFlags(i64),
    /// The first bytes of a buffer.
    Bytes(Bytes),
    /// The bytes of an incomplete number.
    PartOfWord(Vec<u8>),
    /// A hardware address.
    HardwareAddress(Vec<u8>),
    /// An address of a socket.
    SocketAddress(Box<SocketAddress>),
    /// An IPv4 address, as inet_addr(3) takes it.
    Ipv4(Ipv4Addr),
    /// An IPv6 address, as inet_pton(3) stores it into a field of a structure.
    Ipv6(Ipv6Addr),
    /// A protocol of Ethernet, in host byte order.
    EtherType(u16),
    /// A network interface.
    Interface(Interface),
    /// A user or group id; `u32::MAX` means none.
    Id(u32),
    /// A signal's number.
    Signal(i32),
    /// A set of signals: bit 0 is signal 1.
    SignalSet(u64),
    /// ICMP types, one bit each.
    IcmpTypes(u32),
    /// File descriptors: a set of select(2).
    Descriptors(Vec<i32>),
    /// A time.
    Time(Time),
    /// The length of a buffer, which the kernel reads, and overwrites if the call succeeds.
    Length {
        /// The program's value.
        before: i32,
        /// The kernel's value, if it changed.
        after: Option<i32>,
    },
    /// A value that the kernel changed in place.
    Changed(Box<Argument>, Box<Argument>),
    /// An option of a socket.
    Option {
        /// The option.
        option: &'static SocketOption,
        /// Whether it is read, not set: some options have another name when read.
        is_get: bool,
    },
    /// The value of an option, if it is one number.
    OptionNumber {
        /// The number.
        number: i32,
        /// Its meaning, if it has a name.
        meaning: Option<Box<Value>>,
    },
    /// An errno, or 0.
    Errno(i32),
    /// An errno that is a number in a structure.
    ErrnoNumber(u32),
    /// A number, and its name if it has one.
    Commented(i64, Option<&'static str>),
    /// The request of an ioctl(2).
    Request(Named),
    /// Elements of one kind.
    List(List),
    /// The fields of a structure, by name.
    Struct(Vec<Field>),
    /// A structure shorter than its type.
    Unreadable,
    /// The short form for a call on a socket that is not UDP: the address, if the call has one.
    Brief {
        /// The kind of socket, in one word.
        kind: &'static str,
        /// The address in the call.
        address: Option<Box<SocketAddress>>,
    },
}

/// A field of a structure: its name in C, and its value.
pub type Field = (&'static str, Argument);

/// A value of a set whose values have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The number.
    pub value: u32,
    pub(super) names: Names,
    /// What strace prints if it has no name.
    pub(super) unknown: &'static str,
}

impl Named {
    /// Its name in C; `None` if it has none.
    pub fn name(&self) -> Option<&'static str> {
        let number = i64::from(self.value);
        let known = self.names.iter().find(|(known, _)| *known == number);
        known.map(|(_, name)| *name)
    }
}

/// Flags: bits that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// The bits.
    pub value: u32,
    pub(super) names: Names,
    /// What strace prints if none of them has a name.
    pub(super) unknown: &'static str,
}

impl Flags {
    /// The names of the bits that are set and have one.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let value = i64::from(self.value);
        let is_set = move |bit: i64| bit != 0 && value & bit == bit;
        let known = self.names.iter().filter(move |(bit, _)| is_set(*bit));
        known.map(|(_, name)| *name)
    }

    /// The bits that are set and have no name.
    pub fn unnamed(&self) -> u32 {
        let value = i64::from(self.value);
        let is_set = |bit: i64| bit != 0 && value & bit == bit;
        let known = self.names.iter().filter(|(bit, _)| is_set(*bit));
        known.fold(self.value, |rest, (bit, _)| rest & !(*bit as u32))
    }
}

/// The first bytes of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bytes {
    /// The first bytes, up to the configured number ([`Config::bytes`](super::Config::bytes)).
    pub start: Vec<u8>,
    /// Whether there are more.
    pub is_cut: bool,
}

/// A network interface, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Its index; 0 means none.
    pub index: u32,
    /// Its name at the time of the call, if the tracer's network namespace has an interface with that
    /// index.
    pub name: Option<Box<str>>,
}

/// A time as the kernel sees it: either field may be out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Time {
    /// Whole seconds.
    pub seconds: i64,
    /// The rest.
    pub fraction: u64,
    /// Whether the rest counts nanoseconds; otherwise it counts microseconds.
    pub is_nanos: bool,
}

impl Time {
    /// Returns it as a duration; `None` if it is negative.
    pub fn duration(&self) -> Duration {
        let nanos = if self.is_nanos {
            self.fraction
        } else {
            self.fraction.saturating_mul(1000)
        };
        let seconds = Duration::from_secs(self.seconds.try_into().unwrap_or_default());
        seconds.saturating_add(Duration::from_nanos(nanos))
    }
}

/// The elements of an array.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct List {
    /// The elements that were read.
    pub items: Vec<Argument>,
    /// Whether there are more, and why they are missing.
    pub rest: Rest,
}

/// What follows the elements of a list that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rest {
    /// Nothing.
    None,
    /// More than the configured number.
    Cut,
    /// Memory from this address on that could not be read or decoded.
    Unreadable(u64),
}

impl Argument {
    pub(super) fn named(value: u32, names: Names, unknown: &'static str) -> Self {
        Self::Named(Named {
            value,
            names,
            unknown,
        })
    }

    pub(super) fn flags(value: u32, names: Names, unknown: &'static str) -> Self {
        Self::Flags(Flags {
            value,
            names,
            unknown,
        })
    }

    /// Makes a string with all of its bytes.
    pub(super) fn string(bytes: &[u8]) -> Self {
        Self::Bytes(Bytes {
            start: bytes.to_vec(),
            is_cut: false,
        })
    }

    /// Makes a complete list.
    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(List {
            items,
            rest: Rest::None,
        })
    }

    /// The interface with that index, and its current name.
    pub(super) fn interface(index: u32) -> Self {
        Self::Interface(Interface::of(index))
    }

    /// Returns a number of any width and sign; `None` if this is not a number.
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Signed(number) => Some(*number),
            Self::Unsigned(number) | Self::Hex(number) => i64::try_from(*number).ok(),
            Self::Named(Named { value, .. }) | Self::Flags(Flags { value, .. }) => {
                Some((*value).into())
            }
            Self::OptionNumber { number, .. } => Some((*number).into()),
            _ => None,
        }
    }

    /// Returns the field with that name, if this is a structure that has it.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Struct(fields) = self else {
            return None;
        };
        let found = fields.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value)
    }
}

impl Interface {
    pub(super) fn of(index: u32) -> Self {
        let name = (index != 0).then(|| nix::net::if_::if_indextoname(index).ok());
        let name = name.flatten().filter(|name| !name.is_empty());
        Self {
            index,
            name: name.map(|name| name.to_string_lossy().into()),
        }
    }
}
