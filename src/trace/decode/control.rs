//! Decodes control messages, including all of UDP's.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::time_of;
use crate::sys::control::Message;
use crate::trace::address::{LONGEST, SocketAddress};
use crate::trace::argument::{Argument, List, Rest};
use crate::trace::call::Facts;
use crate::trace::notation::{Names, names};

/// Messages of `SOL_SOCKET`, by strace's names.
#[rustfmt::skip]
const SOCKET: Names = &[
    (1, "SCM_RIGHTS"), (2, "SCM_CREDENTIALS"), (3, "SCM_SECURITY"), (29, "SO_TIMESTAMP_OLD"),
    (35, "SO_TIMESTAMPNS_OLD"), (36, "SO_MARK"), (37, "SO_TIMESTAMPING_OLD"), (40, "SO_RXQ_OVFL"),
    (41, "SO_WIFI_STATUS"), (54, "SCM_TIMESTAMPING_OPT_STATS"), (58, "SCM_TIMESTAMPING_PKTINFO"),
    (61, "SO_TXTIME"), (63, "SO_TIMESTAMP_NEW"), (64, "SO_TIMESTAMPNS_NEW"),
    (65, "SO_TIMESTAMPING_NEW"),
];

#[rustfmt::skip]
const IP: Names = &[
    (1, "IP_TOS"), (2, "IP_TTL"), (3, "SCM_SECURITY"), (6, "IP_RECVOPTS"), (7, "IP_RETOPTS"),
    (8, "IP_PKTINFO"), (11, "IP_RECVERR"), (20, "IP_ORIGDSTADDR"), (23, "IP_CHECKSUM"),
    (25, "IP_RECVFRAGSIZE"),
];

const IPV6: Names = names! {
    IPV6_PKTINFO IPV6_HOPLIMIT IPV6_TCLASS IPV6_RECVERR IPV6_FLOWINFO IPV6_HOPOPTS IPV6_DSTOPTS
    IPV6_RTHDR IPV6_ORIGDSTADDR IPV6_DONTFRAG IPV6_PATHMTU
};

const UDP: Names = names! { UDP_SEGMENT UDP_GRO };

/// The length, the level and the type of a message, in front of its data.
const HEAD: usize = 16;

/// `[{cmsg_len=20, cmsg_level=SOL_IP, cmsg_type=IP_TTL, cmsg_data=[64]}, …]` from a buffer at address
/// `at` with room for at least one message. `is_whole` is false if only a part of the buffer was read.
pub(super) fn messages(
    buffer: &[u8],
    (at, is_whole): (u64, bool),
    most: usize,
    facts: &mut Facts,
) -> Argument {
    let mut items = Vec::new();
    let mut rest = buffer;
    while let Some((head, data)) = rest.split_first_chunk::<HEAD>() {
        let [length @ .., _, _, _, _, _, _, _, _] = *head;
        let length = u64::from_ne_bytes(length);
        let field =
            |at: usize| i32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let known = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(rest.len());
        let message = Message {
            level: field(8),
            kind: field(12),
            payload: data.get(..known.saturating_sub(HEAD)).unwrap_or_default(),
        };
        items.push(one(length, &message, most, facts));
        if known < HEAD {
            rest = data;
            break;
        }
        let next = length.checked_next_multiple_of(8).unwrap_or(u64::MAX);
        let next = usize::try_from(next).unwrap_or(usize::MAX);
        rest = rest.get(next..).unwrap_or_default();
    }
    let rest = match rest.len() {
        0 if is_whole => Rest::None,
        0 => Rest::Cut,
        left => Rest::Unreadable(at.wrapping_add((buffer.len() - left) as u64)),
    };
    Argument::List(List { items, rest })
}

fn one(length: u64, message: &Message<'_>, most: usize, facts: &mut Facts) -> Argument {
    let (level, kind) = (message.level.cast_unsigned(), message.kind.cast_unsigned());
    let (names, unknown) = match message.level {
        libc::SOL_SOCKET => (SOCKET, "SCM_???"),
        libc::SOL_IP => (IP, "IP_???"),
        libc::SOL_IPV6 => (IPV6, ""),
        libc::SOL_UDP => (UDP, ""),
        _ => (&[][..], ""),
    };
    let level = Argument::named(level, super::names::LEVELS, "SOL_???");
    let mut fields = vec![
        ("cmsg_len", Argument::Unsigned(length)),
        ("cmsg_level", level),
        ("cmsg_type", Argument::named(kind, names, unknown)),
    ];
    // A payload too short for its type is left out, as strace does.
    fields.extend(payload(message, most, facts).map(|data| ("cmsg_data", data)));
    Argument::Struct(fields)
}

/// The first `most` numbers, and dots for the rest.
fn list<const N: usize>(
    bytes: &[u8],
    most: usize,
    number: impl Fn([u8; N]) -> Argument,
) -> Argument {
    let all = bytes.as_chunks().0;
    Argument::List(List {
        items: all.iter().take(most).map(|bytes| number(*bytes)).collect(),
        rest: if all.len() > most {
            Rest::Cut
        } else {
            Rest::None
        },
    })
}

/// One time, or a list of several.
fn times(bytes: &[u8], count: usize, is_nanos: bool) -> Argument {
    if bytes.len() < count * 16 {
        return Argument::Unreadable;
    }
    let all = bytes.as_chunks().0.iter().take(count);
    let mut all = all.map(|bytes| Argument::Time(time_of(bytes, is_nanos)));
    match count {
        1 => all.next().unwrap_or(Argument::Unreadable),
        _ => Argument::list(all.collect()),
    }
}

/// `[64]`.
fn single(number: impl Into<u64>) -> Argument {
    Argument::list(vec![Argument::Unsigned(number.into())])
}

fn number(bytes: [u8; 4]) -> Argument {
    Argument::Unsigned(u32::from_ne_bytes(bytes).into())
}

/// `None` if the payload does not fit its type, or the type is unknown.
fn payload(message: &Message<'_>, most: usize, facts: &mut Facts) -> Option<Argument> {
    let bytes = message.payload;
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    Some(match (message.level, message.kind) {
        (libc::SOL_SOCKET, _) => socket(message, most, facts)?,
        (libc::SOL_UDP, libc::UDP_SEGMENT) => {
            let size = u16::from_ne_bytes(*bytes.first_chunk()?);
            segment(facts, size.into());
            single(size)
        }
        (libc::SOL_UDP, libc::UDP_GRO) => {
            let size = word(0)?;
            segment(facts, size as usize);
            single(size)
        }
        (libc::SOL_IP, libc::IP_PKTINFO) => {
            let local = Ipv4Addr::from(*bytes.get(4..)?.first_chunk::<4>()?);
            let address = Ipv4Addr::from(*bytes.get(8..)?.first_chunk::<4>()?);
            Argument::Struct(vec![
                ("ipi_ifindex", Argument::interface(word(0)?)),
                ("ipi_spec_dst", Argument::Ipv4(local)),
                ("ipi_addr", Argument::Ipv4(address)),
            ])
        }
        (libc::SOL_IPV6, libc::IPV6_PKTINFO) => {
            let address = Ipv6Addr::from(*bytes.first_chunk::<16>()?);
            Argument::Struct(vec![
                ("ipi6_addr", Argument::Ipv6(address)),
                ("ipi6_ifindex", Argument::interface(word(16)?)),
            ])
        }
        // In strace's form: each byte, in hexadecimal.
        (libc::SOL_IP, libc::IP_TOS | libc::IP_RECVOPTS | libc::IP_RETOPTS) => {
            bytes.first()?;
            list(bytes, most, |[byte]| Argument::Hex(byte.into()))
        }
        (libc::SOL_IPV6, libc::IPV6_TCLASS) => Argument::list(vec![Argument::Hex(word(0)?.into())]),
        (libc::SOL_IP, libc::IP_TTL | libc::IP_CHECKSUM | libc::IP_RECVFRAGSIZE)
        | (libc::SOL_IPV6, libc::IPV6_HOPLIMIT) => {
            word(0)?;
            list(bytes, most, number)
        }
        (libc::SOL_IP, libc::IP_ORIGDSTADDR) | (libc::SOL_IPV6, libc::IPV6_ORIGDSTADDR) => {
            bytes.get(15)?;
            let address = SocketAddress::read(&bytes[..bytes.len().min(LONGEST)]);
            Argument::SocketAddress(Box::new(address))
        }
        (libc::SOL_IP, 3) => {
            bytes.first()?;
            Argument::string(bytes)
        }
        // strace requires a whole struct sockaddr_in after it.
        (libc::SOL_IP, libc::IP_RECVERR) => error(bytes.first_chunk::<32>()?, facts)?,
        (libc::SOL_IPV6, libc::IPV6_RECVERR) => error(bytes, facts)?,
        _ => return None,
    })
}

fn socket(message: &Message<'_>, most: usize, facts: &mut Facts) -> Option<Argument> {
    let bytes = message.payload;
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    bytes.first()?;
    Some(match message.kind {
        libc::SCM_RIGHTS => {
            word(0)?;
            let fds = bytes.as_chunks().0.iter();
            facts.fds.extend(fds.map(|fd| i32::from_ne_bytes(*fd)));
            list(bytes, most, |fd| {
                Argument::Signed(i32::from_ne_bytes(fd).into())
            })
        }
        libc::SCM_CREDENTIALS => {
            let [pid, uid, gid] = [word(0)?, word(4)?, word(8)?];
            Argument::Struct(vec![
                ("pid", Argument::Signed(pid.cast_signed().into())),
                ("uid", Argument::Id(uid)),
                ("gid", Argument::Id(gid)),
            ])
        }
        3 => Argument::string(bytes),
        29 | 63 => times(bytes, 1, false),
        35 | 64 => times(bytes, 1, true),
        37 | 65 => times(bytes, 3, true),
        61 => single(u64::from_ne_bytes(*bytes.first_chunk()?)),
        libc::SO_RXQ_OVFL | libc::SO_MARK => single(word(0)?),
        _ => return None,
    })
}

/// A `struct sock_extended_err`, and the address after it.
fn error(bytes: &[u8], facts: &mut Facts) -> Option<Argument> {
    let (error, offender) = bytes.split_first_chunk::<16>()?;
    let word =
        |at: usize| u32::from_ne_bytes([error[at], error[at + 1], error[at + 2], error[at + 3]]);
    let (errno, origin, icmp_type, icmp_code) = (word(0), error[4], error[5], error[6]);
    // strace writes numbers; the names are added as comments.
    let origin_name = match origin {
        1 => Some("SO_EE_ORIGIN_LOCAL"),
        2 => Some("SO_EE_ORIGIN_ICMP"),
        3 => Some("SO_EE_ORIGIN_ICMP6"),
        4 => Some("SO_EE_ORIGIN_TIMESTAMPING"),
        5 => Some("SO_EE_ORIGIN_ZEROCOPY"),
        _ => None,
    };
    let offender = SocketAddress::read(offender);
    facts.icmp = Some((errno as i32, icmp_type, icmp_code, offender.ip()));
    Some(Argument::Struct(vec![
        ("ee_errno", Argument::ErrnoNumber(errno)),
        ("ee_origin", Argument::Commented(origin.into(), origin_name)),
        ("ee_type", Argument::Unsigned(icmp_type.into())),
        ("ee_code", Argument::Unsigned(icmp_code.into())),
        ("ee_info", Argument::Unsigned(word(8).into())),
        ("ee_data", Argument::Unsigned(word(12).into())),
        ("offender", Argument::SocketAddress(Box::new(offender))),
    ]))
}

fn segment(facts: &mut Facts, size: usize) {
    if let Some(moved) = facts.moved.last_mut()
        && size > 0
    {
        moved.segment = Some(size);
    }
}
