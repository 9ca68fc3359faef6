//! A session as its server keeps it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::control::Start;
use super::schedule::Plan;
use super::tracker::{Counts, Tracker};

/// A client that has not polled for this time is not sent to any more, in nanoseconds.
const SILENCE: u64 = 5_000_000_000;

/// A load that the server sends: shared by the thread that sends it and the session.
#[derive(Debug, Default)]
pub struct Progress {
    /// Datagrams that were due so far.
    pub scheduled: AtomicU64,
    /// Datagrams sent.
    pub sent: AtomicU64,
    /// Datagrams that the kernel refused.
    pub refused: AtomicU64,
    /// Datagrams that could not be sent in time.
    pub unsent: AtomicU64,
    /// Whether nothing more will be sent.
    pub is_done: AtomicBool,
    /// The time of the client's last datagram.
    pub(super) heard: AtomicU64,
    pub(super) stop: AtomicBool,
}

impl Progress {
    /// Whether the sending must end: the client asked for it, or is silent.
    pub fn must_stop(&self, now: u64) -> bool {
        let silence = now.saturating_sub(self.heard.load(Ordering::Relaxed));
        self.stop.load(Ordering::Relaxed) || silence > SILENCE
    }
}

/// A load that the server is to send from now on.
#[derive(Clone, Debug)]
pub struct ReverseLoad {
    /// The session.
    pub session: u64,
    /// Where to, one flow after the other.
    pub flows: Vec<SocketAddr>,
    /// When how much.
    pub plan: Plan,
    /// For how long, in nanoseconds.
    pub nanos: u64,
    /// Bytes of payload of each datagram.
    pub size: usize,
    /// The seed of a Poisson process; `None` for constant gaps.
    pub seed: Option<u64>,
    /// How far it is.
    pub progress: Arc<Progress>,
}

/// A flow of a session.
#[derive(Debug)]
pub(super) struct FlowState {
    pub(super) tracker: Tracker,
    /// How many of its datagrams were answered.
    pub(super) answers: u64,
}

/// A client's session.
#[derive(Debug)]
pub(super) struct Session {
    /// The address of its first flow.
    pub(super) client: SocketAddr,
    pub(super) flows: HashMap<SocketAddr, FlowState>,
    pub(super) start: Start,
    pub(super) began: u64,
    pub(super) heard: u64,
    pub(super) answers: u64,
    pub(super) over_limit: u64,
    /// Whether the client ended it, and its figures were reported.
    pub(super) is_ended: bool,
    /// The second of the rate's window, and how many datagrams were in it.
    pub(super) second: (u64, u64),
    /// What it is to send once it is polled: then the client is ready.
    pub(super) pending: Option<Box<ReverseLoad>>,
    pub(super) progress: Option<Arc<Progress>>,
}

impl Session {
    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for flow in self.flows.values() {
            sum += &flow.tracker.counts();
        }
        sum
    }
}
