//! The way from the flows to the target and back: sockets, links, and the books.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::config::{Config, Event};
use super::flows::{End, Flow, Flows};
use super::judge::Judge;
use super::ledger::{Ledger, Side};
use super::wire::Wire;
use crate::error::{Error, Result};
use crate::io::{Arrival, Outbox, Rung, Settings, Transport, Wait};
use crate::protocol::impairment::{Direction, Link};
use crate::socket::options::Setting;
use crate::socket::{Endpoint, Family, PacketInfo, ReadySet};

/// Bytes of receive buffer to ask for: there may be many of these sockets.
const BUFFER: usize = 1 << 20;

/// How often clients that are turned away are told of.
const OFTEN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Trunk {
    to: SocketAddr,
    max_flows: usize,
    /// What each flow's socket is set to.
    settings: Vec<Setting>,
    wire: Wire,
    flows: Flows,
    judge: Judge,
    flowless: u64,
    /// Datagrams that left for a flow that was closed, up and down.
    orphans: [u64; 2],
    /// What the kernel dropped on the sockets of closed flows.
    dropped: Option<u64>,
    /// When clients that are turned away may be told of again.
    quiet_until: Duration,
}

impl Trunk {
    pub(super) fn open(config: &Config) -> Result<Self> {
        let spare = Endpoint::builder().unbound(Family::of(config.to))?;
        let transport = Transport::open(spare, config.choice, Settings::default())?;
        let mut settings = vec![format!("SO_RCVBUF={BUFFER}").parse()?];
        match transport.rung() {
            Rung::Offload => settings.push("UDP_GRO=1".parse()?),
            Rung::Uring => {
                let reason = "its ring belongs to one socket, and each flow has its own";
                return Err(Error::invalid("relay on", "rung uring", reason)
                    .with_remedy("use single, batch, offload or auto"));
            }
            Rung::Single | Rung::Batch => {}
        }
        Ok(Self {
            to: config.to,
            max_flows: config.max_flows as usize,
            settings,
            wire: Wire::new(transport),
            flows: Flows::new(config.idle),
            judge: Judge::new(config),
            flowless: 0,
            orphans: [0; 2],
            dropped: Some(0),
            quiet_until: Duration::ZERO,
        })
    }

    /// How many datagrams came, from clients and from the target.
    pub(super) fn received(&self, front: &Transport) -> u64 {
        front.counters().received + self.wire.transport.counters().received
    }

    /// When the next held datagram leaves.
    pub(super) fn next_due(&mut self) -> Option<Duration> {
        let due = [self.judge.up.next_due(), self.judge.down.next_due()];
        due.into_iter().flatten().min()
    }

    /// When to look for idle flows next.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.flows.next_look()
    }

    /// Sends on what is due.
    pub(super) fn depart(&mut self, now: Duration, front: &mut Transport) {
        self.depart_up(now);
        let Self {
            flows,
            judge,
            orphans,
            ..
        } = self;
        depart_down(now, &mut judge.down, flows, &mut orphans[1], front);
    }

    fn depart_up(&mut self, now: Duration) {
        while let Some(departure) = self.judge.up.take_due(now) {
            if self.wire.load(&mut self.flows, departure.flow) {
                let mut outbox = self.wire.transport.outbox();
                outbox.queue(None, None, departure.bytes);
            } else {
                self.orphans[0] += 1;
            }
        }
    }

    /// Sends all that is queued, and tells what failed.
    pub(super) fn settle<E>(
        &mut self,
        front: &mut Transport,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.wire.flush();
        if let Some(error) = front.flush().error {
            observe(&Event::Failed(None, &error))?;
        }
        for (number, error) in self.wire.failures.drain(..) {
            let flow = self.flows.get_mut(number).map(|flow| (number, flow.client));
            observe(&Event::Failed(flow, &error))?;
        }
        Ok(())
    }

    /// Takes what came from a client.
    pub(super) fn client_sent<E>(
        &mut self,
        now: Duration,
        arrival: &Arrival<'_>,
        ready: &ReadySet,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (client, from) = (arrival.source(), arrival.beside().packet_info());
        let number = match self.flows.find(client, from) {
            Some(number) => number,
            None => match self.admit(now, client, from, ready) {
                Ok(Some((number, upstream))) => {
                    observe(&Event::Opened {
                        flow: number,
                        client,
                        upstream,
                    })?;
                    number
                }
                refused => {
                    self.flowless += arrival.count() as u64;
                    return self.turn_away(now, client, refused.err().as_ref(), observe);
                }
            },
        };
        if !self.wire.load(&mut self.flows, number) {
            self.flowless += arrival.count() as u64;
            return Ok(());
        }
        if let Some(flow) = self.flows.get_mut(number) {
            flow.active = flow.active.max(now);
            let (count, length) = (arrival.count(), arrival.bytes().len());
            if self.judge.pass(Direction::Up, &mut flow.up, count, length) {
                let outbox = &mut self.wire.transport.outbox();
                send_on(outbox, None, None, arrival);
                return Ok(());
            }
        }
        for bytes in arrival.datagrams() {
            let Some(flow) = self.flows.get_mut(number) else {
                break;
            };
            let (up, judge) = (&mut flow.up, &mut self.judge);
            let (is_through, left) = judge.offer(now, Direction::Up, up, bytes, observe)?;
            flow.active = flow.active.max(left);
            // What left meanwhile may have been another flow's.
            if is_through && self.wire.load(&mut self.flows, number) {
                self.wire.transport.outbox().queue(None, None, bytes);
            }
            self.depart_up(now);
        }
        Ok(())
    }

    /// Takes what came from the target for a flow.
    pub(super) fn target_sent<E: From<Error>>(
        &mut self,
        now: Duration,
        number: u32,
        front: &mut Transport,
        stop: &AtomicBool,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            wire,
            flows,
            judge,
            orphans,
            ..
        } = self;
        if !wire.load(flows, number) {
            return Ok(());
        }
        let mut told = Ok(());
        let received = wire.transport.receive(Wait::Never, stop, |arrival, _| {
            if told.is_ok() {
                told = reply(
                    now,
                    number,
                    arrival,
                    flows,
                    judge,
                    &mut orphans[1],
                    front,
                    observe,
                );
            }
        });
        told?;
        match received {
            Err(error) if error.is_about_the_network() => wire.failed(number, error),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        Ok(())
    }

    /// Makes a flow for a client, if there may be one more: its number, and its upstream address.
    fn admit(
        &mut self,
        now: Duration,
        client: SocketAddr,
        from: Option<PacketInfo>,
        ready: &ReadySet,
    ) -> Result<Option<(u32, SocketAddr)>> {
        if self.flows.len() >= self.max_flows {
            return Ok(None);
        }
        let endpoint = Endpoint::builder()
            .options(self.settings.iter().cloned())
            .unbound(Family::of(self.to))?;
        endpoint.connect(self.to)?;
        let upstream = endpoint.local_address()?;
        ready.add(&endpoint, self.flows.opened().into())?;
        let number = self.flows.open(now, client, from, endpoint);
        Ok(number.map(|number| (number, upstream)))
    }

    #[cold]
    fn turn_away<E>(
        &mut self,
        now: Duration,
        client: SocketAddr,
        error: Option<&Error>,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if now < self.quiet_until {
            return Ok(());
        }
        self.quiet_until = now.saturating_add(OFTEN);
        observe(&Event::Refused {
            client,
            datagrams: self.flowless,
            error,
        })
    }

    /// Closes the flows that have been idle for too long.
    pub(super) fn expire<E>(
        &mut self,
        now: Duration,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(number) = self.flows.idle_at(now) {
            self.close(number, End::Idle, observe)?;
        }
        Ok(())
    }

    /// Closes every flow, at the end.
    pub(super) fn close_all<E>(
        &mut self,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let numbers = self.flows.numbers();
        numbers
            .into_iter()
            .try_for_each(|number| self.close(number, End::Relay, observe))
    }

    fn close<E>(
        &mut self,
        number: u32,
        end: End,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.wire.unload(&mut self.flows);
        let Some(flow) = self.flows.close(number) else {
            return Ok(());
        };
        self.dropped = sum(self.dropped, &flow.endpoint);
        observe(&Event::Closed {
            flow: number,
            client: flow.client,
            datagrams: [flow.up.number(), flow.down.number()],
            end,
        })
    }

    /// The books, without what the kernel dropped.
    pub(super) fn books(&self, front: &Transport) -> Ledger {
        let Self { wire, judge, .. } = self;
        let side = |link: &Link, from: &Transport, to: &Transport, orphans| Side {
            received: from.counters().received,
            received_bytes: from.counters().received_bytes,
            sent: to.counters().sent,
            sent_bytes: to.counters().sent_bytes,
            refused: to.counters().refused,
            link: *link.tally(),
            flowless: 0,
            orphans,
            held: link.held() as u64,
            kernel_drops: None,
        };
        let opened = u64::from(self.flows.opened());
        Ledger {
            up: Side {
                flowless: self.flowless,
                ..side(&judge.up, front, &wire.transport, self.orphans[0])
            },
            down: side(&judge.down, &wire.transport, front, self.orphans[1]),
            flows_opened: opened,
            flows_closed: opened - self.flows.len() as u64,
            unreachable: wire.unreachable,
            beyond_record: judge.beyond,
            unlike_record: judge.unlike,
        }
    }

    /// The books, with what the kernel dropped: a system call for each flow.
    pub(super) fn ledger(&self, front: &Transport) -> Ledger {
        let mut ledger = self.books(front);
        ledger.up.kernel_drops = sum(Some(0), front.endpoint());
        let endpoints = self.flows.values().map(|flow: &Flow| &flow.endpoint);
        ledger.down.kernel_drops = endpoints
            .chain([self.wire.transport.endpoint()])
            .fold(self.dropped, sum);
        ledger
    }
}

fn sum(sum: Option<u64>, endpoint: &Endpoint) -> Option<u64> {
    Some(sum? + u64::from(endpoint.kernel_drops().ok()?))
}

/// Sends a whole arrival on; a run is not copied for that, unless it must leave from an address.
fn send_on(
    outbox: &mut Outbox<'_>,
    to: Option<SocketAddr>,
    from: Option<PacketInfo>,
    arrival: &Arrival<'_>,
) {
    if arrival.count() > 1 && from.is_none() {
        outbox.send_run(to, arrival.bytes(), arrival.segment_size());
    } else {
        arrival
            .datagrams()
            .for_each(|bytes| outbox.queue(to, from, bytes));
    }
}

/// Takes what came from the target on its way to the client.
#[allow(clippy::too_many_arguments)] // The parts of a trunk of which one is at work.
fn reply<E>(
    now: Duration,
    number: u32,
    arrival: &Arrival<'_>,
    flows: &mut Flows,
    judge: &mut Judge,
    orphans: &mut u64,
    front: &mut Transport,
    observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Some(flow) = flows.get_mut(number) else {
        return Ok(());
    };
    flow.active = flow.active.max(now);
    let (count, length) = (arrival.count(), arrival.bytes().len());
    if judge.pass(Direction::Down, &mut flow.down, count, length) {
        send_on(&mut front.outbox(), Some(flow.client), flow.from, arrival);
        return Ok(());
    }
    for bytes in arrival.datagrams() {
        let Some(flow) = flows.get_mut(number) else {
            break;
        };
        let down = &mut flow.down;
        let (is_through, left) = judge.offer(now, Direction::Down, down, bytes, observe)?;
        flow.active = flow.active.max(left);
        if is_through {
            let (client, from) = (Some(flow.client), flow.from);
            front.outbox().queue(client, from, bytes);
        }
        depart_down(now, &mut judge.down, flows, orphans, front);
    }
    Ok(())
}

fn depart_down(
    now: Duration,
    link: &mut Link,
    flows: &mut Flows,
    orphans: &mut u64,
    front: &mut Transport,
) {
    while let Some(departure) = link.take_due(now) {
        match flows.get_mut(departure.flow) {
            Some(flow) => {
                let (client, from) = (Some(flow.client), flow.from);
                front.outbox().queue(client, from, departure.bytes);
            }
            None => *orphans += 1,
        }
    }
}
