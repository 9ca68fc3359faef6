//! The kinds of datagrams that can arrive at a port with several sockets, and the receiver of each.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Socket;
use super::lookup::{Arriving, Receiver, copies, receiver};
use crate::socket::Family;

/// The maximum number of addresses of one port that are reported.
const MOST_ADDRESSES: usize = 64;

/// The destination of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// An address that a socket is bound to.
    Address(IpAddr),
    /// A multicast group that one of the sockets has joined.
    Group(IpAddr),
    /// A broadcast address: of a network, or the limited one.
    Broadcast,
    /// Any other address of a family: no socket is bound to it.
    AnyOther(Family),
}

/// A datagram from a sender to which no socket is connected, and its receiver.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeliveryCase {
    /// The destination.
    pub to: Target,
    /// The interface at which it arrives, if a socket is bound to that.
    pub device: Option<u32>,
    /// The receiver.
    pub receiver: Receiver,
}

/// The kinds of datagrams that can arrive at `sockets`, which share one port and are in the kernel's
/// order, and their receivers.
///
/// At most 64 addresses are considered. Datagrams from a connected socket's peer are left out: that
/// socket gets them.
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
    // Groups are reported by interface, as they were joined.
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
