//! What the socket's options say about a datagram, as text and as JSON: for every command.

mod record;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use udpraw::socket::{ControlMessage, ControlMessages, Ecn, Shown, dscp_name};

pub(crate) use self::record::ControlFields;
use super::envelope::Time;
use super::record::hex;
use super::{count, interface};

/// The control messages of a datagram, and whether some are missing.
#[derive(Clone, Copy)]
pub(crate) struct Control<'a> {
    pub(crate) messages: ControlMessages<'a>,
    pub(crate) is_truncated: bool,
}

impl Control<'_> {
    /// The line of text about a datagram of that source; `None` if no option reports anything.
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
    match interface::name(index) {
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
    use super::record::ControlRecord;
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
                r#"{"fragment_bytes":0}"#,
            ),
            (
                ControlMessage::TimestampPacket {
                    interface: u32::MAX,
                    length: 60,
                },
                "60 bytes on the link of interface 4294967295",
                r#"{"timestamp_interface_index":4294967295,"link_bytes":60}"#,
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
