//! From types to the catalogue's [`Value`] and back.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::flags::{AddressPreferences, BufferLock, Timestamping};
use super::values::{
    Clock, Encapsulation, MemoryInfo, PathMtuDiscovery, SourceMembership, TransmitTime,
};
use crate::socket::Family;
use crate::socket::options::{Interface, Kind, Scoped, Value};

/// A type that values of socket options have. It is sealed: the options of
/// [`socket::option`](super) use all of them.
pub trait OptionType: Convert {}

impl<T: Convert> OptionType for T {}

pub trait Convert: Sized {
    /// As the catalogue has it. What does not fit is refused when it is encoded.
    fn into_value(self, kind: &Kind) -> Value;

    /// `None` if the value is of another type, or out of its range.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl Convert for $type {
            fn into_value(self, _: &Kind) -> Value {
                // Above i64 it is above every option's range, too.
                Value::Int(i64::try_from(self).unwrap_or(i64::MAX))
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Int(number) => number.try_into().ok(),
                    Value::Errno(number) | Value::Enumeration(number, _) => number.try_into().ok(),
                    _ => None,
                }
            }
        }
    )+};
}

integers!(u8, u16, u32, i32, usize);

/// One variant of [`Value`] that has just the type.
macro_rules! same {
    ($($type:ty: $variant:ident),+ $(,)?) => {$(
        impl Convert for $type {
            fn into_value(self, _: &Kind) -> Value {
                Value::$variant(self)
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => Some(value),
                    _ => None,
                }
            }
        }
    )+};
}

same!(
    bool: Flag,
    Option<u32>: Linger,
    String: Device,
    Interface: Interface,
    Scoped: Scoped,
    Vec<u8>: Hex,
    SocketAddr: SocketAddress,
);

impl Convert for u64 {
    fn into_value(self, kind: &Kind) -> Value {
        match kind {
            Kind::Cookie => Value::Cookie(self),
            _ => Value::Rate(self),
        }
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Rate(number) | Value::Cookie(number) => Some(number),
            _ => None,
        }
    }
}

impl Convert for Duration {
    fn into_value(self, kind: &Kind) -> Value {
        match (kind, i64::try_from(self.as_micros())) {
            (Kind::Microseconds, Ok(micros)) if self.subsec_nanos().is_multiple_of(1000) => {
                Value::Int(micros)
            }
            _ => Value::Time(self),
        }
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Time(time) => Some(time),
            Value::Int(micros) => u64::try_from(micros).ok().map(Self::from_micros),
            _ => None,
        }
    }
}

fn enumeration(number: i32, kind: &Kind) -> Value {
    match kind {
        Kind::Enumeration(names) => Value::Enumeration(number, names),
        _ => Value::Enumeration(number, &[]),
    }
}

/// Enumerations: each variant is its number at the system call.
macro_rules! enumerations {
    ($($type:ident { $($variant:ident),+ })+) => {$(
        impl $type {
            fn of_number(number: i32) -> Option<Self> {
                [$(Self::$variant),+].into_iter().find(|variant| *variant as i32 == number)
            }
        }
    )+};
}

enumerations! {
    PathMtuDiscovery { Dont, Want, Do, Probe, Interface, Omit }
    Encapsulation { None, EspInUdp, L2tpInUdp }
    Clock { Realtime, Monotonic, Tai }
}

macro_rules! choices {
    ($($type:ident),+) => {$(
        impl Convert for $type {
            fn into_value(self, kind: &Kind) -> Value {
                enumeration(self as i32, kind)
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Enumeration(number, _) => Self::of_number(number),
                    _ => None,
                }
            }
        }
    )+};
}

choices!(PathMtuDiscovery, Encapsulation);

impl Convert for Family {
    fn into_value(self, kind: &Kind) -> Value {
        enumeration(self.domain().into(), kind)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Enumeration(libc::AF_INET, _) => Some(Self::V4),
            Value::Enumeration(libc::AF_INET6, _) => Some(Self::V6),
            _ => None,
        }
    }
}

macro_rules! bits {
    ($($type:ident),+) => {$(
        impl Convert for $type {
            fn into_value(self, kind: &Kind) -> Value {
                match kind {
                    Kind::Bits(names) => Value::Bits(self.bits(), names),
                    _ => Value::Bits(self.bits(), &[]),
                }
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Bits(bits, _) => Some(Self::from_bits(bits)),
                    _ => None,
                }
            }
        }
    )+};
}

bits!(Timestamping, BufferLock, AddressPreferences);

/// The flags of `struct sock_txtime` (`linux/net_tstamp.h`).
const DEADLINE: u32 = 1 << 0;
const REPORT_ERRORS: u32 = 1 << 1;

impl Convert for TransmitTime {
    fn into_value(self, _: &Kind) -> Value {
        let flag = |on, flag| if on { flag } else { 0 };
        let flags = flag(self.deadline, DEADLINE) | flag(self.report_errors, REPORT_ERRORS);
        Value::TransmitTime(self.clock as i32, flags)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::TransmitTime(clock, flags) => Some(Self {
                clock: Clock::of_number(clock)?,
                deadline: flags & DEADLINE != 0,
                report_errors: flags & REPORT_ERRORS != 0,
            }),
            _ => None,
        }
    }
}

impl Convert for SourceMembership {
    fn into_value(self, _: &Kind) -> Value {
        Value::Source(self.source, self.group)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Source(source, group) => Some(Self { source, group }),
            _ => None,
        }
    }
}

impl Convert for RangeInclusive<u16> {
    fn into_value(self, _: &Kind) -> Value {
        Value::PortRange(*self.start(), *self.end())
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::PortRange(low, high) => Some(low..=high),
            _ => None,
        }
    }
}

impl Convert for MemoryInfo {
    fn into_value(self, _: &Kind) -> Value {
        Value::MemoryInfo([
            self.rmem_alloc,
            self.rcvbuf,
            self.wmem_alloc,
            self.sndbuf,
            self.fwd_alloc,
            self.wmem_queued,
            self.optmem,
            self.backlog,
            self.drops,
        ])
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::MemoryInfo(counters) => Some(Self::from_counters(counters)),
            _ => None,
        }
    }
}
