//! The NDJSON of a trace.

use std::time::UNIX_EPOCH;

use serde::Serialize;
use udpraw::error::errno_name;
use udpraw::trace::{Arrow, Call, Delivery, End, Event, Returned, signal_name};

use crate::cli::output::envelope::{Time, json_event, nanos};
use crate::cli::output::record::{Address, Payload};

/// An object of the trace's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) enum Record<'a> {
    Call(Box<CallRecord<'a>>),
    /// A thread received a signal.
    Signal {
        /// Thread id.
        tid: i32,
        /// The signal, and what is known of its sender.
        signal: String,
    },
    /// A thread or process ended.
    Ended {
        /// Process id.
        pid: i32,
        /// Thread id.
        tid: i32,
        /// Exit code; null if it was killed or is not traced any longer.
        exit_code: Option<i32>,
        /// The name of the signal that killed it; null if none did.
        signal: Option<String>,
    },
    /// A process executed a program.
    Program {
        /// Process id.
        pid: i32,
        /// The program's file.
        file: &'a str,
    },
    /// A limitation of the trace.
    Note {
        /// Process id.
        pid: i32,
        /// The limitation, for people.
        message: String,
    },
}

json_event!("udpraw.trace/1", enum Record<'_> {
    Call => "call",
    Signal => "signal",
    Ended => "ended",
    Program => "program",
    Note => "note",
});

/// A system call.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct CallRecord<'a> {
    /// Process id.
    pid: i32,
    /// Thread id.
    tid: i32,
    /// When the call was made; `time` is when the record was written.
    started: Option<Time>,
    /// Duration of the call in nanoseconds.
    elapsed_ns: u64,
    /// The name of the system call.
    name: &'a str,
    /// The arguments, as strace(1) prints them.
    arguments: Vec<String>,
    /// What the call returned; null if it never returned.
    result: Option<i64>,
    /// The name of the errno; null if the call did not fail.
    errno: Option<String>,
    /// The whole call, as strace(1) prints it.
    text: String,
    /// The file descriptor of the socket; null if the call has none.
    fd: Option<i32>,
    /// The kind of socket, for people; null if it is not known.
    socket: Option<&'a str>,
    /// The socket's inode number; null if it is not known.
    inode: Option<u64>,
    /// The address that the socket is bound to; null if it is not known.
    local: Option<Address>,
    /// The address that the socket is connected to; null if it is not connected.
    peer: Option<Address>,
    /// The address in the call; null if there is none.
    address: Option<Address>,
    /// The socket option of setsockopt(2) and getsockopt(2).
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<OptionRecord>,
    /// The datagrams that the call sent or received.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    datagrams: Vec<MovedRecord<'a>>,
    /// What the call did, in plain English.
    explanation: String,
    /// The same call in Python; null if there is none.
    python: Option<String>,
}

/// A socket option.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OptionRecord {
    /// The option's name.
    name: &'static str,
    /// The option's value; null if it could not be read.
    value: Option<String>,
    /// What the option does.
    meaning: &'static str,
}

/// A datagram, or several of one size that were sent or received as one (UDP_SEGMENT, UDP_GRO).
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MovedRecord<'a> {
    /// The other end; null if it is not known.
    peer: Option<Address>,
    /// Length of the payload in bytes.
    bytes: usize,
    /// Length of each segment in bytes; null for a single datagram.
    segment_bytes: Option<usize>,
    /// The first bytes of the payload.
    first_bytes: Payload<'a>,
}

/// A datagram, or several of one size that were sent as one (`--diagram`).
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct Datagram<'a> {
    /// The sender; its port is 0 if it is not known.
    source: Address,
    /// The address that it was sent to.
    destination: Address,
    /// Length of the payload in bytes.
    bytes: usize,
    /// Number of datagrams.
    datagrams: usize,
    /// The first bytes of the payload.
    first_bytes: Payload<'a>,
    /// What happened: a traced socket received it (`received`) or should have and did not (`lost`),
    /// ICMP refused it (`refused`), or its receiver (`outbound`) or sender (`inbound`) is not traced.
    #[cfg_attr(test, schemars(extend("enum" = [
        "received", "lost", "refused", "outbound", "inbound", "unknown"
    ])))]
    delivery: &'static str,
}

json_event!("udpraw.trace/1", struct Datagram<'_> => "datagram");

impl<'a> Datagram<'a> {
    pub(super) fn new(arrow: &'a Arrow) -> Self {
        Self {
            source: arrow.from.into(),
            destination: arrow.to.into(),
            bytes: arrow.bytes,
            datagrams: arrow.datagrams,
            first_bytes: arrow.start.as_slice().into(),
            delivery: delivery(arrow.delivery),
        }
    }
}

pub(super) fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Received => "received",
        Delivery::Lost => "lost",
        Delivery::Refused => "refused",
        Delivery::Left => "outbound",
        Delivery::Came => "inbound",
        // The library's, and newer than this.
        _ => "unknown",
    }
}

impl<'a> Record<'a> {
    pub(super) fn new(event: &'a Event<'a>, _explains: bool) -> Option<Self> {
        Some(match event {
            Event::Call(call) => Self::Call(Box::new(call_record(call))),
            Event::Signal { thread, signal } => Self::Signal {
                tid: *thread,
                signal: signal.to_string(),
            },
            Event::Ended {
                thread,
                process,
                end,
            } => Self::Ended {
                pid: *process,
                tid: *thread,
                exit_code: match end {
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
                message: note.to_string(),
            },
            _ => return None,
        })
    }
}

fn call_record(call: &Call) -> CallRecord<'_> {
    let facts = &call.facts;
    CallRecord {
        pid: call.process,
        tid: call.thread,
        started: (UNIX_EPOCH.checked_add(call.began)).and_then(|began| Time::try_from(began).ok()),
        elapsed_ns: nanos(call.took),
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
        peer: facts.connected.map(Into::into),
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
                segment_bytes: moved.segment,
                first_bytes: moved.start.as_slice().into(),
            })
            .collect(),
        explanation: call.explain(),
        python: call.python(),
    }
}
