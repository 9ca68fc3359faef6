//! The client's NDJSON.

use std::time::Duration;

use serde::Serialize;
use udpraw::client::Event;
use udpraw::socket::Received;

use crate::cli::output::control::{Control, ControlFields};
use crate::cli::output::envelope::JsonEvent;
use crate::cli::output::exchange::{self, Id, IgnoredRecord};
use crate::cli::output::record::{Address, Payload};

/// An object of the client's NDJSON. Times are in microseconds.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Record<'a> {
    Assigned {
        local: Address,
    },
    Sent {
        number: u32,
        wait_us: u128,
    },
    Reply {
        server: Address,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Id>,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        elapsed_us: f64,
        /// Null where it is not known which attempt was answered (Karn's rule).
        rtt_us: Option<f64>,
        tries: u32,
        /// In an exchange, which of the tries the reply answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        #[serde(flatten)]
        control: ControlFields,
    },
    Stranger {
        source: Address,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    Late {
        source: Address,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    Ignored {
        source: Address,
        why: &'static str,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// What an exchange taught of the round trip, and how many datagrams were ignored in it.
    Estimate {
        srtt_us: Option<f64>,
        rttvar_us: f64,
        rto_us: f64,
        ignored: IgnoredRecord,
    },
    #[serde(rename = "too_long")]
    TooLong {
        server: Address,
        reply_bytes: u32,
    },
    Unsupported {
        server: Address,
        versions: &'a [u8],
    },
    Refused {
        server: Address,
        errno: String,
        /// closed, filtered or unreachable, as `udpraw probe` has it.
        verdict: &'static str,
        by: Option<String>,
        icmp_type: u8,
        icmp_code: u8,
    },
    Silence {
        server: Address,
    },
    Summary {
        requests: u64,
        answered: u64,
        /// Datagrams that were sent, repeats included.
        sent: u64,
        /// Round trips that are known, of which the following are.
        rtt_samples: u64,
        rtt_min_us: Option<f64>,
        rtt_median_us: Option<f64>,
        rtt_max_us: Option<f64>,
        /// Requests a second, where an interval was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        asked_per_s: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reached_per_s: Option<f64>,
        /// Why fewer than asked for: `replies`, `io` (input or output) or `timer`.
        #[serde(skip_serializing_if = "Option::is_none")]
        limited_by: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ignored: Option<IgnoredRecord>,
    },
}

impl JsonEvent for Record<'_> {
    const SCHEMA: &'static str = "udpraw.client/1";
}

/// The object of an event; `None` for one that has none.
pub(super) fn record<'a>(event: &Event<'a>) -> Option<Record<'a>> {
    Some(match event {
        Event::Assigned(local) => Record::Assigned {
            local: (*local).into(),
        },
        Event::Sent(number, wait) => Record::Sent {
            number: *number,
            wait_us: wait.as_micros(),
        },
        Event::Replied(reply) => {
            let elapsed_us = micros(reply.elapsed);
            Record::Reply {
                server: reply.datagram.source().into(),
                id: reply.exchange.map(Id),
                bytes: match reply.exchange {
                    Some(_) => reply.payload.len(),
                    None => reply.datagram.length(),
                },
                payload: reply.payload.into(),
                elapsed_us,
                rtt_us: reply.round_trip.map(micros),
                tries: reply.tries,
                attempt: reply.attempt,
                control: control(&reply.datagram).into(),
            }
        }
        Event::Stranger(datagram) => Record::Stranger {
            source: datagram.source().into(),
            bytes: datagram.length(),
            payload: datagram.bytes().into(),
            control: control(datagram).into(),
        },
        Event::Late(datagram) => Record::Late {
            source: datagram.source().into(),
            bytes: datagram.length(),
            payload: datagram.bytes().into(),
            control: control(datagram).into(),
        },
        Event::Unasked(datagram, why) => Record::Ignored {
            source: datagram.source().into(),
            why: exchange::unasked_word(*why),
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

pub(super) fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}
