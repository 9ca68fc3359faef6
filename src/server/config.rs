//! Configuration of a server.

use std::time::Duration;

use super::{LoadLimits, Reply};
use crate::io::{Backend, BackendChoice, TransportConfig};
use crate::protocol::exchange::Limits;
use crate::socket::ReceiveBuffer;

/// Configuration of a [`Server`](super::Server).
///
/// The default is the plain loop: one blocking `recvfrom` and one `sendto` per datagram.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What to do with a datagram.
    pub behaviour: Behaviour,
    /// The backend that moves the datagrams; by default `single`.
    pub backend: BackendChoice,
    /// The settings of the backend; by default it does not change the sockets' buffers.
    pub transport: TransportConfig,
    /// The interval of statistics, reported as [`Event::Interval`](super::Event::Interval).
    pub interval: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Behaviour::default().into()
    }
}

/// The plain loop with this behaviour.
impl From<Behaviour> for Config {
    fn from(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            backend: BackendChoice::Only(Backend::Single),
            transport: TransportConfig::default(),
            interval: None,
        }
    }
}

impl Config {
    /// Whether the plain loop can do all that is requested.
    pub(super) fn is_plain(&self) -> bool {
        let TransportConfig {
            spin,
            capacity,
            socket_buffers,
            ..
        } = self.transport;
        self.backend == BackendChoice::Only(Backend::Single)
            && self.interval.is_none()
            && !spin
            && capacity == ReceiveBuffer::DEFAULT_CAPACITY
            && socket_buffers.is_none()
    }
}

/// What a server does with a datagram.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Behaviour {
    /// The reply.
    pub reply: Reply,
    /// Which datagrams it ignores as if they were lost.
    pub drop: Option<SimulatedLoss>,
    /// After how many datagrams it ends; `None` for never.
    pub count: Option<u64>,
    /// Whether to consent to a bench ([`crate::protocol::bench_handshake`]).
    pub allow_bench: bool,
    /// Whether to serve load sessions ([`crate::protocol::load`]), and what they may do. The sockets get
    /// `SO_TIMESTAMPNS`, so that one-way times do not depend on when a datagram is read.
    pub allow_load: Option<LoadLimits>,
    /// Whether a reply may be more than three times as long as its request, IP and UDP headers counted.
    /// A forged source could then make this server flood a third party. Exchanges never do.
    pub allow_amplification: bool,
    /// Whether to serve only exchanges ([`crate::protocol::exchange`]), and how many answers to
    /// remember. Other datagrams are then counted, and not answered; with [`Reply::Nothing`], the
    /// answer is empty.
    pub exchange: Option<Limits>,
    /// Whether each datagram is an event. Without it, whole runs are served at once if the backend
    /// receives them ([`Backend::Offload`]).
    pub per_datagram_events: bool,
}

impl Default for Behaviour {
    /// The textbook's server: it replies with the length, drops nothing, does not end, and reports
    /// each datagram.
    fn default() -> Self {
        Self {
            reply: Reply::length(),
            drop: None,
            count: None,
            allow_bench: false,
            allow_load: None,
            allow_amplification: false,
            exchange: None,
            per_datagram_events: true,
        }
    }
}

/// Simulated loss: each datagram is dropped with a probability, by a seeded sequence.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedLoss {
    /// From 0 to 1.
    pub probability: f64,
    /// The same seed drops the same datagrams of a sequence.
    pub seed: u64,
}
