//! `IPPROTO_UDP`: the options of UDP itself (udp(7), `linux/udp.h`).

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
    SocketOption::new(Level::Udp, name, number, kind, since, meaning)
}

const ENCAPSULATIONS: Names = &[("none", 0), ("espinudp", 2), ("l2tpinudp", 3)];

#[rustfmt::skip]
pub(in crate::socket) static OPTIONS: &[SocketOption] = &[
    option("UDP_CORK", libc::UDP_CORK, Kind::Flag, "2.5.44",
        "gathers what is sent into one datagram, which leaves when this is switched off")
        .traps(&["all pieces go where the first one goes", "MSG_MORE does the same for one send"]),
    option("UDP_SEGMENT", libc::UDP_SEGMENT, Kind::Int { low: 0, high: 65_535 }, "4.18",
        "cuts each send into datagrams of this many bytes, below the stack (GSO); 0 is off")
        .traps(&[
            "a send makes at most 128 datagrams (64 before Linux 6.9): EINVAL beyond",
            "all of them together are at most 65507 bytes",
            "each must fit the path MTU: EMSGSIZE or EINVAL otherwise",
            "EIO where the interface cannot compute checksums: the socket does not know beforehand",
        ]),
    option("UDP_GRO", libc::UDP_GRO, Kind::Flag, "5.0",
        "receives a run of datagrams of one flow at once, with the size of each beside it")
        .control(&[4])
        .traps(&[
            "the buffer must have 64 KiB, or the run is cut",
            "without a control buffer nobody knows where one datagram ends and the next begins",
            "the last datagram of a run may be shorter than the rest",
        ]),
    option("UDP_NO_CHECK6_TX", libc::UDP_NO_CHECK6_TX, Kind::Flag, "3.16",
        "sends with a checksum of zero over IPv6 (RFC 6936)")
        .traps(&["receivers drop it unless they have UDP_NO_CHECK6_RX",
            "over IPv4 SO_NO_CHECK is wanted"]),
    option("UDP_NO_CHECK6_RX", libc::UDP_NO_CHECK6_RX, Kind::Flag, "3.16",
        "receives datagrams with a checksum of zero over IPv6 (RFC 6936)"),
    option("UDP_ENCAP", libc::UDP_ENCAP, Kind::Enumeration(ENCAPSULATIONS), "2.6.0",
        "hands what is received to the kernel's IPsec or L2TP instead of the program")
        .traps(&[
            "a kernel without IPsec does not know espinudp: ENOPROTOOPT",
            "encapsulation inside the kernel stays on until the socket is closed",
        ]),
];
