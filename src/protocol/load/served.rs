//! What a server reports of a session.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::session::Session;
use super::tracker::Counts;

/// The figures of a session, as its server has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// The session's number.
    pub session: u64,
    /// The client: the address of its first flow.
    pub client: SocketAddr,
    /// The flows that it has.
    pub flows: usize,
    /// From its start to the last datagram of it.
    pub time: Duration,
    /// What arrived. What is missing behind the last that arrived is unknown to a server.
    pub counts: Counts,
    /// Datagrams answered.
    pub answers: u64,
    /// Datagrams not answered, since they were above the limits.
    pub over_limit: u64,
    /// Datagrams that the server sent by itself.
    pub sent: u64,
    /// Those that its kernel refused.
    pub refused: u64,
    /// Those that it could not send in time.
    pub unsent: u64,
    /// Whether the client ended it; otherwise it goes on, or the client fell silent.
    pub is_ended: bool,
}

impl Served {
    pub(super) fn of(number: u64, session: &Session) -> Self {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let progress = session.progress.as_ref();
        let sent = progress.map_or([0; 3], |it| {
            [read(&it.sent), read(&it.refused), read(&it.unsent)]
        });
        Self {
            session: number,
            client: session.client,
            flows: session.flows.len(),
            time: Duration::from_nanos(session.heard.saturating_sub(session.began)),
            counts: session.counts(),
            answers: session.answers,
            over_limit: session.over_limit,
            sent: sent[0],
            refused: sent[1],
            unsent: sent[2],
            is_ended: session.is_ended,
        }
    }
}
