//! `SOL_SOCKET`: when datagrams came and went, and when they shall go.

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
    SocketOption::new(Level::Socket, name, number, kind, since, meaning)
}

const TIMESTAMPING: &str = "docs.kernel.org/networking/timestamping";

/// `SOF_TIMESTAMPING_*` of `linux/net_tstamp.h`, up to Linux 6.14.
const FLAGS: Names = &[
    ("tx-hardware", 1 << 0),
    ("tx-software", 1 << 1),
    ("rx-hardware", 1 << 2),
    ("rx-software", 1 << 3),
    ("software", 1 << 4),
    ("sys-hardware", 1 << 5),
    ("raw-hardware", 1 << 6),
    ("opt-id", 1 << 7),
    ("tx-sched", 1 << 8),
    ("tx-ack", 1 << 9),
    ("opt-cmsg", 1 << 10),
    ("opt-tsonly", 1 << 11),
    ("opt-stats", 1 << 12),
    ("opt-pktinfo", 1 << 13),
    ("opt-tx-swhw", 1 << 14),
    ("bind-phc", 1 << 15),
    ("opt-id-tcp", 1 << 16),
    ("opt-rx-filter", 1 << 17),
    ("tx-completion", 1 << 18),
];

#[rustfmt::skip]
pub(in crate::socket) static OPTIONS: &[SocketOption] = &[
    option("SO_TIMESTAMP", libc::SO_TIMESTAMP, Kind::Flag, "1.2",
        "tells with each datagram when the kernel received it, in microseconds")
        .aliases(&["SO_TIMESTAMP_OLD"]).control(&[16])
        .traps(&["SO_TIMESTAMPNS switches it off: a socket has one or the other"]),
    option("SO_TIMESTAMPNS", libc::SO_TIMESTAMPNS, Kind::Flag, "2.6.22",
        "tells with each datagram when the kernel received it, in nanoseconds")
        .aliases(&["SO_TIMESTAMPNS_OLD"]).control(&[16])
        .traps(&["SO_TIMESTAMP switches it off: a socket has one or the other"]),
    option("SO_TIMESTAMPING", libc::SO_TIMESTAMPING, Kind::Bits(FLAGS), "2.6.30",
        "tells when datagrams were received and sent, by the kernel's or the interface's clock")
        .aliases(&["SO_TIMESTAMPING_OLD"]).control(&[48, 16]).man(TIMESTAMPING)
        .traps(&[
            "two bits are needed: one to take the time (rx-software), one to tell it (software)",
            "the time of sending comes by the error queue",
            "the interface's own clock must first be switched on by ioctl SIOCSHWTSTAMP",
        ]),
    option("SO_TXTIME", libc::SO_TXTIME, Kind::TransmitTime, "4.19",
        "lets a control message with each datagram say when it shall leave")
        .privilege("CAP_NET_ADMIN but for monotonic").man("tc-etf(8)")
        .traps(&["only the fq (monotonic) and etf (tai) queueing disciplines obey it"]),
];
