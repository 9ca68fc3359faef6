//! `IPPROTO_IP`: the options of IPv4 (ip(7)), which an IPv6 socket has for its IPv4-mapped addresses.

use std::ops::RangeInclusive;

use super::{
    Interface, PathMtuDiscovery, ReadOnly, ReadWrite, Scoped, SourceMembership, WriteOnly, typed,
};
use crate::socket::options::IP;

typed! { IP;
    /// How many routers a datagram may pass (ip(7)).
    IP_TTL: u8, ReadWrite;
    /// The TOS byte of outgoing datagrams: DSCP in the upper six bits, ECN in the lower two
    /// (ip(7)).
    IP_TOS: u8, ReadWrite;
    /// Whether outgoing datagrams may be fragmented, and whether the known path MTU limits them
    /// (ip(7)).
    IP_MTU_DISCOVER: PathMtuDiscovery, ReadWrite;
    /// The path MTU that the kernel knows, in bytes with all headers; the socket must be connected
    /// (ip(7)).
    IP_MTU: u32, ReadOnly;
    /// Keeps ICMP errors in the error queue, with the datagram that each was about (ip(7)).
    IP_RECVERR: bool, ReadWrite;
    /// Reports in the error queue where the extensions of an ICMP error begin (RFC 4884)
    /// (`linux/in.h`).
    IP_RECVERR_RFC4884: bool, ReadWrite;
    /// Reports with each datagram where it was sent to, and the interface it came in by (ip(7)).
    IP_PKTINFO: bool, ReadWrite;
    /// Reports with each datagram its TOS byte: DSCP and ECN (ip(7)).
    IP_RECVTOS: bool, ReadWrite;
    /// Reports with each datagram the TTL that it arrived with (ip(7)).
    IP_RECVTTL: bool, ReadWrite;
    /// Reports with each datagram the address and port that it was first sent to (ip(7)).
    IP_RECVORIGDSTADDR: bool, ReadWrite;
    /// Reports with each datagram its IP options, filled in by this host (ip(7)).
    IP_RECVOPTS: bool, ReadWrite;
    /// Reports with each datagram its IP options as a reply would carry them (ip(7)).
    IP_RETOPTS: bool, ReadWrite;
    /// Reports with each datagram that came in fragments the size of the largest fragment
    /// (`linux/in.h`).
    IP_RECVFRAGSIZE: bool, ReadWrite;
    /// Reports with each datagram the checksum that the interface computed over it (`linux/in.h`).
    IP_CHECKSUM: bool, ReadWrite;
    /// Reports with each datagram the security context of who sent it (ip(7)).
    IP_PASSSEC: bool, ReadWrite;
    /// How many routers a multicast datagram may pass; -1 is the default, 1 (ip(7)).
    IP_MULTICAST_TTL: i32, ReadWrite;
    /// The interface that multicast leaves by (ip(7)).
    IP_MULTICAST_IF: Interface, ReadWrite;
    /// Whether multicast that this socket sends is received on this machine too (ip(7)).
    IP_MULTICAST_LOOP: bool, ReadWrite;
    /// Receives on 0.0.0.0 what any socket of the machine joined, not only this one (ip(7)).
    IP_MULTICAST_ALL: bool, ReadWrite;
    /// Joins a multicast group on an interface (ip(7)).
    IP_ADD_MEMBERSHIP: Scoped, WriteOnly;
    /// Leaves a multicast group (ip(7)).
    IP_DROP_MEMBERSHIP: Scoped, WriteOnly;
    /// Joins a multicast group for the datagrams of one source only (ip(7)).
    IP_ADD_SOURCE_MEMBERSHIP: SourceMembership, WriteOnly;
    /// Leaves one source of a multicast group (ip(7)).
    IP_DROP_SOURCE_MEMBERSHIP: SourceMembership, WriteOnly;
    /// Receives nothing more from one source of a group that was joined (ip(7)).
    IP_BLOCK_SOURCE: SourceMembership, WriteOnly;
    /// Undoes `IP_BLOCK_SOURCE` (ip(7)).
    IP_UNBLOCK_SOURCE: SourceMembership, WriteOnly;
    /// The interface that datagrams leave by, without binding to it (`linux/in.h`).
    IP_UNICAST_IF: Interface, ReadWrite;
    /// Allows binding to an address that this machine does not have (yet) (ip(7)).
    IP_FREEBIND: bool, ReadWrite;
    /// Allows binding to foreign addresses and answering from them: transparent proxies (ip(7)).
    /// Needs `CAP_NET_RAW` or `CAP_NET_ADMIN` to switch it on.
    IP_TRANSPARENT: bool, ReadWrite;
    /// Lets connect choose the port instead of a bind to port 0 (ip(7)).
    IP_BIND_ADDRESS_NO_PORT: bool, ReadWrite;
    /// The ports that a bind to port 0 chooses from, within those of the system; a 0 stands for the
    /// system's first or last (`linux/in.h`).
    IP_LOCAL_PORT_RANGE: RangeInclusive<u16>, ReadWrite;
    /// Drops what arrives with a lower TTL; 0 is off (RFC 5082). UDP stores it to no effect.
    IP_MINTTL: u8, ReadWrite;
    /// Sends IP options with every datagram (RFC 791, ip(7)). Needs `CAP_NET_RAW` for some.
    IP_OPTIONS: Vec<u8>, ReadWrite;
    /// The protocol of a raw socket; for a UDP socket the kernel returns its port (`linux/in.h`).
    IP_PROTOCOL: i32, ReadOnly;
    /// Whether the program writes the IP header itself (ip(7)).
    IP_HDRINCL: bool, ReadWrite;
    /// Keeps the firewall from putting fragments together that are sent (ip(7)).
    IP_NODEFRAG: bool, ReadWrite;
    /// Receives what is forwarded with the router alert option (ip(7)).
    IP_ROUTER_ALERT: bool, ReadWrite;
}
