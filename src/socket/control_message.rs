//! Decodes the control messages that socket options request.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::{Duration, SystemTime};

use super::datagram::PacketInfo;
#[cfg(feature = "extras")]
use super::options;
use crate::sys::control::Message;

/// `SCM_SECURITY` (linux/socket.h): the message of `IP_PASSSEC`, at the level of IP.
const SCM_SECURITY: i32 = 3;
/// `SO_TIMESTAMP_NEW`, `SO_TIMESTAMPNS_NEW` and `SO_TIMESTAMPING_NEW` (asm-generic/socket.h): the
/// same times, with 64 bits per field on every machine.
const SO_TIMESTAMP_NEW: i32 = 63;
const SO_TIMESTAMPNS_NEW: i32 = 64;
const SO_TIMESTAMPING_NEW: i32 = 65;

/// Ancillary data of a datagram from the kernel (cmsg(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlMessage<'a> {
    /// Destination and interface: `IP_PKTINFO`, `IPV6_RECVPKTINFO`, `IPV6_2292PKTINFO`.
    PacketInfo(PacketInfo),
    /// The TOS byte or traffic class: DSCP in the upper six bits (RFC 2474), ECN in the lower two (RFC
    /// 3168, [`Ecn::from_tos`](super::Ecn::from_tos)). `IP_RECVTOS`, `IPV6_RECVTCLASS`.
    TrafficClass(u8),
    /// The TTL or hop limit: `IP_RECVTTL`, `IPV6_RECVHOPLIMIT`, `IPV6_2292HOPLIMIT`.
    HopLimit(u8),
    /// When the kernel received it: `SO_TIMESTAMP` (microseconds), `SO_TIMESTAMPNS` (nanoseconds).
    Timestamp(SystemTime),
    /// When the kernel and the interface received it: `SO_TIMESTAMPING`.
    Timestamping(Timestamps),
    /// The interface that made the hardware timestamp, and the packet's length on the link in
    /// bytes:
    /// `SO_TIMESTAMPING` with `opt-pktinfo`.
    TimestampPacket {
        /// The interface's index.
        interface: u32,
        /// The length at layer 2, in bytes.
        length: u32,
    },
    /// How many datagrams the socket had lost because its receive buffer was full: `SO_RXQ_OVFL`.
    KernelDrops(u32),
    /// The bytes in each segment of an offloaded run: `UDP_GRO`.
    SegmentSize(usize),
    /// The destination before the firewall changed it: `IP_RECVORIGDSTADDR`, `IPV6_RECVORIGDSTADDR`.
    OriginalDestination(SocketAddr),
    /// The bytes of the largest fragment; 0 if it was not fragmented: `IP_RECVFRAGSIZE`,
    /// `IPV6_RECVFRAGSIZE`.
    FragmentSize(u32),
    /// The IP options on arrival: `IP_RECVOPTS` (RFC 791).
    IpOptions(&'a [u8]),
    /// The IP options that a reply would carry: `IP_RETOPTS`.
    ReturnOptions(&'a [u8]),
    /// The checksum over the UDP datagram that the kernel or the interface computed: `IP_CHECKSUM`.
    Checksum(u32),
    /// The sender's security context: `IP_PASSSEC`.
    SecurityContext(&'a [u8]),
    /// A path's new MTU in bytes; this message has no datagram: `IPV6_RECVPATHMTU`.
    PathMtu {
        /// The path's other end.
        destination: SocketAddr,
        /// Its MTU in bytes.
        mtu: u32,
    },
    /// Traffic class and flow label of the header: `IPV6_FLOWINFO` (RFC 6437).
    FlowInfo {
        /// The traffic class.
        class: u8,
        /// The flow label, of 20 bits.
        label: u32,
    },
    /// The hop-by-hop options header: `IPV6_RECVHOPOPTS`, `IPV6_2292HOPOPTS` (RFC 8200).
    HopByHopOptions(&'a [u8]),
    /// A destination options header: `IPV6_RECVDSTOPTS`, `IPV6_2292DSTOPTS`.
    DestinationOptions(&'a [u8]),
    /// The routing header: `IPV6_RECVRTHDR`, `IPV6_2292RTHDR`.
    RoutingHeader(&'a [u8]),
    /// The packet's priority in the kernel: `SO_RCVPRIORITY`.
    Priority(u32),
    /// The packet's firewall mark: `SO_RCVMARK`.
    Mark(u32),
    /// Any other message, or one of those above that is too short for its type.
    Unknown {
        /// Its level, as in getsockopt(2).
        level: i32,
        /// Its type.
        kind: i32,
        /// Its data.
        bytes: &'a [u8],
    },
}

/// Both clocks of `SO_TIMESTAMPING`, as far as the socket requested them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// The kernel's clock.
    pub software: Option<SystemTime>,
    /// The interface's clock, which need not be set to UTC (ptp(4)).
    pub hardware: Option<SystemTime>,
}

/// The name of the differentiated services code point in a TOS byte or traffic class, whatever its ECN:
/// `ef`, `af41` (RFC 2474, 2597, 3246, 5865, 8622).
#[cfg(feature = "extras")]
pub fn dscp_name(tos: u8) -> Option<&'static str> {
    options::dscp_name(tos)
}

impl<'a> ControlMessage<'a> {
    pub(super) fn decode(message: &Message<'a>) -> Self {
        let decoded = match message.level {
            libc::SOL_SOCKET => of_socket(message),
            libc::IPPROTO_IP => of_ipv4(message),
            libc::IPPROTO_IPV6 => of_ipv6(message),
            libc::IPPROTO_UDP if message.kind == libc::UDP_GRO => {
                let size = message.int().and_then(|size| usize::try_from(size).ok());
                size.map(Self::SegmentSize)
            }
            _ => None,
        };
        decoded.unwrap_or(Self::Unknown {
            level: message.level,
            kind: message.kind,
            bytes: message.payload,
        })
    }
}

fn of_socket<'a>(message: &Message<'a>) -> Option<ControlMessage<'a>> {
    let bytes = message.payload;
    Some(match message.kind {
        libc::SCM_TIMESTAMP | SO_TIMESTAMP_NEW => ControlMessage::Timestamp(time(bytes, 1000)?),
        libc::SCM_TIMESTAMPNS | SO_TIMESTAMPNS_NEW => ControlMessage::Timestamp(time(bytes, 1)?),
        libc::SCM_TIMESTAMPING | SO_TIMESTAMPING_NEW => timestamping(bytes)?,
        libc::SCM_TIMESTAMPING_PKTINFO => ControlMessage::TimestampPacket {
            interface: word(bytes)?,
            length: word(bytes.get(4..)?)?,
        },
        libc::SO_RXQ_OVFL => ControlMessage::KernelDrops(word(bytes)?),
        libc::SO_PRIORITY => ControlMessage::Priority(word(bytes)?),
        libc::SO_MARK => ControlMessage::Mark(word(bytes)?),
        _ => return None,
    })
}

fn of_ipv4<'a>(message: &Message<'a>) -> Option<ControlMessage<'a>> {
    let bytes = message.payload;
    Some(match message.kind {
        libc::IP_PKTINFO => ControlMessage::PacketInfo(PacketInfo::of_ipv4(bytes)?),
        libc::IP_TOS => ControlMessage::TrafficClass(message.int()? as u8),
        libc::IP_TTL => ControlMessage::HopLimit(message.int()? as u8),
        libc::IP_ORIGDSTADDR => ControlMessage::OriginalDestination(socket_address(bytes)?),
        libc::IP_RECVFRAGSIZE => ControlMessage::FragmentSize(word(bytes)?),
        libc::IP_RECVOPTS => ControlMessage::IpOptions(bytes),
        libc::IP_RETOPTS => ControlMessage::ReturnOptions(bytes),
        libc::IP_CHECKSUM => ControlMessage::Checksum(word(bytes)?),
        SCM_SECURITY => ControlMessage::SecurityContext(bytes),
        _ => return None,
    })
}

fn of_ipv6<'a>(message: &Message<'a>) -> Option<ControlMessage<'a>> {
    let bytes = message.payload;
    Some(match message.kind {
        libc::IPV6_PKTINFO | libc::IPV6_2292PKTINFO => {
            ControlMessage::PacketInfo(PacketInfo::of_ipv6(bytes)?)
        }
        libc::IPV6_TCLASS => ControlMessage::TrafficClass(message.int()? as u8),
        libc::IPV6_HOPLIMIT | libc::IPV6_2292HOPLIMIT => {
            ControlMessage::HopLimit(message.int()? as u8)
        }
        libc::IPV6_ORIGDSTADDR => ControlMessage::OriginalDestination(socket_address(bytes)?),
        libc::IPV6_RECVFRAGSIZE => ControlMessage::FragmentSize(word(bytes)?),
        libc::IPV6_PATHMTU => ControlMessage::PathMtu {
            destination: socket_address(bytes)?,
            mtu: word(bytes.get(28..)?)?,
        },
        libc::IPV6_FLOWINFO => {
            let info = u32::from_be_bytes(*bytes.first_chunk()?);
            ControlMessage::FlowInfo {
                class: (info >> 20) as u8,
                label: info & 0xf_ffff,
            }
        }
        libc::IPV6_HOPOPTS | libc::IPV6_2292HOPOPTS => ControlMessage::HopByHopOptions(bytes),
        libc::IPV6_DSTOPTS | libc::IPV6_2292DSTOPTS => ControlMessage::DestinationOptions(bytes),
        libc::IPV6_RTHDR | libc::IPV6_2292RTHDR => ControlMessage::RoutingHeader(bytes),
        _ => return None,
    })
}

/// The first four bytes, in native byte order.
fn word(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.first_chunk()?))
}

/// A `struct timeval` or `struct timespec`; its fraction in units of `nanos` nanoseconds.
fn time(bytes: &[u8], nanos: u32) -> Option<SystemTime> {
    let (seconds, rest) = bytes.split_first_chunk()?;
    let seconds = u64::try_from(i64::from_ne_bytes(*seconds)).ok()?;
    let fraction = u32::try_from(i64::from_ne_bytes(*rest.first_chunk()?)).ok()?;
    let since = Duration::new(seconds, 0)
        .checked_add(Duration::from_nanos(u64::from(fraction) * u64::from(nanos)))?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// A `struct scm_timestamping`: software, an unused one, hardware; zero means none.
fn timestamping<'a>(bytes: &[u8]) -> Option<ControlMessage<'a>> {
    let at = |index: usize| time(bytes.get(index * 16..)?, 1);
    let taken = |time: SystemTime| (time != SystemTime::UNIX_EPOCH).then_some(time);
    Some(ControlMessage::Timestamping(Timestamps {
        software: taken(at(0)?),
        hardware: taken(at(2)?),
    }))
}

/// A `struct sockaddr_in` or `struct sockaddr_in6`.
fn socket_address(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let port = u16::from_be_bytes(*port);
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => {
            let ip = Ipv4Addr::from(*rest.first_chunk::<4>()?);
            Some(SocketAddrV4::new(ip, port).into())
        }
        libc::AF_INET6 => {
            let (flow, rest) = rest.split_first_chunk()?;
            let (ip, scope) = rest.split_first_chunk::<16>()?;
            let (ip, flow) = (Ipv6Addr::from(*ip), u32::from_be_bytes(*flow));
            Some(SocketAddrV6::new(ip, port, flow, word(scope)?).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::socket::options;

    #[cfg(feature = "extras")]
    #[test]
    fn a_dscp_has_its_name_whatever_the_ecn() {
        let names = [0x2e, 0xb8, 0xbb, 0x01].map(dscp_name);
        assert_eq!(names, [None, Some("ef"), Some("ef"), Some("cs0")]);
    }

    #[test]
    fn times_have_the_units_of_their_options() {
        let bytes = [7_i64.to_ne_bytes(), 500_000_i64.to_ne_bytes()].concat();
        let decoded = |kind| {
            let level = libc::SOL_SOCKET;
            let payload = bytes.as_slice();
            ControlMessage::decode(&Message {
                level,
                kind,
                payload,
            })
        };
        let at = |nanos| SystemTime::UNIX_EPOCH + Duration::new(7, nanos);
        let timestamp = ControlMessage::Timestamp;
        assert_eq!(decoded(libc::SCM_TIMESTAMP), timestamp(at(500_000_000)));
        assert_eq!(decoded(libc::SCM_TIMESTAMPNS), timestamp(at(500_000)));
    }

    /// An option's messages have the type of the option that sends the same, otherwise its own.
    fn message_type(option: &options::SocketOption) -> i32 {
        match option.name {
            "IP_PASSSEC" => return SCM_SECURITY,
            "IPV6_RECVHOPLIMIT" => return libc::IPV6_HOPLIMIT,
            _ => {}
        }
        let sending = ["RECV", "RCV"].map(|part| option.name.replace(part, ""));
        sending
            .iter()
            .find(|name| **name != option.name)
            .and_then(|name| options::SocketOption::all().find(|other| other.name == *name))
            .map_or(option.number, |other| other.number)
    }

    #[test]
    fn every_option_of_the_catalogue_is_decoded() {
        let bringing = options::SocketOption::all().filter(|option| !option.control.is_empty());
        let mut decoded = 0;
        for option in bringing {
            let (family, address_family) = match option.level {
                options::Level::Ipv6 => (crate::socket::Family::V6, libc::AF_INET6),
                _ => (crate::socket::Family::V4, libc::AF_INET),
            };
            let mut payload = vec![0; option.control[0]];
            let start = (address_family as u16).to_ne_bytes();
            payload
                .iter_mut()
                .zip(start)
                .for_each(|(to, from)| *to = from);
            let message = Message {
                level: option.level.number(family),
                kind: message_type(option),
                payload: &payload,
            };
            let decode = ControlMessage::decode(&message);
            let is_known = !matches!(decode, ControlMessage::Unknown { .. });
            assert!(is_known, "{}: {message:?}", option.name);
            decoded += 1;
        }
        assert!(decoded > 25, "{decoded}");
    }

    proptest! {
        #[test]
        fn no_message_is_lost(
            level in prop::sample::select(vec![libc::SOL_SOCKET, libc::IPPROTO_IP, libc::IPPROTO_IPV6, libc::IPPROTO_UDP, 300]),
            kind in 0..120_i32,
            payload in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let payload = payload.as_slice();
            if let ControlMessage::Unknown { level: at, kind: of, bytes } =
                ControlMessage::decode(&Message { level, kind, payload })
            {
                prop_assert_eq!((at, of, bytes), (level, kind, payload));
            }
        }
    }
}
