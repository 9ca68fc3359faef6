//! The datagrams that a port with several sockets can meet, and who gets each.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Socket;
use super::lookup::{Arriving, Receiver, copies, receiver};
use crate::socket::Family;

/// How many addresses of one port are told of.
const MOST_ADDRESSES: usize = 64;

/// Where a datagram is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// An address that a socket is bound to.
    Address(IpAddr),
    /// A multicast group that one of the sockets has joined.
    Group(IpAddr),
    /// A broadcast address: that of a network, or of all.
    Broadcast,
    /// Any address of a family that no socket is bound to.
    AnyOther(Family),
}

/// A datagram from somebody to whom no socket is connected, and who gets it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeliveryCase {
    /// Where it is sent to.
    pub to: Target,
    /// The interface that it comes in by, if a socket is bound to that.
    pub device: Option<u32>,
    /// Who gets it.
    pub receiver: Receiver,
}

/// What can come to `sockets`, which are of one port and in the kernel's order, and who gets it.
///
/// It is asked for 64 addresses at most. What comes from a connected socket's own peer is left out:
/// that socket gets it.
pub fn delivery_cases(sockets: &[Socket]) -> Vec<DeliveryCase> {
    let open: Vec<_> = sockets
        .iter()
        .filter(|socket| socket.remote.is_none())
        .collect();
    let addresses: BTreeSet<IpAddr> = open
        .iter()
        .filter(|socket| !socket.is_wildcard())
        .map(|socket| socket.local.ip().to_canonical())
        .collect();
    let mut targets: Vec<_> = addresses.into_iter().map(Target::Address).collect();
    targets.truncate(MOST_ADDRESSES);
    let joined: BTreeSet<(IpAddr, u32)> = open
        .iter()
        .flat_map(|socket| socket.groups.iter().flatten())
        .map(|group| (group.group, group.interface))
        .collect();
    // It is told by interface, as it was joined.
    targets.retain(|target| match target {
        Target::Address(address) => !joined.iter().any(|(group, _)| group == address),
        _ => true,
    });
    for family in [Family::V4, Family::V6] {
        if open
            .iter()
            .any(|socket| socket.is_wildcard() && socket.receives(family))
        {
            targets.push(Target::AnyOther(family));
        }
    }
    let to_all = |to: Target, address: IpAddr, device| DeliveryCase {
        to,
        device,
        receiver: copies(
            sockets,
            &Arriving {
                from: None,
                to: address,
                device,
                cpu: None,
            },
        ),
    };
    let mut many: Vec<_> = joined
        .iter()
        .take(MOST_ADDRESSES)
        .map(|(group, interface)| to_all(Target::Group(*group), *group, Some(*interface)))
        .collect();
    if open
        .iter()
        .any(|socket| socket.is_wildcard() && socket.receives(Family::V4))
    {
        many.push(to_all(Target::Broadcast, Ipv4Addr::BROADCAST.into(), None));
    }
    let mut devices: BTreeSet<Option<u32>> = open.iter().map(|socket| socket.device).collect();
    devices.insert(None);
    let mut delivery_cases = Vec::new();
    for to in targets {
        for &device in &devices {
            let datagram = Arriving {
                from: None,
                to: match to {
                    Target::Address(address) | Target::Group(address) => address,
                    Target::Broadcast => Ipv4Addr::BROADCAST.into(),
                    Target::AnyOther(Family::V4) => Ipv4Addr::UNSPECIFIED.into(),
                    Target::AnyOther(Family::V6) => Ipv6Addr::UNSPECIFIED.into(),
                },
                device,
                cpu: None,
            };
            let receiver = receiver(sockets, &datagram);
            delivery_cases.push(DeliveryCase {
                to,
                device,
                receiver,
            });
        }
    }
    delivery_cases.extend(many);
    delivery_cases
}
