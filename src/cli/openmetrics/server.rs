//! The metrics of `udpraw server`.

use std::fmt;
use std::net::SocketAddr;

use udpraw::server::{Observer, Summary};

use super::{Family, Page};

static SOCKETS: Family = Family::new(
    "udpraw_server_socket",
    "Where the sockets of a worker are bound; the value is 1.",
);
static RECEIVED: Family = Family::new(
    "udpraw_server_datagrams_received",
    "Datagrams received, including those dropped on purpose.",
);
static RECEIVED_BYTES: Family = Family::bytes(
    "udpraw_server_received",
    "Bytes of payload in the datagrams received.",
);
static REPLIES: Family = Family::new("udpraw_server_replies_sent", "Replies sent.");
static SENT_BYTES: Family = Family::bytes("udpraw_server_sent", "Bytes of payload in the replies.");
static TRUNCATED: Family = Family::new(
    "udpraw_server_datagrams_truncated",
    "Datagrams longer than the buffer.",
);
static LOSSES: Family = Family::new(
    "udpraw_server_simulated_losses",
    "Datagrams dropped on purpose (--drop).",
);
static UNANSWERED: Family = Family::new(
    "udpraw_server_datagrams_unanswered",
    "Datagrams not answered, by reason.",
);
static ERRORS: Family = Family::new("udpraw_server_errors", "Operations that failed.");
static KERNEL_DROPS: Family = Family::new(
    "udpraw_server_kernel_drops",
    "Datagrams that the kernel dropped before the server received them.",
);
static EXCHANGE: Family = Family::new(
    "udpraw_server_exchange_datagrams",
    "Datagrams of exchanges (--exchange), by what became of them.",
);
static EVICTED: Family = Family::new(
    "udpraw_server_exchange_cache_evictions",
    "Replies evicted from the cache for newer ones.",
);

/// Writes the counters of a server; `sockets` are each worker's number and where it is bound.
pub(crate) fn write(
    page: &mut Page<'_>,
    observer: &Observer,
    sockets: &[(usize, SocketAddr)],
) -> fmt::Result {
    let sockets = sockets.iter().map(|(worker, address)| {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        [
            ("worker", worker.to_string()),
            ("address", ip),
            ("port", port),
        ]
    });
    page.infos(&SOCKETS, sockets)?;
    let all: Vec<Summary> = observer.workers().collect();
    let each = |value: fn(&Summary) -> u64| {
        let workers = (0_u64..).zip(&all);
        workers.map(move |(number, worker)| ([("worker", number)], value(worker)))
    };
    page.counters(&RECEIVED, each(|worker| worker.datagrams))?;
    page.counters(&RECEIVED_BYTES, each(|worker| worker.bytes))?;
    page.counters(&REPLIES, each(|worker| worker.replies))?;
    page.counters(&SENT_BYTES, each(|worker| worker.reply_bytes))?;
    page.counters(&TRUNCATED, each(|worker| worker.truncated))?;
    page.counters(&LOSSES, each(|worker| worker.dropped))?;
    let sum = observer.summary();
    let reasons = [
        ("reply_loop", sum.loops),
        ("invalid_source", sum.impossible),
        ("amplification", sum.amplifying),
    ];
    let reasons = reasons.map(|(reason, count)| ([("reason", reason)], count));
    page.counters(&UNANSWERED, reasons)?;
    page.counters(&ERRORS, each(|worker| worker.failed))?;
    if let Some(drops) = sum.kernel_drops {
        page.counter(&KERNEL_DROPS, drops)?;
    }
    let Some(served) = sum.exchange else {
        return Ok(());
    };
    let outcomes = [
        ("request", served.requests),
        ("retransmission", served.repeats),
        ("unsupported_version", served.unsupported),
        ("reply", served.answers),
        ("reused_id", served.reused),
        ("damaged", served.damaged),
        ("not_exchange", served.foreign),
    ];
    let outcomes = outcomes.map(|(outcome, count)| ([("outcome", outcome)], count));
    page.counters(&EXCHANGE, outcomes)?;
    page.counter(&EVICTED, served.evicted)
}
