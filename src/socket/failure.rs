//! What to say of a call on a socket that failed, and what can be done about it.

use std::io;
use std::net::SocketAddr;

use super::address::{Family, Shown};
use crate::error::Error;

#[cold]
pub(super) fn receive_error(source: io::Error) -> Error {
    Error::os("receive", "a datagram", source)
}

#[cold]
pub(super) fn route_error(operation: &'static str, peer: SocketAddr, source: io::Error) -> Error {
    let remedy = match source.raw_os_error() {
        Some(libc::ENETUNREACH) => "no route leads there (ip route get shows)",
        Some(libc::EHOSTUNREACH) => {
            "no route leads there (ip route get shows), or a firewall on the way said so by ICMP"
        }
        Some(libc::EACCES) => {
            "a broadcast address needs SO_BROADCAST; otherwise a route forbids it (ip route get shows)"
        }
        Some(libc::ECONNREFUSED) => "nobody listens there: ICMP said so of an earlier datagram",
        Some(libc::ENOBUFS) => "the outgoing queue is full: send more slowly",
        Some(libc::EINVAL) if peer.port() == 0 => "port 0 is not a valid destination",
        Some(libc::EINVAL) if peer.is_ipv6() => {
            "a link-local address needs its interface, as in fe80::1%eth0"
        }
        Some(libc::EAFNOSUPPORT) => "the socket is of the other address family",
        Some(libc::EPERM) => "a firewall rule of this machine forbids it (nft list ruleset)",
        _ => return Error::os(operation, Shown(peer), source),
    };
    Error::os(operation, Shown(peer), source).with_remedy(remedy)
}

#[cold]
pub(super) fn send_error(length: usize, destination: SocketAddr, source: io::Error) -> Error {
    if source.raw_os_error() != Some(libc::EMSGSIZE) {
        return route_error("send to", destination, source);
    }
    let family = Family::of(destination);
    Error::os(
        "send",
        format_args!("{length} bytes to {}", Shown(destination)),
        source,
    )
    .with_remedy(format!(
        "a datagram over {family} carries at most {} bytes, and no more than the path MTU where \
         fragments are forbidden",
        family.largest_payload()
    ))
}
