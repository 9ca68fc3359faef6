//! How large may a datagram be? The first hop's limit, what the kernel learns of the path by
//! ICMP, and what probing shows, so that a black hole is told from a limit that is said aloud.
//!
//! Probes are sent with fragments forbidden and the kernel's knowledge of the path ignored
//! (`IP_PMTUDISC_PROBE`, ip(7)). What answers is an echo service, a server that tells the length, any
//! other reply, or ICMP: port unreachable from the host itself shows that the datagram arrived.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::error::Error;
//! use udpraw::mtu::{Config, Limit, PathMtu, Trial};
//! use udpraw::socket::Endpoint;
//!
//! // A port that nobody listens at answers by ICMP.
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

/// Which host to ask.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The host, and the port whose service answers, or where nobody listens.
    pub address: SocketAddr,
    /// How long the first datagrams are waited for; [`Backoff::Book`] on loopback, and
    /// [`Backoff::Rfc8085`] elsewhere.
    pub backoff: Backoff,
}

impl Config {
    /// The port of echo (RFC 862): where it is served it answers, and where not, ICMP does.
    pub const PORT: u16 = 7;

    /// The host at `address`. An IPv4-mapped IPv6 address becomes the IPv4 address that it is, and
    /// the wildcard address this host.
    pub fn new(mut address: SocketAddr) -> Self {
        // What to_canonical leaves as it is keeps its scope.
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

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProbeOutcome {
    /// It arrived, as an answer shows.
    Answered,
    /// A router said that it is too big for the next link, whose MTU this is, and who it was.
    TooBig {
        /// The MTU of that link in bytes, with all headers; 0 from a router that does not tell.
        mtu: u32,
        /// Who said so.
        by: Option<IpAddr>,
    },
    /// It never left: EMSGSIZE, above the first hop's MTU, which this is.
    Refused {
        /// The first hop's MTU in bytes, with all headers.
        mtu: u32,
    },
    /// Neither an answer nor ICMP came in time.
    Lost,
}

/// One datagram that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The bytes of its payload.
    pub payload: usize,
    /// Whether it could be broken into fragments on the way.
    pub may_fragment: bool,
    /// What became of it.
    pub outcome: ProbeOutcome,
    /// How long that took.
    pub after: Duration,
}

/// Who answers probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answers {
    /// A service that sends back what it gets: the way back has to carry it too.
    Echo,
    /// A server that says how long the datagram was.
    Length,
    /// Any other reply: one probe at a time, to know which it answers.
    Reply,
    /// ICMP port unreachable from the host: one at a time, as hosts limit how many they send.
    Icmp,
}

/// What limits a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// The first hop: its MTU holds all the way.
    FirstHop,
    /// A link further on, whose router said so by ICMP.
    Told(Option<IpAddr>),
    /// A black hole: what is larger vanishes, and no ICMP tells.
    BlackHole,
    /// Unknown: a link further on, of which ICMP told, but nothing that comes through was found.
    Unknown,
    /// Unknown: nobody answered a datagram of any size.
    Silent,
    /// Unknown: no way leads there, by errno, and who said so; `None` is this machine.
    Unreachable(i32, Option<IpAddr>),
    /// Unknown: somebody forbids it, by errno, and who said so; `None` is this machine.
    Filtered(i32, Option<IpAddr>),
    /// Unknown: what answered at first answered no more, of whatever size.
    Lossy,
}

impl Limit {
    /// Whether it is known how large a datagram may be.
    pub fn is_known(self) -> bool {
        matches!(self, Self::FirstHop | Self::Told(_) | Self::BlackHole)
    }

    /// Its name in a word: `first-hop`, `black-hole`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstHop => "first-hop",
            Self::Told(_) => "icmp",
            Self::BlackHole => "black-hole",
            Self::Unknown => "unknown",
            Self::Silent => "silent",
            Self::Unreachable(..) => "unreachable",
            Self::Filtered(..) => "filtered",
            Self::Lossy => "lossy",
        }
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// What limits a datagram.
    pub limit: Limit,
    /// Who answered.
    pub answers: Option<Answers>,
    /// The address that datagrams leave from.
    pub local: SocketAddr,
    /// The first hop's MTU in bytes, with all headers.
    pub first_hop: u32,
    /// What the kernel took the path's MTU to be before (`IP_MTU`), and after what ICMP told it.
    pub kernel: (u32, u32),
    /// The largest payload in bytes that came through whole.
    pub payload: Option<usize>,
    /// Whether a larger one came through in fragments, where that was tried.
    pub fragments: Option<bool>,
    /// How many datagrams were sent.
    pub tries: u32,
    /// How long it took.
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

    /// Finds how large a datagram to the host may be; tells of each that was tried, in order.
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
