//! Values to the bytes of the system call, and back.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::kind::Kind;
use super::level::Level;
use super::value::{Interface, MEMORY_COUNTERS, Scoped, Value};
use crate::socket::error_queue::socket_address;

/// `sizeof(struct sockaddr_storage)`.
const SOCKADDR_STORAGE: usize = size_of::<libc::sockaddr_storage>();

/// The bytes that setsockopt(2) is handed, or why there are none.
pub(super) fn encode(kind: &Kind, level: Level, value: &Value) -> Result<Vec<u8>, &'static str> {
    let word = |number: i64| match kind {
        Kind::Word => u32::try_from(number).map(u32::to_ne_bytes).ok(),
        _ => i32::try_from(number).map(i32::to_ne_bytes).ok(),
    };
    let bytes = match (kind, value) {
        (Kind::Flag, Value::Flag(on)) => i32::from(*on).to_ne_bytes().to_vec(),
        (
            Kind::Int { .. } | Kind::Word | Kind::Bytes | Kind::Microseconds | Kind::Tos { .. },
            Value::Int(number),
        ) => word(*number).ok_or("it does not fit in 32 bits")?.to_vec(),
        (Kind::Rate, Value::Rate(rate)) => {
            let rate = match usize::try_from(*rate) {
                Ok(rate) => rate,
                Err(_) if *rate == u64::MAX => usize::MAX,
                Err(_) => return Err("it does not fit in an unsigned long"),
            };
            rate.to_ne_bytes().to_vec()
        }
        // Less than a microsecond would become 0, which waits for ever.
        (Kind::Time, Value::Time(time)) if time.subsec_nanos() % 1000 != 0 => {
            return Err("it is not a whole number of microseconds");
        }
        (Kind::Microseconds, Value::Time(_)) => {
            return Err("it is no whole number of microseconds that fits in an int");
        }
        (Kind::Time, Value::Time(time)) => {
            let seconds = i64::try_from(time.as_secs()).map_err(|_| "it is too long")?;
            let micros = i64::from(time.subsec_micros());
            join(&[&seconds.to_ne_bytes(), &micros.to_ne_bytes()])
        }
        (Kind::Linger, Value::Linger(linger)) => {
            let seconds =
                i32::try_from(linger.unwrap_or_default()).map_err(|_| "it is too long")?;
            let on = i32::from(linger.is_some());
            join(&[&on.to_ne_bytes(), &seconds.to_ne_bytes()])
        }
        (Kind::Enumeration(_), Value::Enumeration(number, _))
        | (Kind::Bits(_), Value::Bits(number, _)) => number.to_ne_bytes().to_vec(),
        (Kind::Device, Value::Device(name)) => join(&[name.as_bytes(), &[0]]),
        (Kind::Interface, Value::Interface(interface)) => index(*interface)?.to_ne_bytes().to_vec(),
        (Kind::InterfaceBigEndian, Value::Interface(interface)) => {
            index(*interface)?.to_be_bytes().to_vec()
        }
        (Kind::MulticastInterface, Value::Interface(interface)) => {
            mreqn(Ipv4Addr::UNSPECIFIED, *interface)
        }
        (Kind::Membership, Value::Scoped(group)) => membership(level, *group)?,
        (Kind::SourceMembership, Value::Source(source, group)) => {
            source_membership(level, *source, *group)?
        }
        (Kind::PacketInfo, Value::Scoped(source)) => match source.address {
            IpAddr::V6(address) => {
                join(&[&address.octets(), &index(source.interface)?.to_ne_bytes()])
            }
            IpAddr::V4(_) => return Err("it takes an IPv6 address"),
        },
        (Kind::PortRange, Value::PortRange(low, high)) => (u32::from(*high) << 16
            | u32::from(*low))
        .to_ne_bytes()
        .to_vec(),
        (Kind::TransmitTime, Value::TransmitTime(clock, flags)) => {
            join(&[&clock.to_ne_bytes(), &flags.to_ne_bytes()])
        }
        (Kind::Hex { .. }, Value::Hex(bytes)) => bytes.clone(),
        _ => return Err("the value is of another type than the option's"),
    };
    Ok(bytes)
}

/// How many bytes getsockopt(2) is offered.
pub(super) fn capacity(kind: &Kind) -> usize {
    match kind {
        Kind::Rate | Kind::Cookie | Kind::Linger | Kind::TransmitTime => 8,
        Kind::Time => 16,
        Kind::Device => libc::IFNAMSIZ,
        Kind::SocketAddress => size_of::<libc::sockaddr_in6>(),
        // struct ip6_mtuinfo: a sockaddr_in6 and the MTU.
        Kind::PathMtu => 32,
        Kind::MemoryInfo => 4 * MEMORY_COUNTERS.len(),
        Kind::Hex { at_most } => *at_most,
        _ => 4,
    }
}

/// The value that getsockopt(2) wrote; `None` if it wrote too little for its type.
pub(super) fn decode(kind: &Kind, bytes: &[u8]) -> Option<Value> {
    let word = |at: usize| bytes.get(at..)?.first_chunk().copied();
    let int = |at| word(at).map(i32::from_ne_bytes);
    let unsigned = |at| word(at).map(u32::from_ne_bytes);
    let long = |at: usize| bytes.get(at..)?.first_chunk().copied();
    let value = match kind {
        Kind::Flag => Value::Flag(int(0)? != 0),
        Kind::Int { .. } | Kind::Bytes | Kind::Microseconds | Kind::Tos { .. } => {
            Value::Int(int(0)?.into())
        }
        Kind::Word => Value::Int(unsigned(0)?.into()),
        // A kernel of 32 bits, and any before Linux 4.20, answers with 32 of them.
        Kind::Rate => match long(0) {
            Some(rate) => Value::Rate(u64::from_ne_bytes(rate)),
            None => match unsigned(0)? {
                u32::MAX => Value::Rate(u64::MAX),
                rate => Value::Rate(rate.into()),
            },
        },
        Kind::Time => {
            let seconds = u64::try_from(i64::from_ne_bytes(long(0)?)).ok()?;
            let micros = u64::try_from(i64::from_ne_bytes(long(8)?)).ok()?;
            let micros = seconds.checked_mul(1_000_000)?.checked_add(micros)?;
            Value::Time(Duration::from_micros(micros))
        }
        Kind::Linger => Value::Linger((int(0)? != 0).then_some(unsigned(4)?)),
        Kind::Enumeration(names) => Value::Enumeration(int(0)?, names),
        Kind::Bits(names) => Value::Bits(int(0)?, names),
        Kind::Device => {
            let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            Value::Device(String::from_utf8_lossy(name).into_owned())
        }
        Kind::Interface => Value::Interface(unsigned(0)?.into()),
        Kind::InterfaceBigEndian => Value::Interface(u32::from_be_bytes(word(0)?).into()),
        Kind::MulticastInterface => Value::Interface(match Ipv4Addr::from(word(0)?) {
            Ipv4Addr::UNSPECIFIED => Interface::Any,
            address => Interface::Address(address),
        }),
        Kind::PortRange => {
            let range = unsigned(0)?;
            Value::PortRange(range as u16, (range >> 16) as u16)
        }
        Kind::TransmitTime => Value::TransmitTime(int(0)?, unsigned(4)?),
        Kind::Hex { .. } => Value::Hex(bytes.to_vec()),
        Kind::Cookie => Value::Cookie(u64::from_ne_bytes(long(0)?)),
        Kind::Errno => Value::Errno(int(0)?),
        Kind::SocketAddress => Value::SocketAddress(socket_address(bytes)?),
        Kind::PathMtu => Value::Int(unsigned(28)?.into()),
        Kind::MemoryInfo => {
            let mut counters = [0; MEMORY_COUNTERS.len()];
            // An older kernel has fewer counters; what it does not count stays 0.
            for (counter, bytes) in counters.iter_mut().zip(bytes.as_chunks().0) {
                *counter = u32::from_ne_bytes(*bytes);
            }
            Value::MemoryInfo(counters)
        }
        Kind::Membership
        | Kind::SourceMembership
        | Kind::PacketInfo
        | Kind::Filter
        | Kind::Structure => return None,
    };
    Some(value)
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn index(interface: Interface) -> Result<u32, &'static str> {
    interface
        .index()
        .ok_or("the interface is wanted by name or index, not by address")
}

/// `struct ip_mreqn`: group, address, index.
fn mreqn(group: Ipv4Addr, interface: Interface) -> Vec<u8> {
    let address = interface.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
    let index = interface.index().unwrap_or_default();
    join(&[&group.octets(), &address.octets(), &index.to_ne_bytes()])
}

/// `struct ip_mreqn`, `struct ipv6_mreq` or `struct group_req`, as the level demands.
fn membership(level: Level, group: Scoped) -> Result<Vec<u8>, &'static str> {
    match (level, group.address) {
        (Level::Ip, IpAddr::V4(address)) => Ok(mreqn(address, group.interface)),
        (Level::Ipv6, IpAddr::V6(address)) => Ok(join(&[
            &address.octets(),
            &index(group.interface)?.to_ne_bytes(),
        ])),
        (Level::Group, address) => {
            let index = index(group.interface)?;
            Ok(join(&[&group_index(index), &sockaddr(address)]))
        }
        (Level::Ip, _) => Err("it takes an IPv4 address"),
        _ => Err("it takes an IPv6 address"),
    }
}

/// `struct ip_mreq_source` or `struct group_source_req`, as the level demands.
fn source_membership(level: Level, source: IpAddr, group: Scoped) -> Result<Vec<u8>, &'static str> {
    match (level, group.address, source) {
        (Level::Ip, IpAddr::V4(address), IpAddr::V4(source)) => {
            let interface = group.interface.address().ok_or(
                "it takes the interface by its IPv4 address; MCAST_JOIN_SOURCE_GROUP takes names",
            )?;
            Ok(join(&[
                &address.octets(),
                &interface.octets(),
                &source.octets(),
            ]))
        }
        (Level::Group, address, source) => {
            let index = index(group.interface)?;
            Ok(join(&[
                &group_index(index),
                &sockaddr(address),
                &sockaddr(source),
            ]))
        }
        _ => Err("it takes IPv4 addresses"),
    }
}

/// The `uint32_t` at the start of a `struct group_req`, and the gap before its addresses.
fn group_index(index: u32) -> Vec<u8> {
    let mut bytes = index.to_ne_bytes().to_vec();
    bytes.resize(align_of::<libc::sockaddr_storage>(), 0);
    bytes
}

/// A `struct sockaddr_storage` that holds `address`, with port 0.
fn sockaddr(address: IpAddr) -> Vec<u8> {
    let mut bytes = match address {
        IpAddr::V4(address) => join(&[
            &(libc::AF_INET as u16).to_ne_bytes(),
            &[0; 2],
            &address.octets(),
        ]),
        IpAddr::V6(address) => join(&[
            &(libc::AF_INET6 as u16).to_ne_bytes(),
            &[0; 6],
            &address.octets(),
        ]),
    };
    bytes.resize(SOCKADDR_STORAGE, 0);
    bytes
}
