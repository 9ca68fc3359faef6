//! One datagram on its way: to the target, to the client, or nowhere.

use std::net::SocketAddr;
use std::time::Duration;

use super::config::Event;
use super::flows::Flows;
use super::judge::Judge;
use crate::error::Error;
use crate::io::{Arrival, Outbox, Transport};
use crate::protocol::impairment::{Direction, Link};
use crate::socket::{PacketInfo, QueuedError, Refusal};

/// Where a flow's datagrams go, unless its socket knows that itself.
pub(super) fn peer(flows: &mut Flows, number: u32, to: SocketAddr) -> Option<SocketAddr> {
    let flow = flows.get_mut(number)?;
    (!flow.is_connected).then_some(to)
}

/// Connects the socket of the flow at work; says whether that was possible.
pub(super) fn connect(transport: &Transport, to: SocketAddr) -> bool {
    transport.endpoint().connect(to).is_ok()
}

/// An error with the ICMP message that was its reason.
#[cold]
pub(super) fn with_message(error: Error, message: Option<&QueuedError>) -> Error {
    let Some(message) = message.filter(|message| message.refusal().is_some()) else {
        return error;
    };
    let what = match message.refusal() {
        Some(Refusal::Filtered) => "filtered: ",
        _ => "",
    };
    let by = message.offender.map_or(String::new(), |offender| {
        format!(", says {}", offender.ip())
    });
    error.with_detail(format!("{what}ICMP {}{by}", message.name()))
}

/// Tells of a datagram that somebody else than the target sent.
#[cold]
pub(super) fn foreign<E>(
    number: u32,
    source: SocketAddr,
    target: SocketAddr,
    flows: &mut Flows,
    observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Some(flow) = flows.get_mut(number) else {
        return Ok(());
    };
    observe(&Event::Foreign {
        flow: number,
        client: flow.client,
        source,
        target,
    })
}

/// Sends a whole arrival on; a run is not copied for that, unless it must leave from an address.
pub(super) fn send_on(
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
pub(super) fn reply<E>(
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

pub(super) fn depart_down(
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
