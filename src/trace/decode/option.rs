//! Decodes getsockopt(2) and setsockopt(2): names from the catalogue, values as far as strace decodes
//! them.

use super::read::{array, length_argument, string};
use super::structure::{icmp_filter, membership};
use super::{Context, EntrySnapshot, names, pair, time_of};
use crate::socket::options::{Kind, MEMORY_COUNTERS, SocketOption, Value};
use crate::trace::argument::Argument;
use crate::trace::call::{Call, Returned};
use crate::trace::memory::Memory;
use crate::trace::notation::Names;

/// The maximum number of bytes of a value that are decoded.
const LONGEST: usize = 256;

/// The option that is set or read.
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
    let option = SocketOption::of(level, number);
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
    let level_name = Argument::named(level.cast_unsigned(), names::LEVELS, "SOL_??");
    call.push(level_name);
    call.push(match option {
        Some(option) => Argument::Option { option, is_get },
        None if unknown.is_empty() => Argument::Unsigned(number.cast_unsigned().into()),
        None => Argument::named(number.cast_unsigned(), names, unknown),
    });
    Target {
        level,
        number,
        option,
        address,
    }
}

/// The value for the explanations.
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
    let is_short = length < 4;
    let value = match (target.level, target.number) {
        _ if address == 0 => Argument::Pointer(0),
        (libc::SOL_SOCKET, libc::SO_LINGER) => match context.memory.exact::<8>(address) {
            Some(bytes) if length >= 8 => {
                let [on, seconds] = pair(&bytes);
                Argument::Struct(vec![
                    ("l_onoff", Argument::Signed(on.into())),
                    ("l_linger", Argument::Signed(seconds.into())),
                ])
            }
            _ => Argument::Pointer(address),
        },
        (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER | libc::SO_ATTACH_REUSEPORT_CBPF) => {
            match context.memory.exact::<16>(address) {
                Some(bytes) if length == 16 => {
                    let [count, filter] = super::longs(&bytes);
                    Argument::Struct(vec![
                        ("len", Argument::Unsigned(u64::from(count as u16))),
                        ("filter", Argument::Pointer(filter.cast_unsigned())),
                    ])
                }
                _ => Argument::Pointer(address),
            }
        }
        (libc::SOL_SOCKET, libc::SO_TXREHASH) if is_short => Argument::Pointer(address),
        (libc::SOL_SOCKET, libc::SO_TXREHASH) => rehash(context, address),
        (libc::SOL_SOCKET, number) if is_int(number) && is_short => Argument::Pointer(address),
        (libc::SOL_NETLINK, _) if is_short => Argument::Pointer(address),
        (libc::SOL_SOCKET, number) if is_int(number) => int(context, &target),
        (libc::SOL_NETLINK, _) => int(context, &target),
        (libc::SOL_IP, libc::IP_ADD_MEMBERSHIP | libc::IP_DROP_MEMBERSHIP)
        | (libc::SOL_IPV6, 20 | 21 | 27 | 28)
        | (libc::SOL_IP | libc::SOL_IPV6, libc::MCAST_JOIN_GROUP | libc::MCAST_LEAVE_GROUP)
        | (libc::SOL_PACKET, 1 | 2) => {
            let value = membership(context, &target, length);
            value.unwrap_or(Argument::Pointer(address))
        }
        _ => other(context, &target, length),
    };
    call.push(value);
    call.push_signed(length);
    remember(call, context, &target, length);
}

pub(super) fn get<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let target = head(call, &context.arguments, true);
    let at = context.arguments[4];
    let EntrySnapshot::Length(room) = *context.snapshot else {
        call.push(Argument::Pointer(target.address));
        return call.push(Argument::Pointer(at));
    };
    let is_good = matches!(call.returned, Returned::Value(_));
    let now = context.memory.exact(at).filter(|_| is_good);
    let now = now.map(i32::from_ne_bytes);
    call.push(match now {
        Some(length) if room.cast_signed() > 0 && length > 0 && target.address != 0 => {
            read(context, &target, (room.cast_signed(), length))
        }
        _ => Argument::Pointer(target.address),
    });
    length_argument(call, context, at, now.map(i32::cast_unsigned));
    if let Some(length) = now {
        remember(call, context, &target, length);
    }
}

/// The value that the kernel wrote.
fn read<M: Memory>(
    context: &Context<'_, M>,
    target: &Target,
    (room, length): (i32, i32),
) -> Argument {
    const LINGER: [(&str, bool); 2] = [("l_onoff", false), ("l_linger", false)];
    const CREDENTIALS: [(&str, bool); 3] = [("pid", false), ("uid", true), ("gid", true)];
    let address = target.address;
    match (target.level, target.number) {
        (libc::SOL_SOCKET, libc::SO_LINGER) => fields(context, address, length, &LINGER),
        (libc::SOL_SOCKET, libc::SO_PEERCRED) => fields(context, address, length, &CREDENTIALS),
        (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER) => Argument::Pointer(address),
        (libc::SOL_SOCKET, number)
            if length < 4
                && (is_int(number) || matches!(number, libc::SO_ERROR | libc::SO_TXREHASH)) =>
        {
            match context.memory.bytes(address, length as usize) {
                Some(bytes) => Argument::PartOfWord(bytes),
                None => Argument::Pointer(address),
            }
        }
        (libc::SOL_SOCKET, libc::SO_ERROR) => match context.memory.exact(address) {
            Some(word) => Argument::list(vec![Argument::Errno(i32::from_ne_bytes(word))]),
            None => Argument::Pointer(address),
        },
        (libc::SOL_SOCKET, libc::SO_TXREHASH) => rehash(context, address),
        (libc::SOL_SOCKET, number) if is_int(number) => int(context, target),
        (libc::SOL_NETLINK, 9) => {
            let count = room.min(length).cast_unsigned() / 4;
            let place = (address, count.into());
            array(context, place, |word| {
                Argument::Unsigned(u32::from_ne_bytes(*word).into())
            })
        }
        (libc::SOL_NETLINK, _) => int(context, target),
        _ => other(context, target, length),
    }
}

/// Options of `SOL_SOCKET` that strace decodes as an `int`, regardless of their stated length.
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

/// A number and its name, in strace's notation (-X verbose).
fn int<M: Memory>(context: &Context<'_, M>, target: &Target) -> Argument {
    let Some(word) = context.memory.exact::<4>(target.address) else {
        return Argument::Pointer(target.address);
    };
    let meaning = target.option.and_then(|option| option.decode(&word));
    let is_name = |value: &Value| match value {
        Value::Enumeration(number, names) => names.iter().any(|(_, known)| known == number),
        Value::Bits(..) => true,
        _ => false,
    };
    Argument::OptionNumber {
        number: i32::from_ne_bytes(word),
        meaning: meaning.filter(is_name).map(Box::new),
    }
}

fn rehash<M: Memory>(context: &Context<'_, M>, address: u64) -> Argument {
    match context.memory.exact::<4>(address).map(u32::from_ne_bytes) {
        Some(value) => {
            let is_known = names::REHASH.iter().any(|(n, _)| *n == i64::from(value));
            Argument::list(vec![if is_known {
                Argument::named(value, names::REHASH, "")
            } else {
                Argument::Commented(value.cast_signed().into(), Some("SOCK_TXREHASH_???"))
            }])
        }
        None => Argument::Pointer(address),
    }
}

/// A structure of words that may end inside a word: `{l_onoff=1, l_linger="\x05"}`.
fn fields<M: Memory>(
    context: &Context<'_, M>,
    address: u64,
    length: i32,
    fields: &[(&'static str, bool)],
) -> Argument {
    let length = usize::try_from(length).unwrap_or_default();
    let length = length.min(fields.len() * 4);
    let Some(bytes) = context.memory.bytes(address, length) else {
        return Argument::Pointer(address);
    };
    let fields = fields.iter().zip(bytes.chunks(4));
    let fields = fields.map(|((name, is_id), bytes)| {
        let word = bytes.first_chunk().map(|word| u32::from_ne_bytes(*word));
        let value = match (word, is_id) {
            (Some(word), false) => Argument::Signed(word.cast_signed().into()),
            (Some(word), true) => Argument::Id(word),
            (None, _) => Argument::PartOfWord(bytes.to_vec()),
        };
        (*name, value)
    });
    Argument::Struct(fields.collect())
}

/// A value that strace writes as an `int` or as bytes, decoded further if the catalogue can.
fn other<M: Memory>(context: &Context<'_, M>, target: &Target, length: i32) -> Argument {
    let known = target
        .option
        .filter(|_| (1..=LONGEST as i32).contains(&length));
    let known = known.and_then(|option| {
        let bytes = context.memory.bytes(target.address, length as usize)?;
        better(option, &bytes)
    });
    match (known, target.level, target.number) {
        (Some(value), ..) => value,
        (None, libc::SOL_RAW, 1) => icmp_filter(context, target.address, length),
        (None, ..) if length == 4 => int(context, target),
        (None, ..) => string(context, target.address, i64::from(length).cast_unsigned()),
    }
}

/// Values that strace 6.1 shows as bytes.
fn better(option: &'static SocketOption, bytes: &[u8]) -> Option<Argument> {
    Some(match (option.kind, option.decode(bytes)) {
        (Kind::Time, _) => Argument::Time(time_of(bytes.try_into().ok()?, false)),
        (Kind::MemoryInfo, _) if bytes.len() == 4 * MEMORY_COUNTERS.len() => {
            let counters = bytes.as_chunks().0.iter().map(|word| {
                let counter = u32::from_ne_bytes(*word);
                Argument::Unsigned(counter.into())
            });
            Argument::list(counters.collect())
        }
        (Kind::Cookie, Some(Value::Cookie(cookie))) if bytes.len() == 8 => {
            Argument::list(vec![Argument::Unsigned(cookie)])
        }
        _ => return None,
    })
}
