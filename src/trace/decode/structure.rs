//! Decodes option values that are structures: requests to join groups, and filters.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::option::Target;
use super::{Context, names, pair};
use crate::trace::address::SocketAddress;
use crate::trace::argument::Argument;
use crate::trace::memory::Memory;

/// A request to join or leave a group; `None` if it is too short or cannot be read.
pub(super) fn membership<M: Memory>(
    context: &Context<'_, M>,
    target: &Target,
    length: i32,
) -> Option<Argument> {
    let memory = context.memory;
    let is_group = matches!(
        target.number,
        libc::MCAST_JOIN_GROUP | libc::MCAST_LEAVE_GROUP
    );
    Some(Argument::Struct(match target.level {
        libc::SOL_PACKET => {
            let bytes = memory
                .exact::<16>(target.address)
                .filter(|_| length == 16)?;
            let [interface, more] = pair(bytes.first_chunk()?).map(i32::cast_unsigned);
            let kind = Argument::named(more & 0xffff, names::MEMBERSHIPS, "PACKET_MR_???");
            // strace accepts an address of up to 32 bytes; this structure has room for eight.
            let known = ((more >> 16) as usize).min(8);
            let address = Argument::HardwareAddress(bytes[8..8 + known].to_vec());
            vec![
                ("mr_ifindex", Argument::interface(interface)),
                ("mr_type", kind),
                ("mr_alen", Argument::Unsigned((more >> 16).into())),
                ("mr_address", address),
            ]
        }
        _ if is_group => {
            let bytes = memory
                .exact::<136>(target.address)
                .filter(|_| length >= 136)?;
            let index = u32::from_ne_bytes(*bytes.first_chunk()?);
            let group = SocketAddress::read(bytes.get(8..)?);
            vec![
                ("gr_interface", Argument::interface(index)),
                ("gr_group", Argument::SocketAddress(Box::new(group))),
            ]
        }
        libc::SOL_IP => {
            let [a, b, c, d, rest @ ..] =
                memory.exact::<8>(target.address).filter(|_| length >= 8)?;
            let group = Ipv4Addr::new(a, b, c, d);
            vec![
                ("imr_multiaddr", Argument::Ipv4(group)),
                ("imr_interface", Argument::Ipv4(Ipv4Addr::from(rest))),
            ]
        }
        _ => {
            let bytes = memory
                .exact::<20>(target.address)
                .filter(|_| length >= 20)?;
            let group = Ipv6Addr::from(*bytes.first_chunk::<16>()?);
            let index = u32::from_ne_bytes(*bytes.last_chunk()?);
            vec![
                ("ipv6mr_multiaddr", Argument::Ipv6(group)),
                ("ipv6mr_interface", Argument::interface(index)),
            ]
        }
    }))
}

/// The ICMP types that a raw socket filters out.
pub(super) fn icmp_filter<M: Memory>(context: &Context<'_, M>, at: u64, length: i32) -> Argument {
    let length = usize::try_from(length).unwrap_or_default().min(4);
    let bytes = context
        .memory
        .bytes(at, length)
        .filter(|bytes| !bytes.is_empty());
    let Some(bytes) = bytes else {
        return Argument::Pointer(at);
    };
    let mut mask = [0xff; 4];
    mask[..bytes.len()].copy_from_slice(&bytes);
    Argument::IcmpTypes(u32::from_ne_bytes(mask))
}
