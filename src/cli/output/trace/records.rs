//! The NDJSON of a trace.

use std::time::UNIX_EPOCH;

use serde::Serialize;
use udpraw::error::errno_name;
use udpraw::trace::{Arrow, Call, Delivery, End, Event, Returned, signal_name};

use crate::cli::output::envelope::{JsonEvent, Time};
use crate::cli::output::record::{Address, Payload};

/// An object of the trace's NDJSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Record<'a> {
    Call(Box<CallRecord<'a>>),
    Signal {
        thread: i32,
        text: String,
    },
    Ended {
        pid: i32,
        thread: i32,
        code: Option<i32>,
        signal: Option<String>,
    },
    Program {
        pid: i32,
        file: &'a str,
    },
    Note {
        pid: i32,
        text: String,
    },
}

impl JsonEvent for Record<'_> {
    const SCHEMA: &'static str = "udpraw.trace/1";
}

/// A system call.
#[derive(Serialize)]
pub(super) struct CallRecord<'a> {
    pid: i32,
    thread: i32,
    /// When it was made: the envelope's time is that of the record.
    began: Option<Time>,
    took_us: f64,
    name: &'a str,
    arguments: Vec<String>,
    /// Missing where the call never returned.
    result: Option<i64>,
    errno: Option<String>,
    text: String,
    fd: Option<i32>,
    socket: Option<&'a str>,
    inode: Option<u64>,
    local: Option<Address>,
    connected: Option<Address>,
    address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<OptionRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    datagrams: Vec<MovedRecord<'a>>,
    explanation: String,
    python: Option<String>,
}

#[derive(Serialize)]
struct OptionRecord {
    name: &'static str,
    value: Option<String>,
    meaning: &'static str,
}

#[derive(Serialize)]
struct MovedRecord<'a> {
    peer: Option<Address>,
    bytes: usize,
    segment: Option<usize>,
    /// The first bytes of it.
    start: Payload<'a>,
}

/// A datagram of the diagram.
#[derive(Serialize)]
#[serde(tag = "event", rename = "datagram")]
pub(super) struct Datagram<'a> {
    from: Address,
    to: Address,
    bytes: usize,
    datagrams: usize,
    start: Payload<'a>,
    delivery: &'static str,
}

impl JsonEvent for Datagram<'_> {
    const SCHEMA: &'static str = "udpraw.trace/1";
}

impl<'a> Datagram<'a> {
    pub(super) fn new(arrow: &'a Arrow) -> Self {
        Self {
            from: arrow.from.into(),
            to: arrow.to.into(),
            bytes: arrow.bytes,
            datagrams: arrow.datagrams,
            start: arrow.start.as_slice().into(),
            delivery: delivery(arrow.delivery),
        }
    }
}

pub(super) fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Received => "received",
        Delivery::Lost => "lost",
        Delivery::Refused => "refused",
        Delivery::Left => "left",
        Delivery::Came => "came",
        // The library's, and newer than this.
        _ => "unknown",
    }
}

impl<'a> Record<'a> {
    pub(super) fn new(event: &'a Event<'a>, _explains: bool) -> Option<Self> {
        Some(match event {
            Event::Call(call) => Self::Call(Box::new(call_record(call))),
            Event::Signal { thread, signal } => Self::Signal {
                thread: *thread,
                text: signal.to_string(),
            },
            Event::Ended {
                thread,
                process,
                end,
            } => Self::Ended {
                pid: *process,
                thread: *thread,
                code: match end {
                    End::Exited(code) => Some(*code),
                    _ => None,
                },
                signal: match end {
                    End::Killed(signal) => Some(signal_name(*signal)),
                    _ => None,
                },
            },
            Event::Program { process, file } => Self::Program {
                pid: *process,
                file,
            },
            Event::Note { process, note } => Self::Note {
                pid: *process,
                text: note.to_string(),
            },
            _ => return None,
        })
    }
}

fn call_record(call: &Call) -> CallRecord<'_> {
    let facts = &call.facts;
    CallRecord {
        pid: call.process,
        thread: call.thread,
        began: (UNIX_EPOCH.checked_add(call.began)).and_then(|began| Time::try_from(began).ok()),
        took_us: call.took.as_secs_f64() * 1e6,
        name: call.name,
        arguments: call.each_argument().collect(),
        result: match call.returned {
            Returned::Value(value) => Some(value),
            Returned::Error(_) => Some(-1),
            Returned::Never => None,
            _ => None,
        },
        errno: match call.returned {
            Returned::Error(errno) => Some(errno_name(errno)),
            _ => None,
        },
        text: call.line(),
        fd: facts.fd,
        socket: facts.kind.map(|kind| kind.word()),
        inode: facts.socket,
        local: facts.local.map(Into::into),
        connected: facts.connected.map(Into::into),
        address: facts.address.map(Into::into),
        option: facts.option.as_ref().map(|(option, value)| OptionRecord {
            name: option.name,
            value: value.as_ref().map(ToString::to_string),
            meaning: option.meaning,
        }),
        datagrams: facts
            .moved
            .iter()
            .map(|moved| MovedRecord {
                peer: moved.peer.map(Into::into),
                bytes: moved.bytes,
                segment: moved.segment,
                start: moved.start.as_slice().into(),
            })
            .collect(),
        explanation: call.explain(),
        python: call.python(),
    }
}
