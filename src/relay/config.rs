//! What a relay is to do, and what it tells while it does it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::flows::End;
use super::ledger::Ledger;
use super::replay::Replay;
use crate::error::{Error, Result};
use crate::io::BackendChoice;
use crate::protocol::Unanswerable;
use crate::protocol::impairment::{Direction, Outcome, Profile};
use crate::socket::{Endpoint, Family};

/// What a relay is to do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where clients send to.
    pub listen: SocketAddr,
    /// Where their datagrams are sent on to.
    pub to: SocketAddr,
    /// Further addresses of the target: the next one is tried when ICMP says that nobody listens at
    /// the one before, or no way leads there, as long as nobody has answered.
    pub alternatives: Vec<SocketAddr>,
    /// How bad the network is from the clients to the target. [`Relay::new`](super::Relay::new)
    /// sets [`Profile::headers`] by the family of each side.
    pub up: Profile,
    /// How bad it is from the target to the clients.
    pub down: Profile,
    /// What decides all that is left to chance.
    pub seed: u64,
    /// Fates to impose instead of those that the profiles and the seed decide.
    pub replay: Option<Replay>,
    /// How many clients are served at once. Datagrams of further ones are lost, and counted. `None`
    /// is 1,024, or as many as the limit of open files has room for.
    pub max_flows: Option<u32>,
    /// How long a flow is kept without a datagram, counted from when the last one has left.
    pub idle: Duration,
    /// The backend that moves the datagrams; not `uring`.
    pub choice: BackendChoice,
    /// When to end.
    pub duration: Option<Duration>,
    /// After how many datagrams, both ways together, to end. Those that come in the same batch are
    /// relayed as well.
    pub count: Option<u64>,
    /// How often to tell what was done, as an [`Event::Interval`].
    pub interval: Option<Duration>,
    /// Whether to tell the outcome of each datagram, as an [`Event::DatagramOutcome`].
    pub per_datagram_events: bool,
}

impl Config {
    /// A relay that does nothing to the datagrams, for up to 1,024 clients, each forgotten after a
    /// minute of silence.
    pub fn new(listen: SocketAddr, to: SocketAddr) -> Self {
        Self {
            listen,
            to,
            alternatives: Vec::new(),
            up: Profile::default(),
            down: Profile::default(),
            seed: 0,
            replay: None,
            max_flows: None,
            idle: Duration::from_secs(60),
            choice: BackendChoice::Auto,
            duration: None,
            count: None,
            interval: None,
            per_datagram_events: false,
        }
    }

    /// The target's addresses, in the order in which they are tried.
    pub(super) fn targets(&self) -> impl Iterator<Item = SocketAddr> {
        std::iter::once(self.to).chain(self.alternatives.iter().copied())
    }

    /// How bad the network is that way, with the headers of the side where it leads.
    pub(super) fn profile(&self, direction: Direction) -> Profile {
        let (profile, address) = match direction {
            Direction::Up => (&self.up, self.to),
            Direction::Down => (&self.down, self.listen),
        };
        Profile {
            headers: Family::on_the_wire(address).headers(),
            ..profile.clone()
        }
    }
}

/// The outcome of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramOutcome {
    /// When it came, since the start.
    pub at: Duration,
    /// Which way it went.
    pub direction: Direction,
    /// Its flow.
    pub flow: u32,
    /// Its number in the flow and direction, from 0.
    pub number: u64,
    /// Its length in bytes.
    pub length: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// When it ended, since the start.
    pub at: Duration,
    /// How long it was.
    pub time: Duration,
    /// Datagrams that came in, from clients and from the target.
    pub received: [u64; 2],
    /// Datagrams that went out, to the target and to clients.
    pub sent: [u64; 2],
    /// Bytes of payload in those.
    pub sent_bytes: [u64; 2],
    /// Datagrams that were lost in between, copies included.
    pub lost: [u64; 2],
    /// Flows at its end.
    pub flows: u64,
    /// Datagrams of clients that there was no flow for.
    pub refused: u64,
}

impl Interval {
    pub(super) fn new(before: &(Duration, Ledger), at: Duration, ledger: &Ledger) -> Self {
        let (since, before) = before;
        let each = |value: fn(&super::Side) -> u64| {
            [
                value(&ledger.up) - value(&before.up),
                value(&ledger.down) - value(&before.down),
            ]
        };
        Self {
            at,
            time: at.saturating_sub(*since),
            received: each(|side| side.received),
            sent: each(|side| side.sent),
            sent_bytes: each(|side| side.sent_bytes),
            lost: each(|side| side.link.all_lost() + side.refused + side.flowless + side.unrelayed),
            flows: ledger.flows_opened - ledger.flows_closed,
            refused: ledger.up.flowless - before.up.flowless,
        }
    }
}

/// What a relay tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A new client.
    Opened {
        /// The flow's number.
        flow: u32,
        /// Who it is.
        client: SocketAddr,
        /// The address that the target sees it by.
        upstream: SocketAddr,
    },
    /// A flow ended.
    Closed {
        /// The flow's number.
        flow: u32,
        /// Who it was.
        client: SocketAddr,
        /// How many datagrams came up and down.
        datagrams: [u64; 2],
        /// Why.
        end: End,
    },
    /// Datagrams of new clients are lost, since there are as many flows as there may be, or no socket
    /// could be made. Told at the first, and then at most once a second.
    Refused {
        /// One of those clients.
        client: SocketAddr,
        /// How many datagrams there were so far.
        datagrams: u64,
        /// Why no socket could be made.
        error: Option<&'a Error>,
    },
    /// Nobody listens at an address of the target, or no way leads there; the next one is tried.
    NextTarget {
        /// The one before.
        refused: SocketAddr,
        /// The next one.
        next: SocketAddr,
    },
    /// A client's datagram is not relayed, since nobody can have sent it, or since its sender would
    /// answer every answer for ever.
    Unanswerable(SocketAddr, Unanswerable),
    /// A datagram for a flow came from somebody else than the target: from another port of its
    /// address, as TFTP's replies do, or from another host. It is not relayed.
    Foreign {
        /// The flow's number.
        flow: u32,
        /// Its client.
        client: SocketAddr,
        /// Who sent it.
        source: SocketAddr,
        /// Where the flow's datagrams go.
        target: SocketAddr,
    },
    /// Something failed, and the relay goes on: ICMP refused a flow's datagrams (ECONNREFUSED), or
    /// a send was refused. `None` is the listening side.
    Failed(Option<(u32, SocketAddr)>, &'a Error),
    /// What became of a datagram; told if [`Config::per_datagram_events`] is set.
    DatagramOutcome(DatagramOutcome),
    /// The first datagram that is not the one of the record: its length there.
    Differs(DatagramOutcome, usize),
    /// A stretch of time is over.
    Interval(Interval),
}

/// Refuses to listen at a group: a relay cannot join it, and its members share one address.
pub(super) fn refuse_group(listen: SocketAddr) -> Result<()> {
    if !listen.ip().to_canonical().is_multicast() {
        return Ok(());
    }
    let reason = "it is a multicast group, and a relay serves clients one by one";
    Err(Error::invalid("listen at", listen, reason).with_remedy("name an address of this machine"))
}

/// Refuses a target that is the relay itself.
pub(super) fn refuse_loop(listen: SocketAddr, to: SocketAddr) -> Result<()> {
    // A datagram to the wildcard address goes to this machine (ip(7)).
    let target = to.ip().to_canonical();
    let is_same = listen.port() == to.port()
        && (listen.ip().to_canonical() == target
            || target.is_unspecified() && is_mine(listen.ip())
            || listen.ip().is_unspecified() && is_here(target));
    if !is_same {
        return Ok(());
    }
    let reason = format!("the relay itself listens there, at {listen}: that is a loop");
    Err(Error::invalid("relay to", to, reason).with_remedy("choose another port for one of them"))
}

fn is_mine(listen: IpAddr) -> bool {
    listen.to_canonical().is_loopback() || listen.is_unspecified()
}

/// Whether an address is this machine's: one can bind to no other.
fn is_here(address: IpAddr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || Endpoint::builder()
            .bind(SocketAddr::new(address, 0))
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_loop() {
        for (listen, to, want) in [
            ("127.0.0.1:1060", "127.0.0.1:1060", true),
            ("127.0.0.1:1060", "127.0.0.1:1061", false),
            ("127.0.0.1:1060", "127.0.0.2:1060", false),
            ("0.0.0.0:1060", "127.0.0.2:1060", true),
            ("127.0.0.1:1060", "0.0.0.0:1060", true),
            ("127.0.0.1:1060", "[::ffff:127.0.0.1]:1060", true),
            ("[::]:1060", "127.0.0.1:1060", true),
            ("[::]:1060", "[::1]:1060", true),
            ("[::1]:1060", "127.0.0.1:1060", false),
            ("0.0.0.0:1060", "192.0.2.1:1060", false),
        ] {
            let refused = refuse_loop(listen.parse().unwrap(), to.parse().unwrap());
            assert_eq!(refused.is_err(), want, "{listen} {to}");
        }
    }
}
