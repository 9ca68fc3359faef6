//! Which of several sockets gets a datagram, by the rules of the kernel's lookup (`__udp4_lib_lookup`
//! and `__udp6_lib_lookup`, Linux 6.18).
//!
//! 1. A socket connected to the sender, at the destination address.
//! 2. The sockets bound to the destination address; among them the best score.
//! 3. The sockets bound to the wildcard address; among them the best score.
//!
//! The score counts a bound interface, then the family (an IPv4 socket before an IPv6 one), then
//! `SO_INCOMING_CPU`. Among equal scores the last that bound wins. If it has `SO_REUSEPORT`, the
//! datagram goes to one socket of its group: by the hash of the flow, or by the group's BPF program, if
//! it has one.
//!
//! Multicast and broadcast need no choice: every socket that matches gets a copy
//! (`__udp4_lib_mcast_deliver`), a member of the group or not, unless `IP_MULTICAST_ALL` is off.

use std::net::{IpAddr, SocketAddr};

use super::Socket;
use crate::socket::Family;

/// The properties of a datagram that decide its receiver.
#[derive(Clone, Copy, Debug)]
pub struct Arriving {
    /// The sender; `None` for one to which no socket is connected.
    pub from: Option<SocketAddr>,
    /// The destination. The unspecified address stands for one that no socket is bound to.
    pub to: IpAddr,
    /// The index of the interface at which it arrives; `None` for one that no socket is bound to.
    pub device: Option<u32>,
    /// The CPU that handles it; `None` for one that no socket prefers.
    pub cpu: Option<u32>,
}

/// The reason why a socket gets a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It is connected to the sender.
    Connected,
    /// It is bound to the destination address.
    Address,
    /// It is bound to the wildcard address.
    Wildcard,
}

/// The receiver of a datagram; sockets by their index in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Receiver {
    /// No socket: the sender gets an ICMP port unreachable.
    Nobody,
    /// One socket.
    One {
        /// The socket's index.
        socket: usize,
        /// The reason.
        why: Why,
        /// The number of sockets with an equal score, of which it is the last that bound.
        of: usize,
    },
    /// Each of these gets a copy: it is multicast or broadcast. If the list is empty, no ICMP error is
    /// sent.
    Each {
        /// All of them, the last that bound first.
        sockets: Vec<usize>,
    },
    /// One of these, by the hash of the flow (`SO_REUSEPORT`); which one cannot be seen from outside.
    ByHash {
        /// The group, the last that bound first.
        group: Vec<usize>,
        /// The reason.
        why: Why,
    },
    /// One of these; which one cannot be seen from outside: their options may not be read, or it
    /// depends on whether a `SO_REUSEPORT` group has had a connected socket, or on whether an IPv4 or
    /// an IPv6 socket bound last.
    Unknown {
        /// All with an equal score, the last that bound first.
        among: Vec<usize>,
        /// The reason.
        why: Why,
    },
}

/// Returns the receiver of a datagram among `sockets`, which share one port and are in the kernel's
/// order.
///
/// sock_diag(7) and `/proc/net/udp` list them in that order: the last that bound first, but IPv6
/// sockets with `SO_REUSEPORT` after all others.
///
/// If several sockets are connected to one sender, the last that connected gets the datagram; but only
/// the order of binding is known, and only within a family. Before Linux 6.13 a `SO_REUSEPORT` group
/// could come before a connected socket outside of it.
///
/// ```
/// use std::net::UdpSocket;
/// use udpraw::ports::{Arriving, Receiver, Why, read, receiver};
///
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// let sockets = read(&[socket.local_addr()?.port()])?.sockets;
/// let mut datagram = Arriving { from: None, to: [127, 0, 0, 1].into(), device: None, cpu: None };
/// let first = Receiver::One { socket: 0, why: Why::Address, of: 1 };
/// assert_eq!(receiver(&sockets, &datagram), first);
/// datagram.to = [127, 0, 0, 2].into();
/// assert_eq!(receiver(&sockets, &datagram), Receiver::Nobody);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn receiver(sockets: &[Socket], datagram: &Arriving) -> Receiver {
    let to = datagram.to.to_canonical();
    let is_broadcast = matches!(to, IpAddr::V4(to) if to.is_broadcast());
    if to.is_multicast() || is_broadcast {
        return copies(sockets, datagram);
    }
    let family = match to {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    };
    let candidates = |at_wildcard: bool| -> Vec<usize> {
        (0..sockets.len())
            .filter(|at| {
                let socket = &sockets[*at];
                let at_address = if at_wildcard {
                    socket.is_wildcard()
                } else {
                    !socket.is_wildcard() && socket.local.ip().to_canonical() == to
                };
                at_address && socket.receives(family) && fits(socket, datagram)
            })
            .collect()
    };
    let exact = candidates(false);
    let connected: Vec<_> = exact
        .iter()
        .copied()
        .filter(|at| sockets[*at].remote.is_some())
        .collect();
    if !connected.is_empty() {
        return last_connected(sockets, connected);
    }
    let best = |candidates: &[usize], why| {
        let found = best(sockets, candidates, family, datagram, why);
        // The order of binding is known only within a family: if it matters across families, the result
        // is unknown.
        let (mut v6_first, v4): (Vec<_>, Vec<_>) = candidates
            .iter()
            .partition(|at| sockets[**at].family == Family::V6);
        if v6_first.is_empty() || v4.is_empty() {
            return found;
        }
        v6_first.extend(v4);
        let other = self::best(sockets, &v6_first, family, datagram, why);
        or_perhaps(found, chosen(&other).to_vec(), why)
    };
    match best(&exact, Why::Address) {
        Receiver::Nobody => best(&candidates(true), Why::Wildcard),
        receiver => receiver,
    }
}

/// Returns the receivers among `sockets` of a datagram to a multicast or broadcast address.
/// [`receiver`] recognizes those addresses, except for the broadcast address of a network, which
/// depends on its prefix length.
pub fn copies(sockets: &[Socket], datagram: &Arriving) -> Receiver {
    let to = datagram.to.to_canonical();
    let family = match to {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    };
    let takes = |socket: &Socket| {
        let at_address = socket.is_wildcard() || socket.local.ip().to_canonical() == to;
        let wants = || {
            let members_only = socket
                .sharing
                .is_some_and(|sharing| sharing.members_only[usize::from(family == Family::V6)]);
            // If the groups are unknown, it may be a member.
            let is_member = socket.groups.as_ref().is_none_or(|groups| {
                let is_it = |group: &super::Membership| {
                    group.group == to && datagram.device.is_none_or(|on| on == group.interface)
                };
                groups.iter().any(is_it)
            });
            !to.is_multicast() || !members_only || is_member
        };
        at_address && socket.receives(family) && fits(socket, datagram) && wants()
    };
    let all = 0..sockets.len();
    Receiver::Each {
        sockets: all.filter(|at| takes(&sockets[*at])).collect(),
    }
}

/// Of several sockets that are connected to one sender, the last that connected; assumed to be the last
/// that bound, if the order of the list shows it.
fn last_connected(sockets: &[Socket], connected: Vec<usize>) -> Receiver {
    let why = Why::Connected;
    // Of IPv6 sockets with SO_REUSEPORT the first that bound comes first; `None` if that is unknown.
    let is_late = |at: &usize| match (sockets[*at].family, sockets[*at].sharing) {
        (Family::V4, _) => Some((Family::V4, false)),
        (family, sharing) => sharing.map(|sharing| (family, sharing.reuse_port)),
    };
    let of = connected.len();
    let kind = is_late(&connected[0]);
    let is_order_known = kind.is_some() && connected.iter().all(|at| is_late(at) == kind);
    let last = match kind {
        Some((_, true)) => connected[of - 1],
        _ => connected[0],
    };
    if of == 1 || is_order_known {
        Receiver::One {
            socket: last,
            why,
            of,
        }
    } else {
        Receiver::Unknown {
            among: connected,
            why,
        }
    }
}

/// Whether the socket's peer and interface, if it has them, match the datagram.
fn fits(socket: &Socket, datagram: &Arriving) -> bool {
    let canonical = |address: SocketAddr| (address.ip().to_canonical(), address.port());
    let peer_fits = match (socket.remote, datagram.from) {
        (None, _) => true,
        (Some(peer), Some(from)) => canonical(peer) == canonical(from),
        (Some(_), None) => false,
    };
    peer_fits && (socket.device.is_none() || socket.device == datagram.device)
}

fn score(socket: &Socket, family: Family, datagram: &Arriving) -> u32 {
    let cpu = socket.sharing.and_then(|sharing| sharing.incoming_cpu);
    let on_cpu = u32::from(cpu.is_some() && cpu == datagram.cpu);
    let on_device = u32::from(socket.device.is_some());
    let native = u32::from(socket.family == family);
    match family {
        Family::V4 => 4 * on_device + native + on_cpu,
        Family::V6 => on_device + on_cpu,
    }
}

/// The best of the candidates, which are in the kernel's order.
fn best(
    sockets: &[Socket],
    candidates: &[usize],
    family: Family,
    datagram: &Arriving,
    why: Why,
) -> Receiver {
    let mut found = Receiver::Nobody;
    let mut highest = None;
    // The group that the kernel takes, unless a socket of it has connected.
    let mut perhaps: Vec<usize> = Vec::new();
    for &at in candidates {
        let socket = &sockets[at];
        let score = score(socket, family, datagram);
        if highest >= Some(score) {
            continue;
        }
        highest = Some(score);
        let equals = || {
            let is_equal = |other: &&usize| {
                let other = &sockets[**other];
                self::score(other, family, datagram) == score
            };
            candidates.iter().filter(is_equal).copied()
        };
        match socket.sharing {
            Some(sharing) if sharing.reuse_port => {
                let mut group = equals_in_group(sockets, candidates, at);
                let on_cpu = |at: &usize| {
                    let cpu = sockets[*at]
                        .sharing
                        .and_then(|sharing| sharing.incoming_cpu);
                    cpu.is_some() && cpu == datagram.cpu
                };
                let may_go_on = has_connected(sockets, at);
                if may_go_on {
                    // The whole group: connecting removes a socket from the group and adds it again,
                    // and the kernel may then ignore the SO_INCOMING_CPU of its members.
                    perhaps.extend(&group);
                }
                if group.iter().any(on_cpu) {
                    group.retain(on_cpu);
                }
                group.sort_unstable();
                found = match group[..] {
                    [socket] => {
                        let of = equals().count();
                        Receiver::One { socket, why, of }
                    }
                    _ => Receiver::ByHash { group, why },
                };
                if !may_go_on {
                    break;
                }
            }
            None if equals().count() > 1 => {
                let among = equals().collect();
                found = Receiver::Unknown { among, why };
            }
            _ => {
                let of = equals().count();
                found = Receiver::One {
                    socket: at,
                    why,
                    of,
                };
            }
        }
    }
    or_perhaps(found, perhaps, why)
}

/// The sockets that a receiver is, or may be.
fn chosen(receiver: &Receiver) -> &[usize] {
    match receiver {
        Receiver::Nobody => &[],
        Receiver::Each { sockets } => sockets,
        Receiver::One { socket, .. } => std::slice::from_ref(socket),
        Receiver::ByHash { group, .. } => group,
        Receiver::Unknown { among, .. } => among,
    }
}

/// Returns what was found, unless other sockets may precede it.
fn or_perhaps(found: Receiver, mut perhaps: Vec<usize>, why: Why) -> Receiver {
    let chosen = chosen(&found);
    if perhaps.iter().all(|at| chosen.contains(at)) {
        return found;
    }
    perhaps.extend(chosen);
    perhaps.sort_unstable();
    perhaps.dedup();
    Receiver::Unknown {
        among: perhaps,
        why,
    }
}

/// Whether two sockets of one port share by hash: the same user, address, family and interface.
fn share(a: &Socket, b: &Socket) -> bool {
    let shares = |socket: &Socket| socket.sharing.is_some_and(|sharing| sharing.reuse_port);
    shares(a)
        && shares(b)
        && (a.uid, a.family, a.device, a.only_v6) == (b.uid, b.family, b.device, b.only_v6)
}

fn equals_in_group(sockets: &[Socket], candidates: &[usize], at: usize) -> Vec<usize> {
    let is_in_group = |other: &usize| share(&sockets[at], &sockets[*other]);
    candidates.iter().copied().filter(is_in_group).collect()
}

/// Whether a socket that may have been in the group has connected since: only its options and its user
/// show it.
fn has_connected(sockets: &[Socket], at: usize) -> bool {
    let socket = &sockets[at];
    let shares = |other: &Socket| other.sharing.is_some_and(|sharing| sharing.reuse_port);
    sockets.iter().any(|other| {
        other.remote.is_some()
            && shares(other)
            && (other.uid, other.family, other.device) == (socket.uid, socket.family, socket.device)
    })
}
