//! Finds out whether anything listens at a port: sends one question or several, and gives a verdict
//! with its evidence.
//!
//! UDP has no handshake, so only a response reveals the state of a port: a reply, or an ICMP message,
//! which an unprivileged socket receives through `IP_RECVERR` and its error queue (ip(7)). Silence is
//! inconclusive and never reported as an open port. Each target has an unconnected socket of its own,
//! so that a reply from another address is recognized.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::error::Error;
//! use udpraw::probe::{Config, Finding, Probe, Payload, Target, Verdict};
//! use udpraw::socket::Endpoint;
//!
//! // A port at which nothing listens: bound once, and released.
//! let address = Endpoint::builder().bind("127.0.0.1:0".parse()?)?.local_address()?;
//! let config = Config::new(vec![Target::new(address, Payload::Empty)]);
//! let mut verdicts = Vec::new();
//! let stop = AtomicBool::new(false);
//! Probe::new(config).run(&stop, |finding: &Finding| Ok::<_, Error>(verdicts.push(finding.verdict)))?;
//! assert_eq!(verdicts, [Verdict::Closed]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod engine;
mod pace;
pub mod payload;
mod ports;
mod resolv;
mod session;
mod verdict;

pub use crate::socket::icmp_name;
pub use engine::Probe;
pub use payload::Payload;
pub use ports::ports;
pub use resolv::{ASKED_BY_LIBC, DEFAULT_PATH, Resolvers};
pub use verdict::{Evidence, Finding, Reply, Verdict};

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::protocol::Backoff;
use crate::socket::loopback_if_unspecified;

/// One address and port, and the question for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// The destination; an IPv4 address is never mapped to IPv6.
    pub address: SocketAddr,
    /// The payload of the questions.
    pub payload: Payload,
}

impl Target {
    /// Makes a target. An IPv4-mapped IPv6 address becomes its IPv4 address, and the wildcard address
    /// becomes this host, as in the kernel (ip(7)).
    pub fn new(mut address: SocketAddr, payload: Payload) -> Self {
        if let IpAddr::V4(mapped) = address.ip().to_canonical() {
            address.set_ip(mapped.into());
        }
        Self {
            address: loopback_if_unspecified(address),
            payload,
        }
    }

    /// Whether it is a multicast or broadcast address: each host answers from its own address.
    pub(crate) fn is_group(&self) -> bool {
        match self.address.ip() {
            IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_multicast(),
        }
    }
}

/// What to probe, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The targets, in the order in which they are started.
    pub targets: Vec<Target>,
    /// The number of rounds for each target; a round ends with its first answer.
    pub rounds: u32,
    /// The minimum time from the start of one round to the next.
    pub interval: Duration,
    /// How the waits of a round grow; `None` for [`Backoff::Book`] on loopback and
    /// [`Backoff::Rfc8085`] elsewhere.
    pub backoff: Option<Backoff>,
    /// The maximum number of datagrams per round; `None` for [`Config::default_tries`].
    pub tries: Option<u32>,
    /// The time limit of a round.
    pub timeout: Option<Duration>,
    /// Datagrams per second over all targets; above 0.
    pub rate: f64,
}

impl Config {
    /// The default of datagrams per second.
    pub const RATE: f64 = 500.0;
    /// With more targets than this, each is asked twice instead of three times.
    pub const FEW: usize = 10;

    /// Makes a configuration of one round of `targets`, with the defaults.
    pub fn new(targets: Vec<Target>) -> Self {
        Self {
            targets,
            rounds: 1,
            interval: Duration::from_secs(1),
            backoff: None,
            tries: None,
            timeout: None,
            rate: Self::RATE,
        }
    }

    /// The default number of datagrams per round and target: three (7 s in all by RFC 8085), or two (3
    /// s) with more than [`Self::FEW`] targets.
    pub fn default_tries(&self) -> u32 {
        if self.targets.len() > Self::FEW { 2 } else { 3 }
    }
}
