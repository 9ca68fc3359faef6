//! What a relay tells as NDJSON, `udpraw.relay/1`.

use std::net::SocketAddr;

use serde::Serialize;
use udpraw::error::Error;
use udpraw::protocol::Unanswerable;
use udpraw::protocol::impairment::Cause;
use udpraw::relay::{End, Event, Interval, Ledger, Side};

use super::super::record::Address;
use crate::cli::output::envelope::JsonEvent;

/// An object of the relay's NDJSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Record<'a> {
    Listening {
        fd: i32,
        at: Address,
        to: Address,
        seed: Option<u64>,
        backend: &'a str,
        max_flows: u32,
    },
    Opened {
        flow: u32,
        client: Address,
        upstream: Address,
    },
    Closed {
        flow: u32,
        client: Address,
        up: u64,
        down: u64,
        reason: &'static str,
    },
    Refused {
        client: Address,
        datagrams: u64,
        message: Option<String>,
    },
    #[serde(rename = "next_target")]
    NextTarget { refused: Address, next: Address },
    Unanswerable {
        client: Address,
        reason: &'static str,
    },
    Foreign {
        flow: u32,
        client: Address,
        source: Address,
        target: Address,
    },
    Error {
        flow: Option<u32>,
        client: Option<Address>,
        message: String,
        errno: Option<String>,
    },
    Differs {
        direction: &'static str,
        flow: u32,
        number: u64,
        bytes: usize,
        recorded_bytes: usize,
    },
    Interval {
        at: f64,
        seconds: f64,
        flows: u64,
        refused: u64,
        up: Rates,
        down: Rates,
    },
    Ledger {
        up: Box<Books>,
        down: Box<Books>,
        flows_opened: u64,
        flows_closed: u64,
        unreachable: u64,
        beyond_record: u64,
        unlike_record: u64,
        balanced: bool,
    },
}

impl JsonEvent for Record<'_> {
    const SCHEMA: &'static str = "udpraw.relay/1";
}

#[derive(Serialize)]
pub(super) struct Rates {
    received: u64,
    sent: u64,
    sent_bytes: u64,
    lost: u64,
}

/// One direction's books.
#[derive(Serialize)]
pub(super) struct Books {
    received: u64,
    received_bytes: u64,
    copies: u64,
    sent: u64,
    sent_bytes: u64,
    lost: Lost,
    corrupted: u64,
    truncated: u64,
    reordered: u64,
    delayed: u64,
    held: u64,
    remainder: i64,
    kernel_drops: Option<u64>,
}

/// Losses by cause.
#[derive(Serialize)]
struct Lost {
    blackhole: u64,
    mtu: u64,
    loss: u64,
    queue: u64,
    overflow: u64,
    refused: u64,
    flowless: u64,
    unrelayed: u64,
    orphaned: u64,
}

impl From<&Side> for Books {
    fn from(side: &Side) -> Self {
        let tally = &side.link;
        Self {
            received: side.received,
            received_bytes: side.received_bytes,
            copies: tally.copies,
            sent: side.sent,
            sent_bytes: side.sent_bytes,
            lost: Lost {
                blackhole: tally.lost_to(Cause::Blackhole),
                mtu: tally.lost_to(Cause::Mtu),
                loss: tally.lost_to(Cause::Loss),
                queue: tally.lost_to(Cause::Queue),
                overflow: tally.lost_to(Cause::Overflow),
                refused: side.refused,
                flowless: side.flowless,
                unrelayed: side.unrelayed,
                orphaned: side.orphans,
            },
            corrupted: tally.corrupted,
            truncated: tally.truncated,
            reordered: tally.reordered,
            delayed: tally.delayed,
            held: side.held,
            remainder: side.remainder() as i64,
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
            up: *up,
            down: *down,
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
        } => Record::Refused {
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
                Unanswerable::Impossible => "impossible",
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
        } => Record::Foreign {
            flow: *flow,
            client: (*client).into(),
            source: (*source).into(),
            target: (*target).into(),
        },
        Event::Failed(flow, failed) => error(*flow, failed),
        Event::Differs(decided, recorded) => Record::Differs {
            direction: decided.direction.name(),
            flow: decided.flow,
            number: decided.number,
            bytes: decided.length,
            recorded_bytes: *recorded,
        },
        Event::Interval(interval) => Record::Interval {
            at: interval.at.as_secs_f64(),
            seconds: interval.time.as_secs_f64(),
            flows: interval.flows,
            refused: interval.refused,
            up: rates(interval, 0),
            down: rates(interval, 1),
        },
        _ => return None,
    })
}

/// The books as the last record.
pub(super) fn ledger(ledger: &Ledger) -> Record<'static> {
    Record::Ledger {
        up: Box::new((&ledger.up).into()),
        down: Box::new((&ledger.down).into()),
        flows_opened: ledger.flows_opened,
        flows_closed: ledger.flows_closed,
        unreachable: ledger.unreachable,
        beyond_record: ledger.beyond_record,
        unlike_record: ledger.unlike_record,
        balanced: ledger.remainder() == 0,
    }
}
