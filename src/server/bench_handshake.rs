//! Answers the questions of a bench, if the server allows one
//! ([`crate::protocol::bench_handshake`]).

use super::{Reply, Summary};
use crate::io::Received;
use crate::protocol::bench_handshake::{Answer, LENGTH, Question, Service};
use crate::socket::{Endpoint, option};

/// The answer to `bytes` if they are a question: the service, how many datagrams were `received` so
/// far, and how many the receive buffers of all `endpoints` dropped.
pub(super) fn answer(
    bytes: &[u8],
    reply: &Reply,
    endpoints: &[Endpoint],
    received: u64,
) -> Option<[u8; LENGTH]> {
    let Question { nonce } = Question::decode(bytes)?;
    let service = match reply {
        Reply::Nothing => Service::Sink,
        Reply::Echo => Service::Echo,
        Reply::Text(_) => Service::Other,
    };
    let buffer = endpoints.first().and_then(buffer_size).unwrap_or_default();
    let dropped = Summary::drops_of(endpoints).unwrap_or_default();
    Some(
        Answer {
            nonce,
            service,
            buffer,
            received,
            dropped,
        }
        .encode(),
    )
}

/// Whether a run may contain a question: by length only.
pub(super) fn may_ask(message: &Received<'_>) -> bool {
    let last = message.length() - (message.count() - 1) * message.segment_size();
    message.segment_size() == LENGTH || last == LENGTH
}

/// `SO_RCVBUF` as the kernel shows it.
fn buffer_size(endpoint: &Endpoint) -> Option<u32> {
    endpoint.get(option::SO_RCVBUF).ok()?.try_into().ok()
}
