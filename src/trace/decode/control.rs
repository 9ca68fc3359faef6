//! Control messages in strace's notation, every one of UDP's decoded.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{address, index};
use crate::sys::control::Message;
use crate::trace::call::Facts;
use crate::trace::notation::{Names, hex, named, names, quoted};

/// Messages of `SOL_SOCKET`, as strace names them.
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

/// Writes `[{cmsg_len=20, cmsg_level=SOL_IP, cmsg_type=IP_TTL, cmsg_data=[64]}, …]` of a buffer that
/// the program has at `at`, with room for at least one message. `is_whole` is no where it is longer
/// than what was read of it.
pub(super) fn write(
    text: &mut String,
    buffer: &[u8],
    (at, is_whole): (u64, bool),
    most: usize,
    facts: &mut Facts,
) {
    text.push('[');
    let mut rest = buffer;
    let mut is_first = true;
    while let Some((head, data)) = rest.split_first_chunk::<HEAD>() {
        if !std::mem::take(&mut is_first) {
            text.push_str(", ");
        }
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
        let _ = write!(text, "{{cmsg_len={length}, cmsg_level=");
        one(text, &message, most, facts);
        text.push('}');
        if known < HEAD {
            rest = data;
            break;
        }
        let next = length.checked_next_multiple_of(8).unwrap_or(u64::MAX);
        let next = usize::try_from(next).unwrap_or(usize::MAX);
        rest = rest.get(next..).unwrap_or_default();
    }
    if !rest.is_empty() {
        let at = at.wrapping_add((buffer.len() - rest.len()) as u64);
        let _ = write!(text, ", ... /* {at:#x} */");
    } else if !is_whole {
        text.push_str(", ...");
    }
    text.push(']');
}

fn one(text: &mut String, message: &Message<'_>, most: usize, facts: &mut Facts) {
    named(
        text,
        message.level.cast_unsigned(),
        super::names::LEVELS,
        "SOL_???",
    );
    text.push_str(", cmsg_type=");
    let (names, unknown) = match message.level {
        libc::SOL_SOCKET => (SOCKET, "SCM_???"),
        libc::SOL_IP => (IP, "IP_???"),
        libc::SOL_IPV6 => (IPV6, ""),
        libc::SOL_UDP => (UDP, ""),
        _ => (&[][..], ""),
    };
    named(text, message.kind.cast_unsigned(), names, unknown);
    // What is too short for its type is left out, as strace does.
    let start = text.len();
    text.push_str(", cmsg_data=");
    if payload(text, message, most, facts).is_none() {
        text.truncate(start);
    }
}

/// Writes so many numbers, and dots for those beyond `most`.
fn list<const N: usize>(
    text: &mut String,
    bytes: &[u8],
    most: usize,
    mut number: impl FnMut(&mut String, [u8; N]),
) -> Option<()> {
    text.push('[');
    for (index, bytes) in bytes.as_chunks().0.iter().enumerate() {
        text.push_str(if index > 0 { ", " } else { "" });
        if index >= most {
            text.push_str("...");
            break;
        }
        number(text, *bytes);
    }
    text.push(']');
    Some(())
}

/// Times as strace writes them; `???` where there are too few bytes.
fn times(text: &mut String, bytes: &[u8], count: usize, fraction: &str) {
    let long = |at: usize| Some(i64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    if bytes.len() < count * 16 {
        return text.push_str("???");
    }
    text.push_str(if count > 1 { "[" } else { "" });
    for at in 0..count {
        let (seconds, rest) = (long(at * 16), long(at * 16 + 8));
        let _ = write!(
            text,
            "{}{{tv_sec={}, tv_{fraction}={}}}",
            if at > 0 { ", " } else { "" },
            seconds.unwrap_or_default(),
            rest.unwrap_or_default().cast_unsigned(),
        );
    }
    text.push_str(if count > 1 { "]" } else { "" });
}

fn number(text: &mut String, bytes: [u8; 4]) {
    let _ = write!(text, "{}", u32::from_ne_bytes(bytes));
}

/// `None` where the payload is not what its type says, or nothing is known of the type.
fn payload(text: &mut String, message: &Message<'_>, most: usize, facts: &mut Facts) -> Option<()> {
    let bytes = message.payload;
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    match (message.level, message.kind) {
        (libc::SOL_SOCKET, _) => socket(text, message, most, facts)?,
        (libc::SOL_UDP, libc::UDP_SEGMENT) => {
            let size = u16::from_ne_bytes(*bytes.first_chunk()?);
            let _ = write!(text, "[{size}]");
            segment(facts, size.into());
        }
        (libc::SOL_UDP, libc::UDP_GRO) => {
            let size = word(0)?;
            let _ = write!(text, "[{size}]");
            segment(facts, size as usize);
        }
        (libc::SOL_IP, libc::IP_PKTINFO) => {
            let (local, address) = (
                *bytes.get(4..)?.first_chunk::<4>()?,
                *bytes.get(8..)?.first_chunk::<4>()?,
            );
            text.push_str("{ipi_ifindex=");
            index(text, word(0)?);
            let _ = write!(
                text,
                ", ipi_spec_dst=inet_addr(\"{}\"), ipi_addr=inet_addr(\"{}\")}}",
                Ipv4Addr::from(local),
                Ipv4Addr::from(address)
            );
        }
        (libc::SOL_IPV6, libc::IPV6_PKTINFO) => {
            let address = Ipv6Addr::from(*bytes.first_chunk::<16>()?);
            let number = word(16)?;
            let _ = write!(
                text,
                "{{inet_pton(AF_INET6, \"{}\", &ipi6_addr), ipi6_ifindex=",
                address::Inet6(address)
            );
            index(text, number);
            text.push('}');
        }
        // As strace writes it: each byte, in hexadecimal.
        (libc::SOL_IP, libc::IP_TOS | libc::IP_RECVOPTS | libc::IP_RETOPTS) => {
            bytes.first()?;
            list(text, bytes, most, |text, [byte]| hex(text, byte.into()))?;
        }
        (libc::SOL_IPV6, libc::IPV6_TCLASS) => {
            text.push('[');
            hex(text, word(0)?.into());
            text.push(']');
        }
        (libc::SOL_IP, libc::IP_TTL | libc::IP_CHECKSUM | libc::IP_RECVFRAGSIZE)
        | (libc::SOL_IPV6, libc::IPV6_HOPLIMIT) => {
            word(0)?;
            list(text, bytes, most, number)?;
        }
        (libc::SOL_IP, libc::IP_ORIGDSTADDR) | (libc::SOL_IPV6, libc::IPV6_ORIGDSTADDR) => {
            bytes.get(15)?;
            address::write(text, &bytes[..bytes.len().min(address::LONGEST)]);
        }
        (libc::SOL_IP, 3) => {
            bytes.first()?;
            quoted(text, bytes, false);
        }
        // strace wants the whole of a struct sockaddr_in behind it.
        (libc::SOL_IP, libc::IP_RECVERR) => error(text, bytes.first_chunk::<32>()?, facts)?,
        (libc::SOL_IPV6, libc::IPV6_RECVERR) => error(text, bytes, facts)?,
        _ => return None,
    }
    Some(())
}

fn socket(text: &mut String, message: &Message<'_>, most: usize, facts: &mut Facts) -> Option<()> {
    let bytes = message.payload;
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    bytes.first()?;
    match message.kind {
        libc::SCM_RIGHTS => {
            word(0)?;
            let fds = bytes.as_chunks().0.iter();
            facts.fds.extend(fds.map(|fd| i32::from_ne_bytes(*fd)));
            list(text, bytes, most, |text, fd| {
                let _ = write!(text, "{}", i32::from_ne_bytes(fd));
            })?;
        }
        libc::SCM_CREDENTIALS => {
            let [pid, uid, gid] = [word(0)?, word(4)?, word(8)?].map(u32::cast_signed);
            let _ = write!(text, "{{pid={pid}, uid=");
            super::identity(text, uid.cast_unsigned());
            text.push_str(", gid=");
            super::identity(text, gid.cast_unsigned());
            text.push('}');
        }
        3 => quoted(text, bytes, false),
        29 | 63 => times(text, bytes, 1, "usec"),
        35 | 64 => times(text, bytes, 1, "nsec"),
        37 | 65 => times(text, bytes, 3, "nsec"),
        61 => {
            let time = u64::from_ne_bytes(*bytes.first_chunk()?);
            let _ = write!(text, "[{time}]");
        }
        libc::SO_RXQ_OVFL | libc::SO_MARK => {
            let _ = write!(text, "[{}]", word(0)?);
        }
        _ => return None,
    }
    Some(())
}

/// A `struct sock_extended_err`, and the address behind it.
fn error(text: &mut String, bytes: &[u8], facts: &mut Facts) -> Option<()> {
    let (error, offender) = bytes.split_first_chunk::<16>()?;
    let word =
        |at: usize| u32::from_ne_bytes([error[at], error[at + 1], error[at + 2], error[at + 3]]);
    let (errno, origin, icmp_type, icmp_code) = (word(0), error[4], error[5], error[6]);
    // strace writes numbers; the names stand beside them.
    let origin_name = match origin {
        1 => " /* SO_EE_ORIGIN_LOCAL */",
        2 => " /* SO_EE_ORIGIN_ICMP */",
        3 => " /* SO_EE_ORIGIN_ICMP6 */",
        4 => " /* SO_EE_ORIGIN_TIMESTAMPING */",
        5 => " /* SO_EE_ORIGIN_ZEROCOPY */",
        _ => "",
    };
    let _ = write!(
        text,
        "{{ee_errno={errno} /* {} */, ee_origin={origin}{origin_name}, ee_type={icmp_type}, \
         ee_code={icmp_code}, ee_info={}, ee_data={}, offender=",
        crate::error::errno_name(errno as i32),
        word(8),
        word(12)
    );
    let by = address::write(text, offender);
    text.push('}');
    facts.icmp = Some((errno as i32, icmp_type, icmp_code, by));
    Some(())
}

fn segment(facts: &mut Facts, size: usize) {
    if let Some(moved) = facts.moved.last_mut()
        && size > 0
    {
        moved.segment = Some(size);
    }
}
