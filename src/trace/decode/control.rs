//! Control messages in strace's notation, every one of UDP's decoded.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{address, interface, option};
use crate::sys::control::{self, Message};
use crate::trace::call::Facts;
use crate::trace::notation::{Names, named, names, quoted};

/// Messages of `SOL_SOCKET`, as strace names them.
const SOCKET: Names = &[
    (1, "SCM_RIGHTS"),
    (2, "SCM_CREDENTIALS"),
    (3, "SCM_SECURITY"),
    (29, "SO_TIMESTAMP_OLD"),
    (35, "SO_TIMESTAMPNS_OLD"),
    (37, "SO_TIMESTAMPING_OLD"),
    (40, "SO_RXQ_OVFL"),
    (43, "SO_WIFI_STATUS"),
    (36, "SO_MARK"),
    (54, "SCM_TIMESTAMPING_OPT_STATS"),
    (58, "SCM_TIMESTAMPING_PKTINFO"),
    (61, "SCM_TXTIME"),
    (63, "SO_TIMESTAMP_NEW"),
    (64, "SO_TIMESTAMPNS_NEW"),
    (65, "SO_TIMESTAMPING_NEW"),
];

const IP: Names = names! {
    IP_TOS IP_TTL IP_PKTINFO IP_RECVERR IP_RETOPTS IP_RECVOPTS IP_ORIGDSTADDR IP_CHECKSUM IP_RECVFRAGSIZE
};

const IPV6: Names = names! {
    IPV6_PKTINFO IPV6_HOPLIMIT IPV6_TCLASS IPV6_RECVERR IPV6_FLOWINFO IPV6_HOPOPTS IPV6_DSTOPTS
    IPV6_RTHDR IPV6_ORIGDSTADDR IPV6_DONTFRAG IPV6_PATHMTU
};

const UDP: Names = names! { UDP_SEGMENT UDP_GRO };

/// Writes `[{cmsg_len=20, cmsg_level=SOL_IP, cmsg_type=IP_TTL, cmsg_data=[64]}, …]`; what is not a
/// message any more is told as a string.
pub(super) fn write(text: &mut String, buffer: &[u8], facts: &mut Facts) {
    text.push('[');
    let mut at = 0;
    for message in control::messages(buffer) {
        if at > 0 {
            text.push_str(", ");
        }
        one(text, &message, facts);
        at += control::space(message.payload.len());
    }
    let rest = buffer.get(at..).unwrap_or_default();
    if !rest.is_empty() {
        text.push_str(if at > 0 { ", ... /* " } else { "/* " });
        let _ = write!(text, "{} bytes that are no message */", rest.len());
    }
    text.push(']');
}

fn one(text: &mut String, message: &Message<'_>, facts: &mut Facts) {
    let length = control::space(0) + message.payload.len();
    let _ = write!(text, "{{cmsg_len={length}, cmsg_level=");
    option::level(text, message.level);
    text.push_str(", cmsg_type=");
    let names = match message.level {
        libc::SOL_SOCKET => SOCKET,
        libc::SOL_IP => IP,
        libc::SOL_IPV6 => IPV6,
        libc::SOL_UDP => UDP,
        _ => &[],
    };
    match names.iter().any(|(n, _)| *n == i64::from(message.kind)) {
        true => named(text, message.kind.into(), names, ""),
        false => {
            let _ = write!(text, "{:#x}", message.kind);
        }
    }
    if !message.payload.is_empty() {
        text.push_str(", cmsg_data=");
        if payload(text, message, facts).is_none() {
            quoted(text, message.payload, false);
        }
    }
    text.push('}');
}

/// `None`, and nothing written, where the payload is not what its type says.
fn payload(text: &mut String, message: &Message<'_>, facts: &mut Facts) -> Option<()> {
    let bytes = message.payload;
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(i64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    match (message.level, message.kind) {
        (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
            let fds: Vec<i32> = bytes
                .as_chunks()
                .0
                .iter()
                .map(|fd| i32::from_ne_bytes(*fd))
                .collect();
            let _ = write!(text, "{fds:?}");
            facts.fds.extend(&fds);
        }
        (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
            let (pid, uid, gid) = (word(0)?, word(4)?, word(8)?);
            let _ = write!(text, "{{pid={pid}, uid={uid}, gid={gid}}}");
        }
        (libc::SOL_SOCKET, 29 | 63) => {
            let _ = write!(text, "{{tv_sec={}, tv_usec={}}}", long(0)?, long(8)?);
        }
        (libc::SOL_SOCKET, 35 | 64) => {
            let _ = write!(text, "{{tv_sec={}, tv_nsec={}}}", long(0)?, long(8)?);
        }
        (libc::SOL_SOCKET, 37 | 65) => {
            long(40)?;
            text.push('[');
            for at in [0, 16, 32] {
                let comma = if at == 0 { "" } else { ", " };
                let _ = write!(
                    text,
                    "{comma}{{tv_sec={}, tv_nsec={}}}",
                    long(at)?,
                    long(at + 8)?
                );
            }
            text.push(']');
        }
        (libc::SOL_SOCKET, 61) => {
            let _ = write!(text, "[{}]", long(0)?);
        }
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL | libc::SO_MARK) => {
            let _ = write!(text, "[{}]", word(0)?);
        }
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
                "{{inet_pton(AF_INET6, \"{address}\", &ipi6_addr), ipi6_ifindex="
            );
            index(text, number);
            text.push('}');
        }
        // As strace writes it: each byte, in hexadecimal.
        (libc::SOL_IP, libc::IP_TOS) => {
            text.push('[');
            for (at, byte) in bytes.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                let _ = match byte {
                    0 => write!(text, "{comma}0"),
                    _ => write!(text, "{comma}{byte:#x}"),
                };
            }
            text.push(']');
        }
        (libc::SOL_IPV6, libc::IPV6_TCLASS) => {
            let _ = write!(text, "[{:#x}]", word(0)?);
        }
        (libc::SOL_IP, libc::IP_TTL | libc::IP_CHECKSUM | libc::IP_RECVFRAGSIZE)
        | (libc::SOL_IPV6, libc::IPV6_HOPLIMIT) => {
            let _ = write!(text, "[{}]", word(0)?);
        }
        (libc::SOL_IP, libc::IP_ORIGDSTADDR) | (libc::SOL_IPV6, libc::IPV6_ORIGDSTADDR) => {
            address::write(text, bytes);
        }
        (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR) => {
            error(text, bytes, facts)?;
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

/// An interface as strace writes it: by name, and 0 for any.
fn index(text: &mut String, number: u32) {
    let _ = match interface(number) {
        Some(name) => write!(text, "if_nametoindex(\"{name}\")"),
        None => write!(text, "{number}"),
    };
}
