//! The error queue: which datagram caused an ICMP message, and who sent it (ip(7), `IP_RECVERR`).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::control_message::{ControlMessage, Timestamps};
use super::received::Received;

/// Who reported a queued error (`ee_origin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// This machine's kernel, for example for a datagram above the path MTU.
    Local,
    /// An ICMP message.
    Icmp,
    /// An ICMPv6 message.
    Icmp6,
    /// Any other, by number.
    Other(u8),
}

impl Origin {
    /// `SO_EE_ORIGIN_TIMESTAMPING`.
    const TIMESTAMPING: Self = Self::Other(4);
}

/// An entry of the error queue: an error about an earlier datagram, or the time when it was sent
/// (`SO_TIMESTAMPING`; the kernel's Documentation/networking/timestamping.rst).
///
/// ```
/// use std::time::Duration;
/// use udpraw::io::{BackendChoice, Transmit, Transport, TransportConfig};
/// use udpraw::socket::option::{self, Timestamping};
/// use udpraw::socket::{Endpoint, ReceiveBuffer};
///
/// let wanted = Timestamping::TX_SOFTWARE
///     | Timestamping::SOFTWARE
///     | Timestamping::OPT_ID
///     | Timestamping::OPT_TSONLY;
/// let endpoint = Endpoint::builder()
///     .option(option::SO_TIMESTAMPING, wanted)
///     .bind("127.0.0.1:0".parse()?)?;
/// let to = endpoint.local_address()?;
/// let mut transport = Transport::open(endpoint, BackendChoice::Auto, TransportConfig::default())?;
///
/// let id = transport.counters().sent_messages as u32; // of the next message
/// transport.send_queue().send(&Transmit::new(b"when?").to(to));
/// transport.flush().into_result()?;
///
/// let mut buffer = ReceiveBuffer::new();
/// let entry = loop {
///     if let Some(entry) = transport.endpoint().queued_error(&mut buffer)? {
///         break entry;
///     }
/// };
/// let times = entry.sent.expect("it was passed to the interface");
/// assert_eq!(entry.message, id);
/// assert!(times.software.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueuedError {
    /// The error, such as ECONNREFUSED (111).
    pub errno: i32,
    /// Who reported it.
    pub origin: Origin,
    /// The ICMP type.
    pub icmp_type: u8,
    /// The ICMP code.
    pub icmp_code: u8,
    /// More information, depending on the error; for EMSGSIZE the path MTU.
    pub info: u32,
    /// The host that sent the ICMP message; its port is 0.
    pub offender: Option<SocketAddr>,
    /// The destination of the datagram that caused the error.
    pub destination: SocketAddr,
    /// How many bytes of that datagram's payload were returned.
    pub returned: usize,
    /// The number of the message on the socket that a time is of, from 0, if `OPT_ID` was set; otherwise
    /// 0. A run of datagrams is one message. A transport that is the only sender counts the same
    /// ([`Counters::sent_messages`](crate::io::Counters::sent_messages)).
    pub message: u32,
    /// When it entered the packet scheduler (`TX_SCHED`), by each requested clock; the errno is ENOMSG then.
    pub scheduled: Option<Timestamps>,
    /// When it was passed to the network interface, or left it (`TX_SOFTWARE`, `TX_HARDWARE`); likewise.
    pub sent: Option<Timestamps>,
    /// When the interface reported that it has sent it (`TX_COMPLETION`, Linux 6.15); likewise.
    pub completed: Option<Timestamps>,
}

/// What the network reports about a port, or about the route to it.
#[cfg(feature = "extras")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody listens at the port: ICMP port unreachable.
    Closed,
    /// A host on the way, or the destination, forbids it.
    Filtered,
    /// There is no route.
    Unreachable,
}

#[cfg(feature = "extras")]
impl Refusal {
    /// The refusal of a send by this machine's kernel; `None` if the error is a fault of the call
    /// and not of the route.
    ///
    /// A `prohibit` route is EACCES and a `blackhole` one EINVAL (ip-route(8)); a firewall's drop on
    /// the way out is EPERM.
    pub fn of_send(errno: i32) -> Option<Self> {
        match errno {
            libc::EPERM | libc::EACCES => Some(Self::Filtered),
            libc::ENETUNREACH
            | libc::EHOSTUNREACH
            | libc::ENETDOWN
            | libc::EHOSTDOWN
            | libc::EINVAL
            | libc::EADDRNOTAVAIL
            | libc::EAFNOSUPPORT
            | libc::ENODEV
            | libc::ENXIO => Some(Self::Unreachable),
            _ => None,
        }
    }
}

impl QueuedError {
    /// The refusal of the port by this message; `None` if it says nothing about the port, for
    /// example that a datagram was too long, or if only this kernel reported it.
    ///
    /// The errno is not sufficient: EHOSTUNREACH is a missing route or a firewall. Types and codes
    /// are those of RFC 792, 1122 section 3.2.2.1, 1812 section 5.2.7.1 and 4443.
    #[cfg(feature = "extras")]
    pub fn refusal(&self) -> Option<Refusal> {
        match (self.origin, self.icmp_type, self.icmp_code) {
            (Origin::Icmp, 3, 3) | (Origin::Icmp6, 1, 4) => Some(Refusal::Closed),
            (Origin::Icmp, 3, 9 | 10 | 13) | (Origin::Icmp6, 1, 1 | 5 | 6) => {
                Some(Refusal::Filtered)
            }
            (Origin::Icmp, 3, 4) | (Origin::Icmp6, 2, _) => None,
            (Origin::Icmp, 3 | 11 | 12, _) | (Origin::Icmp6, 1 | 3 | 4, _) => {
                Some(Refusal::Unreachable)
            }
            _ => None,
        }
    }

    /// The message's name in the standards: `port unreachable`.
    pub fn name(&self) -> &'static str {
        icmp_name(self.origin, self.icmp_type, self.icmp_code)
    }

    /// Room for a `struct sock_extended_err` and the largest address after it.
    pub(super) const PAYLOAD: usize = 16 + 28;

    /// Finds the `IP_RECVERR` or `IPV6_RECVERR` message in the result of a `MSG_ERRQUEUE` receive.
    pub(super) fn read(received: &Received<'_>) -> Option<Self> {
        let payload = received.control_messages().messages().find_map(|message| {
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
        let mut entry = Self {
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
            destination: received.source(),
            returned: received.bytes().len(),
            message: 0,
            scheduled: None,
            sent: None,
            completed: None,
        };
        if entry.origin == Origin::TIMESTAMPING {
            entry.message = word(12);
            let times = received.control_messages().iter().find_map(|message| {
                if let ControlMessage::Timestamping(times) = message {
                    Some(times)
                } else {
                    None
                }
            });
            // SCM_TSTAMP_… of linux/errqueue.h; 2 is only for TCP.
            match entry.info {
                0 => entry.sent = times,
                1 => entry.scheduled = times,
                3 => entry.completed = times,
                _ => {}
            }
        }
        Some(entry)
    }
}

/// The name of an ICMP message's type and code in the standards.
///
/// ```
/// # #[cfg(feature = "extras")] {
/// use udpraw::socket::{Origin, icmp_name};
/// assert_eq!(icmp_name(Origin::Icmp, 3, 3), "port unreachable");
/// assert_eq!(icmp_name(Origin::Icmp6, 1, 1), "administratively prohibited");
/// # }
/// ```
pub fn icmp_name(origin: Origin, kind: u8, code: u8) -> &'static str {
    match (origin, kind, code) {
        (Origin::Icmp, 3, 0) => "network unreachable",
        (Origin::Icmp, 3, 1) => "host unreachable",
        (Origin::Icmp, 3, 2) => "protocol unreachable",
        (Origin::Icmp, 3, 3) | (Origin::Icmp6, 1, 4) => "port unreachable",
        (Origin::Icmp, 3, 4) => "fragmentation needed",
        (Origin::Icmp, 3, 5) => "source route failed",
        (Origin::Icmp, 3, 6) => "network unknown",
        (Origin::Icmp, 3, 7) => "host unknown",
        (Origin::Icmp, 3, 8) => "source host isolated",
        (Origin::Icmp, 3, 9) => "network administratively prohibited",
        (Origin::Icmp, 3, 10) => "host administratively prohibited",
        (Origin::Icmp, 3, 11) => "network unreachable for this TOS",
        (Origin::Icmp, 3, 12) => "host unreachable for this TOS",
        (Origin::Icmp, 3, 13) | (Origin::Icmp6, 1, 1) => "administratively prohibited",
        (Origin::Icmp, 3, 14) => "host precedence violation",
        (Origin::Icmp, 3, 15) => "precedence cutoff",
        (Origin::Icmp, 11, _) | (Origin::Icmp6, 3, _) => "time exceeded",
        (Origin::Icmp, 12, _) | (Origin::Icmp6, 4, _) => "parameter problem",
        (Origin::Icmp6, 1, 0) => "no route to destination",
        (Origin::Icmp6, 1, 2) => "beyond scope of source address",
        (Origin::Icmp6, 1, 3) => "address unreachable",
        (Origin::Icmp6, 1, 5) => "source address failed policy",
        (Origin::Icmp6, 1, 6) => "route to destination rejected",
        (Origin::Icmp6, 2, _) => "packet too big",
        (Origin::Icmp, 3, _) | (Origin::Icmp6, 1, _) => "destination unreachable",
        _ => "an unknown message",
    }
}

/// Reads a `struct sockaddr_in` or `struct sockaddr_in6`; AF_UNSPEC means no address.
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
