//! Which socket sent what to which: datagrams matched across the traced processes, in the order in
//! which they were sent.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use super::call::{Call, Direction, Returned};

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// A traced socket received it.
    Received,
    /// A traced socket was there to receive it, and did not.
    Lost,
    /// An ICMP message came back: nobody listens there.
    Refused,
    /// It left for a place that is not traced.
    Left,
    /// It came from a place that is not traced.
    Came,
}

/// A datagram, or an offloaded run of them, on its way.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// Who sent it; the port is 0 where it could not be told.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// The bytes of payload.
    pub bytes: usize,
    /// How many datagrams it is.
    pub datagrams: usize,
    /// The first bytes.
    pub start: Vec<u8>,
    /// What became of it.
    pub delivery: Delivery,
    received: usize,
}

/// The arrows of a trace. Its memory is bounded: what is beyond the first so many is counted.
#[derive(Debug, Default)]
pub struct Diagram {
    arrows: Vec<Arrow>,
    /// Arrows on their way, by the ports at both ends.
    pending: HashMap<(u16, u16), Vec<usize>>,
    /// Ports that a traced socket has had.
    ports: BTreeSet<u16>,
    left_out: u64,
}

/// How many arrows are kept.
const MOST: usize = 10_000;

impl Diagram {
    /// A diagram without arrows.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many datagrams came when there was no room for more.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Takes note of a call.
    pub fn add(&mut self, call: &Call) {
        let facts = &call.facts;
        if !facts.kind.is_some_and(|kind| kind.is_udp()) {
            return;
        }
        if let Some(local) = facts.local.filter(|local| local.port() != 0) {
            self.ports.insert(local.port());
        }
        if let Some((libc::ECONNREFUSED, ..)) = facts.icmp {
            self.refuse(facts.local, facts.address);
            return;
        }
        let value = match call.returned {
            Returned::Value(value) => value,
            Returned::Error(libc::ECONNREFUSED) => {
                return self.refuse(facts.local, facts.connected.or(facts.address));
            }
            _ => return,
        };
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let local = facts.local.unwrap_or(unknown);
        for moved in &facts.moved {
            let known = moved.peer.or(facts.connected);
            // A receive need not ask who sent it: what was sent tells, or nobody does.
            let peer = match (known, facts.direction) {
                (Some(peer), _) => peer,
                (None, Some(Direction::In)) => self.sender(local, &moved.start).unwrap_or(unknown),
                (None, _) => continue,
            };
            let datagrams = moved
                .segment
                .map_or(1, |size| moved.bytes.div_ceil(size).max(1));
            match facts.direction {
                Some(Direction::Out) if value >= 0 => {
                    let index = self.arrows.len();
                    let is_kept = self.push(Arrow {
                        from: local,
                        to: peer,
                        bytes: moved.bytes,
                        datagrams,
                        start: moved.start.clone(),
                        delivery: Delivery::Left,
                        received: 0,
                    });
                    if is_kept {
                        let way = (local.port(), peer.port());
                        self.pending.entry(way).or_default().push(index);
                    }
                }
                // A look at a datagram (MSG_PEEK) takes nothing.
                Some(Direction::In) if !moved.is_error && facts.flags & libc::MSG_PEEK == 0 => {
                    let is_known = self.arrived(peer, local, moved.bytes, &moved.start);
                    if !is_known {
                        self.push(Arrow {
                            from: peer,
                            to: local,
                            bytes: moved.bytes,
                            datagrams,
                            start: moved.start.clone(),
                            delivery: Delivery::Came,
                            received: moved.bytes,
                        });
                    }
                }
                _ => {}
            }
        }
    }

    /// Who sent a datagram that begins like this to `local`, of those who are traced.
    fn sender(&self, local: SocketAddr, start: &[u8]) -> Option<SocketAddr> {
        let ways = self
            .pending
            .iter()
            .filter(|((_, to), _)| *to == local.port());
        let sent = ways.flat_map(|(_, sent)| sent);
        let fits = sent.filter(|index| {
            self.arrows.get(**index).is_some_and(|arrow| {
                let length = start.len().min(arrow.start.len());
                arrow.start[..length] == start[..length]
            })
        });
        // The one that was sent first.
        let first = fits.min()?;
        self.arrows.get(*first).map(|arrow| arrow.from)
    }

    fn push(&mut self, arrow: Arrow) -> bool {
        if self.arrows.len() >= MOST {
            self.left_out += arrow.datagrams as u64;
            return false;
        }
        self.arrows.push(arrow);
        true
    }

    /// Finds the arrow whose datagram this is: the same ports and addresses, and the same start. A run
    /// may arrive in parts.
    fn arrived(&mut self, from: SocketAddr, to: SocketAddr, bytes: usize, start: &[u8]) -> bool {
        let fits = |a: IpAddr, b: IpAddr| a == b || a.is_unspecified() || b.is_unspecified();
        let Some(pending) = self.pending.get_mut(&(from.port(), to.port())) else {
            return false;
        };
        let found = pending.iter().position(|index| {
            self.arrows.get(*index).is_some_and(|arrow| {
                let length = start.len().min(arrow.start.len());
                // The middle of a run begins with bytes that nobody kept.
                let is_middle = arrow.received > 0;
                fits(arrow.from.ip(), from.ip())
                    && fits(arrow.to.ip(), to.ip())
                    && (is_middle || arrow.start[..length] == start[..length])
                    && arrow.bytes - arrow.received >= bytes.min(arrow.bytes)
            })
        });
        let Some(arrow) = found.and_then(|at| {
            let index = *pending.get(at)?;
            let arrow = self.arrows.get_mut(index)?;
            arrow.received += bytes;
            // A truncated datagram is received all the same; a run only with its last byte.
            if arrow.datagrams == 1 || arrow.received >= arrow.bytes {
                pending.remove(at);
            }
            Some(arrow)
        }) else {
            return false;
        };
        arrow.delivery = Delivery::Received;
        if arrow.from.ip().is_unspecified() {
            arrow.from.set_ip(from.ip());
        }
        true
    }

    fn refuse(&mut self, from: Option<SocketAddr>, to: Option<SocketAddr>) {
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        let arrows = self.arrows.iter_mut();
        let sent = arrows.filter(|arrow| arrow.from.port() == from.port() && arrow.to == to);
        if let Some(arrow) = { sent }.find(|arrow| arrow.delivery == Delivery::Left) {
            arrow.delivery = Delivery::Refused;
        }
    }

    /// The arrows, in the order in which they were sent; what was sent to a traced socket and never
    /// received is lost.
    pub fn arrows(&self) -> impl Iterator<Item = Arrow> {
        self.arrows.iter().cloned().map(|mut arrow| {
            if arrow.delivery == Delivery::Left && self.ports.contains(&arrow.to.port()) {
                arrow.delivery = Delivery::Lost;
            }
            arrow
        })
    }
}
