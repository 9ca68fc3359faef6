//! `IPPROTO_IPV6`: the options of IPv6 (ipv6(7), RFC 3493, RFC 3542).

use super::{
    AddressPreferences, Interface, PathMtuDiscovery, ReadOnly, ReadWrite, Scoped, WriteOnly, typed,
};
use crate::socket::Family;
use crate::socket::options::IPV6;

typed! { IPV6;
    /// Keeps IPv4 out: otherwise a socket on `::` receives it too, as `::ffff:192.0.2.1` (ipv6(7)).
    IPV6_V6ONLY: bool, ReadWrite;
    /// How many routers a datagram may pass; -1 is the route's default (ipv6(7)).
    IPV6_UNICAST_HOPS: i32, ReadWrite;
    /// The traffic class of outgoing datagrams: DSCP in the upper six bits, ECN in the lower two;
    /// -1 is the default (RFC 3542).
    IPV6_TCLASS: i32, ReadWrite;
    /// Whether outgoing datagrams may be fragmented, and whether the known path MTU limits them
    /// (ipv6(7)).
    IPV6_MTU_DISCOVER: PathMtuDiscovery, ReadWrite;
    /// Read: the path MTU that the kernel knows, in bytes with all headers; the socket must be
    /// connected. Set: the largest packet to send (ipv6(7)).
    IPV6_MTU: u32, ReadWrite;
    /// Sends nothing in fragments: EMSGSIZE instead (RFC 3542).
    IPV6_DONTFRAG: bool, ReadWrite;
    /// Reports by a message of its own when a send was above the path MTU (RFC 3542).
    IPV6_RECVPATHMTU: bool, ReadWrite;
    /// The path MTU that the kernel knows, in bytes with all headers; the socket must be connected
    /// (RFC 3542).
    IPV6_PATHMTU: u32, ReadOnly;
    /// Keeps ICMPv6 errors in the error queue, with the datagram that each was about (ipv6(7)).
    IPV6_RECVERR: bool, ReadWrite;
    /// Reports in the error queue where the extensions of an ICMPv6 error begin (RFC 4884)
    /// (`linux/in6.h`).
    IPV6_RECVERR_RFC4884: bool, ReadWrite;
    /// Reports with each datagram where it was sent to, and the interface it came in by (ipv6(7)).
    IPV6_RECVPKTINFO: bool, ReadWrite;
    /// Reports with each datagram its traffic class: DSCP and ECN (RFC 3542).
    IPV6_RECVTCLASS: bool, ReadWrite;
    /// Reports with each datagram the hop limit that it arrived with (RFC 3542).
    IPV6_RECVHOPLIMIT: bool, ReadWrite;
    /// Reports with each datagram its traffic class and flow label (ipv6(7)).
    IPV6_FLOWINFO: bool, ReadWrite;
    /// Reports with each datagram the address and port that it was first sent to (`linux/in6.h`).
    IPV6_RECVORIGDSTADDR: bool, ReadWrite;
    /// Reports with each datagram that came in fragments the size of the largest fragment
    /// (`linux/in6.h`).
    IPV6_RECVFRAGSIZE: bool, ReadWrite;
    /// Reports with each datagram its hop-by-hop options (RFC 3542).
    IPV6_RECVHOPOPTS: bool, ReadWrite;
    /// Reports with each datagram its destination options, before and after a routing header (RFC
    /// 3542).
    IPV6_RECVDSTOPTS: bool, ReadWrite;
    /// Reports with each datagram its routing header (RFC 3542).
    IPV6_RECVRTHDR: bool, ReadWrite;
    /// How many routers a multicast datagram may pass; -1 is the default, 1 (ipv6(7)).
    IPV6_MULTICAST_HOPS: i32, ReadWrite;
    /// The interface that multicast leaves by (ipv6(7)).
    IPV6_MULTICAST_IF: Interface, ReadWrite;
    /// Whether multicast that this socket sends is received on this machine too (ipv6(7)).
    IPV6_MULTICAST_LOOP: bool, ReadWrite;
    /// Receives on `::` what any socket of the machine joined, not only this one (`linux/in6.h`).
    IPV6_MULTICAST_ALL: bool, ReadWrite;
    /// Joins a multicast group on an interface (ipv6(7)).
    IPV6_ADD_MEMBERSHIP: Scoped, WriteOnly;
    /// Leaves a multicast group (ipv6(7)).
    IPV6_DROP_MEMBERSHIP: Scoped, WriteOnly;
    /// Answers to an anycast address on an interface (`linux/in6.h`). Needs `CAP_NET_ADMIN`.
    IPV6_JOIN_ANYCAST: Scoped, WriteOnly;
    /// No longer answers to an anycast address (`linux/in6.h`).
    IPV6_LEAVE_ANYCAST: Scoped, WriteOnly;
    /// The interface that datagrams leave by, without binding to it (`linux/in6.h`).
    IPV6_UNICAST_IF: Interface, ReadWrite;
    /// The source address and interface of every datagram sent (RFC 3542).
    IPV6_PKTINFO: Scoped, WriteOnly;
    /// Allows binding to an address that this machine does not have (yet) (`linux/in6.h`).
    IPV6_FREEBIND: bool, ReadWrite;
    /// Allows binding to foreign addresses and answering from them: transparent proxies
    /// (`linux/in6.h`). Needs `CAP_NET_RAW` or `CAP_NET_ADMIN` to switch it on.
    IPV6_TRANSPARENT: bool, ReadWrite;
    /// Which of the machine's addresses are preferred as source (RFC 5014).
    IPV6_ADDR_PREFERENCES: AddressPreferences, ReadWrite;
    /// Gives each flow a label by its hash (RFC 6438) (docs.kernel.org/networking/ip-sysctl).
    IPV6_AUTOFLOWLABEL: bool, ReadWrite;
    /// Sends the flow label that the destination's sockaddr_in6 names (`linux/in6.h`).
    IPV6_FLOWINFO_SEND: bool, ReadWrite;
    /// Drops what arrives with a lower hop limit; 0 is off (RFC 5082). UDP stores it to no effect.
    IPV6_MINHOPCOUNT: u8, ReadWrite;
    /// Sends hop-by-hop options with every datagram (RFC 3542). Needs `CAP_NET_RAW`.
    IPV6_HOPOPTS: Vec<u8>, ReadWrite;
    /// Sends destination options in front of a routing header (RFC 3542). Needs `CAP_NET_RAW`.
    IPV6_RTHDRDSTOPTS: Vec<u8>, ReadWrite;
    /// A routing header to send with every datagram (RFC 3542).
    IPV6_RTHDR: Vec<u8>, ReadWrite;
    /// Sends destination options with every datagram (RFC 3542). Needs `CAP_NET_RAW`.
    IPV6_DSTOPTS: Vec<u8>, ReadWrite;
    /// Turns a socket that is connected to an IPv4-mapped address into an IPv4 socket (ipv6(7)).
    IPV6_ADDRFORM: Family, ReadWrite;
    /// Reports with each datagram where it was sent to (RFC 2292).
    IPV6_2292PKTINFO: bool, ReadWrite;
    /// Reports with each datagram its hop limit (RFC 2292).
    IPV6_2292HOPLIMIT: bool, ReadWrite;
    /// Reports with each datagram its hop-by-hop options (RFC 2292).
    IPV6_2292HOPOPTS: bool, ReadWrite;
    /// Reports with each datagram its destination options (RFC 2292).
    IPV6_2292DSTOPTS: bool, ReadWrite;
    /// Reports with each datagram its routing header (RFC 2292).
    IPV6_2292RTHDR: bool, ReadWrite;
    /// Receives what is forwarded with a router alert of that value (ipv6(7)).
    IPV6_ROUTER_ALERT: i32, ReadWrite;
    /// Receives router alerts of the socket's own network namespace only (`linux/in6.h`).
    IPV6_ROUTER_ALERT_ISOLATE: bool, ReadWrite;
    /// Has no effect any more: it once reported the authentication header of each datagram
    /// (ipv6(7)).
    IPV6_AUTHHDR: bool, ReadWrite;
}
