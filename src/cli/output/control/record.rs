//! What the socket's options say about a datagram, as JSON.

use std::net::IpAddr;

use serde::Serialize;
use udpraw::socket::{ControlMessage, Ecn, dscp_name};

use super::{Control, context, time};
use crate::cli::output::envelope::Time;
use crate::cli::output::interface;
use crate::cli::output::record::{Address, hex};

/// The fields that control messages add to a datagram's JSON; none without them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ControlFields {
    /// When the kernel received the datagram; `time` is when the record was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_time: Option<Time>,
    /// What socket options report about the datagram.
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<Box<ControlRecord>>,
}

/// Control messages of a datagram: each socket option that is on adds its own fields.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ControlRecord {
    /// Destination address in the IP header (IP_PKTINFO, IPV6_RECVPKTINFO).
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<IpAddr>,
    /// The local address that a reply is sent from.
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<IpAddr>,
    /// Index of the interface that the datagram was received on.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface_index: Option<u32>,
    /// Name of that interface; missing if it no longer exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
    /// TOS byte of IPv4 or traffic class of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    tos: Option<TosRecord>,
    /// TTL of IPv4 or hop limit of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u8>,
    /// When the kernel received it, by the system's clock (SO_TIMESTAMPING).
    #[serde(skip_serializing_if = "Option::is_none")]
    software_time: Option<Time>,
    /// When the interface received it, by the interface's clock (SO_TIMESTAMPING).
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware_time: Option<Time>,
    /// Index of the interface that the packet was received on (SOF_TIMESTAMPING_OPT_PKTINFO).
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_interface_index: Option<u32>,
    /// Name of that interface; missing if it no longer exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_interface: Option<String>,
    /// Length of the packet on the link in bytes (SOF_TIMESTAMPING_OPT_PKTINFO).
    #[serde(skip_serializing_if = "Option::is_none")]
    link_bytes: Option<u32>,
    /// Datagrams that the kernel dropped on this socket before this one (SO_RXQ_OVFL).
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_drops: Option<u32>,
    /// Length in bytes of each datagram that was merged into this one (UDP_GRO).
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_bytes: Option<usize>,
    /// Destination before a firewall changed it (IP_RECVORIGDSTADDR).
    #[serde(skip_serializing_if = "Option::is_none")]
    original_destination: Option<Address>,
    /// Size of the largest fragment in bytes; 0 if it was not fragmented (IP_RECVFRAGSIZE).
    #[serde(skip_serializing_if = "Option::is_none")]
    fragment_bytes: Option<u32>,
    /// IP options in hexadecimal (IP_RECVOPTS).
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_options: Option<String>,
    /// IP options for a reply in hexadecimal (IP_RETOPTS).
    #[serde(skip_serializing_if = "Option::is_none")]
    return_options: Option<String>,
    /// Checksum by the kernel (IP_CHECKSUM).
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<u32>,
    /// Security context of the sender (IP_PASSSEC).
    #[serde(skip_serializing_if = "Option::is_none")]
    security_context: Option<String>,
    /// A new path MTU (IPV6_RECVPATHMTU).
    #[serde(skip_serializing_if = "Option::is_none")]
    path_mtu: Option<PathMtuRecord>,
    /// IPv6 flow label (IPV6_FLOWINFO).
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_label: Option<u32>,
    /// IPv6 hop-by-hop options in hexadecimal (IPV6_RECVHOPOPTS).
    #[serde(skip_serializing_if = "Option::is_none")]
    hop_by_hop_options: Option<String>,
    /// IPv6 destination options in hexadecimal (IPV6_RECVDSTOPTS); there can be two headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destination_options: Vec<String>,
    /// IPv6 routing header in hexadecimal (IPV6_RECVRTHDR).
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_header: Option<String>,
    /// Priority of the packet (SO_RCVPRIORITY).
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
    /// Firewall mark of the packet (SO_RCVMARK).
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
    /// Control messages that this program does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<UnknownRecord>,
    /// Present and true if control messages are missing, because the buffer was too small (MSG_CTRUNC).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// The TOS byte or traffic class.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TosRecord {
    /// The whole byte.
    byte: u8,
    /// Differentiated services code point, the upper 6 bits (RFC 2474).
    dscp: u8,
    /// Name of the code point; null if it has none.
    dscp_name: Option<&'static str>,
    /// Explicit congestion notification, the lower 2 bits (RFC 3168).
    #[cfg_attr(test, schemars(extend("enum" = ["Not-ECT", "ECT(0)", "ECT(1)", "CE"])))]
    ecn: String,
}

/// A new path MTU.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PathMtuRecord {
    /// The destination of the path.
    destination: Address,
    /// The path MTU in bytes.
    mtu: u32,
}

/// A control message that is not known here.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct UnknownRecord {
    /// Level (cmsg_level).
    level: i32,
    /// Type (cmsg_type).
    r#type: i32,
    /// Data in hexadecimal.
    hex: String,
}

impl From<u8> for TosRecord {
    fn from(byte: u8) -> Self {
        Self {
            byte,
            dscp: byte >> 2,
            dscp_name: dscp_name(byte),
            ecn: Ecn::from_tos(byte).to_string(),
        }
    }
}

impl ControlRecord {
    pub(super) fn add(&mut self, message: &ControlMessage<'_>) {
        match *message {
            ControlMessage::PacketInfo(info) => {
                self.destination = Some(info.destination);
                self.local = info.local;
                self.interface_index = Some(info.interface);
                self.interface = interface::name(info.interface);
            }
            ControlMessage::TrafficClass(class) => self.tos = Some(class.into()),
            ControlMessage::HopLimit(ttl) => self.ttl = Some(ttl),
            // It is `kernel_time`.
            ControlMessage::Timestamp(_) => {}
            ControlMessage::Timestamping(times) => {
                self.software_time = time(times.software);
                self.hardware_time = time(times.hardware);
            }
            ControlMessage::TimestampPacket { interface, length } => {
                self.timestamp_interface_index = Some(interface);
                self.timestamp_interface = interface::name(interface);
                self.link_bytes = Some(length);
            }
            ControlMessage::KernelDrops(drops) => self.kernel_drops = Some(drops),
            ControlMessage::SegmentSize(size) => self.segment_bytes = Some(size),
            ControlMessage::OriginalDestination(to) => self.original_destination = Some(to.into()),
            ControlMessage::FragmentSize(size) => self.fragment_bytes = Some(size),
            ControlMessage::IpOptions(bytes) => self.ip_options = Some(hex(bytes)),
            ControlMessage::ReturnOptions(bytes) => self.return_options = Some(hex(bytes)),
            ControlMessage::Checksum(sum) => self.checksum = Some(sum),
            ControlMessage::SecurityContext(bytes) => self.security_context = Some(context(bytes)),
            ControlMessage::PathMtu { destination, mtu } => {
                let destination = destination.into();
                self.path_mtu = Some(PathMtuRecord { destination, mtu });
            }
            ControlMessage::FlowInfo { class, label } => {
                self.flow_label = Some(label);
                self.tos.get_or_insert(class.into());
            }
            ControlMessage::HopByHopOptions(bytes) => self.hop_by_hop_options = Some(hex(bytes)),
            ControlMessage::DestinationOptions(bytes) => self.destination_options.push(hex(bytes)),
            ControlMessage::RoutingHeader(bytes) => self.routing_header = Some(hex(bytes)),
            ControlMessage::Priority(priority) => self.priority = Some(priority),
            ControlMessage::Mark(mark) => self.mark = Some(mark),
            ControlMessage::Unknown { level, kind, bytes } => self.unknown.push(UnknownRecord {
                level,
                r#type: kind,
                hex: hex(bytes),
            }),
            // The library may know more than this program does.
            ref other => self.unknown.push(UnknownRecord {
                level: 0,
                r#type: 0,
                hex: format!("{other:?}"),
            }),
        }
    }
}

impl From<Control<'_>> for ControlFields {
    fn from(control: Control<'_>) -> Self {
        let mut record = ControlRecord {
            truncated: control.is_truncated,
            ..ControlRecord::default()
        };
        let mut is_empty = !control.is_truncated;
        for message in control.messages.iter() {
            is_empty &= matches!(message, ControlMessage::Timestamp(_));
            record.add(&message);
        }
        Self {
            kernel_time: time(control.messages.timestamp()),
            control: (!is_empty).then(|| Box::new(record)),
        }
    }
}
