//! Values of options that are structures: requests to join groups, and filters.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::option::Target;
use super::{Context, address, index, names, pair};
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, named, pointer};

/// A request to join or leave a group; `None` where it is too short, or cannot be read.
pub(super) fn membership<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    target: &Target,
    length: i32,
) -> Option<()> {
    let memory = context.memory;
    let is_group = matches!(
        target.number,
        libc::MCAST_JOIN_GROUP | libc::MCAST_LEAVE_GROUP
    );
    match target.level {
        libc::SOL_PACKET => {
            let bytes = memory
                .exact::<16>(target.address)
                .filter(|_| length == 16)?;
            let [interface, more] = pair(bytes.first_chunk()?).map(i32::cast_unsigned);
            text.push_str("{mr_ifindex=");
            index(text, interface);
            text.push_str(", mr_type=");
            named(text, more & 0xffff, names::MEMBERSHIPS, "PACKET_MR_???");
            let _ = write!(text, ", mr_alen={}, mr_address=", more >> 16);
            // An address of 32 bytes at most is one; this structure has room for eight.
            let known = ((more >> 16) as usize).min(8);
            let parts: Vec<_> = bytes[8..8 + known]
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            text.push_str(&parts.join(":"));
        }
        _ if is_group => {
            let bytes = memory
                .exact::<136>(target.address)
                .filter(|_| length >= 136)?;
            text.push_str("{gr_interface=");
            index(text, u32::from_ne_bytes(*bytes.first_chunk()?));
            text.push_str(", gr_group=");
            address::write(text, bytes.get(8..)?);
        }
        libc::SOL_IP => {
            let [a, b, c, d, rest @ ..] =
                memory.exact::<8>(target.address).filter(|_| length >= 8)?;
            let _ = write!(
                text,
                "{{imr_multiaddr=inet_addr(\"{}\"), imr_interface=inet_addr(\"{}\")",
                Ipv4Addr::new(a, b, c, d),
                Ipv4Addr::from(rest)
            );
        }
        _ => {
            let bytes = memory
                .exact::<20>(target.address)
                .filter(|_| length >= 20)?;
            let group = Ipv6Addr::from(*bytes.first_chunk::<16>()?);
            let _ = write!(
                text,
                "{{inet_pton(AF_INET6, \"{}\", &ipv6mr_multiaddr), ipv6mr_interface=",
                address::Inet6(group)
            );
            index(text, u32::from_ne_bytes(*bytes.last_chunk()?));
        }
    }
    text.push('}');
    Some(())
}

/// Which types of ICMP a raw socket does not want.
pub(super) fn icmp_filter<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    at: u64,
    length: i32,
) {
    const TYPES: Names = &[
        (0, "ICMP_ECHOREPLY"),
        (3, "ICMP_DEST_UNREACH"),
        (4, "ICMP_SOURCE_QUENCH"),
        (5, "ICMP_REDIRECT"),
        (8, "ICMP_ECHO"),
        (11, "ICMP_TIME_EXCEEDED"),
        (12, "ICMP_PARAMETERPROB"),
        (13, "ICMP_TIMESTAMP"),
        (14, "ICMP_TIMESTAMPREPLY"),
        (15, "ICMP_INFO_REQUEST"),
        (16, "ICMP_INFO_REPLY"),
        (17, "ICMP_ADDRESS"),
        (18, "ICMP_ADDRESSREPLY"),
    ];
    let length = usize::try_from(length).unwrap_or_default().min(4);
    let bytes = context
        .memory
        .bytes(at, length)
        .filter(|bytes| !bytes.is_empty());
    let Some(bytes) = bytes else {
        return pointer(text, at);
    };
    let mut mask = [0xff; 4];
    mask[..bytes.len()].copy_from_slice(&bytes);
    let mut mask = u32::from_ne_bytes(mask);
    if mask.count_ones() > 16 {
        text.push('~');
        mask = !mask;
    }
    text.push('[');
    let kinds = (0..32).filter(|kind| mask >> kind & 1 == 1);
    for (at, kind) in kinds.enumerate() {
        text.push_str(if at > 0 { " " } else { "" });
        named(text, kind, TYPES, "ICMP_???");
    }
    text.push(']');
}
