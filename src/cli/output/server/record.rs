//! The server's NDJSON.

use serde::Serialize;
use udpraw::server::{Event, Request};

use crate::cli::output::control::{Control, ControlFields};
use crate::cli::output::envelope::JsonEvent;
use crate::cli::output::exchange::{self, Id, ServedRecord};
use crate::cli::output::record::{Address, Payload};

/// An object of the server's NDJSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Record<'a> {
    Listening {
        fd: i32,
        at: Address,
    },
    Received {
        client: Address,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Id>,
        bytes: usize,
        truncated: bool,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    Replied {
        client: Address,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Id>,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Dropped {
        client: Address,
        bytes: usize,
        #[serde(flatten)]
        control: ControlFields,
    },
    Loop {
        client: Address,
        bytes: usize,
        #[serde(flatten)]
        control: ControlFields,
    },
    Impossible {
        client: Address,
        bytes: usize,
        #[serde(flatten)]
        control: ControlFields,
    },
    Amplifies {
        client: Address,
        bytes: usize,
        reply_bytes: usize,
    },
    Repeated {
        client: Address,
        id: Option<Id>,
        bytes: usize,
        #[serde(flatten)]
        control: ControlFields,
    },
    #[serde(rename = "too_long")]
    TooLong {
        client: Address,
        id: Option<Id>,
        bytes: usize,
        reply_bytes: usize,
    },
    Ignored {
        client: Address,
        why: &'static str,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    Error {
        message: String,
        errno: Option<String>,
    },
    Interval {
        seconds: f64,
        datagrams: u64,
        bytes: u64,
        kernel_drops: Option<u64>,
        cpu_ns: u128,
        syscalls: u64,
    },
    Summary {
        datagrams: u64,
        bytes: u64,
        replies: u64,
        reply_bytes: u64,
        truncated: u64,
        dropped: u64,
        loops: u64,
        impossible: u64,
        amplifying: u64,
        failed: u64,
        kernel_drops: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        exchange: Option<ServedRecord>,
    },
}

impl JsonEvent for Record<'_> {
    const SCHEMA: &'static str = "udpraw.server/1";
}

/// The object of an event; `None` for one that has none.
pub(super) fn record<'a>(event: &Event<'a>) -> Option<Record<'a>> {
    Some(match event {
        Event::Received(request) => Record::Received {
            client: request.client.into(),
            id: request.exchange.map(Id),
            bytes: request.length,
            truncated: request.is_truncated,
            payload: request.bytes.into(),
            control: control(request).into(),
        },
        Event::Replied(request, reply) => Record::Replied {
            client: request.client.into(),
            id: request.exchange.map(Id),
            bytes: reply.len(),
            payload: (*reply).into(),
        },
        Event::Dropped(request) => Record::Dropped {
            client: request.client.into(),
            bytes: request.length,
            control: control(request).into(),
        },
        Event::Loop(request) => Record::Loop {
            client: request.client.into(),
            bytes: request.length,
            control: control(request).into(),
        },
        Event::Impossible(request) => Record::Impossible {
            client: request.client.into(),
            bytes: request.length,
            control: control(request).into(),
        },
        Event::Amplifies(request, reply_bytes) => Record::Amplifies {
            client: request.client.into(),
            bytes: request.length,
            reply_bytes: *reply_bytes,
        },
        Event::Repeated(request) => Record::Repeated {
            client: request.client.into(),
            id: request.exchange.map(Id),
            bytes: request.length,
            control: control(request).into(),
        },
        Event::TooLong(request, reply_bytes) => Record::TooLong {
            client: request.client.into(),
            id: request.exchange.map(Id),
            bytes: request.length,
            reply_bytes: *reply_bytes,
        },
        Event::Ignored(request, why) => Record::Ignored {
            client: request.client.into(),
            why: exchange::unserved_word(*why),
            bytes: request.length,
            payload: request.bytes.into(),
            control: control(request).into(),
        },
        Event::Failed(error) => Record::Error {
            message: error.to_string(),
            errno: error.errno_name(),
        },
        Event::Interval(interval) => Record::Interval {
            seconds: interval.time.as_secs_f64(),
            datagrams: interval.datagrams,
            bytes: interval.bytes,
            kernel_drops: interval.kernel_drops,
            cpu_ns: interval.cpu.as_nanos(),
            syscalls: interval.syscalls,
        },
        _ => return None,
    })
}

/// What the socket's options say about a request.
pub(super) fn control<'a>(request: &Request<'a>) -> Control<'a> {
    Control {
        messages: request.control,
        is_truncated: request.is_control_truncated,
    }
}
