//! The client's NDJSON.

use serde::Serialize;
use udpraw::client::Event;
use udpraw::socket::Received;

use crate::cli::output::control::{Control, ControlFields};
use crate::cli::output::envelope::{json_event, nanos};
use crate::cli::output::exchange::{self, Id, IgnoredRecord};
use crate::cli::output::record::{Address, Payload};

/// An object of the client's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) enum Record<'a> {
    /// The kernel chose the local address.
    Assigned {
        /// The address that the client sends from.
        local: Address,
    },
    /// A request was sent, for the first time or again.
    Sent {
        /// Number of the attempt, from 1.
        attempt: u32,
        /// How long the client waits for a reply before the next attempt, in nanoseconds.
        timeout_ns: u64,
    },
    /// A reply was received.
    Reply {
        /// The address that replied.
        server: Address,
        /// The request's id, in an exchange (`--exchange`).
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Id>,
        /// Length of the reply's payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        /// Time from the first attempt to the reply, in nanoseconds.
        elapsed_ns: u64,
        /// Round-trip time in nanoseconds; null if it is not known which attempt was answered
        /// (Karn's algorithm).
        rtt_ns: Option<u64>,
        /// How often the request was sent.
        attempts: u32,
        /// In an exchange, the number of the attempt that was answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        answered_attempt: Option<u32>,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// A datagram was ignored, because it was not sent by the server.
    UnexpectedSource {
        /// The sender of the datagram.
        source: Address,
        /// Length of the payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// A reply was received after the client had given up waiting for it.
    LateReply {
        /// The sender of the datagram.
        source: Address,
        /// Length of the payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// A datagram was ignored, because it does not answer the request of an exchange.
    Ignored {
        /// The sender of the datagram.
        source: Address,
        /// Why: it answers an earlier request (`stale`), answers no request of this client
        /// (`forged`), is cut short (`truncated`), has a wrong checksum (`corrupt`), an unknown version
        /// or kind, or is no frame of an exchange (`not-exchange`).
        #[cfg_attr(test, schemars(extend("enum" = [
            "stale", "forged", "not-exchange", "truncated", "corrupt", "unknown-version", "unknown-kind"
        ])))]
        reason: &'static str,
        /// Length of the payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// What is known of the round-trip time after an exchange (RFC 6298).
    RttEstimate {
        /// Smoothed round-trip time in nanoseconds; null before the first sample.
        srtt_ns: Option<u64>,
        /// Variation of the round-trip time in nanoseconds.
        rttvar_ns: u64,
        /// Retransmission timeout in nanoseconds.
        rto_ns: u64,
        /// Datagrams that were ignored during the exchange.
        ignored: IgnoredRecord,
    },
    /// The request was executed, but its reply is more than three times its size and was not sent.
    TooLong {
        /// The server.
        server: Address,
        /// Length of the reply in bytes.
        reply_bytes: u32,
    },
    /// The server supports other versions of the exchange only.
    UnsupportedVersion {
        /// The server.
        server: Address,
        /// The versions that the server supports.
        versions: &'a [u8],
    },
    /// An ICMP error ended the request.
    Refused {
        /// The server.
        server: Address,
        /// The name of the errno that the ICMP message became.
        errno: String,
        /// What the ICMP message says of the port.
        #[cfg_attr(test, schemars(extend("enum" = ["closed", "filtered", "unreachable"])))]
        verdict: &'static str,
        /// The IP address that sent the ICMP message; null if it is not known.
        offender: Option<String>,
        /// Type of the ICMP message.
        icmp_type: u8,
        /// Code of the ICMP message.
        icmp_code: u8,
    },
    /// No reply was received to any attempt.
    Timeout {
        /// The server.
        server: Address,
    },
    /// Counts of all requests: the last record.
    Summary {
        /// Requests made.
        requests: u64,
        /// Requests that were answered.
        answered: u64,
        /// Datagrams sent, including retransmissions.
        sent: u64,
        /// Number of round-trip times measured.
        rtt_samples: u64,
        /// Shortest round-trip time in nanoseconds; null without a sample.
        rtt_min_ns: Option<u64>,
        /// Median of the round-trip times in nanoseconds; null without a sample.
        rtt_median_ns: Option<u64>,
        /// Longest round-trip time in nanoseconds; null without a sample.
        rtt_max_ns: Option<u64>,
        /// Requests per second that were asked for (`--interval`).
        #[serde(skip_serializing_if = "Option::is_none")]
        target_requests_per_second: Option<f64>,
        /// Requests per second that were reached, if a rate was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        requests_per_second: Option<f64>,
        /// Why the rate was not reached: replies took longer than the interval, input or output was
        /// slower (`io`), or the timers of this machine are not precise enough (`timer`).
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, schemars(extend("enum" = ["replies", "io", "timer"])))]
        limited_by: Option<&'static str>,
        /// Datagrams that were ignored, if exchanges were made.
        #[serde(skip_serializing_if = "Option::is_none")]
        ignored: Option<IgnoredRecord>,
    },
}

json_event!("udpraw.client/1", enum Record<'_> {
    Assigned => "assigned",
    Sent => "sent",
    Reply => "reply",
    UnexpectedSource => "unexpected_source",
    LateReply => "late_reply",
    Ignored => "ignored",
    RttEstimate => "rtt_estimate",
    TooLong => "too_long",
    UnsupportedVersion => "unsupported_version",
    Refused => "refused",
    Timeout => "timeout",
    Summary => "summary",
});

/// The object of an event; `None` for one that has none.
pub(super) fn record<'a>(event: &Event<'a>) -> Option<Record<'a>> {
    Some(match event {
        Event::Assigned(local) => Record::Assigned {
            local: (*local).into(),
        },
        Event::Sent(number, wait) => Record::Sent {
            attempt: *number,
            timeout_ns: nanos(*wait),
        },
        Event::Replied(reply) => Record::Reply {
            server: reply.datagram.source().into(),
            id: reply.exchange.map(Id),
            bytes: match reply.exchange {
                Some(_) => reply.payload.len(),
                None => reply.datagram.length(),
            },
            payload: reply.payload.into(),
            elapsed_ns: nanos(reply.elapsed),
            rtt_ns: reply.round_trip.map(nanos),
            attempts: reply.tries,
            answered_attempt: reply.attempt,
            control: control(&reply.datagram).into(),
        },
        Event::UnexpectedSource(datagram) => Record::UnexpectedSource {
            source: datagram.source().into(),
            bytes: datagram.length(),
            payload: datagram.bytes().into(),
            control: control(datagram).into(),
        },
        Event::LateReply(datagram) => Record::LateReply {
            source: datagram.source().into(),
            bytes: datagram.length(),
            payload: datagram.bytes().into(),
            control: control(datagram).into(),
        },
        Event::Unasked(datagram, why) => Record::Ignored {
            source: datagram.source().into(),
            reason: exchange::unasked_word(*why),
            bytes: datagram.length(),
            payload: datagram.bytes().into(),
            control: control(datagram).into(),
        },
        _ => return None,
    })
}

/// What the socket's options say about a datagram.
pub(super) fn control<'a>(datagram: &Received<'a>) -> Control<'a> {
    Control {
        messages: datagram.control_messages(),
        is_truncated: datagram.is_control_truncated(),
    }
}
