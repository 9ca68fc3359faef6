//! The arguments of a call as values: what every rendering of a call is made from.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::address::SocketAddress;
use super::notation::Names;
use crate::socket::options::{SocketOption, Value};

/// An argument of a call, or a part of one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Argument {
    /// A number, file descriptors included.
    Signed(i64),
    /// A number without a sign.
    Unsigned(u64),
    /// A number that is read in hexadecimal.
    Hex(u64),
    /// An address in the program's memory; 0 is the null pointer. It also stands for what could not be
    /// read there.
    Pointer(u64),
    /// One of a set of numbers that have names.
    Named(Named),
    /// A sum of bits that have names.
    Flags(Flags),
    /// The type of a socket, with the flags in it, as socket(2) takes it.
    SocketType(u32),
    /// The status flags of open file descriptions, as fcntl(2) has them.
    StatusFlags(i64),
    /// The first bytes of a buffer.
    Bytes(Bytes),
    /// Bytes of a number that is not whole.
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
    /// A user or group id; `u32::MAX` is none.
    Id(u32),
    /// A signal's number.
    Signal(i32),
    /// A set of signals: bit 0 is signal 1.
    SignalSet(u64),
    /// Types of ICMP, a bit each.
    IcmpTypes(u32),
    /// File descriptors, as a set of select(2) has them.
    Descriptors(Vec<i32>),
    /// A time.
    Time(Time),
    /// The length of a buffer that the kernel reads, and writes if the call succeeds.
    Length {
        /// As the program set it.
        before: i32,
        /// As the kernel set it, if it changed it.
        after: Option<i32>,
    },
    /// A value that the kernel has changed in place.
    Changed(Box<Argument>, Box<Argument>),
    /// An option of a socket.
    Option {
        /// The option.
        option: &'static SocketOption,
        /// Whether it is read, not set: a few have another name then.
        is_get: bool,
    },
    /// The value of an option, if it is one number.
    OptionNumber {
        /// The number.
        number: i32,
        /// What it means, where it has a name.
        meaning: Option<Box<Value>>,
    },
    /// An errno, or 0.
    Errno(i32),
    /// An errno that stands in a structure as a number.
    ErrnoNumber(u32),
    /// A number, and its name where it has one.
    Commented(i64, Option<&'static str>),
    /// The request of an ioctl(2).
    Request(Named),
    /// Elements of one kind.
    List(List),
    /// The fields of a structure, by name.
    Struct(Vec<Field>),
    /// A structure that is shorter than its type.
    Unreadable,
    /// All that is told of a call on a socket of another kind than UDP: its address, if it is in the call.
    Brief {
        /// The kind of socket, in one word.
        kind: &'static str,
        /// The address in the call.
        address: Option<Box<SocketAddress>>,
    },
}

/// A field of a structure: its name in C, and its value.
pub type Field = (&'static str, Argument);

/// A number of a set in which numbers have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The number.
    pub value: u32,
    pub(super) names: Names,
    /// What strace calls it if it has no name.
    pub(super) unknown: &'static str,
}

impl Named {
    /// Its name, as C has it; `None` where it has none.
    pub fn name(&self) -> Option<&'static str> {
        let number = i64::from(self.value);
        let known = self.names.iter().find(|(known, _)| *known == number);
        known.map(|(_, name)| *name)
    }
}

/// A sum of bits that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// The bits.
    pub value: u32,
    pub(super) names: Names,
    /// What strace calls them if not one has a name.
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
    /// As many as were asked for (see [`Config::bytes`](super::Config::bytes)).
    pub start: Vec<u8>,
    /// Whether there are more.
    pub is_cut: bool,
}

/// A network interface, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Its index; 0 is none.
    pub index: u32,
    /// Its name at the time of the call, if the tracer's own network has one of that index.
    pub name: Option<Box<str>>,
}

/// A time, or what the kernel has for one: no field is in its bounds for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Time {
    /// Whole seconds.
    pub seconds: i64,
    /// The rest.
    pub fraction: u64,
    /// Whether the rest is in nanoseconds; else it is in microseconds.
    pub is_nanos: bool,
}

impl Time {
    /// As a duration; a negative one is none.
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
    /// Those that were read.
    pub items: Vec<Argument>,
    /// Whether there are more, and why they are not here.
    pub rest: Rest,
}

/// What follows the elements of a list that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rest {
    /// Nothing.
    None,
    /// More than was asked for.
    Cut,
    /// Memory from this address on that could not be read, or makes no sense.
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

    /// A string, with all of its bytes.
    pub(super) fn string(bytes: &[u8]) -> Self {
        Self::Bytes(Bytes {
            start: bytes.to_vec(),
            is_cut: false,
        })
    }

    /// A list with all of its elements.
    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(List {
            items,
            rest: Rest::None,
        })
    }

    /// The interface of that number, with the name that it has now.
    pub(super) fn interface(index: u32) -> Self {
        Self::Interface(Interface::of(index))
    }

    /// A number, of whatever width and sign; `None` for what is none.
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

    /// The field of that name, if it is a structure that has one.
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
