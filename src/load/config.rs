//! The configuration of a load.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::io::{BackendChoice, TransportConfig};
use crate::protocol::load::{Arrivals, Header, Plan, SHORTEST};
use crate::socket::Family;
use crate::socket::options::OptionValue;

/// The most flows: there are no more ports.
const MOST_FLOWS: usize = 60_000;

/// The most workers.
const MOST_WORKERS: usize = 1024;

/// The most datagrams in flight of a closed loop.
const MOST_OUTSTANDING: usize = 65_536;

/// What is sent, and how an answer is told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// A head with the number and the times of each datagram, which an echo returns, or which a session's
    /// server answers.
    Own,
    /// The same bytes each time, but for an id, to a service of another protocol.
    Template(Template),
}

/// A question of another protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where its id is; without one, an answer belongs to the oldest question of its flow that has none.
    pub id: Option<IdField>,
}

/// The field that a question has for an id, and where an answer repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdField {
    /// Where it begins in the question.
    pub question: usize,
    /// Where it begins in an answer.
    pub answer: usize,
    /// Its bytes, 2 to 8.
    pub length: usize,
}

impl IdField {
    /// The id of a DNS message (RFC 1035 section 4.1.1).
    pub const DNS: Self = Self {
        question: 0,
        answer: 0,
        length: 2,
    };
    /// The transmit timestamp of an NTP request, which the answer repeats as its origin timestamp
    /// (RFC 5905 section 7.3).
    pub const NTP: Self = Self {
        question: 40,
        answer: 24,
        length: 8,
    };
}

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// We send, and the peer answers each datagram.
    RoundTrip,
    /// We send, and the peer counts. Needs a session.
    Up,
    /// The peer sends. Needs a session.
    Down,
    /// Both send, each by itself. Needs a session.
    Both,
}

impl Direction {
    /// Whether we send load.
    pub fn has_up(self) -> bool {
        self != Self::Down
    }

    /// Whether the peer sends load by itself.
    pub fn has_reverse(self) -> bool {
        matches!(self, Self::Down | Self::Both)
    }
}

/// Who says when a datagram arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timestamps {
    /// The kernel (`SO_TIMESTAMPING`), when it received it: this program's own delay is not in the times. A
    /// sample of the datagrams that are sent gets a timestamp as well.
    #[default]
    Kernel,
    /// This program, when it reads it, once for all that is read at once.
    User,
}

impl Timestamps {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::User => "user",
        }
    }
}

/// The configuration of a load.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The peer.
    pub target: SocketAddr,
    /// What is sent.
    pub payload: Payload,
    /// Whether the peer is a server that consents to a session.
    pub session: bool,
    /// Who sends.
    pub direction: Direction,
    /// How much is sent when, over all flows.
    pub plan: Plan,
    /// How that is spread over time.
    pub arrivals: Arrivals,
    /// A closed loop with this many datagrams in flight, over all flows, instead of the plan.
    pub closed: Option<usize>,
    /// For how long; `None` for the plan's own time, or for ever.
    pub time: Option<Duration>,
    /// Bytes of payload; of a template, its own.
    pub size: usize,
    /// The number of flows, each with a port of its own.
    pub flows: usize,
    /// The addresses that the flows are sent from, one after the other; empty for the route's own.
    pub sources: Vec<IpAddr>,
    /// The number of threads, which share the flows.
    pub workers: usize,
    /// How the datagrams are moved.
    pub backend: BackendChoice,
    /// The settings of the backend.
    pub transport: TransportConfig,
    /// Options of the sockets.
    pub settings: Vec<OptionValue>,
    /// Who says when a datagram arrived.
    pub timestamps: Timestamps,
    /// The interval of [`Event::Interval`](super::Event::Interval).
    pub interval: Duration,
    /// How long answers are waited for after the last datagram.
    pub linger: Duration,
    /// When to start, by the wall clock; at once if `None` or in the past.
    pub start_at: Option<SystemTime>,
}

impl Config {
    /// A load of `plan` on `target` for ten seconds, with 64 bytes and one flow.
    pub fn new(target: SocketAddr, plan: impl Into<Plan>) -> Self {
        Self {
            target,
            payload: Payload::Own,
            session: false,
            direction: Direction::RoundTrip,
            plan: plan.into(),
            arrivals: Arrivals::Constant,
            closed: None,
            time: Some(Duration::from_secs(10)),
            size: 64,
            flows: 1,
            sources: Vec::new(),
            workers: 1,
            backend: BackendChoice::Auto,
            transport: TransportConfig::bulk(),
            settings: Vec::new(),
            timestamps: Timestamps::default(),
            interval: Duration::from_secs(1),
            linger: Duration::from_secs(1),
            start_at: None,
        }
    }

    /// Bytes of payload of a datagram whose size the arrivals do not decide.
    pub fn payload_bytes(&self) -> usize {
        match &self.payload {
            Payload::Own => self.size,
            Payload::Template(template) => template.bytes.len(),
        }
    }

    /// The shortest payload that it can send.
    pub(super) fn shortest(&self) -> usize {
        match (&self.payload, self.session) {
            (Payload::Own, true) => SHORTEST,
            (Payload::Own, false) => Header::LENGTH,
            (Payload::Template(_), _) => 0,
        }
    }

    /// How long it sends, in nanoseconds; `None` for ever.
    pub fn nanos(&self) -> Option<u64> {
        let time = self.time.map(nanos);
        let plan = match (&self.arrivals, self.closed) {
            (Arrivals::Replay(recorded), _) => recorded.last().map(|last| last.at + 1),
            (_, Some(_)) => None,
            _ => self.plan.nanos(),
        };
        match (time, plan) {
            (Some(time), Some(plan)) => Some(time.min(plan)),
            (time, plan) => time.or(plan),
        }
    }

    /// Checks the configuration before anything is sent.
    ///
    /// # Errors
    /// If a number is out of range, or two settings exclude each other.
    pub fn check(&self) -> Result<()> {
        let wrong = |subject: String, reason: &str| Err(Error::invalid("send", subject, reason));
        let family = Family::of(self.target);
        let most = Family::on_the_wire(self.target).largest_payload();
        let (size, shortest) = (self.payload_bytes(), self.shortest());
        if !(shortest..=most).contains(&size) {
            let reason = format!("must be {shortest} to {most} here");
            return wrong(format!("{size} bytes"), &reason);
        }
        if let Arrivals::Replay(recorded) = &self.arrivals {
            let sizes = recorded.iter().filter_map(|one| one.size);
            if let Some(short) = sizes.map(usize::from).find(|size| *size < shortest) {
                let reason = format!("a recorded size must be at least {shortest}");
                return wrong(format!("{short} bytes"), &reason);
            }
        }
        if self.flows == 0 || self.flows > MOST_FLOWS {
            let reason = format!("must be 1 to {MOST_FLOWS}");
            return wrong(format!("{} flows", self.flows), &reason);
        }
        if self.workers == 0 || self.workers > MOST_WORKERS.min(self.flows) {
            let reason = format!("must be 1 to the number of flows, {}", self.flows);
            return wrong(format!("with {} workers", self.workers), &reason);
        }
        if let Some(closed) = self.closed
            && !(self.workers..=MOST_OUTSTANDING).contains(&closed)
        {
            let reason = format!("must be {} to {MOST_OUTSTANDING}", self.workers);
            return wrong(format!("with {closed} in flight"), &reason);
        }
        if self.closed.is_some() && self.direction != Direction::RoundTrip {
            return wrong(
                "a closed loop".into(),
                "it needs answers, so it has one direction only",
            );
        }
        if self.direction != Direction::RoundTrip && !self.session {
            let reason = "only a server with --allow-load reports the two directions separately";
            return wrong("one way".into(), reason);
        }
        if self.session && self.payload != Payload::Own {
            return wrong("a payload".into(), "a session has its own payload");
        }
        if self.direction.has_reverse() && matches!(self.arrivals, Arrivals::Replay(_)) {
            return wrong(
                "a recording back".into(),
                "a server sends constantly or by Poisson",
            );
        }
        if let Some(source) = self
            .sources
            .iter()
            .find(|ip| ip.is_ipv4() != (family == Family::V4))
        {
            let reason = format!("{} is of another family", self.target);
            return wrong(format!("from {source}"), &reason);
        }
        if self.interval < Duration::from_millis(1) {
            return wrong("in intervals".into(), "the shortest is 1ms");
        }
        Ok(())
    }
}

/// A duration in nanoseconds, at most the most that there are.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
