//! Datagrams whose source is a lie, in a network namespace of the test's own.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// A raw socket in this thread's namespace.
pub(super) struct Forger(Socket);

impl Forger {
    pub(super) fn new() -> Self {
        let raw = Socket::new(
            Domain::IPV4,
            Type::RAW,
            Some(Protocol::from(libc::IPPROTO_RAW)),
        );
        Self(raw.expect("a raw socket in a namespace of one's own"))
    }

    /// Sends a datagram that claims to come from `source`.
    pub(super) fn send(&self, source: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) {
        let length = 28 + payload.len() as u16;
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        // The kernel fills in the id and the checksum of IP; that of UDP may be zero.
        packet.extend([0, 0, 0, 0, 64, libc::IPPROTO_UDP as u8, 0, 0]);
        packet.extend(source.ip().octets());
        packet.extend(to.ip().octets());
        packet.extend(source.port().to_be_bytes());
        packet.extend(to.port().to_be_bytes());
        packet.extend((length - 20).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(payload);
        let there = SockAddr::from(SocketAddr::from((*to.ip(), 0)));
        self.0.send_to(&packet, &there).expect("sent on loopback");
    }
}

pub(super) fn v4(last: u8, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), port)
}
