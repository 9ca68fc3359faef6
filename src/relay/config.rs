//! Configuration and events of a relay.

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

/// Configuration of a relay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The address to listen at.
    pub listen: SocketAddr,
    /// The target, to which the clients' datagrams are forwarded.
    pub to: SocketAddr,
    /// Further addresses of the target: the next one is tried when ICMP reports that nobody listens
    /// at the current one, or that there is no route, as long as nobody has answered.
    pub alternatives: Vec<SocketAddr>,
    /// The impairments from the clients to the target. [`Relay::new`](super::Relay::new)
    /// sets [`Profile::headers`] by the family of each side.
    pub up: Profile,
    /// The impairments from the target to the clients.
    pub down: Profile,
    /// The seed of all random decisions.
    pub seed: u64,
    /// Recorded outcomes to impose instead of random ones.
    pub replay: Option<Replay>,
    /// How many clients are served at once. Datagrams of further ones are dropped, and counted.
    /// `None` is 1,024, or fewer if the limit of open files requires it.
    pub max_flows: Option<u32>,
    /// How long a flow is kept without a datagram, counted from when the last one has left.
    pub idle: Duration,
    /// The backend that moves the datagrams; not `uring`.
    pub choice: BackendChoice,
    /// When to end.
    pub duration: Option<Duration>,
    /// Ends after this many datagrams in both directions together. Others in the same batch are
    /// relayed as well.
    pub count: Option<u64>,
    /// The interval of statistics, reported as [`Event::Interval`].
    pub interval: Option<Duration>,
    /// Whether to report the outcome of each datagram, as an [`Event::DatagramOutcome`].
    pub per_datagram_events: bool,
}

impl Config {
    /// A relay without impairments, for up to 1,024 clients, each forgotten after a minute of
    /// silence.
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

    /// The impairments in one direction, with the headers of the side where it leads.
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
    /// When it arrived, since the start.
    pub at: Duration,
    /// Its direction.
    pub direction: Direction,
    /// Its flow.
    pub flow: u32,
    /// Its number in the flow and direction, from 0.
    pub number: u64,
    /// Its length in bytes.
    pub length: usize,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The statistics of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// When it ended, since the start.
    pub at: Duration,
    /// Its length.
    pub time: Duration,
    /// Datagrams received, from clients and from the target.
    pub received: [u64; 2],
    /// Datagrams sent, to the target and to clients.
    pub sent: [u64; 2],
    /// Bytes of payload in those.
    pub sent_bytes: [u64; 2],
    /// Datagrams lost on the simulated network, copies included.
    pub lost: [u64; 2],
    /// Flows at its end.
    pub flows: u64,
    /// Datagrams of clients without a flow.
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

/// An event of a relay.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A new client.
    Opened {
        /// The flow's number.
        flow: u32,
        /// The client's address.
        client: SocketAddr,
        /// The source address that the target sees.
        upstream: SocketAddr,
    },
    /// A flow ended.
    Closed {
        /// The flow's number.
        flow: u32,
        /// The client's address.
        client: SocketAddr,
        /// How many datagrams were received from the client and from the target.
        datagrams: [u64; 2],
        /// The reason.
        end: End,
    },
    /// Datagrams of new clients are dropped, because the limit of flows is reached, or no socket
    /// could be made. Reported for the first one, and then at most once a second.
    Refused {
        /// One of those clients.
        client: SocketAddr,
        /// How many such datagrams there were so far.
        datagrams: u64,
        /// Why no socket could be made.
        error: Option<&'a Error>,
    },
    /// Nobody listens at an address of the target, or there is no route; the next one is tried.
    NextTarget {
        /// The previous address.
        refused: SocketAddr,
        /// The next address.
        next: SocketAddr,
    },
    /// A client's datagram is not relayed, since no host can have sent it, or since its sender
    /// would answer every answer forever.
    Unanswerable(SocketAddr, Unanswerable),
    /// A datagram for a flow did not come from the target, but from another port of its address, as
    /// TFTP's replies do, or from another host. It is not relayed.
    Foreign {
        /// The flow's number.
        flow: u32,
        /// The flow's client.
        client: SocketAddr,
        /// The source of the datagram.
        source: SocketAddr,
        /// The target of the flow.
        target: SocketAddr,
    },
    /// An error that does not end the relay: ICMP refused a flow's datagrams (ECONNREFUSED), or a
    /// send failed. `None` is the listening side.
    Failed(Option<(u32, SocketAddr)>, &'a Error),
    /// The outcome of a datagram; reported if [`Config::per_datagram_events`] is set.
    DatagramOutcome(DatagramOutcome),
    /// The first datagram that differs from the record, and its recorded length.
    Differs(DatagramOutcome, usize),
    /// An interval is over.
    Interval(Interval),
}

/// Refuses to listen at a multicast group: a relay cannot join it, and its members share one
/// address.
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

/// Whether an address is this machine's: a socket cannot bind to any other.
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
