//! A sequence diagram: which socket sent which datagram to which socket, matched across the traced
//! processes, in sending order.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use super::call::{Call, Direction, Returned};

/// The fate of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// A traced socket received it.
    Received,
    /// A traced socket had the destination address and did not receive it.
    Lost,
    /// An ICMP error reported that nothing listens there.
    Refused,
    /// It was sent to an address that is not traced.
    Left,
    /// It arrived from an address that is not traced.
    Came,
}

/// A datagram, or an offloaded run of datagrams, from one socket to another.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// The sender; port 0 if unknown.
    pub from: SocketAddr,
    /// The destination.
    pub to: SocketAddr,
    /// The payload, in bytes.
    pub bytes: usize,
    /// The number of datagrams.
    pub datagrams: usize,
    /// The first bytes.
    pub start: Vec<u8>,
    /// Its fate.
    pub delivery: Delivery,
    received: usize,
}

/// The arrows of a trace. Its memory is bounded: datagrams beyond the first N are only counted.
#[derive(Debug, Default)]
pub struct Diagram {
    arrows: Vec<Arrow>,
    /// Arrows without a receiver so far, by the ports at both ends.
    pending: HashMap<(u16, u16), Vec<usize>>,
    /// The ports that traced sockets have had.
    ports: BTreeSet<u16>,
    left_out: u64,
}

/// The maximum number of arrows.
const MOST: usize = 10_000;

impl Diagram {
    /// Makes a diagram without arrows.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of datagrams that exceeded the limit.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Adds the datagrams of a call.
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
            // A receive may not ask for the sender: then the matching send determines it.
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
                // MSG_PEEK leaves the datagram in the queue.
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

    /// The traced socket that sent a datagram with these first bytes to `local`.
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
        // The earliest one.
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

    /// Finds the arrow of this datagram: the same ports and addresses, and the same first bytes. A run
    /// may arrive in parts.
    fn arrived(&mut self, from: SocketAddr, to: SocketAddr, bytes: usize, start: &[u8]) -> bool {
        let fits = |a: IpAddr, b: IpAddr| a == b || a.is_unspecified() || b.is_unspecified();
        let Some(pending) = self.pending.get_mut(&(from.port(), to.port())) else {
            return false;
        };
        let found = pending.iter().position(|index| {
            self.arrows.get(*index).is_some_and(|arrow| {
                let length = start.len().min(arrow.start.len());
                // The first bytes of a run's middle part were not kept.
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
            // A truncated datagram counts as received; a run counts only with its last byte.
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

    /// Returns the arrows in sending order. A datagram to a traced socket that was never received is
    /// lost.
    pub fn arrows(&self) -> impl Iterator<Item = Arrow> {
        self.arrows.iter().cloned().map(|mut arrow| {
            if arrow.delivery == Delivery::Left && self.ports.contains(&arrow.to.port()) {
                arrow.delivery = Delivery::Lost;
            }
            arrow
        })
    }
}
