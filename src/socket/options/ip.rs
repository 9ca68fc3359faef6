//! `IPPROTO_IP`: the options of IPv4 (ip(7), `linux/in.h`).
//!
//! An IPv6 socket answers to them too, for the datagrams of its IPv4-mapped addresses.

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
    SocketOption::new(Level::Ip, name, number, kind, since, meaning)
}

/// Numbers that libc does not have yet (`linux/in.h`).
const IP_RECVERR_RFC4884: i32 = 26;
const IP_LOCAL_PORT_RANGE: i32 = 51;
const IP_PROTOCOL: i32 = 52;

const IN_H: &str = "include/uapi/linux/in.h";
const RAW_ONLY: &str = "only raw(7) sockets take it";

/// Ways of path MTU discovery, the same for IPv6.
pub(super) const DISCOVERY: Names = &[
    ("dont", libc::IP_PMTUDISC_DONT),
    ("want", libc::IP_PMTUDISC_WANT),
    ("do", libc::IP_PMTUDISC_DO),
    ("probe", libc::IP_PMTUDISC_PROBE),
    ("interface", libc::IP_PMTUDISC_INTERFACE),
    ("omit", libc::IP_PMTUDISC_OMIT),
];

#[rustfmt::skip]
pub(in crate::socket) static OPTIONS: &[SocketOption] = &[
    option("IP_TTL", libc::IP_TTL, Kind::Int { low: 1, high: 255 }, "1.0",
        "how many routers a datagram may pass")
        .traps(&["multicast has its own, IP_MULTICAST_TTL"]),
    option("IP_TOS", libc::IP_TOS, Kind::Tos { low: 0 }, "1.0",
        "the TOS byte of what is sent: DSCP in the upper six bits, ECN in the lower two")
        .traps(&["it changes SO_PRIORITY too", "a DSCP is shifted by two: ef is 46, the byte 184"]),
    option("IP_MTU_DISCOVER", libc::IP_MTU_DISCOVER, Kind::Enumeration(DISCOVERY), "2.2",
        "whether what is sent may be broken into fragments, and whether the path MTU is believed")
        .traps(&[
            "do: nothing above the known path MTU is sent, EMSGSIZE",
            "probe: do not fragment, but ignore the known path MTU (RFC 8899)",
            "interface and omit: ignore ICMP's word on the path MTU (RFC 8085, forged ICMP)",
        ]),
    option("IP_MTU", libc::IP_MTU, Kind::ANY_INT, "2.2",
        "the path MTU that the kernel knows, in bytes with all headers").read_only()
        .traps(&["the socket must be connected: ENOTCONN otherwise"]),
    option("IP_RECVERR", libc::IP_RECVERR, Kind::Flag, "2.2",
        "keeps ICMP errors in the error queue, with the datagram that each was about")
        .traps(&[
            "an unconnected socket hears of a closed port too, by an error from the next call",
            "entries are taken by recvmsg with MSG_ERRQUEUE, and poll says POLLERR until then",
        ]),
    option("IP_RECVERR_RFC4884", IP_RECVERR_RFC4884, Kind::Flag, "5.9",
        "tells in the error queue where the extensions of an ICMP error begin (RFC 4884)")
        .man(IN_H),
    option("IP_PKTINFO", libc::IP_PKTINFO, Kind::Flag, "2.2",
        "tells with each datagram where it was sent to, and the interface it came in by")
        .control(&[12])
        .traps(&["a socket on 0.0.0.0 needs it to answer from the address that was asked"]),
    option("IP_RECVTOS", libc::IP_RECVTOS, Kind::Flag, "2.2",
        "tells with each datagram its TOS byte: DSCP and ECN").control(&[1])
        .traps(&["the message is one byte long, unlike IPV6_RECVTCLASS with its int"]),
    option("IP_RECVTTL", libc::IP_RECVTTL, Kind::Flag, "2.2",
        "tells with each datagram the TTL that it arrived with").control(&[4]),
    option("IP_RECVORIGDSTADDR", libc::IP_RECVORIGDSTADDR, Kind::Flag, "2.6.29",
        "tells with each datagram the address and port that it was first sent to")
        .aliases(&["IP_ORIGDSTADDR"]).control(&[16]),
    option("IP_RECVOPTS", libc::IP_RECVOPTS, Kind::Flag, "2.2",
        "tells with each datagram its IP options, filled in by this host").control(&[40]),
    option("IP_RETOPTS", libc::IP_RETOPTS, Kind::Flag, "2.2",
        "tells with each datagram its IP options as a reply would carry them")
        .aliases(&["IP_RECVRETOPTS"]).control(&[40]),
    option("IP_RECVFRAGSIZE", libc::IP_RECVFRAGSIZE, Kind::Flag, "4.10",
        "tells with each datagram that came in fragments the size of the largest")
        .man(IN_H).control(&[4]),
    option("IP_CHECKSUM", libc::IP_CHECKSUM, Kind::Flag, "4.0",
        "tells with each datagram the checksum that the interface computed over it")
        .man(IN_H).control(&[4])
        .traps(&["there is a message only if the interface did"]),
    option("IP_PASSSEC", libc::IP_PASSSEC, Kind::Flag, "2.6.17",
        "tells with each datagram the security context of who sent it").control(&[255])
        .traps(&["needs labelled IPsec or NetLabel on both hosts"]),
    option("IP_MULTICAST_TTL", libc::IP_MULTICAST_TTL, Kind::Int { low: -1, high: 255 }, "1.2",
        "how many routers a multicast datagram may pass; -1 is the default, 1")
        .traps(&["at 1 multicast does not leave the local network"]),
    option("IP_MULTICAST_IF", libc::IP_MULTICAST_IF, Kind::MulticastInterface, "1.2",
        "the interface that multicast leaves by")
        .traps(&["set by name, it reads any: the kernel only tells an address"]),
    option("IP_MULTICAST_LOOP", libc::IP_MULTICAST_LOOP, Kind::Flag, "1.2",
        "whether multicast that this socket sends is received on this machine too")
        .traps(&["the sender's option counts, as on few other systems"]),
    option("IP_MULTICAST_ALL", libc::IP_MULTICAST_ALL, Kind::Flag, "2.6.31",
        "receives on 0.0.0.0 what any socket of the machine joined, not only this one")
        .traps(&["on by default: switch it off to hear your own groups alone"]),
    option("IP_ADD_MEMBERSHIP", libc::IP_ADD_MEMBERSHIP, Kind::Membership, "1.2",
        "joins a multicast group on an interface").write_only()
        .traps(&[
            "without an interface the route to the group decides: ENODEV if there is none",
            "at most /proc/sys/net/ipv4/igmp_max_memberships groups a socket: ENOBUFS",
            "the port must be bound as well; the address bound filters by destination",
        ]),
    option("IP_DROP_MEMBERSHIP", libc::IP_DROP_MEMBERSHIP, Kind::Membership, "1.2",
        "leaves a multicast group").write_only()
        .traps(&["closing the socket leaves all of them"]),
    option("IP_ADD_SOURCE_MEMBERSHIP", libc::IP_ADD_SOURCE_MEMBERSHIP, Kind::SourceMembership,
        "2.4.22", "joins a multicast group for the datagrams of one source alone").write_only()
        .traps(&["the interface is told by its address; MCAST_JOIN_SOURCE_GROUP takes names"]),
    option("IP_DROP_SOURCE_MEMBERSHIP", libc::IP_DROP_SOURCE_MEMBERSHIP, Kind::SourceMembership,
        "2.4.22", "leaves one source of a multicast group").write_only(),
    option("IP_BLOCK_SOURCE", libc::IP_BLOCK_SOURCE, Kind::SourceMembership, "2.4.22",
        "receives nothing more from one source of a group that was joined").write_only(),
    option("IP_UNBLOCK_SOURCE", libc::IP_UNBLOCK_SOURCE, Kind::SourceMembership, "2.4.22",
        "takes IP_BLOCK_SOURCE back").write_only(),
    option("IP_MSFILTER", libc::IP_MSFILTER, Kind::Structure, "2.4.22",
        "the whole list of sources of a group: a struct ip_msfilter"),
    option("IP_UNICAST_IF", libc::IP_UNICAST_IF, Kind::InterfaceBigEndian, "3.4",
        "the interface that datagrams leave by, without binding to it").man(IN_H)
        .traps(&["unlike SO_BINDTODEVICE it does not filter what is received"]),
    option("IP_FREEBIND", libc::IP_FREEBIND, Kind::Flag, "2.4",
        "allows binding to an address that this machine does not have (yet)")
        .traps(&["it counts when bind is called: set it before"]),
    option("IP_TRANSPARENT", libc::IP_TRANSPARENT, Kind::Flag, "2.6.24",
        "allows binding to foreign addresses and answering from them: transparent proxies")
        .privilege("CAP_NET_RAW or CAP_NET_ADMIN to switch it on"),
    option("IP_BIND_ADDRESS_NO_PORT", libc::IP_BIND_ADDRESS_NO_PORT, Kind::Flag, "4.2",
        "leaves the port open at a bind to port 0, until connect chooses it"),
    option("IP_LOCAL_PORT_RANGE", IP_LOCAL_PORT_RANGE, Kind::PortRange, "6.3",
        "the ports that a bind to port 0 chooses from, within those of the system")
        .man("ip_local_port_range in ip(7); include/uapi/linux/in.h")
        .traps(&["what lies outside /proc/sys/net/ipv4/ip_local_port_range is ignored"]),
    option("IP_MINTTL", libc::IP_MINTTL, Kind::Int { low: 0, high: 255 }, "2.6.34",
        "drops what arrives with a lower TTL (RFC 5082); 0 is off").man("RFC 5082")
        .traps(&["TCP obeys it; UDP stores it and receives everything"]),
    option("IP_OPTIONS", libc::IP_OPTIONS, Kind::Hex { at_most: 40 }, "2.0",
        "sends IP options with every datagram (RFC 791)")
        .privilege("CAP_NET_RAW for some")
        .traps(&["many routers drop datagrams with options", "it is padded to a multiple of four"]),
    option("IP_PROTOCOL", IP_PROTOCOL, Kind::ANY_INT, "6.4",
        "the protocol of a raw socket; of a UDP socket the kernel tells its port").read_only()
        .man(IN_H).traps(&["SO_PROTOCOL tells the protocol"]),
    option("IP_XFRM_POLICY", libc::IP_XFRM_POLICY, Kind::Structure, "2.6.0",
        "an IPsec policy for this socket: a struct xfrm_userpolicy_info").write_only()
        .privilege("CAP_NET_ADMIN").man("include/uapi/linux/xfrm.h"),
    option("IP_IPSEC_POLICY", libc::IP_IPSEC_POLICY, Kind::Structure, "2.6.0",
        "an IPsec policy in the form of PF_KEY").write_only().privilege("CAP_NET_ADMIN")
        .man("include/uapi/linux/ipsec.h"),
    option("IP_HDRINCL", libc::IP_HDRINCL, Kind::Flag, "2.0",
        "whether the program writes the IP header itself").traps(&[RAW_ONLY]),
    option("IP_NODEFRAG", libc::IP_NODEFRAG, Kind::Flag, "2.6.36",
        "keeps the firewall from putting fragments together that are sent").traps(&[RAW_ONLY]),
    option("IP_ROUTER_ALERT", libc::IP_ROUTER_ALERT, Kind::Flag, "2.2",
        "receives what is forwarded with the router alert option").traps(&[RAW_ONLY]),
];
