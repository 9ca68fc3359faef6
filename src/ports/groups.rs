//! Multicast groups: those that the machine has joined, and those that a socket is a member of.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;

use super::procfs::ip_address;
use crate::socket::Family;
use crate::sys::sockopt;

/// A multicast group on an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Membership {
    /// The group.
    pub group: IpAddr,
    /// The interface's index.
    pub interface: u32,
    /// The interface's name.
    pub name: String,
}

impl fmt::Display for Membership {
    /// In the form of `udpraw server --join`: `239.1.2.3%eth0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%{}", self.group, self.name.escape_debug())
    }
}

/// The name of the interface with that index (if_indextoname(3)).
pub fn interface_name(index: u32) -> Option<String> {
    nix::net::if_::if_indextoname(index)
        .ok()
        .map(|name| name.to_string_lossy().into_owned())
}

/// The groups that sockets have joined, by interface: `/proc/net/igmp` and `/proc/net/igmp6`, those of
/// the calling thread's network namespace.
pub(super) fn joined() -> Vec<Membership> {
    let file = |path| fs::read_to_string(path).unwrap_or_default();
    let mut joined = parse_igmp(&file("/proc/thread-self/net/igmp"));
    joined.extend(parse_igmp6(&file("/proc/thread-self/net/igmp6")));
    joined
}

/// An interface's line `1 lo : 1 V3`, followed by one line per group, `010000E0 1 0:00000000 0`:
/// address, users, timer, reporter.
fn parse_igmp(text: &str) -> Vec<Membership> {
    let mut joined = Vec::new();
    let mut interface = None;
    for line in text.lines().skip(1) {
        let mut fields = line.split_ascii_whitespace();
        if !line.starts_with(['\t', ' ']) {
            let index = fields.next().and_then(|index| index.parse().ok());
            let name = fields.next().map(|name| name.trim_end_matches(':'));
            interface = index.zip(name);
            continue;
        }
        let (Some((index, name)), Some(group), Some(users)) =
            (interface, fields.next(), fields.next())
        else {
            continue;
        };
        if let Some(group) = ip_address(Family::V4, group)
            && !(is_the_kernels(group) && users == "1")
        {
            joined.push(Membership {
                group,
                interface: index,
                name: name.to_owned(),
            });
        }
    }
    joined
}

/// `1 lo ff020000000000000000000000000001 1 0000000C 0`: index, name, address, users.
fn parse_igmp6(text: &str) -> Vec<Membership> {
    let line = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let interface = fields.next()?.parse().ok()?;
        let name = fields.next()?.to_owned();
        let group = u128::from_str_radix(fields.next()?, 16).ok()?;
        let group = IpAddr::from(Ipv6Addr::from(group));
        let is_ours = !(is_the_kernels(group) && fields.next()? == "1");
        is_ours.then_some(Membership {
            group,
            interface,
            name,
        })
    };
    text.lines().filter_map(line).collect()
}

/// Groups that the kernel joins itself: all hosts (RFC 1112, 4291), and those of neighbor discovery.
fn is_the_kernels(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group == Ipv4Addr::new(224, 0, 0, 1),
        IpAddr::V6(group) => match group.segments() {
            [0xff01 | 0xff02, 0, 0, 0, 0, 0, 0, 1] => true,
            [0xff02, 0, 0, 0, 0, 1, high, _] => high >> 8 == 0xff,
            _ => false,
        },
    }
}

/// The groups of `joined` that a socket is a member of: the kernel returns a group's source filter only
/// to members (`MCAST_MSFILTER`, RFC 3678), and EADDRNOTAVAIL to others.
pub(super) fn of(socket: BorrowedFd<'_>, family: Family, joined: &[Membership]) -> Vec<Membership> {
    let is_member = |membership: &&Membership| {
        let level = match membership.group {
            IpAddr::V4(_) => libc::IPPROTO_IP,
            IpAddr::V6(_) if family == Family::V4 => return false,
            IpAddr::V6(_) => libc::IPPROTO_IPV6,
        };
        let mut filter = filter(membership);
        sockopt::get(socket, level, MCAST_MSFILTER, &mut filter).is_ok()
    };
    joined.iter().filter(is_member).cloned().collect()
}

/// From linux/in.h: libc does not have it.
const MCAST_MSFILTER: i32 = 48;

/// A `struct group_filter` (linux/in.h) with room for no source: interface at 0, group as a
/// `sockaddr_storage` at 8, mode at 136, number of sources at 140.
fn filter(membership: &Membership) -> [u8; 144] {
    let mut filter = [0; 144];
    filter[..4].copy_from_slice(&membership.interface.to_ne_bytes());
    let family = match membership.group {
        IpAddr::V4(group) => {
            filter[12..16].copy_from_slice(&group.octets());
            libc::AF_INET
        }
        IpAddr::V6(group) => {
            filter[16..32].copy_from_slice(&group.octets());
            libc::AF_INET6
        }
    };
    filter[8..10].copy_from_slice(&(family as libc::sa_family_t).to_ne_bytes());
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn reads_what_the_kernel_lists() {
        let text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                    1\tlo        :     1      V3\n\
                    \t\t\t\t010000E0     1 0:00000000\t\t0\n\
                    2\teth0      :     2      V3\n\
                    \t\t\t\t030201EF     2 0:00000000\t\t0\n\
                    \t\t\t\t010000E0     2 0:00000000\t\t0\n\
                    \t\t\t\tnonsense\n";
        let shown = |joined: Vec<Membership>| {
            let shown: Vec<_> = joined.iter().map(ToString::to_string).collect();
            shown.join(" ")
        };
        assert_eq!(shown(parse_igmp(text)), "239.1.2.3%eth0 224.0.0.1%eth0");
        let text = "1    lo   ff150000000000000000000000000001     1 00000004 0\n\
                    1    lo   ff0200000000000000000001ff000001     1 00000004 0\n\
                    1    lo   ff020000000000000000000000000001     1 0000000C 0\n\
                    nonsense";
        assert_eq!(shown(parse_igmp6(text)), "ff15::1%lo");
    }
}
