//! The multicast options of RFC 3678: the same for IPv4 and IPv6, each at the group's own level.

use super::kind::Kind;
use super::level::Level;
use super::option::SocketOption;

const fn option(
    name: &'static str,
    number: i32,
    kind: Kind,
    meaning: &'static str,
) -> SocketOption {
    SocketOption::new(Level::Group, name, number, kind, "2.5.68", meaning)
        .write_only()
        .man("RFC 3678")
}

#[rustfmt::skip]
pub(in crate::socket) static OPTIONS: &[SocketOption] = &[
    option("MCAST_JOIN_GROUP", libc::MCAST_JOIN_GROUP, Kind::Membership,
        "joins a group on an interface, whatever the family")
        .traps(&["without an interface the route to the group decides: ENODEV if there is none"]),
    option("MCAST_LEAVE_GROUP", libc::MCAST_LEAVE_GROUP, Kind::Membership,
        "leaves a group, whatever the family"),
    option("MCAST_JOIN_SOURCE_GROUP", libc::MCAST_JOIN_SOURCE_GROUP, Kind::SourceMembership,
        "joins a group for the datagrams of one source alone")
        .traps(&["a socket that joined the whole group cannot (EINVAL), and the other way round"]),
    option("MCAST_LEAVE_SOURCE_GROUP", libc::MCAST_LEAVE_SOURCE_GROUP, Kind::SourceMembership,
        "leaves one source of a group"),
    option("MCAST_BLOCK_SOURCE", libc::MCAST_BLOCK_SOURCE, Kind::SourceMembership,
        "receives nothing more from one source of a group that was joined"),
    option("MCAST_UNBLOCK_SOURCE", libc::MCAST_UNBLOCK_SOURCE, Kind::SourceMembership,
        "takes MCAST_BLOCK_SOURCE back"),
    option("MCAST_MSFILTER", libc::MCAST_MSFILTER, Kind::Structure,
        "the whole list of sources of a group: a struct group_filter"),
];
