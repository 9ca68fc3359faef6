//! What a relay prints as NDJSON, `udpraw.relay/1`.

use std::net::SocketAddr;

use serde::Serialize;
use udpraw::error::Error;
use udpraw::protocol::Unanswerable;
use udpraw::protocol::impairment::Cause;
use udpraw::relay::{End, Event, Interval, Ledger, Side};

use super::super::record::Address;
use crate::cli::output::envelope::{json_event, nanos};

/// An object of the relay's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) enum Record<'a> {
    /// The socket is bound and the relay waits for datagrams.
    Listening {
        /// The socket's file descriptor.
        fd: i32,
        /// The address that the socket is bound to.
        local: Address,
        /// The address that datagrams are relayed to.
        target: Address,
        /// Seed of all random decisions; null if none are made.
        seed: Option<u64>,
        /// The I/O backend.
        backend: &'a str,
        /// The largest number of flows at a time.
        max_flows: u32,
        /// Where metrics are served (`--openmetrics`): a URL.
        #[serde(skip_serializing_if = "Option::is_none")]
        openmetrics: Option<String>,
    },
    /// The first datagram of a client opened a flow.
    Opened {
        /// Number of the flow.
        flow: u32,
        /// The client.
        client: Address,
        /// The relay's own address towards the target for this flow.
        upstream: Address,
    },
    /// A flow was closed.
    Closed {
        /// Number of the flow.
        flow: u32,
        /// The client.
        client: Address,
        /// Datagrams received from the client.
        datagrams_up: u64,
        /// Datagrams received from the target.
        datagrams_down: u64,
        /// Why: no datagram for too long (`idle`), the target refused (`refused`), or the relay
        /// ended (`end`).
        #[cfg_attr(test, schemars(extend("enum" = ["idle", "refused", "end"])))]
        reason: &'static str,
    },
    /// Datagrams of new clients were lost, because there is no flow for them.
    NoFlow {
        /// One of these clients.
        client: Address,
        /// Datagrams lost for this reason since the start.
        datagrams: u64,
        /// Why no socket could be made; null if the largest number of flows is reached.
        message: Option<String>,
    },
    /// An address of the target refused; the next address of the same name is used.
    NextTarget {
        /// The address that refused.
        refused: Address,
        /// The address that is used from now on.
        next: Address,
    },
    /// A client's datagram was not relayed, because it must not be answered.
    Unanswerable {
        /// The source address of the datagram.
        client: Address,
        /// Why: no host can have sent it (`invalid-source`), it was sent by the relay itself
        /// (`own-port`), or its sender would answer every reply (`responder`).
        #[cfg_attr(test, schemars(extend("enum" = ["invalid-source", "own-port", "responder"])))]
        reason: &'static str,
    },
    /// A datagram for a flow was not relayed, because it was not sent by the target.
    UnexpectedSource {
        /// Number of the flow.
        flow: u32,
        /// The client.
        client: Address,
        /// The sender of the datagram.
        source: Address,
        /// The address that the flow's datagrams are relayed to.
        target: Address,
    },
    /// An operation failed, or an ICMP error was received; the relay carries on.
    Error {
        /// Number of the flow; null if it concerns the listening socket.
        flow: Option<u32>,
        /// The flow's client; null if it concerns the listening socket.
        client: Option<Address>,
        /// The operation, what it was applied to, the error and a remedy, for people.
        message: String,
        /// The name of the errno, as in `ECONNREFUSED`; null if the error has none.
        errno: Option<String>,
    },
    /// The first datagram that differs from the replayed log (`--replay`).
    ReplayMismatch {
        /// `up` is from the client to the target.
        #[cfg_attr(test, schemars(extend("enum" = ["up", "down"])))]
        direction: &'static str,
        /// Number of the flow.
        flow: u32,
        /// Number of the datagram in its flow and direction.
        number: u64,
        /// Length of the datagram's payload in bytes.
        bytes: usize,
        /// Length of the payload in bytes by the log.
        recorded_bytes: usize,
    },
    /// Counts of one interval (`--stats`).
    Interval {
        /// End of the interval in nanoseconds since the start.
        elapsed_ns: u64,
        /// Length of the interval in nanoseconds.
        interval_ns: u64,
        /// Open flows at the end of the interval.
        flows: u64,
        /// Datagrams of clients that were lost, because there was no flow for them.
        no_flow: u64,
        /// From the clients to the target.
        up: Rates,
        /// From the target to the clients.
        down: Rates,
    },
    /// The account of all datagrams: the last record.
    Summary {
        /// From the clients to the target.
        up: Box<Books>,
        /// From the target to the clients.
        down: Box<Books>,
        /// Flows opened.
        flows_opened: u64,
        /// Flows closed.
        flows_closed: u64,
        /// ICMP errors received for datagrams that were relayed; they are counted as sent.
        icmp_errors: u64,
        /// Datagrams of a flow that came after the last one in the replayed log.
        replay_exhausted: u64,
        /// Datagrams of another length than in the replayed log.
        replay_mismatches: u64,
        /// Whether every datagram is accounted for: `unaccounted` is 0 in both directions.
        balanced: bool,
    },
}

json_event!("udpraw.relay/1", enum Record<'_> {
    Listening => "listening",
    Opened => "opened",
    Closed => "closed",
    NoFlow => "no_flow",
    NextTarget => "next_target",
    Unanswerable => "unanswerable",
    UnexpectedSource => "unexpected_source",
    Error => "error",
    ReplayMismatch => "replay_mismatch",
    Interval => "interval",
    Summary => "summary",
});

/// Counts of one direction in an interval.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct Rates {
    /// Datagrams received.
    received: u64,
    /// Datagrams sent, including duplicates.
    sent: u64,
    /// Bytes of payload in the datagrams sent.
    sent_bytes: u64,
    /// Datagrams lost, including duplicates.
    lost: u64,
}

/// The account of one direction.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct Books {
    /// Datagrams received.
    received: u64,
    /// Bytes of payload in the datagrams received.
    received_bytes: u64,
    /// Copies that the simulated network made.
    duplicated: u64,
    /// Datagrams sent.
    sent: u64,
    /// Bytes of payload in the datagrams sent.
    sent_bytes: u64,
    /// Datagrams lost, by cause.
    lost: Lost,
    /// Datagrams in which a bit was flipped.
    corrupted: u64,
    /// Datagrams that were cut short.
    truncated: u64,
    /// Datagrams sent out of order.
    reordered: u64,
    /// Datagrams that were delayed.
    delayed: u64,
    /// Datagrams that are still delayed, and were neither sent nor lost.
    pending: u64,
    /// Received and duplicated, less sent, lost and pending: 0 if every datagram is accounted for.
    unaccounted: i64,
    /// Datagrams that the kernel dropped before the relay received them; null if this kernel does
    /// not report them. They are not counted as received.
    kernel_drops: Option<u64>,
}

/// Number of datagrams lost, by cause.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Lost {
    /// The simulated path was down.
    blackhole: u64,
    /// Larger than the simulated MTU.
    mtu: u64,
    /// Random loss.
    loss: u64,
    /// The queue of the simulated link was full.
    queue: u64,
    /// The relay's own limit of delayed datagrams was reached.
    overflow: u64,
    /// The kernel refused to send it.
    refused: u64,
    /// There was no flow for it.
    no_flow: u64,
    /// Its sender must not be answered, or is not the target.
    rejected_source: u64,
    /// Its flow was closed while it was delayed.
    flow_closed: u64,
}

impl From<&Side> for Books {
    fn from(side: &Side) -> Self {
        let tally = &side.link;
        Self {
            received: side.received,
            received_bytes: side.received_bytes,
            duplicated: tally.copies,
            sent: side.sent,
            sent_bytes: side.sent_bytes,
            lost: Lost {
                blackhole: tally.lost_to(Cause::Blackhole),
                mtu: tally.lost_to(Cause::Mtu),
                loss: tally.lost_to(Cause::Loss),
                queue: tally.lost_to(Cause::Queue),
                overflow: tally.lost_to(Cause::Overflow),
                refused: side.refused,
                no_flow: side.flowless,
                rejected_source: side.unrelayed,
                flow_closed: side.orphans,
            },
            corrupted: tally.corrupted,
            truncated: tally.truncated,
            reordered: tally.reordered,
            delayed: tally.delayed,
            pending: side.held,
            unaccounted: side.remainder() as i64,
            kernel_drops: side.kernel_drops,
        }
    }
}

fn error(flow: Option<(u32, SocketAddr)>, error: &Error) -> Record<'static> {
    Record::Error {
        flow: flow.map(|(number, _)| number),
        client: flow.map(|(_, client)| client.into()),
        message: error.to_string(),
        errno: error.errno_name(),
    }
}

fn rates(interval: &Interval, way: usize) -> Rates {
    Rates {
        received: interval.received[way],
        sent: interval.sent[way],
        sent_bytes: interval.sent_bytes[way],
        lost: interval.lost[way],
    }
}

/// What an event is as a record.
pub(super) fn record(event: &Event<'_>) -> Option<Record<'static>> {
    Some(match event {
        Event::Opened {
            flow,
            client,
            upstream,
        } => Record::Opened {
            flow: *flow,
            client: (*client).into(),
            upstream: (*upstream).into(),
        },
        Event::Closed {
            flow,
            client,
            datagrams: [up, down],
            end,
        } => Record::Closed {
            flow: *flow,
            client: (*client).into(),
            datagrams_up: *up,
            datagrams_down: *down,
            reason: match end {
                End::Idle => "idle",
                End::Refused => "refused",
                End::Relay => "end",
                _ => "other",
            },
        },
        Event::Refused {
            client,
            datagrams,
            error,
        } => Record::NoFlow {
            client: (*client).into(),
            datagrams: *datagrams,
            message: error.map(ToString::to_string),
        },
        Event::NextTarget { refused, next } => Record::NextTarget {
            refused: (*refused).into(),
            next: (*next).into(),
        },
        Event::Unanswerable(client, why) => Record::Unanswerable {
            client: (*client).into(),
            reason: match why {
                Unanswerable::Impossible => "invalid-source",
                Unanswerable::OwnPort => "own-port",
                Unanswerable::Responder => "responder",
                _ => "other",
            },
        },
        Event::Foreign {
            flow,
            client,
            source,
            target,
        } => Record::UnexpectedSource {
            flow: *flow,
            client: (*client).into(),
            source: (*source).into(),
            target: (*target).into(),
        },
        Event::Failed(flow, failed) => error(*flow, failed),
        Event::Differs(decided, recorded) => Record::ReplayMismatch {
            direction: decided.direction.name(),
            flow: decided.flow,
            number: decided.number,
            bytes: decided.length,
            recorded_bytes: *recorded,
        },
        Event::Interval(interval) => Record::Interval {
            elapsed_ns: nanos(interval.at),
            interval_ns: nanos(interval.time),
            flows: interval.flows,
            no_flow: interval.refused,
            up: rates(interval, 0),
            down: rates(interval, 1),
        },
        _ => return None,
    })
}

/// The counts as the last record.
pub(super) fn ledger(ledger: &Ledger) -> Record<'static> {
    Record::Summary {
        up: Box::new((&ledger.up).into()),
        down: Box::new((&ledger.down).into()),
        flows_opened: ledger.flows_opened,
        flows_closed: ledger.flows_closed,
        icmp_errors: ledger.unreachable,
        replay_exhausted: ledger.beyond_record,
        replay_mismatches: ledger.unlike_record,
        balanced: ledger.remainder() == 0,
    }
}
