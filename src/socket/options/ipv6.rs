//! `IPPROTO_IPV6`: the options of IPv6 (ipv6(7), RFC 3493, RFC 3542, `linux/in6.h`).

use super::ip::DISCOVERY;
use super::kind::{Kind, Names};
use super::level::Level;
use super::option::SocketOption;

const fn option(
    name: &'static str,
    number: i32,
    kind: Kind,
    since: &'static str,
    meaning: &'static str,
) -> SocketOption {
    SocketOption::new(Level::Ipv6, name, number, kind, since, meaning)
}

/// A number that libc does not have yet (`linux/in6.h`).
const IPV6_RECVERR_RFC4884: i32 = 31;

const RFC_3542: &str = "RFC 3542";
const IN6_H: &str = "include/uapi/linux/in6.h";
const RAW_ONLY: &str = "only raw(7) sockets take it";
const OLD: &str = "RFC 3542 replaced it: it brings the message of RFC 2292 under its old number";

/// The longest extension header: eight bytes, and 255 times eight more (RFC 8200).
const EXTENSION: usize = 2048;

const FORMS: Names = &[("AF_INET", libc::AF_INET)];
const PREFERENCES: Names = &[
    ("tmp", 0x0001),
    ("public", 0x0002),
    ("coa", 0x0004),
    ("cga", 0x0008),
    ("pubtmp-default", 0x0100),
    ("home", 0x0400),
    ("noncga", 0x0800),
];

#[rustfmt::skip]
pub(in crate::socket) static OPTIONS: &[SocketOption] = &[
    option("IPV6_V6ONLY", libc::IPV6_V6ONLY, Kind::Flag, "2.4.21",
        "keeps IPv4 out: otherwise a socket on :: receives it too, as ::ffff:192.0.2.1")
        .traps(&["it must be set before bind: EINVAL afterwards",
            "the default is the system's: /proc/sys/net/ipv6/bindv6only"]),
    option("IPV6_UNICAST_HOPS", libc::IPV6_UNICAST_HOPS, Kind::Int { low: -1, high: 255 }, "2.2",
        "how many routers a datagram may pass; -1 is the route's default")
        .traps(&["IPv4-mapped datagrams have IP_TTL instead"]),
    option("IPV6_TCLASS", libc::IPV6_TCLASS, Kind::Tos { low: -1 }, "2.6.14",
        "the traffic class of what is sent: DSCP in the upper six bits, ECN in the lower two")
        .man(RFC_3542).traps(&["IPv4-mapped datagrams have IP_TOS instead"]),
    option("IPV6_MTU_DISCOVER", libc::IPV6_MTU_DISCOVER, Kind::Enumeration(DISCOVERY), "2.2",
        "whether what is sent may be broken into fragments, and whether the path MTU is believed")
        .traps(&["dont, want and do as for IP_MTU_DISCOVER; probe ignores the known path MTU"]),
    option("IPV6_MTU", libc::IPV6_MTU, Kind::Int { low: 0, high: i32::MAX }, "2.2",
        "the path MTU that the kernel knows when it is read, the largest packet to send when it is set")
        .traps(&["to be read, the socket must be connected: ENOTCONN otherwise",
            "set, it is 0 for none or at least 1280, and reading does not show it"]),
    option("IPV6_DONTFRAG", libc::IPV6_DONTFRAG, Kind::Flag, "2.6.35",
        "sends nothing in fragments: EMSGSIZE instead").man(RFC_3542),
    option("IPV6_RECVPATHMTU", libc::IPV6_RECVPATHMTU, Kind::Flag, "2.6.35",
        "tells by a message of its own when a send was above the path MTU")
        .control(&[32]).man(RFC_3542),
    option("IPV6_PATHMTU", libc::IPV6_PATHMTU, Kind::PathMtu, "2.6.35",
        "the path MTU that the kernel knows").read_only().man(RFC_3542)
        .traps(&["the socket must be connected: ENOTCONN otherwise"]),
    option("IPV6_RECVERR", libc::IPV6_RECVERR, Kind::Flag, "2.2",
        "keeps ICMPv6 errors in the error queue, with the datagram that each was about")
        .traps(&["an unconnected socket hears of a closed port too, by an error from the next call",
            "IPv4-mapped datagrams have IP_RECVERR instead"]),
    option("IPV6_RECVERR_RFC4884", IPV6_RECVERR_RFC4884, Kind::Flag, "5.9",
        "tells in the error queue where the extensions of an ICMPv6 error begin (RFC 4884)")
        .man(IN6_H),
    option("IPV6_RECVPKTINFO", libc::IPV6_RECVPKTINFO, Kind::Flag, "2.6.14",
        "tells with each datagram where it was sent to, and the interface it came in by")
        .control(&[20])
        .traps(&["a socket on :: needs it to answer from the address that was asked"]),
    option("IPV6_RECVTCLASS", libc::IPV6_RECVTCLASS, Kind::Flag, "2.6.14",
        "tells with each datagram its traffic class: DSCP and ECN").control(&[4]).man(RFC_3542)
        .traps(&["of IPv4-mapped datagrams IP_RECVTOS tells it"]),
    option("IPV6_RECVHOPLIMIT", libc::IPV6_RECVHOPLIMIT, Kind::Flag, "2.6.14",
        "tells with each datagram the hop limit that it arrived with").control(&[4]).man(RFC_3542)
        .traps(&["of IPv4-mapped datagrams IP_RECVTTL tells it"]),
    option("IPV6_FLOWINFO", libc::IPV6_FLOWINFO, Kind::Flag, "2.2",
        "tells with each datagram its traffic class and flow label").control(&[4]),
    option("IPV6_RECVORIGDSTADDR", libc::IPV6_RECVORIGDSTADDR, Kind::Flag, "2.6.37",
        "tells with each datagram the address and port that it was first sent to")
        .aliases(&["IPV6_ORIGDSTADDR"]).control(&[28]).man(IN6_H),
    option("IPV6_RECVFRAGSIZE", libc::IPV6_RECVFRAGSIZE, Kind::Flag, "4.10",
        "tells with each datagram that came in fragments the size of the largest")
        .control(&[4]).man(IN6_H),
    option("IPV6_RECVHOPOPTS", libc::IPV6_RECVHOPOPTS, Kind::Flag, "2.6.14",
        "tells with each datagram its hop-by-hop options").control(&[EXTENSION]).man(RFC_3542),
    option("IPV6_RECVDSTOPTS", libc::IPV6_RECVDSTOPTS, Kind::Flag, "2.6.14",
        "tells with each datagram its destination options, before and after a routing header")
        .control(&[EXTENSION, EXTENSION]).man(RFC_3542),
    option("IPV6_RECVRTHDR", libc::IPV6_RECVRTHDR, Kind::Flag, "2.6.14",
        "tells with each datagram its routing header").control(&[EXTENSION]).man(RFC_3542),
    option("IPV6_MULTICAST_HOPS", libc::IPV6_MULTICAST_HOPS, Kind::Int { low: -1, high: 255 },
        "2.2", "how many routers a multicast datagram may pass; -1 is the default, 1"),
    option("IPV6_MULTICAST_IF", libc::IPV6_MULTICAST_IF, Kind::Interface, "2.2",
        "the interface that multicast leaves by"),
    option("IPV6_MULTICAST_LOOP", libc::IPV6_MULTICAST_LOOP, Kind::Flag, "2.2",
        "whether multicast that this socket sends is received on this machine too"),
    option("IPV6_MULTICAST_ALL", libc::IPV6_MULTICAST_ALL, Kind::Flag, "4.20",
        "receives on :: what any socket of the machine joined, not only this one").man(IN6_H)
        .traps(&["on by default: switch it off to hear your own groups alone"]),
    option("IPV6_ADD_MEMBERSHIP", libc::IPV6_ADD_MEMBERSHIP, Kind::Membership, "2.2",
        "joins a multicast group on an interface").aliases(&["IPV6_JOIN_GROUP"]).write_only()
        .traps(&["without an interface the route to the group decides: ENODEV if there is none"]),
    option("IPV6_DROP_MEMBERSHIP", libc::IPV6_DROP_MEMBERSHIP, Kind::Membership, "2.2",
        "leaves a multicast group").aliases(&["IPV6_LEAVE_GROUP"]).write_only(),
    option("IPV6_JOIN_ANYCAST", libc::IPV6_JOIN_ANYCAST, Kind::Membership, "2.4",
        "answers to an anycast address on an interface").write_only()
        .privilege("CAP_NET_ADMIN").man(IN6_H)
        .traps(&["a host that is no router joins under a prefix of one of its own addresses only"]),
    option("IPV6_LEAVE_ANYCAST", libc::IPV6_LEAVE_ANYCAST, Kind::Membership, "2.4",
        "answers to an anycast address no longer").write_only().man(IN6_H),
    option("IPV6_UNICAST_IF", libc::IPV6_UNICAST_IF, Kind::InterfaceBigEndian, "3.4",
        "the interface that datagrams leave by, without binding to it").man(IN6_H),
    option("IPV6_PKTINFO", libc::IPV6_PKTINFO, Kind::PacketInfo, "2.6.14",
        "the source address and interface of every datagram sent").write_only().man(RFC_3542)
        .traps(&["a control message with a datagram overrides it",
            "whether the address is this machine's turns out when sending"]),
    option("IPV6_FREEBIND", libc::IPV6_FREEBIND, Kind::Flag, "4.15",
        "allows binding to an address that this machine does not have (yet)").man(IN6_H)
        .traps(&["IP_FREEBIND is the same switch"]),
    option("IPV6_TRANSPARENT", libc::IPV6_TRANSPARENT, Kind::Flag, "2.6.37",
        "allows binding to foreign addresses and answering from them: transparent proxies")
        .privilege("CAP_NET_RAW or CAP_NET_ADMIN to switch it on").man(IN6_H)
        .traps(&["IP_TRANSPARENT is the same switch"]),
    option("IPV6_ADDR_PREFERENCES", libc::IPV6_ADDR_PREFERENCES, Kind::Bits(PREFERENCES), "2.6.26",
        "which of the machine's addresses are preferred as source (RFC 5014)").man("RFC 5014")
        .traps(&["each preference that is not asked for keeps its default when it is read"]),
    option("IPV6_AUTOFLOWLABEL", libc::IPV6_AUTOFLOWLABEL, Kind::Flag, "3.17",
        "gives each flow a label by its hash (RFC 6438)")
        .man("flowlabel in docs.kernel.org/networking/ip-sysctl"),
    option("IPV6_FLOWINFO_SEND", libc::IPV6_FLOWINFO_SEND, Kind::Flag, "2.2",
        "sends the flow label that the destination's sockaddr_in6 names").man(IN6_H),
    option("IPV6_FLOWLABEL_MGR", libc::IPV6_FLOWLABEL_MGR, Kind::Structure, "2.2",
        "leases, renews and returns flow labels: a struct in6_flowlabel_req").man(IN6_H),
    option("IPV6_MINHOPCOUNT", libc::IPV6_MINHOPCOUNT, Kind::Int { low: 0, high: 255 }, "2.6.35",
        "drops what arrives with a lower hop limit (RFC 5082); 0 is off").man("RFC 5082")
        .traps(&["TCP obeys it; UDP stores it and receives everything"]),
    option("IPV6_HOPOPTS", libc::IPV6_HOPOPTS, Kind::Hex { at_most: EXTENSION }, "2.6.14",
        "sends hop-by-hop options with every datagram").privilege("CAP_NET_RAW").man(RFC_3542)
        .traps(&["many routers drop datagrams with them"]),
    option("IPV6_RTHDRDSTOPTS", libc::IPV6_RTHDRDSTOPTS, Kind::Hex { at_most: EXTENSION },
        "2.6.14", "sends destination options in front of a routing header")
        .privilege("CAP_NET_RAW").man(RFC_3542),
    option("IPV6_RTHDR", libc::IPV6_RTHDR, Kind::Hex { at_most: EXTENSION }, "2.6.14",
        "a routing header to send with every datagram").man(RFC_3542),
    option("IPV6_DSTOPTS", libc::IPV6_DSTOPTS, Kind::Hex { at_most: EXTENSION }, "2.6.14",
        "sends destination options with every datagram").privilege("CAP_NET_RAW").man(RFC_3542),
    option("IPV6_ADDRFORM", libc::IPV6_ADDRFORM, Kind::Enumeration(FORMS), "2.2",
        "turns a socket that is connected to an IPv4-mapped address into an IPv4 socket")
        .traps(&["the socket must be connected to an IPv4-mapped address"]),
    option("IPV6_2292PKTINFO", libc::IPV6_2292PKTINFO, Kind::Flag, "2.2",
        "tells with each datagram where it was sent to").control(&[20]).man("RFC 2292")
        .traps(&[OLD]),
    option("IPV6_2292HOPLIMIT", libc::IPV6_2292HOPLIMIT, Kind::Flag, "2.2",
        "tells with each datagram its hop limit").control(&[4]).man("RFC 2292").traps(&[OLD]),
    option("IPV6_2292HOPOPTS", libc::IPV6_2292HOPOPTS, Kind::Flag, "2.2",
        "tells with each datagram its hop-by-hop options").control(&[EXTENSION]).man("RFC 2292")
        .traps(&[OLD]),
    option("IPV6_2292DSTOPTS", libc::IPV6_2292DSTOPTS, Kind::Flag, "2.2",
        "tells with each datagram its destination options").control(&[EXTENSION, EXTENSION])
        .man("RFC 2292").traps(&[OLD]),
    option("IPV6_2292RTHDR", libc::IPV6_2292RTHDR, Kind::Flag, "2.2",
        "tells with each datagram its routing header").control(&[EXTENSION]).man("RFC 2292")
        .traps(&[OLD]),
    option("IPV6_2292PKTOPTIONS", libc::IPV6_2292PKTOPTIONS, Kind::Structure, "2.2",
        "sends control messages with every datagram, all at once").write_only()
        .man("RFC 2292"),
    option("IPV6_ROUTER_ALERT", libc::IPV6_ROUTER_ALERT, Kind::ANY_INT, "2.2",
        "receives what is forwarded with a router alert of that value").traps(&[RAW_ONLY]),
    option("IPV6_ROUTER_ALERT_ISOLATE", libc::IPV6_ROUTER_ALERT_ISOLATE, Kind::Flag, "5.1",
        "receives router alerts of the socket's own network namespace alone").man(IN6_H)
        .traps(&["only raw(7) sockets receive any; UDP stores it"]),
    option("IPV6_AUTHHDR", libc::IPV6_AUTHHDR, Kind::Flag, "2.2",
        "has no effect any more: it once told with each datagram its authentication header")
        .traps(&["no kernel in use knows it any more"]),
];
