//! The error queue: which datagram an ICMP message answered, and who sent it (ip(7), `IP_RECVERR`).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::datagram::Datagram;

/// Who reported a queued error (`ee_origin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This machine's kernel, such as a datagram above the path MTU.
    Local,
    /// An ICMP message.
    Icmp,
    /// An ICMPv6 message.
    Icmp6,
    /// Any other, by number.
    Other(u8),
}

/// An error about a datagram that was sent earlier, read from the error queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedError {
    /// The error, such as ECONNREFUSED (111).
    pub errno: i32,
    /// Who reported it.
    pub origin: Origin,
    /// The ICMP type.
    pub icmp_type: u8,
    /// The ICMP code.
    pub icmp_code: u8,
    /// More, depending on the error; for EMSGSIZE the path MTU.
    pub info: u32,
    /// The host that sent the ICMP message; its port is 0.
    pub offender: Option<SocketAddr>,
    /// Where the datagram that caused the error was sent.
    pub destination: SocketAddr,
    /// How many bytes of that datagram's payload came back.
    pub returned: usize,
}

impl QueuedError {
    /// Room for a `struct sock_extended_err` and the largest address behind it.
    pub(super) const PAYLOAD: usize = 16 + 28;

    /// Finds the `IP_RECVERR` or `IPV6_RECVERR` message in what a `MSG_ERRQUEUE` receive brought.
    pub(super) fn read(datagram: &Datagram<'_>) -> Option<Self> {
        let payload = datagram.control_messages().find_map(|message| {
            matches!(
                (message.level, message.kind),
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
            )
            .then_some(message.payload)
        })?;
        let (error, address) = payload.split_first_chunk::<16>()?;
        let word = |at: usize| {
            u32::from_ne_bytes([error[at], error[at + 1], error[at + 2], error[at + 3]])
        };
        Some(Self {
            errno: i32::try_from(word(0)).ok()?,
            origin: match error[4] {
                1 => Origin::Local,
                2 => Origin::Icmp,
                3 => Origin::Icmp6,
                other => Origin::Other(other),
            },
            icmp_type: error[5],
            icmp_code: error[6],
            info: word(8),
            offender: socket_address(address),
            destination: datagram.source(),
            returned: datagram.bytes().len(),
        })
    }
}

/// Reads a `struct sockaddr_in` or `struct sockaddr_in6`; AF_UNSPEC means that there is none.
pub(super) fn socket_address(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let port = u16::from_be_bytes(*port);
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => Some((Ipv4Addr::from(*rest.first_chunk::<4>()?), port).into()),
        libc::AF_INET6 => {
            let (flow, rest) = rest.split_first_chunk()?;
            let (address, rest) = rest.split_first_chunk::<16>()?;
            let scope = u32::from_ne_bytes(*rest.first_chunk()?);
            let flow = u32::from_be_bytes(*flow);
            Some(SocketAddrV6::new(Ipv6Addr::from(*address), port, flow, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            socket_address(&bytes);
        }
    }

    #[test]
    fn reads_both_families() {
        let mut v4 = (libc::AF_INET as u16).to_ne_bytes().to_vec();
        v4.extend([0, 53, 192, 0, 2, 1]);
        assert_eq!(socket_address(&v4), Some("192.0.2.1:53".parse().unwrap()));
        let mut v6 = (libc::AF_INET6 as u16).to_ne_bytes().to_vec();
        v6.extend([0, 53, 0, 0, 0, 0]);
        v6.extend(Ipv6Addr::LOCALHOST.octets());
        v6.extend([0; 4]);
        assert_eq!(socket_address(&v6), Some("[::1]:53".parse().unwrap()));
        assert_eq!(socket_address(&[0; 16]), None);
    }
}
