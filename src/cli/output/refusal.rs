//! What an ICMP message says about a server.

use std::net::SocketAddr;

use udpraw::error::describe_errno;
use udpraw::socket::{QueuedError, Refusal, Shown};

/// A word for programs, the same as in `udpraw probe`.
pub(super) fn word(error: &QueuedError) -> &'static str {
    match error.refusal() {
        Some(Refusal::Closed) => "closed",
        Some(Refusal::Filtered) => "filtered",
        _ => "unreachable",
    }
}

/// `nobody listens at …: connection refused (ECONNREFUSED)`, and who said so if it was another host.
pub(super) fn text(server: SocketAddr, error: &QueuedError) -> String {
    let address = Shown(server);
    let said = describe_errno(error.errno);
    if error.refusal() == Some(Refusal::Filtered) {
        let by = match error.offender {
            Some(offender) => format!(", reported by {}", offender.ip()),
            None => String::new(),
        };
        return format!("{address} is filtered: {}: {said}{by}", error.name());
    }
    let what = match error.refusal() {
        Some(Refusal::Closed) => "nobody listens at",
        _ => "no route to",
    };
    match error
        .offender
        .filter(|offender| offender.ip() != server.ip())
    {
        Some(offender) => format!("{what} {address}: {said}, reported by {}", offender.ip()),
        None => format!("{what} {address}: {said}"),
    }
}
