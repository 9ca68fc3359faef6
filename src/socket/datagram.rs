//! The buffer of a receive, and the control messages that arrive with a datagram.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use super::control_message::ControlMessage;
use crate::sys::control::{self, Message, Outgoing};
use crate::sys::receive::Buffer;

/// The memory that datagrams are received into: 65,535 bytes, not initialised.
///
/// No UDP datagram is larger (65,507 bytes over IPv4, 65,527 over IPv6 without jumbograms), so a buffer
/// of the default size never truncates one. Use it again for each receive, which then allocates nothing.
pub struct ReceiveBuffer(pub(super) Buffer);

impl ReceiveBuffer {
    /// The default size in bytes, as in the textbook: 65,535.
    pub const DEFAULT_CAPACITY: usize = 65_535;

    /// A buffer of [`Self::DEFAULT_CAPACITY`] bytes.
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// A buffer of `capacity` bytes. A longer datagram is truncated, which
    /// [`Received::is_truncated`](super::Received::is_truncated) reports.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Buffer::new(capacity))
    }

    /// The size of the largest datagram that fits, in bytes.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl Default for ReceiveBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ReceiveBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveBuffer")
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// The destination of a datagram (`IP_PKTINFO`, `IPV6_RECVPKTINFO`; ip(7), ipv6(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PacketInfo {
    /// The destination address in the datagram's IP header; a group for multicast and broadcast.
    pub destination: IpAddr,
    /// The address of this machine that a reply should come from; `None` if there is none, as for an
    /// IPv6 group.
    pub local: Option<IpAddr>,
    /// The index of the interface that it arrived on.
    pub interface: u32,
}

/// The control messages that arrived with a datagram (cmsg(3)).
///
/// Each is present only if the option that asks for it was set, and is decoded on request.
#[derive(Clone, Copy)]
pub struct ControlMessages<'a>(&'a [u8]);

impl<'a> ControlMessages<'a> {
    pub(crate) fn new(control: &'a [u8]) -> Self {
        Self(control)
    }

    /// Each message, decoded, in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = ControlMessage<'a>> + use<'a> {
        self.messages()
            .map(|message| ControlMessage::decode(&message))
    }

    /// As [`Received::packet_info`](super::Received::packet_info).
    pub fn packet_info(&self) -> Option<PacketInfo> {
        self.iter().find_map(|message| match message {
            ControlMessage::PacketInfo(info) => Some(info),
            _ => None,
        })
    }

    /// As [`Received::tos`](super::Received::tos).
    pub fn tos(&self) -> Option<u8> {
        self.iter().find_map(|message| match message {
            ControlMessage::TrafficClass(tos) => Some(tos),
            _ => None,
        })
    }

    /// As [`Received::ttl`](super::Received::ttl).
    pub fn ttl(&self) -> Option<u8> {
        self.iter().find_map(|message| match message {
            ControlMessage::HopLimit(limit) => Some(limit),
            _ => None,
        })
    }

    /// As [`Received::kernel_drops`](super::Received::kernel_drops).
    pub fn kernel_drops(&self) -> Option<u32> {
        self.iter().find_map(|message| match message {
            ControlMessage::KernelDrops(drops) => Some(drops),
            _ => None,
        })
    }

    /// As [`Received::timestamp`](super::Received::timestamp).
    pub fn timestamp(&self) -> Option<SystemTime> {
        self.iter().find_map(|message| match message {
            ControlMessage::Timestamp(time) => Some(time),
            ControlMessage::Timestamping(times) => times.software,
            _ => None,
        })
    }

    /// The size of the datagrams of a run, if `UDP_GRO` is on and this is a run (udp(7)).
    pub fn segment_size(&self) -> Option<usize> {
        self.iter().find_map(|message| match message {
            ControlMessage::SegmentSize(size) => Some(size),
            _ => None,
        })
    }

    pub(super) fn messages(self) -> impl Iterator<Item = Message<'a>> {
        control::messages(self.0)
    }
}

impl fmt::Debug for ControlMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.messages()).finish()
    }
}

impl PacketInfo {
    /// Reads a `struct in_pktinfo`: index, local address, header's destination.
    pub(super) fn of_ipv4(bytes: &[u8]) -> Option<Self> {
        let (interface, addresses) = bytes.split_first_chunk()?;
        let (local, destination) = addresses.split_first_chunk::<4>()?;
        let destination = Ipv4Addr::from(*destination.first_chunk::<4>()?);
        let local = Ipv4Addr::from(*local);
        Some(Self {
            destination: destination.into(),
            local: (!local.is_unspecified()).then_some(local.into()),
            interface: u32::from_ne_bytes(*interface),
        })
    }

    /// Reads a `struct in6_pktinfo`: header's destination, index.
    pub(super) fn of_ipv6(bytes: &[u8]) -> Option<Self> {
        let (destination, interface) = bytes.split_first_chunk::<16>()?;
        let destination = Ipv6Addr::from(*destination);
        Some(Self {
            destination: destination.into(),
            local: (!destination.is_multicast()).then_some(destination.into()),
            interface: u32::from_ne_bytes(*interface.first_chunk()?),
        })
    }

    /// The source address of a reply: [`Self::local`], with the interface if it is link-local.
    pub fn reply_source(&self) -> Option<SourceAddress> {
        self.local.map(|ip| SourceAddress {
            ip,
            // Only a link-local source needs its interface; the route decides for the others.
            interface: match ip {
                IpAddr::V6(ip) if ip.is_unicast_link_local() => self.interface,
                _ => 0,
            },
        })
    }
}

/// The source address of an outgoing datagram (`IP_PKTINFO`, `IPV6_PKTINFO`; ip(7), ipv6(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceAddress {
    /// An address of this machine, of the destination's family.
    pub ip: IpAddr,
    /// The index of the outgoing interface; 0 leaves the choice to the route.
    pub interface: u32,
}

impl SourceAddress {
    /// Appends the control message that sets this source address.
    pub(crate) fn push(self, control: &mut Outgoing) {
        let is_pushed = match self.ip {
            IpAddr::V4(ip) => {
                let mut payload = [0; 12];
                payload[..4].copy_from_slice(&self.interface.to_ne_bytes());
                payload[4..8].copy_from_slice(&ip.octets());
                control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &payload)
            }
            IpAddr::V6(ip) => {
                let mut payload = [0; 20];
                payload[..16].copy_from_slice(&ip.octets());
                payload[16..].copy_from_slice(&self.interface.to_ne_bytes());
                control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &payload)
            }
        };
        // `Outgoing` has room for an address and three integers.
        debug_assert!(is_pushed);
    }
}

impl From<IpAddr> for SourceAddress {
    fn from(ip: IpAddr) -> Self {
        Self { ip, interface: 0 }
    }
}
