//! Which datagrams a responder must not answer, and how long an answer may be: sans-IO.
//!
//! A datagram's source address is only a claim. A forged one can make two responders answer each
//! other forever (CERT CA-1996-01), make one flood a third party with more than the forger sent
//! (RFC 8085 section 6), or be an address that no host can have.

use std::net::{IpAddr, SocketAddr};

use crate::socket::Family;

/// How many times the received bytes may be sent to an unvalidated address (RFC 9000 section 8).
const FACTOR: usize = 3;

/// Ports whose services answer any datagram (RFC 862 to 868): echo, systat, daytime, netstat, qotd,
/// chargen, time. Discard (9) answers nothing.
const RESPONDERS: [u16; 7] = [7, 11, 13, 15, 17, 19, 37];

/// Why a datagram must not be answered, whatever its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unanswerable {
    /// No host can have sent it: port 0, or a multicast, broadcast or wildcard address.
    Impossible,
    /// Its source port is one that the responder itself listens at, on this host or another.
    OwnPort,
    /// Its source port is that of a service that answers any datagram.
    Responder,
}

/// Why a responder that listens at the ports `own` must not answer `source`, by the rules of inetd;
/// `None` if it may.
///
/// ```
/// use udpraw::protocol::{Unanswerable, unanswerable};
/// let judge = |source: &str| unanswerable(source.parse().unwrap(), &[1060]);
/// assert_eq!(judge("192.0.2.1:40000"), None);
/// assert_eq!(judge("192.0.2.1:1060"), Some(Unanswerable::OwnPort));
/// assert_eq!(judge("192.0.2.1:19"), Some(Unanswerable::Responder));
/// assert_eq!(judge("255.255.255.255:9"), Some(Unanswerable::Impossible));
/// ```
pub fn unanswerable(source: SocketAddr, own: &[u16]) -> Option<Unanswerable> {
    let port = source.port();
    if port == 0 || is_impossible(source.ip()) {
        Some(Unanswerable::Impossible)
    } else if own.contains(&port) {
        Some(Unanswerable::OwnPort)
    } else if RESPONDERS.contains(&port) {
        Some(Unanswerable::Responder)
    } else {
        None
    }
}

/// Whether no host can have this address.
fn is_impossible(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_multicast() || address.is_broadcast() || address.is_unspecified()
        }
        IpAddr::V6(address) => address.is_multicast() || address.is_unspecified(),
    }
}

/// Whether a reply of `reply` bytes to `source` is more than three times a request of `request`
/// bytes, IP and UDP headers counted.
///
/// ```
/// use udpraw::protocol::amplifies;
/// let source = "192.0.2.1:40000".parse().unwrap();
/// assert!(!amplifies(source, 1, 59));
/// assert!(amplifies(source, 1, 60));
/// ```
pub fn amplifies(source: SocketAddr, request: usize, reply: usize) -> bool {
    let headers = Family::on_the_wire(source).headers();
    reply + headers > FACTOR * (request + headers)
}

/// The hop limit (TTL) with which a responder sends replies whose bytes do not show that they are
/// replies, such as an echo: other responders recognise them by it ([`is_marked_reply`]).
pub const REPLY_HOP_LIMIT: u8 = 200;

/// The longest path, in hops, over which a mark is recognised.
const LONGEST_PATH: u8 = 40;

/// Whether a datagram that arrived with this hop limit left with [`REPLY_HOP_LIMIT`].
///
/// Each router subtracts one (RFC 791 section 3.2, RFC 8200 section 3). Hosts start at 64, 128 or
/// 255, and no path is so long that one of these arrives as a mark.
///
/// ```
/// use udpraw::protocol::{REPLY_HOP_LIMIT, is_marked_reply};
/// assert!(is_marked_reply(REPLY_HOP_LIMIT) && is_marked_reply(REPLY_HOP_LIMIT - 12));
/// assert!(![255, 128, 64].into_iter().any(is_marked_reply));
/// ```
pub fn is_marked_reply(hop_limit: u8) -> bool {
    (REPLY_HOP_LIMIT - LONGEST_PATH..=REPLY_HOP_LIMIT).contains(&hop_limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whom_not_to_answer() {
        use Unanswerable::*;
        for (source, want) in [
            ("127.0.0.1:1060", Some(OwnPort)),
            ("127.0.0.2:1060", Some(OwnPort)),
            ("192.0.2.1:1061", Some(OwnPort)),
            ("[::ffff:127.0.0.1]:1061", Some(OwnPort)),
            ("[2001:db8::1]:1061", Some(OwnPort)),
            ("192.0.2.1:7", Some(Responder)),
            ("192.0.2.1:19", Some(Responder)),
            ("[::1]:13", Some(Responder)),
            ("192.0.2.1:9", None),
            ("192.0.2.1:53", None),
            ("127.0.0.1:53322", None),
            ("127.0.0.1:0", Some(Impossible)),
            ("255.255.255.255:9", Some(Impossible)),
            ("0.0.0.0:9", Some(Impossible)),
            ("224.0.0.1:9", Some(Impossible)),
            ("[::]:9", Some(Impossible)),
            ("[ff02::1]:9", Some(Impossible)),
            ("[::ffff:239.1.2.3]:9", Some(Impossible)),
        ] {
            let judged = unanswerable(source.parse().unwrap(), &[1060, 1061]);
            assert_eq!(judged, want, "{source}");
        }
    }

    #[test]
    fn three_times_is_the_most() {
        let v4 = "192.0.2.1:9".parse().unwrap();
        let v6 = "[2001:db8::1]:9".parse().unwrap();
        let mapped = "[::ffff:192.0.2.1]:9".parse().unwrap();
        // The textbook's reply to an empty datagram fits.
        assert!(!amplifies(v4, 0, b"Your data was 0 bytes long".len()));
        for (source, most) in [(v4, 56), (mapped, 56), (v6, 96)] {
            assert!(!amplifies(source, 0, most) && amplifies(source, 0, most + 1));
        }
    }
}
