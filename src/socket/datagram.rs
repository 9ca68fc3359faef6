//! What a receive yields: the bytes, who sent them, where they were sent to, and what was lost.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::SystemTime;

use super::control_message::ControlMessage;
use crate::sys::control::{self, Message, Outgoing};
use crate::sys::receive::Buffer;

/// The memory that datagrams are received into: 65,535 bytes, never zeroed.
///
/// No UDP datagram is larger (65,507 bytes over IPv4, 65,527 over IPv6 without jumbograms), so in a
/// buffer of the default size none is ever cut. Reuse it: a receive allocates nothing.
pub struct ReceiveBuffer(pub(super) Buffer);

impl ReceiveBuffer {
    /// How many bytes a buffer holds unless told otherwise, as the documents have it: 65,535.
    pub const DEFAULT_CAPACITY: usize = 65_535;

    /// A buffer of [`Self::DEFAULT_CAPACITY`] bytes.
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// A buffer of `capacity` bytes. What is longer is cut, and [`Datagram::is_truncated`] says so.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Buffer::new(capacity))
    }

    /// How large a datagram fits, in bytes.
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

/// A received datagram: a view of the [`ReceiveBuffer`] that it arrived in.
///
/// What came beside the bytes ([`Self::packet_info`], [`Self::tos`], …) is there only if the option
/// that asks for it was set; each is read from the control messages when it is asked for.
#[derive(Clone, Copy)]
pub struct Datagram<'a>(pub(super) &'a Buffer);

/// Where a datagram was sent to (`IP_PKTINFO`, `IPV6_RECVPKTINFO`; ip(7), ipv6(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
    /// The destination address in the datagram's IP header; a group for multicast and broadcast.
    pub destination: IpAddr,
    /// This machine's address that a reply should come from, if there is one.
    pub local: Option<IpAddr>,
    /// Index of the interface that it arrived on.
    pub interface: u32,
}

impl<'a> Datagram<'a> {
    /// The bytes that were received: all of the datagram, unless [`Self::is_truncated`].
    pub fn bytes(&self) -> &'a [u8] {
        self.0.bytes()
    }

    /// The datagram's length as it was sent, even if the buffer was too short for it.
    pub fn length(&self) -> usize {
        self.0.length()
    }

    /// Whether the buffer was too short, so that the end of the datagram is lost (`MSG_TRUNC`).
    pub fn is_truncated(&self) -> bool {
        self.0.flags() & libc::MSG_TRUNC != 0
    }

    /// Whether control messages are missing, since their buffer was too short (`MSG_CTRUNC`).
    ///
    /// Control buffers are sized from the options that were set through the endpoint, so this tells
    /// of one that was set behind its back.
    pub fn is_control_truncated(&self) -> bool {
        self.0.flags() & libc::MSG_CTRUNC != 0
    }

    /// Who sent it.
    pub fn source(&self) -> SocketAddr {
        // A UDP socket's peer is AF_INET or AF_INET6; the fallback is for a foreign fd.
        self.0
            .source()
            .as_socket()
            .unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// What came beside the bytes, unread.
    pub fn control_messages(&self) -> ControlMessages<'a> {
        ControlMessages(self.0.control())
    }

    /// Where it was sent to, if `IP_PKTINFO` or `IPV6_RECVPKTINFO` is on.
    pub fn packet_info(&self) -> Option<PacketInfo> {
        self.control_messages().packet_info()
    }

    /// The TOS byte or traffic class (DSCP and ECN), if `IP_RECVTOS` or `IPV6_RECVTCLASS` is on.
    pub fn tos(&self) -> Option<u8> {
        self.control_messages().tos()
    }

    /// The TTL or hop limit on message, if `IP_RECVTTL` or `IPV6_RECVHOPLIMIT` is on.
    pub fn ttl(&self) -> Option<u8> {
        self.control_messages().ttl()
    }

    /// How many datagrams this socket had lost to a full receive buffer when this one was queued,
    /// counted since the socket was made, if `SO_RXQ_OVFL` is on and any were lost (socket(7)).
    pub fn kernel_drops(&self) -> Option<u32> {
        self.control_messages().kernel_drops()
    }

    /// When the kernel received it, if `SO_TIMESTAMP`, `SO_TIMESTAMPNS` or `SO_TIMESTAMPING` with a
    /// software time is on.
    pub fn timestamp(&self) -> Option<SystemTime> {
        self.control_messages().timestamp()
    }

    /// The size of each segment of an offloaded run, if `UDP_GRO` is on and this is one (udp(7)).
    pub fn segment_size(&self) -> Option<usize> {
        self.control_messages().segment_size()
    }

    pub(super) fn each_control_message(&self) -> impl Iterator<Item = Message<'a>> {
        self.control_messages().messages()
    }
}

/// What the kernel told beside a datagram's bytes: its control messages (cmsg(3)).
///
/// Each answer is there only if the option that asks for it was set, and is read when it is asked for.
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

    /// As [`Datagram::packet_info`].
    pub fn packet_info(&self) -> Option<PacketInfo> {
        self.iter().find_map(|message| match message {
            ControlMessage::PacketInfo(info) => Some(info),
            _ => None,
        })
    }

    /// As [`Datagram::tos`].
    pub fn tos(&self) -> Option<u8> {
        self.iter().find_map(|message| match message {
            ControlMessage::TrafficClass(class) => Some(class.0),
            _ => None,
        })
    }

    /// As [`Datagram::ttl`].
    pub fn ttl(&self) -> Option<u8> {
        self.iter().find_map(|message| match message {
            ControlMessage::HopLimit(limit) => Some(limit),
            _ => None,
        })
    }

    /// As [`Datagram::kernel_drops`].
    pub fn kernel_drops(&self) -> Option<u32> {
        self.iter().find_map(|message| match message {
            ControlMessage::KernelDrops(drops) => Some(drops),
            _ => None,
        })
    }

    /// As [`Datagram::timestamp`].
    pub fn timestamp(&self) -> Option<SystemTime> {
        self.iter().find_map(|message| match message {
            ControlMessage::Timestamp(time) => Some(time),
            ControlMessage::Timestamping(times) => times.software,
            _ => None,
        })
    }

    /// As [`Datagram::segment_size`].
    pub fn segment_size(&self) -> Option<usize> {
        self.iter().find_map(|message| match message {
            ControlMessage::SegmentSize(size) => Some(size),
            _ => None,
        })
    }

    fn messages(self) -> impl Iterator<Item = Message<'a>> {
        control::messages(self.0)
    }
}

impl fmt::Debug for ControlMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.messages()).finish()
    }
}

impl fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagram")
            .field("source", &self.source())
            .field("length", &self.length())
            .field("truncated", &self.is_truncated())
            .finish_non_exhaustive()
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

    /// Appends the control message that makes a datagram leave from [`Self::local`]; says whether
    /// there was one to append.
    pub(crate) fn push_source(&self, control: &mut Outgoing) -> bool {
        match self.local {
            Some(IpAddr::V4(local)) => {
                let mut payload = [0; 12];
                payload[4..8].copy_from_slice(&local.octets());
                control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &payload)
            }
            Some(IpAddr::V6(local)) => {
                let mut payload = [0; 20];
                payload[..16].copy_from_slice(&local.octets());
                // Only a link-local source needs its interface; the route decides for the others.
                if local.is_unicast_link_local() {
                    payload[16..].copy_from_slice(&self.interface.to_ne_bytes());
                }
                control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &payload)
            }
            None => false,
        }
    }
}
