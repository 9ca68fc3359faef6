//! Load sessions, as their server saw them.

use serde::Serialize;
use udpraw::protocol::load::Served;

use crate::cli::output::count;
use crate::cli::output::envelope::nanos;
use crate::cli::output::python::Tuple;
use crate::cli::output::record::Address;

/// The figures of a session.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct Session {
    /// The address of its first flow.
    client: Address,
    /// Number of its flows.
    flows: usize,
    /// From its start to the last datagram of it.
    elapsed_ns: u64,
    /// Datagrams that arrived, each once.
    arrived: u64,
    /// Bytes of payload that arrived.
    arrived_bytes: u64,
    /// Datagrams that did not arrive, though a later one did: what is missing at the end is unknown to a server.
    missing: u64,
    /// Further copies of datagrams that arrived.
    duplicates: u64,
    /// Datagrams that arrived behind one with a greater number (RFC 4737).
    reordered: u64,
    /// Smoothed jitter in nanoseconds (RFC 3550).
    jitter_ns: u64,
    /// Datagrams that were answered.
    answers: u64,
    /// Datagrams that were not answered, being above the limits.
    over_limit: u64,
    /// Datagrams that the server sent by itself.
    sent: u64,
    /// Datagrams that its kernel refused.
    send_errors: u64,
    /// Datagrams that it could not send in time.
    unsent: u64,
    /// Whether the client ended it: false if it went on at the end of the server, or the client fell silent.
    ended: bool,
}

impl From<&Served> for Session {
    fn from(served: &Served) -> Self {
        let counts = &served.counts;
        Self {
            client: served.client.into(),
            flows: served.flows,
            elapsed_ns: nanos(served.time),
            arrived: counts.unique,
            arrived_bytes: counts.bytes,
            missing: counts.missing(),
            duplicates: counts.duplicates,
            reordered: counts.reordered,
            jitter_ns: counts.jitter,
            answers: served.answers,
            over_limit: served.over_limit,
            sent: served.sent,
            send_errors: served.refused,
            unsent: served.unsent,
            ended: served.is_ended,
        }
    }
}

/// A session in a line.
pub(super) fn line(served: &Served) -> String {
    let counts = &served.counts;
    let mut line = format!(
        "load of {}, {}, {:.1} s: {} arrived, {} missing, {} copies, {} reordered, jitter {}",
        Tuple(served.client),
        count(served.flows as u64, "flow", "flows"),
        served.time.as_secs_f64(),
        counts.unique,
        counts.missing(),
        counts.duplicates,
        counts.reordered,
        udpraw::report::time(counts.jitter),
    );
    for (number, what) in [
        (served.answers, "answered"),
        (served.over_limit, "not answered, being above the limits"),
        (served.sent, "sent"),
        (served.refused, "refused by the kernel"),
        (served.unsent, "not sent in time"),
    ] {
        if number > 0 {
            line += &format!(", {number} {what}");
        }
    }
    if !served.is_ended {
        line += "; not ended by its client";
    }
    line
}
