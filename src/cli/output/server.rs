//! What `udpraw server` tells.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use serde::Serialize;
use udpraw::server::{Event, Summary};
use udpraw::socket::Endpoint;
use udpraw::socket::options::Setting;

use super::python::Tuple;
use super::record::{Address, Payload};
use super::{Output, count};

const SCHEMA: &str = "udpraw.server/1";

/// An object of the server's NDJSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Record<'a> {
    Listening {
        fd: i32,
        at: Address,
    },
    Received {
        client: Address,
        bytes: usize,
        truncated: bool,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Replied {
        client: Address,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Dropped {
        client: Address,
        bytes: usize,
    },
    Loop {
        client: Address,
        bytes: usize,
    },
    Error {
        message: String,
        errno: Option<String>,
    },
    Summary(Totals),
}

#[derive(Serialize)]
struct Totals {
    datagrams: u64,
    bytes: u64,
    replies: u64,
    reply_bytes: u64,
    truncated: u64,
    dropped: u64,
    loops: u64,
    failed: u64,
    kernel_drops: Option<u64>,
}

impl From<&Summary> for Totals {
    fn from(summary: &Summary) -> Self {
        let Summary {
            datagrams,
            bytes,
            replies,
            reply_bytes,
            truncated,
            dropped,
            loops,
            failed,
            kernel_drops,
        } = *summary;
        Self {
            datagrams,
            bytes,
            replies,
            reply_bytes,
            truncated,
            dropped,
            loops,
            failed,
            kernel_drops,
        }
    }
}

/// The socket's fd, and its options as they were asked for and as they are.
pub(crate) fn socket(output: &mut Output, endpoint: &Endpoint, settings: &[Setting]) {
    let family = if endpoint.family() == udpraw::socket::Family::V4 {
        "AF_INET"
    } else {
        "AF_INET6"
    };
    output.talk(format_args!(
        "fd {}: {family}, SOCK_DGRAM, IPPROTO_UDP",
        endpoint.as_raw_fd()
    ));
    for setting in settings {
        let effective = match setting.effective(endpoint.as_fd()) {
            Ok(value) => value.to_string(),
            Err(error) => error.errno_name().unwrap_or_else(|| error.to_string()),
        };
        output.talk(format_args!(
            "  {:<20} requested {:<10} effective {effective}",
            setting.option().name,
            setting.requested().to_string()
        ));
    }
}

/// Where it listens.
pub(crate) fn listening(output: &mut Output, fd: i32, address: SocketAddr) -> io::Result<()> {
    if output.is_json() {
        return output.record(
            SCHEMA,
            &Record::Listening {
                fd,
                at: address.into(),
            },
        );
    }
    output.listening(address)
}

/// What happened; if `quiet`, only what failed.
pub(crate) fn event(output: &mut Output, event: &Event<'_>, quiet: bool) -> io::Result<()> {
    if let Event::Failed(error) = event {
        output.error(error);
    }
    if quiet {
        return Ok(());
    }
    if output.is_json() {
        return match record(event) {
            Some(record) => output.record(SCHEMA, &record),
            None => Ok(()),
        };
    }
    match event {
        Event::Received(_, datagram) => output.client_says(datagram),
        Event::Dropped(datagram) => output.pretending_to_drop(datagram.source()),
        Event::Loop(datagram) => {
            let client = Tuple(datagram.source());
            output.note(format_args!(
                "not answered, since {client} would answer the answer"
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn record<'a>(event: &Event<'a>) -> Option<Record<'a>> {
    Some(match event {
        Event::Received(_, datagram) => Record::Received {
            client: datagram.source().into(),
            bytes: datagram.length(),
            truncated: datagram.is_truncated(),
            payload: datagram.bytes().into(),
        },
        Event::Replied(datagram, reply) => Record::Replied {
            client: datagram.source().into(),
            bytes: reply.len(),
            payload: (*reply).into(),
        },
        Event::Dropped(datagram) => Record::Dropped {
            client: datagram.source().into(),
            bytes: datagram.length(),
        },
        Event::Loop(datagram) => Record::Loop {
            client: datagram.source().into(),
            bytes: datagram.length(),
        },
        Event::Failed(error) => Record::Error {
            message: error.to_string(),
            errno: error.errno_name(),
        },
        _ => return None,
    })
}

/// What was done, at the end: a line on standard error, or the last object.
pub(crate) fn summary(output: &mut Output, summary: &Summary) -> io::Result<()> {
    if output.is_json() {
        return output.record(SCHEMA, &Record::Summary(summary.into()));
    }
    let mut line = format!(
        "{} ({}), {} ({}), {} truncated",
        count(summary.datagrams, "datagram", "datagrams"),
        count(summary.bytes, "byte", "bytes"),
        count(summary.replies, "reply", "replies"),
        count(summary.reply_bytes, "byte", "bytes"),
        summary.truncated
    );
    for (number, what) in [
        (summary.dropped, "dropped on purpose"),
        (summary.loops, "not answered for fear of a loop"),
        (summary.failed, "failed"),
    ] {
        if number > 0 {
            // Writing to a String cannot fail.
            let _ = write!(line, ", {number} {what}");
        }
    }
    match summary.kernel_drops {
        Some(drops) => output.talk(format_args!("{line}, {drops} dropped by the kernel")),
        None => output.talk(format_args!(
            "{line}; this kernel does not tell what it dropped"
        )),
    }
    Ok(())
}
