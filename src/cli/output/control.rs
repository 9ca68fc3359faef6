//! What the socket's options say about a datagram, as text and as JSON: for every command.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use serde::Serialize;
use udpraw::socket::options::Interface as Index;
use udpraw::socket::{ControlMessage, ControlMessages, Ecn, Shown, dscp_name};

use super::count;
use super::envelope::Time;
use super::record::{Address, hex};

/// The control messages of a datagram, and whether some are missing.
#[derive(Clone, Copy)]
pub(crate) struct Control<'a> {
    pub(crate) messages: ControlMessages<'a>,
    pub(crate) is_truncated: bool,
}

/// The fields that control messages add to a datagram's JSON; none without them.
#[derive(Serialize)]
pub(crate) struct ControlFields {
    /// When the kernel received the datagram: the record's own `time` is later.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<Box<ControlRecord>>,
}

/// `control`: each option that is on adds its own fields. Bytes are in hexadecimal.
#[derive(Default, Serialize)]
struct ControlRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<IpAddr>,
    /// The address that a reply comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<InterfaceRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tos: Option<TosRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u8>,
    /// By the kernel's clock, of SO_TIMESTAMPING.
    #[serde(skip_serializing_if = "Option::is_none")]
    software_time: Option<Time>,
    /// By the interface's clock, of SO_TIMESTAMPING.
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_interface: Option<InterfaceRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_drops: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_destination: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fragment_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_options: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_options: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_context: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_mtu: Option<PathMtuRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_label: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hop_by_hop_options: Option<String>,
    /// There may be two: before the routing header and behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destination_options: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<UnknownRecord>,
    /// Whether messages are missing (MSG_CTRUNC).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Serialize)]
struct InterfaceRecord {
    index: u32,
    name: Option<String>,
}

/// The TOS byte or traffic class.
#[derive(Serialize)]
struct TosRecord {
    byte: u8,
    dscp: u8,
    dscp_name: Option<&'static str>,
    ecn: String,
}

#[derive(Serialize)]
struct PathMtuRecord {
    destination: Address,
    mtu: u32,
}

/// A control message that is not known here.
#[derive(Serialize)]
struct UnknownRecord {
    level: i32,
    r#type: i32,
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

impl From<u32> for InterfaceRecord {
    fn from(index: u32) -> Self {
        let name = Index::Index(index).to_string();
        Self {
            index,
            // An interface that is gone has a number only.
            name: (name != index.to_string()).then_some(name),
        }
    }
}

impl ControlRecord {
    fn add(&mut self, message: &ControlMessage<'_>) {
        match *message {
            ControlMessage::PacketInfo(info) => {
                self.destination = Some(info.destination);
                self.local = info.local;
                self.interface = Some(info.interface.into());
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
                self.timestamp_interface = Some(interface.into());
                self.link_bytes = Some(length);
            }
            ControlMessage::KernelDrops(drops) => self.kernel_drops = Some(drops),
            ControlMessage::SegmentSize(size) => self.segment_size = Some(size),
            ControlMessage::OriginalDestination(to) => self.original_destination = Some(to.into()),
            ControlMessage::FragmentSize(size) => self.fragment_size = Some(size),
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

impl Control<'_> {
    /// The line of text about a datagram of that source; `None` if no option brings anything.
    pub(crate) fn line(&self, source: SocketAddr) -> Option<String> {
        let is_ipv4 = source.ip().to_canonical().is_ipv4();
        let mut facts: Vec<_> = self
            .messages
            .iter()
            .map(|message| fact(&message, is_ipv4))
            .collect();
        if self.is_truncated {
            facts.push("control messages are missing (MSG_CTRUNC)".into());
        }
        let source = Shown(source);
        (!facts.is_empty()).then(|| format!("from {source}: {}", facts.join(", ")))
    }
}

/// What one message says.
fn fact(message: &ControlMessage<'_>, is_ipv4: bool) -> String {
    match *message {
        ControlMessage::PacketInfo(info) => {
            let (destination, interface) = (info.destination, interface(info.interface));
            match info.local.filter(|local| *local != destination) {
                Some(local) => format!("sent to {destination} ({local} here) on {interface}"),
                None => format!("sent to {destination} on {interface}"),
            }
        }
        ControlMessage::TrafficClass(class) => traffic_class(class, is_ipv4),
        ControlMessage::HopLimit(ttl) if is_ipv4 => format!("TTL {ttl}"),
        ControlMessage::HopLimit(limit) => format!("hop limit {limit}"),
        ControlMessage::Timestamp(at) => format!("received by the kernel at {}", moment(at)),
        ControlMessage::Timestamping(times) => {
            let clocks = [("kernel", times.software), ("interface", times.hardware)];
            let facts: Vec<_> = clocks
                .iter()
                .filter_map(|(clock, time)| Some(format!("{clock} timestamp {}", moment((*time)?))))
                .collect();
            if facts.is_empty() {
                "no timestamp".into()
            } else {
                facts.join(", ")
            }
        }
        ControlMessage::TimestampPacket {
            interface: index,
            length,
        } => format!("{length} bytes on the link of {}", interface(index)),
        ControlMessage::KernelDrops(drops) => {
            let datagrams = count(drops.into(), "datagram", "datagrams");
            format!("{datagrams} dropped by the kernel before it")
        }
        ControlMessage::SegmentSize(size) => format!("segments of {size} bytes"),
        ControlMessage::OriginalDestination(to) => format!("originally to {}", Shown(to)),
        ControlMessage::FragmentSize(0) => "not fragmented".into(),
        ControlMessage::FragmentSize(size) => format!("largest fragment {size} bytes"),
        ControlMessage::IpOptions(bytes) => format!("IP options {}", hex(bytes)),
        ControlMessage::ReturnOptions(bytes) => format!("IP options of a reply {}", hex(bytes)),
        ControlMessage::Checksum(sum) => format!("checksum {sum:#010x}"),
        ControlMessage::SecurityContext(bytes) => {
            format!("security context {}", context(bytes).escape_debug())
        }
        ControlMessage::PathMtu { destination, mtu } => {
            format!("path MTU to {} now {mtu} bytes", Shown(destination))
        }
        ControlMessage::FlowInfo { class, label } => {
            format!("flow label {label:#07x}, {}", traffic_class(class, is_ipv4))
        }
        ControlMessage::HopByHopOptions(bytes) => format!("hop-by-hop options {}", hex(bytes)),
        ControlMessage::DestinationOptions(bytes) => {
            format!("destination options {}", hex(bytes))
        }
        ControlMessage::RoutingHeader(bytes) => format!("routing header {}", hex(bytes)),
        ControlMessage::Priority(priority) => format!("priority {priority}"),
        ControlMessage::Mark(mark) => format!("mark {mark:#x}"),
        ControlMessage::Unknown { level, kind, bytes } => format!(
            "unknown control message of level {level}, type {kind}: {}",
            hex(bytes)
        ),
        ref other => format!("{other:?}"),
    }
}

/// `TOS 0xb8 (DSCP ef 46, Not-ECT)`
fn traffic_class(byte: u8, is_ipv4: bool) -> String {
    let field = if is_ipv4 { "TOS" } else { "traffic class" };
    let mut text = format!("{field} {byte:#04x} (DSCP ");
    if let Some(name) = dscp_name(byte) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{name} ");
    }
    let _ = write!(text, "{}, {})", byte >> 2, Ecn::from_tos(byte));
    text
}

/// `lo (interface 1)`
fn interface(index: u32) -> String {
    let InterfaceRecord { index, name } = index.into();
    match name {
        Some(name) => format!("{name} (interface {index})"),
        None => format!("interface {index}"),
    }
}

/// A security context, which is a text that ends in a zero.
fn context(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

fn time(time: Option<SystemTime>) -> Option<Time> {
    Time::try_from(time?).ok()
}

fn moment(at: SystemTime) -> String {
    time(Some(at)).map_or("a time out of range".into(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no sender can cause on loopback; `tests/output` has the others, over real sockets.
    #[test]
    fn each_message_has_a_text_and_a_field() {
        let destination = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 9));
        let kind = 99;
        for (message, text, json) in [
            (
                ControlMessage::PathMtu {
                    destination,
                    mtu: 1280,
                },
                "path MTU to [::1]:9 now 1280 bytes",
                r#"{"path_mtu":{"destination":{"address":"::1","port":9},"mtu":1280}}"#,
            ),
            (
                ControlMessage::Checksum(0xbeef),
                "checksum 0x0000beef",
                r#"{"checksum":48879}"#,
            ),
            (
                ControlMessage::SecurityContext(b"user\x1b:role\0"),
                r"security context user\u{1b}:role",
                r#"{"security_context":"user\u001b:role"}"#,
            ),
            (
                ControlMessage::RoutingHeader(&[17, 0]),
                "routing header 1100",
                r#"{"routing_header":"1100"}"#,
            ),
            (
                ControlMessage::FragmentSize(0),
                "not fragmented",
                r#"{"fragment_size":0}"#,
            ),
            (
                ControlMessage::TimestampPacket {
                    interface: u32::MAX,
                    length: 60,
                },
                "60 bytes on the link of interface 4294967295",
                r#"{"timestamp_interface":{"index":4294967295,"name":null},"link_bytes":60}"#,
            ),
            (
                ControlMessage::Unknown {
                    level: 17,
                    kind,
                    bytes: &[1, 0xff],
                },
                "unknown control message of level 17, type 99: 01ff",
                r#"{"unknown":[{"level":17,"type":99,"hex":"01ff"}]}"#,
            ),
        ] {
            assert_eq!(fact(&message, true), text);
            let mut record = ControlRecord::default();
            record.add(&message);
            assert_eq!(serde_json::to_string(&record).unwrap(), json);
        }
    }

    #[test]
    fn both_clocks_of_a_timestamp_are_shown() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
        let times = udpraw::socket::Timestamps {
            software: at(1),
            hardware: at(2),
        };
        let message = ControlMessage::Timestamping(times);
        let text = "kernel timestamp 1970-01-01T00:00:01.000000000Z, \
                    interface timestamp 1970-01-01T00:00:02.000000000Z";
        assert_eq!(fact(&message, true), text);
        let mut record = ControlRecord::default();
        record.add(&message);
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(json["hardware_time"], "1970-01-01T00:00:02.000000000Z");
    }
}
