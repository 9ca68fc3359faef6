//! What an ICMP message says of a server.

use std::net::SocketAddr;

use udpraw::error::describe_errno;
use udpraw::socket::{QueuedError, Refusal, Shown};

/// In a word for programs, the same as `udpraw probe` has.
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
            Some(offender) => format!(", says {}", offender.ip()),
            None => String::new(),
        };
        return format!("{address} is filtered: {}: {said}{by}", error.name());
    }
    let what = match error.refusal() {
        Some(Refusal::Closed) => "nobody listens at",
        _ => "no way leads to",
    };
    match error
        .offender
        .filter(|offender| offender.ip() != server.ip())
    {
        Some(offender) => format!("{what} {address}: {said}, says {}", offender.ip()),
        None => format!("{what} {address}: {said}"),
    }
}
