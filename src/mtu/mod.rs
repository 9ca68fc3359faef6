//! Finds the largest datagram that reaches a host: the first hop's limit, the path MTU that the kernel
//! learns by ICMP, and the result of probing. So a black hole is distinguished from a limit that a
//! router reports.
//!
//! Probes are sent with fragments forbidden and the kernel's knowledge of the path ignored
//! (`IP_PMTUDISC_PROBE`, ip(7)). Any response will do: an echo, a reply that states the length, any
//! other reply, or ICMP: port unreachable from the host itself shows that the datagram arrived.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::error::Error;
//! use udpraw::mtu::{Config, Limit, PathMtu, Trial};
//! use udpraw::socket::Endpoint;
//!
//! // A port at which nothing listens answers by ICMP.
//! let address = Endpoint::builder().bind("127.0.0.1:0".parse()?)?.local_address()?;
//! let stop = AtomicBool::new(false);
//! let found = PathMtu::new(Config::new(address)).run(&stop, |_: &Trial| Ok::<_, Error>(()))?;
//! assert_eq!((found.limit, found.payload), (Limit::FirstHop, Some(65_507)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod prober;
mod run;
mod search;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::protocol::Backoff;
use crate::socket::{Family, loopback_if_unspecified};

/// The configuration of a path MTU search.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The host, and a port whose service answers or at which nothing listens.
    pub address: SocketAddr,
    /// How long to wait for answers to the first datagrams; the default is [`Backoff::Book`] on
    /// loopback, and [`Backoff::Rfc8085`] elsewhere.
    pub backoff: Backoff,
}

impl Config {
    /// The port of echo (RFC 862): either the service answers, or ICMP does.
    pub const PORT: u16 = 7;

    /// Makes a configuration for the host at `address`. An IPv4-mapped IPv6 address becomes its IPv4
    /// address, and the wildcard address becomes this host.
    pub fn new(mut address: SocketAddr) -> Self {
        // An address that to_canonical does not change keeps its scope.
        address.set_ip(address.ip().to_canonical());
        let address = loopback_if_unspecified(address);
        Self {
            address,
            backoff: if address.ip().is_loopback() {
                Backoff::Book
            } else {
                Backoff::Rfc8085
            },
        }
    }
}

/// The outcome of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProbeOutcome {
    /// It arrived: an answer shows it.
    Answered,
    /// A router reported that it is too big for the next link.
    TooBig {
        /// The MTU of that link in bytes, with all headers; 0 if the router does not report it.
        mtu: u32,
        /// The router.
        by: Option<IpAddr>,
    },
    /// It was not sent: it exceeds the first hop's MTU (EMSGSIZE).
    Refused {
        /// The first hop's MTU in bytes, with all headers.
        mtu: u32,
    },
    /// Neither an answer nor an ICMP message arrived in time.
    Lost,
}

/// One datagram that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The payload in bytes.
    pub payload: usize,
    /// Whether it could be fragmented on the way.
    pub may_fragment: bool,
    /// The outcome.
    pub outcome: ProbeOutcome,
    /// The time until the outcome.
    pub after: Duration,
}

/// What answers the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answers {
    /// A service that returns what it receives: the return path must carry the datagram too.
    Echo,
    /// A server that replies with the length of the datagram.
    Length,
    /// Any other reply: one probe at a time, since a reply does not identify its probe.
    Reply,
    /// ICMP port unreachable from the host: one probe at a time, since hosts limit their rate.
    Icmp,
}

/// The limit of a datagram's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// The first hop: its MTU applies to the whole path.
    FirstHop,
    /// A later link, whose router reported it by ICMP.
    ReportedByIcmp(Option<IpAddr>),
    /// A black hole: larger datagrams vanish without ICMP.
    BlackHole,
    /// Unknown: ICMP reported a later link, but no size that arrives was found.
    Unknown,
    /// Unknown: no datagram of any size was answered.
    Silent,
    /// Unknown: no route. The errno, and the host that reported it; `None` is this machine.
    Unreachable(i32, Option<IpAddr>),
    /// Unknown: prohibited. The errno, and the host that reported it; `None` is this machine.
    Filtered(i32, Option<IpAddr>),
    /// Unknown: the host stopped answering datagrams of any size.
    Lossy,
}

impl Limit {
    /// Whether the largest datagram is known.
    pub fn is_known(self) -> bool {
        matches!(
            self,
            Self::FirstHop | Self::ReportedByIcmp(_) | Self::BlackHole
        )
    }

    /// Its name: `first-hop`, `black-hole`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstHop => "first-hop",
            Self::ReportedByIcmp(_) => "icmp",
            Self::BlackHole => "black-hole",
            Self::Unknown => "unknown",
            Self::Silent => "silent",
            Self::Unreachable(..) => "unreachable",
            Self::Filtered(..) => "filtered",
            Self::Lossy => "lossy",
        }
    }
}

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The limit of a datagram's size.
    pub limit: Limit,
    /// What answered the probes.
    pub answers: Option<Answers>,
    /// The source address of the datagrams.
    pub local: SocketAddr,
    /// The first hop's MTU in bytes, with all headers.
    pub first_hop: u32,
    /// The kernel's path MTU (`IP_MTU`) before the search, and after the ICMP messages.
    pub kernel: (u32, u32),
    /// The largest payload in bytes that arrived unfragmented.
    pub payload: Option<usize>,
    /// Whether a larger one arrived in fragments, if that was tried.
    pub fragments: Option<bool>,
    /// The number of datagrams sent.
    pub tries: u32,
    /// The duration of the search.
    pub elapsed: Duration,
}

impl Found {
    /// The path's MTU in bytes, with all headers.
    pub fn path(&self) -> Option<usize> {
        let family = Family::of(self.local);
        self.payload.map(|payload| payload + family.headers())
    }
}

/// A path whose MTU is to be found.
#[derive(Debug)]
pub struct PathMtu {
    config: Config,
}

impl PathMtu {
    /// The path to the host that `config` names.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Finds the largest datagram that reaches the host; reports each size that was tried, in order.
    ///
    /// It ends early, with [`Limit::Lossy`] or [`Limit::Silent`], once `stop` is raised.
    ///
    /// # Errors
    /// That of `on_event`; of socket(2), sendto(2) and ppoll(2), where the fault is not the network's.
    pub fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        on_event: impl FnMut(&Trial) -> Result<(), E>,
    ) -> Result<Found, E> {
        run::run(&self.config, stop, on_event)
    }
}
