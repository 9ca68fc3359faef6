//! Is anything there? One question or many, and an honest verdict with its evidence.
//!
//! UDP has no handshake, so a port is known by what comes back alone: a reply, or an ICMP message,
//! which an unprivileged socket hears by `IP_RECVERR` and its error queue (ip(7)). Silence says
//! nothing, and is never taken for an open port. Each target has an unconnected socket of its own, so
//! that a reply from elsewhere is seen for what it is.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::error::Error;
//! use udpraw::probe::{Config, Finding, Probe, Payload, Target, Verdict};
//! use udpraw::socket::Endpoint;
//!
//! // A port that nobody listens at: bound once, and given back.
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

/// One address and port, and what it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Where the questions go; an IPv4 address as such, and not mapped to IPv6.
    pub address: SocketAddr,
    /// What they are.
    pub payload: Payload,
}

impl Target {
    /// A target. An IPv4-mapped IPv6 address becomes the IPv4 address that it is, and the wildcard
    /// address this host, as it is for the kernel (ip(7)).
    pub fn new(mut address: SocketAddr, payload: Payload) -> Self {
        if let IpAddr::V4(mapped) = address.ip().to_canonical() {
            address.set_ip(mapped.into());
        }
        Self {
            address: loopback_if_unspecified(address),
            payload,
        }
    }

    /// Whether it is many hosts, each of which answers from an address of its own.
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
    /// The targets, in the order in which they are begun.
    pub targets: Vec<Target>,
    /// How many rounds each target gets; a round ends with its first answer.
    pub rounds: u32,
    /// The least time from one round's begin to the next's.
    pub interval: Duration,
    /// How the waits of a round grow; `None` for [`Backoff::Book`] on loopback and
    /// [`Backoff::Rfc8085`] elsewhere.
    pub backoff: Option<Backoff>,
    /// How many datagrams a round sends; `None` for [`Config::default_tries`].
    pub tries: Option<u32>,
    /// How long a round may take in all.
    pub timeout: Option<Duration>,
    /// Datagrams a second, all targets together; above 0.
    pub rate: f64,
}

impl Config {
    /// Datagrams a second, unless told otherwise.
    pub const RATE: f64 = 500.0;
    /// Above so many targets, each is asked twice and not three times.
    pub const FEW: usize = 10;

    /// One round of `targets`, with the defaults.
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

    /// How many datagrams a round sends to each target: three (7 s in all by RFC 8085), two (3 s)
    /// where there are more than [`Self::FEW`] targets.
    pub fn default_tries(&self) -> u32 {
        if self.targets.len() > Self::FEW { 2 } else { 3 }
    }
}
