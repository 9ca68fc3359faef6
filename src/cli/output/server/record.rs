//! The server's NDJSON.

use serde::Serialize;
use udpraw::server::{Event, Request};

use super::sessions::Session;
use crate::cli::output::control::{Control, ControlFields};
use crate::cli::output::envelope::{json_event, nanos};
use crate::cli::output::exchange::{self, Id, ServedRecord};
use crate::cli::output::record::{Address, Payload};

/// An object of the server's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) enum Record<'a> {
    /// The socket is bound and the server waits for datagrams.
    Listening {
        /// The socket's file descriptor.
        fd: i32,
        /// The address that the socket is bound to.
        local: Address,
        /// Where metrics are served (`--openmetrics`): a URL.
        #[serde(skip_serializing_if = "Option::is_none")]
        openmetrics: Option<String>,
    },
    /// A datagram was received and will be answered.
    Received {
        /// The sender of the datagram.
        client: Address,
        /// The request's id, if exchanges are served (`--exchange`).
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Id>,
        /// Length of the payload in bytes, also where the buffer was shorter.
        bytes: usize,
        /// Whether the payload did not fit the buffer and was cut (MSG_TRUNC).
        truncated: bool,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// A reply was sent.
    Replied {
        /// The receiver of the reply.
        client: Address,
        /// The request's id, if exchanges are served.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Id>,
        /// Length of the reply in bytes.
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    /// A datagram was dropped on purpose (`--drop`).
    SimulatedLoss {
        /// The sender of the datagram.
        client: Address,
        /// Length of the payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// A datagram was not answered, because its sender would answer every reply: the two would never stop.
    ReplyLoop {
        /// The sender of the datagram.
        client: Address,
        /// Length of the payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// A datagram was not answered, because no host can have sent it from that address: port 0, or a
    /// multicast, broadcast or wildcard address.
    InvalidSource {
        /// The source address of the datagram.
        client: Address,
        /// Length of the payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// A datagram was not answered, because the reply would be more than three times its size.
    Amplification {
        /// The sender of the datagram.
        client: Address,
        /// Length of the payload in bytes.
        bytes: usize,
        /// Length of the reply that was not sent, in bytes.
        reply_bytes: usize,
    },
    /// A request was received again and was answered from the reply cache; it was not executed again.
    Retransmission {
        /// The sender of the request.
        client: Address,
        /// The request's id.
        id: Option<Id>,
        /// Length of the payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// A request was executed, but its reply is more than three times its size: the client was sent
    /// the length of the reply instead.
    TooLong {
        /// The sender of the request.
        client: Address,
        /// The request's id.
        id: Option<Id>,
        /// Length of the payload in bytes.
        bytes: usize,
        /// Length of the reply in bytes.
        reply_bytes: usize,
    },
    /// A datagram was not served, because it is not a valid request of an exchange.
    Ignored {
        /// The sender of the datagram.
        client: Address,
        /// Why: it is no frame of an exchange (`not-exchange`), cut short (`truncated`), has a wrong
        /// checksum (`corrupt`), an unknown version or kind, is a `reply`, or has the id of another
        /// request of this client (`reused-id`).
        #[cfg_attr(test, schemars(extend("enum" = [
            "not-exchange", "truncated", "corrupt", "unknown-version", "unknown-kind", "reply", "reused-id"
        ])))]
        reason: &'static str,
        /// Length of the payload in bytes.
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        #[serde(flatten)]
        control: ControlFields,
    },
    /// An operation failed; the server carries on.
    Error {
        /// The operation, what it was applied to, the error and a remedy, for people.
        message: String,
        /// The name of the errno, as in `ECONNREFUSED`; null if the error has none.
        errno: Option<String>,
    },
    /// A load session is over (`--allow-load`), or goes on at the end of the server.
    LoadSession {
        #[serde(flatten)]
        session: Session,
    },
    /// Counts of one interval (`--stats`).
    Interval {
        /// Length of the interval in nanoseconds.
        interval_ns: u64,
        /// Datagrams received in the interval.
        datagrams: u64,
        /// Bytes of payload in these datagrams.
        bytes: u64,
        /// Datagrams that the kernel dropped in the interval, mostly because the receive buffer was
        /// full; null if this kernel does not report them.
        kernel_drops: Option<u64>,
        /// CPU time of the process in the interval, in nanoseconds.
        cpu_ns: u64,
        /// System calls of sending, receiving and waiting in the interval.
        syscalls: u64,
    },
    /// Counts of the whole run: the last record.
    Summary {
        /// Datagrams received, including those dropped on purpose.
        datagrams: u64,
        /// Bytes of payload in these datagrams.
        bytes: u64,
        /// Replies sent.
        replies: u64,
        /// Bytes of payload in the replies.
        reply_bytes: u64,
        /// Datagrams longer than the buffer.
        truncated: u64,
        /// Datagrams dropped on purpose (`--drop`).
        simulated_losses: u64,
        /// Datagrams not answered, because their senders would answer every reply.
        reply_loops: u64,
        /// Datagrams not answered, because their source address is invalid.
        invalid_sources: u64,
        /// Datagrams not answered, because the reply would be more than three times their size.
        amplifications: u64,
        /// Failed operations.
        errors: u64,
        /// Datagrams that the kernel dropped before the server received them; null if this kernel
        /// does not report them.
        kernel_drops: Option<u64>,
        /// Counts of the exchanges, if exchanges are served.
        #[serde(skip_serializing_if = "Option::is_none")]
        exchange: Option<ServedRecord>,
    },
}

json_event!("udpraw.server/1", enum Record<'_> {
    Listening => "listening",
    Received => "received",
    Replied => "replied",
    SimulatedLoss => "simulated_loss",
    ReplyLoop => "reply_loop",
    InvalidSource => "invalid_source",
    Amplification => "amplification",
    Retransmission => "retransmission",
    TooLong => "too_long",
    Ignored => "ignored",
    Error => "error",
    LoadSession => "load_session",
    Interval => "interval",
    Summary => "summary",
});

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
        Event::Dropped(request) => Record::SimulatedLoss {
            client: request.client.into(),
            bytes: request.length,
            control: control(request).into(),
        },
        Event::Loop(request) => Record::ReplyLoop {
            client: request.client.into(),
            bytes: request.length,
            control: control(request).into(),
        },
        Event::Impossible(request) => Record::InvalidSource {
            client: request.client.into(),
            bytes: request.length,
            control: control(request).into(),
        },
        Event::Amplifies(request, reply_bytes) => Record::Amplification {
            client: request.client.into(),
            bytes: request.length,
            reply_bytes: *reply_bytes,
        },
        Event::Repeated(request) => Record::Retransmission {
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
            reason: exchange::unserved_word(*why),
            bytes: request.length,
            payload: request.bytes.into(),
            control: control(request).into(),
        },
        Event::Failed(error) => Record::Error {
            message: error.to_string(),
            errno: error.errno_name(),
        },
        Event::LoadEnded(served) => Record::LoadSession {
            session: served.into(),
        },
        Event::Interval(interval) => Record::Interval {
            interval_ns: nanos(interval.time),
            datagrams: interval.datagrams,
            bytes: interval.bytes,
            kernel_drops: interval.kernel_drops,
            cpu_ns: nanos(interval.cpu),
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
