//! What a socket knows of the path, whichever family it is of: ICMP errors, TOS with ECN, and the path
//! MTU.
//!
//! Each family has its own options. An IPv6 socket also has those of IPv4, which apply to its
//! IPv4-mapped addresses (ipv6(7)): both are set, so that a dual-stack socket behaves the same for
//! either family.

use super::address::Family;
use super::endpoint::Endpoint;
use super::option::{self, PathMtuDiscovery};
use super::options::OptionValue;
use crate::error::Result;

/// The options that enable the error queue.
pub(super) fn receive_errors(family: Family) -> Vec<OptionValue> {
    let v4 = option::IP_RECVERR.with_value(true);
    match family {
        Family::V4 => vec![v4],
        Family::V6 => vec![option::IPV6_RECVERR.with_value(true), v4],
    }
}

/// The options that report the TOS byte of each datagram.
pub(super) fn receive_tos(family: Family) -> Vec<OptionValue> {
    let v4 = option::IP_RECVTOS.with_value(true);
    match family {
        Family::V4 => vec![v4],
        Family::V6 => vec![option::IPV6_RECVTCLASS.with_value(true), v4],
    }
}

/// The options that choose the mode of path MTU discovery.
pub(super) fn discovery(family: Family, mode: PathMtuDiscovery) -> Vec<OptionValue> {
    let v4 = option::IP_MTU_DISCOVER.with_value(mode);
    match family {
        Family::V4 => vec![v4],
        Family::V6 => vec![option::IPV6_MTU_DISCOVER.with_value(mode), v4],
    }
}

impl Endpoint {
    /// The kernel's current MTU of the path to the connected peer, in bytes with all headers
    /// (`IP_MTU` or `IPV6_MTU`; on an IPv6 socket the latter is right for an IPv4-mapped peer too).
    ///
    /// At first it is the interface's or the route's; ICMP messages reduce it.
    ///
    /// # Errors
    /// The errors of getsockopt(2): ENOTCONN unless the socket is connected.
    pub fn path_mtu(&self) -> Result<u32> {
        match self.family() {
            Family::V4 => self.get(option::IP_MTU),
            Family::V6 => self.get(option::IPV6_MTU),
        }
    }
}
