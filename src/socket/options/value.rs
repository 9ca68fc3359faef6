//! The value of an option, typed, and as text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use nix::net::if_::{if_indextoname, if_nametoindex};

use super::kind::Names;
use crate::error::{Error, errno_name};
use crate::socket::Family;

/// The value of an option.
///
/// Its text is what [`SocketOption::parse`](super::SocketOption::parse) reads back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// On or off.
    Flag(bool),
    /// A number, in the unit that [`Kind::unit`](super::Kind::unit) tells.
    Int(i64),
    /// Bytes a second; `u64::MAX` is unlimited.
    Rate(u64),
    /// A duration in whole microseconds.
    Time(Duration),
    /// How long a close lingers, in seconds; `None` is off.
    Linger(Option<u32>),
    /// One of the names, by number.
    Enumeration(i32, Names),
    /// A sum of bits that have names.
    Bits(i32, Names),
    /// An interface's name; empty for any.
    Device(String),
    /// A network interface.
    Interface(Interface),
    /// An address on an interface: a group to join, or a source.
    Scoped(Scoped),
    /// One source of a group.
    Source(IpAddr, Scoped),
    /// The first and the last port; both 0 for none.
    PortRange(u16, u16),
    /// A clock's number (`CLOCK_MONOTONIC`), and the flags of `SO_TXTIME`.
    TransmitTime(i32, u32),
    /// Bytes.
    Hex(Vec<u8>),
    /// A number that identifies something.
    Cookie(u64),
    /// An errno, or 0.
    Errno(i32),
    /// The address of a socket.
    SocketAddress(SocketAddr),
    /// The counters of `SO_MEMINFO`, in the order of `MEMORY_COUNTERS`.
    MemoryInfo([u32; MEMORY_COUNTERS.len()]),
}

impl Value {
    /// Whether it switches something on: a flag that is on, a number or bits other than 0.
    pub(super) fn is_on(&self) -> bool {
        match self {
            Self::Flag(on) => *on,
            Self::Int(number) => *number != 0,
            Self::Bits(bits, _) => *bits != 0,
            _ => false,
        }
    }

    /// The family of the group or address in it.
    pub(super) fn family(&self) -> Option<Family> {
        match self {
            Self::Scoped(scoped) | Self::Source(_, scoped) => Some(match scoped.address {
                IpAddr::V4(_) => Family::V4,
                IpAddr::V6(_) => Family::V6,
            }),
            _ => None,
        }
    }
}

/// The counters of `SO_MEMINFO` (`linux/sock_diag.h`): all in bytes but the last, which counts
/// datagrams.
pub const MEMORY_COUNTERS: [&str; 9] = [
    "rmem_alloc",
    "rcvbuf",
    "wmem_alloc",
    "sndbuf",
    "fwd_alloc",
    "wmem_queued",
    "optmem",
    "backlog",
    "drops",
];

/// A network interface: by index, by an address of its, or any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// The kernel chooses.
    Any,
    /// By index, as `ip link` counts.
    Index(u32),
    /// The interface that has this address; IPv4 only.
    Address(Ipv4Addr),
}

impl Interface {
    /// The interface of that name or index; `any` and 0 leave the choice to the kernel.
    pub(super) fn named(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("any") {
            return Ok(Self::Any);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        match text.parse() {
            Ok(0) => Ok(Self::Any),
            // The kernel's index is an int.
            Ok(index) if index <= i32::MAX as u32 => Ok(Self::Index(index)),
            _ => match if_nametoindex(text) {
                Ok(index) => Ok(Self::Index(index)),
                Err(_) => Err(format!("no interface '{}'", text.escape_debug())),
            },
        }
    }

    /// Its index, 0 for any; `None` if it is known by address alone.
    pub(super) fn index(self) -> Option<u32> {
        match self {
            Self::Any => Some(0),
            Self::Index(index) => Some(index),
            Self::Address(_) => None,
        }
    }

    /// Its address, 0.0.0.0 for any; `None` if it is known by index.
    pub(super) fn address(self) -> Option<Ipv4Addr> {
        match self {
            Self::Any => Some(Ipv4Addr::UNSPECIFIED),
            Self::Index(_) => None,
            Self::Address(address) => Some(address),
        }
    }
}

/// By name, index, or address; `any` and 0 leave the choice to the kernel.
///
/// ```
/// use udpraw::socket::option::Interface;
/// assert_eq!("lo".parse::<Interface>()?.to_string(), "lo");
/// assert_eq!("192.0.2.1".parse::<Interface>()?, Interface::Address([192, 0, 2, 1].into()));
/// let error = "lost".parse::<Interface>().unwrap_err();
/// assert_eq!(error.to_string(), "cannot find interface 'lost': unknown name; ip link shows those there are");
/// # Ok::<(), udpraw::error::Error>(())
/// ```
impl FromStr for Interface {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::named(text).map_err(|_| {
            let quoted = format!("'{}'", text.escape_debug());
            Error::invalid("find interface", quoted, "unknown name")
                .with_remedy("ip link shows those there are")
        })
    }
}

impl From<u32> for Interface {
    fn from(index: u32) -> Self {
        match index {
            0 => Self::Any,
            index => Self::Index(index),
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            // nix answers with an empty name where no interface has that index.
            Self::Index(index) => match if_indextoname(*index) {
                Ok(name) if !name.is_empty() => name.to_string_lossy().escape_debug().fmt(f),
                _ => index.fmt(f),
            },
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// An address on an interface, written `ADDRESS%INTERFACE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scoped {
    /// The address.
    pub address: IpAddr,
    /// The interface that it is meant on.
    pub interface: Interface,
}

impl fmt::Display for Scoped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.interface {
            Interface::Any => self.address.fmt(f),
            interface => write!(f, "{}%{interface}", self.address),
        }
    }
}

/// The clocks that `SO_TXTIME` takes.
pub(super) const CLOCKS: Names = &[
    ("realtime", libc::CLOCK_REALTIME),
    ("monotonic", libc::CLOCK_MONOTONIC),
    ("tai", libc::CLOCK_TAI),
];

/// The flags of `SO_TXTIME` (`linux/net_tstamp.h`).
pub(super) const TRANSMIT_FLAGS: Names = &[("deadline", 1), ("report-errors", 2)];

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(on) => f.write_str(if *on { "on" } else { "off" }),
            Self::Int(number) => number.fmt(f),
            Self::Cookie(number) => number.fmt(f),
            Self::Rate(u64::MAX) => f.write_str("unlimited"),
            Self::Rate(rate) => rate.fmt(f),
            Self::Time(time) => duration(f, *time),
            Self::Linger(None) => f.write_str("off"),
            Self::Linger(Some(seconds)) => write!(f, "{seconds}s"),
            Self::Enumeration(number, names) => match name_of(names, *number) {
                Some(name) => f.write_str(name),
                None => number.fmt(f),
            },
            Self::Bits(bits, names) => named_bits(f, *bits, names),
            Self::Device(name) if name.is_empty() => f.write_str("any"),
            Self::Device(name) => name.escape_debug().fmt(f),
            Self::Interface(interface) => interface.fmt(f),
            Self::Scoped(scoped) => scoped.fmt(f),
            Self::Source(source, group) => write!(f, "{source}@{group}"),
            Self::PortRange(0, 0) => f.write_str("none"),
            Self::PortRange(low, high) => write!(f, "{low}-{high}"),
            Self::TransmitTime(clock, flags) => {
                match name_of(CLOCKS, *clock) {
                    Some(name) => f.write_str(name)?,
                    None => clock.fmt(f)?,
                }
                for (name, bit) in TRANSMIT_FLAGS {
                    if flags & bit.cast_unsigned() != 0 {
                        write!(f, "+{name}")?;
                    }
                }
                Ok(())
            }
            Self::Hex(bytes) if bytes.is_empty() => f.write_str("none"),
            Self::Hex(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Errno(0) => f.write_str("none"),
            Self::Errno(errno) => f.write_str(&errno_name(*errno)),
            Self::SocketAddress(address) => address.fmt(f),
            Self::MemoryInfo(counters) => {
                for (index, (name, counter)) in MEMORY_COUNTERS.iter().zip(counters).enumerate() {
                    let space = if index == 0 { "" } else { " " };
                    write!(f, "{space}{name}={counter}")?;
                }
                Ok(())
            }
        }
    }
}

/// The exact duration in the largest unit of which it is a whole number.
fn duration(f: &mut fmt::Formatter<'_>, time: Duration) -> fmt::Result {
    match time.subsec_micros() {
        0 => write!(f, "{}s", time.as_secs()),
        micros if micros % 1000 == 0 => write!(f, "{}ms", time.as_millis()),
        _ => write!(f, "{}us", time.as_micros()),
    }
}

pub(super) fn name_of(names: Names, number: i32) -> Option<&'static str> {
    names
        .iter()
        .find(|(_, named)| *named == number)
        .map(|(name, _)| *name)
}

/// The names of the bits that are set, joined by `+`; what has no name is told in hexadecimal.
fn named_bits(f: &mut fmt::Formatter<'_>, bits: i32, names: Names) -> fmt::Result {
    let mut parts = Vec::new();
    let mut rest = bits;
    for (name, bit) in names {
        if rest & bit == *bit {
            parts.push((*name).to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        parts.push(format!("{rest:#x}"));
    }
    if parts.is_empty() {
        f.write_str("none")
    } else {
        f.write_str(&parts.join("+"))
    }
}
