//! Forwards datagrams between the flows and the target: sockets, links, and the ledger.

mod ledger;

use std::net::SocketAddr;
use std::time::Duration;

use self::ledger::sum;
use super::config::{Config, Event};
use super::flows::{End, Flows};
use super::forward::{connect, depart_down, foreign, peer, reply, send_on, with_message};
use super::impairments::Impairments;
use super::target::Targets;
use super::wire::Wire;
use crate::error::{Error, Result};
use crate::io::{Backend, Received, Transmit, Transport, TransportConfig, Wait};
use crate::protocol::impairment::Direction;
use crate::protocol::{Unanswerable, unanswerable};
use crate::socket::options::OptionValue;
use crate::socket::{Endpoint, EpollSet, Family, ReceiveBuffer, SourceAddress, option};

/// Bytes of receive buffer to request: there may be many of these sockets.
const BUFFER: usize = 1 << 20;

/// After this many datagrams without an answer a flow's socket is connected in any case: the target
/// only receives, and a connected socket sends faster.
const UNANSWERED: u64 = 64;

/// How often refused clients are reported.
const OFTEN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Forwarder {
    targets: Targets,
    /// The address that clients send to.
    listen: SocketAddr,
    max_flows: usize,
    /// The options of each flow's socket.
    settings: Vec<OptionValue>,
    wire: Wire,
    flows: Flows,
    impairments: Impairments,
    flowless: u64,
    /// Datagrams that were not relayed because of their source, up and down.
    unrelayed: [u64; 2],
    /// The buffer for ICMP errors.
    returned: ReceiveBuffer,
    /// Datagrams that left for a closed flow, up and down.
    orphans: [u64; 2],
    /// Drops of the kernel on the sockets of closed flows.
    dropped: Option<u64>,
    /// When refused clients may be reported again.
    quiet_until: Duration,
}

impl Forwarder {
    pub(super) fn open(config: &Config, listen: SocketAddr, max_flows: u32) -> Result<Self> {
        let targets = Targets::new(config)?;
        let spare = Endpoint::builder().unbound(Family::of(targets.to))?;
        let transport = Transport::open(spare, config.choice, TransportConfig::bulk())?;
        let mut settings = vec![option::SO_RCVBUF.with_value(BUFFER)];
        match transport.backend() {
            Backend::Offload => settings.push(option::UDP_GRO.with_value(true)),
            Backend::Uring => {
                let reason = "its ring belongs to one socket, and each flow has its own";
                return Err(Error::invalid("relay on", "backend uring", reason)
                    .with_remedy("use single, batch, offload or auto"));
            }
            Backend::Single | Backend::Batch => {}
        }
        Ok(Self {
            targets,
            listen,
            max_flows: max_flows as usize,
            settings,
            wire: Wire::new(transport),
            flows: Flows::new(config.idle),
            impairments: Impairments::new(config),
            flowless: 0,
            unrelayed: [0; 2],
            returned: ReceiveBuffer::new(),
            orphans: [0; 2],
            dropped: Some(0),
            quiet_until: Duration::ZERO,
        })
    }

    pub(super) fn max_flows(&self) -> u32 {
        // The number was made from 32 bits.
        u32::try_from(self.max_flows).unwrap_or(u32::MAX)
    }

    /// How many datagrams arrived, from clients and from the target.
    pub(super) fn received(&self, front: &Transport) -> u64 {
        front.counters().received + self.wire.transport.counters().received
    }

    /// When the next held datagram leaves.
    pub(super) fn next_due(&mut self) -> Option<Duration> {
        let due = [
            self.impairments.up.poll_timeout(),
            self.impairments.down.poll_timeout(),
        ];
        due.into_iter().flatten().min()
    }

    /// When to check for idle flows next.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.flows.next_look()
    }

    /// Forwards what is due.
    pub(super) fn depart(&mut self, now: Duration, front: &mut Transport) {
        self.depart_up(now);
        let Self {
            flows,
            impairments,
            orphans,
            ..
        } = self;
        depart_down(now, &mut impairments.down, flows, &mut orphans[1], front);
    }

    fn depart_up(&mut self, now: Duration) {
        while let Some(released) = self.impairments.up.poll_transmit(now) {
            if self.wire.load(&mut self.flows, released.flow) {
                let peer = peer(&mut self.flows, released.flow, self.targets.to);
                let mut send_queue = self.wire.transport.send_queue();
                send_queue.queue(&Transmit::new(released.bytes).to(peer));
            } else {
                self.orphans[0] += 1;
            }
        }
    }

    /// Sends everything queued, and reports failures.
    pub(super) fn flush_and_report<E>(
        &mut self,
        front: &mut Transport,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.wire.flush();
        if let Some(error) = front.flush().error {
            on_event(&Event::Failed(None, &error))?;
        }
        let mut is_refused = false;
        for (number, error) in self.wire.failures.drain(..) {
            let flow = self.flows.get_mut(number).map(|flow| (number, flow.client));
            is_refused |= flow.is_some() && error.is_about_the_network();
            on_event(&Event::Failed(flow, &error))?;
        }
        if is_refused && let Some((refused, next)) = self.targets.advance() {
            // These flows use the address that nobody listens at.
            self.close_all(End::Refused, on_event)?;
            on_event(&Event::NextTarget { refused, next })?;
        }
        Ok(())
    }

    /// Handles a message of a client.
    pub(super) fn client_sent<E>(
        &mut self,
        now: Duration,
        message: &Received<'_>,
        ready: &EpollSet,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (client, from) = (message.source(), message.reply_source());
        if let Some(why) = self.refusal(client) {
            self.unrelayed[0] += message.count() as u64;
            return on_event(&Event::Unanswerable(client, why));
        }
        let number = match self.flows.find(client, from) {
            Some(number) => number,
            None => match self.admit(now, client, from, ready) {
                Ok(Some((number, upstream))) => {
                    on_event(&Event::Opened {
                        flow: number,
                        client,
                        upstream,
                    })?;
                    number
                }
                refused => {
                    self.flowless += message.count() as u64;
                    return self.turn_away(now, client, refused.err().as_ref(), on_event);
                }
            },
        };
        if !self.wire.load(&mut self.flows, number) {
            self.flowless += message.count() as u64;
            return Ok(());
        }
        if let Some(flow) = self.flows.get_mut(number) {
            flow.active = flow.active.max(now);
            if !flow.is_connected && flow.up.number() >= UNANSWERED {
                flow.is_connected = connect(&self.wire.transport, self.targets.to);
            }
            let peer = (!flow.is_connected).then_some(self.targets.to);
            let (count, length) = (message.count(), message.bytes().len());
            if self
                .impairments
                .handle_batch(Direction::Up, &mut flow.up, count, length)
            {
                let send_queue = &mut self.wire.transport.send_queue();
                send_on(send_queue, peer, None, message);
                return Ok(());
            }
        }
        for bytes in message.datagrams() {
            let Some(flow) = self.flows.get_mut(number) else {
                break;
            };
            let (up, impairments) = (&mut flow.up, &mut self.impairments);
            let (is_through, left) =
                impairments.handle_datagram(now, Direction::Up, up, bytes, on_event)?;
            flow.active = flow.active.max(left);
            // The datagrams that left meanwhile may have been of another flow.
            if is_through && self.wire.load(&mut self.flows, number) {
                let peer = peer(&mut self.flows, number, self.targets.to);
                self.wire
                    .transport
                    .send_queue()
                    .queue(&Transmit::new(bytes).to(peer));
            }
            self.depart_up(now);
        }
        Ok(())
    }

    /// Handles datagrams of the target for a flow.
    pub(super) fn target_sent<E: From<Error>>(
        &mut self,
        now: Duration,
        number: u32,
        front: &mut Transport,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            wire,
            flows,
            impairments,
            orphans,
            unrelayed,
            targets,
            returned,
            ..
        } = self;
        if !wire.load(flows, number) {
            return Ok(());
        }
        let mut reported = Ok(());
        let mut is_answered = false;
        let received = wire.transport.receive(Wait::Never, |message, _| {
            if reported.is_ok() && !targets.is_from(message.source()) {
                unrelayed[1] += message.count() as u64;
                reported = foreign(number, message.source(), targets.to, flows, on_event);
            } else if reported.is_ok() {
                is_answered = true;
                reported = reply(
                    now,
                    number,
                    message,
                    flows,
                    impairments,
                    &mut orphans[1],
                    front,
                    on_event,
                );
            }
        });
        reported?;
        if is_answered {
            targets.is_answered = true;
            if let Some(flow) = flows.get_mut(number)
                && !flow.is_connected
            {
                flow.is_connected = connect(&wire.transport, targets.to);
            }
        }
        let error = match received {
            Err(error) if error.is_about_the_network() => Some(error),
            Err(error) => return Err(error.into()),
            Ok(1..) => return Ok(()),
            Ok(0) => None,
        };
        // Otherwise the wait would return for it again and again.
        let mut first = None;
        while let Some(queued) = wire.transport.endpoint().queued_error(returned)? {
            first.get_or_insert(queued);
        }
        if let Some(error) = error {
            wire.failed(number, with_message(error, first.as_ref()));
        }
        Ok(())
    }

    /// Why a client must not be served, if there is a reason.
    fn refusal(&self, client: SocketAddr) -> Option<Unanswerable> {
        let (listen, address) = (self.listen.ip(), client.ip());
        let is_here = address.to_canonical() == listen.to_canonical()
            || listen.is_unspecified() && address.to_canonical().is_loopback();
        let own = [self.listen.port()];
        // A client on another host may have the same port, as with SIP and NTP; only a local one
        // would be the relay itself.
        unanswerable(client, if is_here { &own } else { &[] })
    }

    /// Makes a flow for a client, if the limit allows: its number, and its upstream address.
    fn admit(
        &mut self,
        now: Duration,
        client: SocketAddr,
        from: Option<SourceAddress>,
        ready: &EpollSet,
    ) -> Result<Option<(u32, SocketAddr)>> {
        if self.flows.len() >= self.max_flows {
            return Ok(None);
        }
        let endpoint = loop {
            match self.targets.open(&self.settings) {
                Ok(endpoint) => break endpoint,
                // Such as IPv6 on a machine without it.
                Err(error) => self.targets.advance().map(drop).ok_or(error)?,
            }
        };
        let port = endpoint.local_address()?.port();
        let upstream = SocketAddr::new(self.targets.source, port);
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
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if now < self.quiet_until {
            return Ok(());
        }
        self.quiet_until = now.saturating_add(OFTEN);
        on_event(&Event::Refused {
            client,
            datagrams: self.flowless,
            error,
        })
    }

    /// Closes the flows that have been idle for too long.
    pub(super) fn expire<E>(
        &mut self,
        now: Duration,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(number) = self.flows.idle_at(now) {
            self.close(number, End::Idle, on_event)?;
        }
        Ok(())
    }

    /// Closes every flow.
    pub(super) fn close_all<E>(
        &mut self,
        end: End,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let numbers = self.flows.numbers();
        numbers
            .into_iter()
            .try_for_each(|number| self.close(number, end, on_event))
    }

    fn close<E>(
        &mut self,
        number: u32,
        end: End,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.wire.unload(&mut self.flows);
        let Some(flow) = self.flows.close(number) else {
            return Ok(());
        };
        self.dropped = sum(self.dropped, &flow.endpoint);
        on_event(&Event::Closed {
            flow: number,
            client: flow.client,
            datagrams: [flow.up.number(), flow.down.number()],
            end,
        })
    }
}
