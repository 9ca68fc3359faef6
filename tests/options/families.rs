//! What each family has options of its own for: ICMP errors, TOS and the path MTU, on IPv4, IPv6 and
//! dual-stack sockets.

use std::net::SocketAddr;
use std::time::Duration;

use udpraw::socket::option::{self, PathMtuDiscovery};
use udpraw::socket::{
    Ecn, Endpoint, Family, Readiness, ReceiveBuffer, Refusal, loopback_if_unspecified,
};

const PLACES: [&str; 3] = ["127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0"];

/// A port where nobody listens: it was free a moment ago.
fn closed(host: &str) -> SocketAddr {
    let endpoint = Endpoint::builder().bind(host.parse().unwrap()).unwrap();
    endpoint.local_address().unwrap()
}

#[test]
fn an_unconnected_socket_hears_of_a_closed_port() {
    for host in PLACES {
        let closed = closed(host);
        let endpoint = Endpoint::builder()
            .receive_errors()
            .unbound(Family::of(closed))
            .unwrap();
        endpoint.send_to(b"hello", closed).unwrap();
        let seen = endpoint.wait(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(seen, Some(Readiness::Error), "{host}");
        let mut buffer = ReceiveBuffer::new();
        let error = endpoint.queued_error(&mut buffer).unwrap().unwrap();
        assert_eq!(error.refusal(), Some(Refusal::Closed), "{host}");
        assert_eq!(error.destination, closed, "{host}");
    }
}

/// The TOS byte arrives with a datagram of either family, also on a dual-stack socket.
#[test]
fn tos_is_received_over_both_families() {
    for (host, destination) in [
        ("127.0.0.1:0", "127.0.0.1"),
        ("[::1]:0", "::1"),
        ("[::]:0", "::1"),
        ("[::]:0", "127.0.0.1"),
    ] {
        let receiver = Endpoint::builder()
            .receive_tos()
            .bind(host.parse().unwrap())
            .unwrap();
        let port = receiver.local_address().unwrap().port();
        let destination = SocketAddr::new(destination.parse().unwrap(), port);
        let tos = match Family::of(destination) {
            Family::V4 => option::IP_TOS.with_value(0xba),
            Family::V6 => option::IPV6_TCLASS.with_value(0xba),
        };
        let sender = Endpoint::builder()
            .options([tos])
            .unbound(Family::of(destination))
            .unwrap();
        sender.send_to(b"hello", destination).unwrap();
        let mut buffer = ReceiveBuffer::new();
        let datagram = receiver.receive(&mut buffer).unwrap();
        let received = (datagram.tos(), datagram.ecn());
        assert_eq!(received, (Some(0xba), Some(Ecn::Ect0)), "{host}");
        assert!(!datagram.is_control_truncated());
    }
}

#[test]
fn path_mtu_discovery_is_that_of_both_families() {
    for (family, mode) in [
        (Family::V4, PathMtuDiscovery::Probe),
        (Family::V6, PathMtuDiscovery::Do),
        (Family::V6, PathMtuDiscovery::Dont),
    ] {
        let endpoint = Endpoint::builder()
            .path_mtu_discovery(mode)
            .unbound(family)
            .unwrap();
        assert_eq!(endpoint.get(option::IP_MTU_DISCOVER).unwrap(), mode);
        if family == Family::V6 {
            assert_eq!(endpoint.get(option::IPV6_MTU_DISCOVER).unwrap(), mode);
        }
    }
    // An option that is set later counts.
    let endpoint = Endpoint::builder()
        .path_mtu_discovery(PathMtuDiscovery::Probe)
        .option(option::IP_MTU_DISCOVER, PathMtuDiscovery::Want)
        .unbound(Family::V4)
        .unwrap();
    assert_eq!(
        endpoint.get(option::IP_MTU_DISCOVER).unwrap(),
        PathMtuDiscovery::Want
    );
}

/// Just what fits the MTU is sent where fragments are forbidden, and not a byte more.
#[test]
fn the_path_mtu_less_the_headers_is_the_largest_payload() {
    let mtu: usize = std::fs::read_to_string("/sys/class/net/lo/mtu")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    for host in PLACES {
        let peer = Endpoint::builder().bind(host.parse().unwrap()).unwrap();
        let peer_address = peer.local_address().unwrap();
        let endpoint = Endpoint::builder()
            .path_mtu_discovery(PathMtuDiscovery::Do)
            .unbound(Family::of(peer_address))
            .unwrap();
        let error = endpoint.path_mtu().unwrap_err();
        assert_eq!(error.errno(), Some(libc::ENOTCONN), "{host}");
        endpoint.connect(peer_address).unwrap();
        let known = endpoint.path_mtu().unwrap() as usize;
        // Of an MTU above 65,535 bytes, IPv4 knows only as much.
        assert!(
            known == mtu || known == mtu.min(65_535),
            "{host}: {known} of {mtu}"
        );
        let headers = Family::on_the_wire(peer_address).headers();
        let largest = known - headers;
        if largest < 65_507 {
            endpoint.send(&vec![0; largest]).unwrap();
            let error = endpoint.send(&vec![0; largest + 1]).unwrap_err();
            assert_eq!(error.errno(), Some(libc::EMSGSIZE), "{host}");
        }
    }
}

/// The wildcard address is this host, as the kernel has it: the reply comes from there.
#[test]
fn a_datagram_to_the_wildcard_address_is_answered_from_loopback() {
    for host in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        let host: SocketAddr = host.parse().unwrap();
        let server = Endpoint::builder().packet_info(true).bind(host).unwrap();
        let wildcard = SocketAddr::new(host.ip(), server.local_address().unwrap().port());
        let client = Endpoint::builder().unbound(Family::of(host)).unwrap();
        client.send_to(b"hello", wildcard).unwrap();
        let mut buffer = ReceiveBuffer::new();
        let request = server.receive(&mut buffer).unwrap();
        server.reply(&request, b"hello").unwrap();
        let reply = client.receive(&mut buffer).unwrap();
        assert_eq!(reply.source(), loopback_if_unspecified(wildcard), "{host}");
    }
}
