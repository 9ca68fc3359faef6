//! getsockopt(2) and setsockopt(2): names from the catalogue, values as strace writes them.

use std::fmt::Write as _;

use super::structure::{icmp_filter, membership};
use super::{Context, Early, identity, names, pair, string_at};
use crate::error::errno_name;
use crate::socket::options::{Kind, MEMORY_COUNTERS, SocketOption, Value};
use crate::trace::call::{Call, Returned};
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, array, named, pointer, quoted_hex};

/// How many bytes of a value are decoded.
const LONGEST: usize = 256;

/// The name that strace has for an option: the old one of those that have a new one for 64-bit time.
fn name(option: &'static SocketOption, is_get: bool) -> &'static str {
    let wanted = |alias: &&str| match option.number {
        libc::SO_ATTACH_FILTER if *alias == "SO_GET_FILTER" => is_get,
        _ => alias.ends_with("_OLD") || alias.ends_with("_ORIGDSTADDR"),
    };
    let mut aliases = option.aliases.iter().copied();
    aliases.find(wanted).unwrap_or(option.name)
}

/// What is set or read.
pub(super) struct Target {
    pub(super) level: i32,
    pub(super) number: i32,
    option: Option<&'static SocketOption>,
    pub(super) address: u64,
}

/// The first arguments: the level and the name.
fn head(call: &mut Call, arguments: &[u64; 6], is_get: bool) -> Target {
    let [_, level, number, address, ..] = *arguments;
    let (level, number) = (level as i32, number as i32);
    let text = call.next();
    named(text, level.cast_unsigned(), names::LEVELS, "SOL_??");
    let option = SocketOption::of(level, number);
    let text = call.next();
    let (names, unknown): (Names, _) = match level {
        libc::SOL_SOCKET => (names::SOCKET, "SO_???"),
        libc::SOL_IP => (names::IP, "IP_???"),
        libc::SOL_IPV6 => (names::IPV6, "IPV6_???"),
        libc::SOL_UDP => (&[], "UDP_???"),
        libc::SOL_TCP => (names::TCP, "TCP_???"),
        libc::SOL_RAW => (names::RAW, "RAW_???"),
        libc::SOL_PACKET => (names::PACKET, "PACKET_???"),
        libc::SOL_NETLINK => (names::NETLINK, "NETLINK_???"),
        _ => (&[], ""),
    };
    match option {
        Some(option) => text.push_str(name(option, is_get)),
        None if unknown.is_empty() => drop(write!(text, "{}", number.cast_unsigned())),
        None => named(text, number.cast_unsigned(), names, unknown),
    }
    Target {
        level,
        number,
        option,
        address,
    }
}

/// The value as the explanations have it.
fn remember<M: Memory>(call: &mut Call, context: &Context<'_, M>, target: &Target, length: i32) {
    let Some(option) = target.option else {
        return;
    };
    let length = usize::try_from(length).unwrap_or_default().min(LONGEST);
    let bytes = context.memory.bytes(target.address, length);
    let value = bytes.filter(|bytes| !bytes.is_empty());
    let value = value.and_then(|bytes| option.decode(&bytes));
    call.facts.option = Some((option, value));
}

pub(super) fn set<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let target = head(call, &context.arguments, false);
    let length = context.arguments[4] as i32;
    let address = target.address;
    let text = call.next();
    let is_short = length < 4;
    match (target.level, target.number) {
        _ if address == 0 => pointer(text, 0),
        (libc::SOL_SOCKET, libc::SO_LINGER) => match context.memory.exact::<8>(address) {
            Some(bytes) if length >= 8 => {
                let [on, seconds] = pair(&bytes);
                let _ = write!(text, "{{l_onoff={on}, l_linger={seconds}}}");
            }
            _ => pointer(text, address),
        },
        (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER | libc::SO_ATTACH_REUSEPORT_CBPF) => {
            match context.memory.exact::<16>(address) {
                Some(bytes) if length == 16 => {
                    let [count, filter] = super::longs(&bytes);
                    let _ = write!(text, "{{len={}, filter=", count as u16);
                    pointer(text, filter.cast_unsigned());
                    text.push('}');
                }
                _ => pointer(text, address),
            }
        }
        (libc::SOL_SOCKET, libc::SO_TXREHASH) if is_short => pointer(text, address),
        (libc::SOL_SOCKET, libc::SO_TXREHASH) => rehash(text, context, address),
        (libc::SOL_SOCKET, number) if is_int(number) && is_short => pointer(text, address),
        (libc::SOL_NETLINK, _) if is_short => pointer(text, address),
        (libc::SOL_SOCKET, number) if is_int(number) => int(text, context, &target),
        (libc::SOL_NETLINK, _) => int(text, context, &target),
        (libc::SOL_IP, libc::IP_ADD_MEMBERSHIP | libc::IP_DROP_MEMBERSHIP)
        | (libc::SOL_IPV6, 20 | 21 | 27 | 28)
        | (libc::SOL_IP | libc::SOL_IPV6, libc::MCAST_JOIN_GROUP | libc::MCAST_LEAVE_GROUP)
        | (libc::SOL_PACKET, 1 | 2) => {
            if membership(text, context, &target, length).is_none() {
                pointer(text, address);
            }
        }
        _ => other(text, context, &target, length),
    }
    let _ = write!(call.next(), "{length}");
    remember(call, context, &target, length);
}

pub(super) fn get<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let target = head(call, &context.arguments, true);
    let at = context.arguments[4];
    let Early::Length(room) = *context.early else {
        pointer(call.next(), target.address);
        pointer(call.next(), at);
        return;
    };
    let is_good = matches!(call.returned, Returned::Value(_));
    let now = context.memory.exact(at).filter(|_| is_good);
    let now = now.map(i32::from_ne_bytes);
    let text = call.next();
    match now {
        Some(length) if room.cast_signed() > 0 && length > 0 && target.address != 0 => {
            read(text, context, &target, (room.cast_signed(), length));
        }
        _ => pointer(text, target.address),
    }
    super::length_argument(call, context, at, now.map(i32::cast_unsigned));
    if let Some(length) = now {
        remember(call, context, &target, length);
    }
}

/// The value that the kernel wrote.
fn read<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    target: &Target,
    (room, length): (i32, i32),
) {
    const LINGER: [(&str, bool); 2] = [("l_onoff", false), ("l_linger", false)];
    const CREDENTIALS: [(&str, bool); 3] = [("pid", false), ("uid", true), ("gid", true)];
    let address = target.address;
    match (target.level, target.number) {
        (libc::SOL_SOCKET, libc::SO_LINGER) => fields(text, context, address, length, &LINGER),
        (libc::SOL_SOCKET, libc::SO_PEERCRED) => {
            fields(text, context, address, length, &CREDENTIALS);
        }
        (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER) => pointer(text, address),
        (libc::SOL_SOCKET, number)
            if length < 4
                && (is_int(number) || matches!(number, libc::SO_ERROR | libc::SO_TXREHASH)) =>
        {
            match context.memory.bytes(address, length as usize) {
                Some(bytes) => quoted_hex(text, &bytes),
                None => pointer(text, address),
            }
        }
        (libc::SOL_SOCKET, libc::SO_ERROR) => match context.memory.exact(address) {
            Some(word) => {
                let errno = i32::from_ne_bytes(word);
                let _ = match errno {
                    0 => write!(text, "[0]"),
                    errno => write!(text, "[{}]", errno_name(errno)),
                };
            }
            None => pointer(text, address),
        },
        (libc::SOL_SOCKET, libc::SO_TXREHASH) => rehash(text, context, address),
        (libc::SOL_SOCKET, number) if is_int(number) => int(text, context, target),
        (libc::SOL_NETLINK, 9) => {
            let count = room.min(length).cast_unsigned() / 4;
            let place = (address, count.into());
            array(text, context.memory, place, context.bytes, |text, word| {
                let _ = write!(text, "{}", u32::from_ne_bytes(*word));
            });
        }
        (libc::SOL_NETLINK, _) => int(text, context, target),
        _ => other(text, context, target, length),
    }
}

/// Options of `SOL_SOCKET` that strace takes for an `int`, however long the value is said to be.
fn is_int(number: i32) -> bool {
    matches!(
        number,
        libc::SO_DEBUG
            | libc::SO_REUSEADDR
            | libc::SO_DONTROUTE
            | libc::SO_BROADCAST
            | libc::SO_SNDBUF
            | libc::SO_RCVBUF
            | libc::SO_KEEPALIVE
            | libc::SO_OOBINLINE
            | libc::SO_NO_CHECK
            | libc::SO_PRIORITY
            | libc::SO_BSDCOMPAT
            | libc::SO_REUSEPORT
            | libc::SO_PASSCRED
            | libc::SO_RCVLOWAT
            | libc::SO_SNDLOWAT
            | libc::SO_DETACH_FILTER
            | libc::SO_TIMESTAMP
            | libc::SO_ACCEPTCONN
            | libc::SO_SNDBUFFORCE
            | libc::SO_RCVBUFFORCE
            | libc::SO_PASSSEC
            | libc::SO_TIMESTAMPNS
            | libc::SO_MARK
            | libc::SO_TIMESTAMPING
            | libc::SO_RXQ_OVFL
            | libc::SO_WIFI_STATUS
            | libc::SO_PEEK_OFF
            | libc::SO_NOFCS
            | libc::SO_LOCK_FILTER
            | libc::SO_SELECT_ERR_QUEUE
            | libc::SO_BUSY_POLL
            | libc::SO_INCOMING_CPU
            | libc::SO_CNX_ADVICE
            | libc::SO_INCOMING_NAPI_ID
            | libc::SO_ZEROCOPY
            | 63
            ..=65
                | libc::SO_DETACH_REUSEPORT_BPF
                | libc::SO_PREFER_BUSY_POLL
                | libc::SO_BUSY_POLL_BUDGET
                | libc::SO_RESERVE_MEM
                | libc::SO_RCVMARK
    )
}

/// `[1]`, and the name of the number beside it where it has one.
fn int<M: Memory>(text: &mut String, context: &Context<'_, M>, target: &Target) {
    let Some(word) = context.memory.exact::<4>(target.address) else {
        return pointer(text, target.address);
    };
    let _ = write!(text, "[{}", i32::from_ne_bytes(word));
    let named = target.option.filter(|option| {
        matches!(
            option.kind,
            Kind::Enumeration(_) | Kind::Bits(_) | Kind::Tos { .. }
        )
    });
    let name = named.and_then(|option| option.decode(&word));
    // Only where it is a name: strace's own notation for one (-X verbose).
    if let Some(name) = name.map(|value| value.to_string())
        && name.parse::<i64>().is_err()
    {
        let _ = write!(text, " /* {name} */");
    }
    text.push(']');
}

fn rehash<M: Memory>(text: &mut String, context: &Context<'_, M>, address: u64) {
    match context.memory.exact::<4>(address).map(u32::from_ne_bytes) {
        Some(value) => {
            text.push('[');
            match names::REHASH.iter().find(|(n, _)| *n == i64::from(value)) {
                Some((_, name)) => text.push_str(name),
                None => {
                    let _ = write!(text, "{} /* SOCK_TXREHASH_??? */", value.cast_signed());
                }
            }
            text.push(']');
        }
        None => pointer(text, address),
    }
}

/// A structure of words that may end within one: `{l_onoff=1, l_linger="\x05"}`.
fn fields<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    address: u64,
    length: i32,
    fields: &[(&str, bool)],
) {
    let length = usize::try_from(length).unwrap_or_default();
    let length = length.min(fields.len() * 4);
    let Some(bytes) = context.memory.bytes(address, length) else {
        return pointer(text, address);
    };
    text.push('{');
    for (at, ((name, is_id), bytes)) in fields.iter().zip(bytes.chunks(4)).enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        let _ = write!(text, "{comma}{name}=");
        match (
            bytes.first_chunk().map(|word| i32::from_ne_bytes(*word)),
            is_id,
        ) {
            (Some(word), false) => drop(write!(text, "{word}")),
            (Some(word), true) => identity(text, word.cast_unsigned()),
            (None, _) => quoted_hex(text, bytes),
        }
    }
    text.push('}');
}

/// What strace writes as an `int` or as bytes; and what of it the catalogue can tell better.
fn other<M: Memory>(text: &mut String, context: &Context<'_, M>, target: &Target, length: i32) {
    let known = target
        .option
        .filter(|_| (1..=LONGEST as i32).contains(&length));
    let known = known.and_then(|option| {
        let bytes = context.memory.bytes(target.address, length as usize)?;
        better(text, option, &bytes)
    });
    match (known, target.level, target.number) {
        (Some(()), ..) => {}
        (None, libc::SOL_RAW, 1) => icmp_filter(text, context, target.address, length),
        (None, ..) if length == 4 => int(text, context, target),
        (None, ..) => string_at(
            text,
            context,
            target.address,
            i64::from(length).cast_unsigned(),
        ),
    }
}

/// Values that strace 6.1 shows as bytes.
fn better(text: &mut String, option: &'static SocketOption, bytes: &[u8]) -> Option<()> {
    match (option.kind, option.decode(bytes)) {
        (Kind::Time, _) => {
            let [seconds, micros] = super::longs(bytes.try_into().ok()?);
            let _ = write!(text, "{{tv_sec={seconds}, tv_usec={micros}}}");
        }
        (Kind::MemoryInfo, _) if bytes.len() == 4 * MEMORY_COUNTERS.len() => {
            let counters = bytes.as_chunks().0.iter();
            let counters: Vec<_> = counters.map(|word| u32::from_ne_bytes(*word)).collect();
            let _ = write!(text, "{counters:?}");
        }
        (Kind::Cookie, Some(Value::Cookie(cookie))) if bytes.len() == 8 => {
            let _ = write!(text, "[{cookie}]");
        }
        _ => return None,
    }
    Some(())
}
