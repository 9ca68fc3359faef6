//! Forwards one datagram: to the target, to the client, or not at all.

use std::net::SocketAddr;
use std::time::Duration;

use super::config::Event;
use super::flows::Flows;
use super::impairments::Impairments;
use crate::error::Error;
use crate::io::{Received, SendQueue, Transmit, Transport};
use crate::protocol::impairment::{Direction, Link};
use crate::socket::{QueuedError, Refusal, SourceAddress};

/// The destination of a flow's datagrams, unless its socket is connected.
pub(super) fn peer(flows: &mut Flows, number: u32, to: SocketAddr) -> Option<SocketAddr> {
    let flow = flows.get_mut(number)?;
    (!flow.is_connected).then_some(to)
}

/// Connects the socket of the current flow; returns whether that was possible.
pub(super) fn connect(transport: &Transport, to: SocketAddr) -> bool {
    transport.endpoint().connect(to).is_ok()
}

/// An error with the ICMP message that caused it.
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
        format!(", from {}", offender.ip())
    });
    error.with_detail(format!("{what}ICMP {}{by}", message.name()))
}

/// Reports a datagram that did not come from the target.
#[cold]
pub(super) fn foreign<E>(
    number: u32,
    source: SocketAddr,
    target: SocketAddr,
    flows: &mut Flows,
    on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Some(flow) = flows.get_mut(number) else {
        return Ok(());
    };
    on_event(&Event::Foreign {
        flow: number,
        client: flow.client,
        source,
        target,
    })
}

/// Forwards a whole message; a run is not copied for that, unless it must leave from an address.
pub(super) fn send_on(
    send_queue: &mut SendQueue<'_>,
    to: Option<SocketAddr>,
    from: Option<SourceAddress>,
    message: &Received<'_>,
) {
    if message.count() > 1 && from.is_none() {
        send_queue.send(
            &Transmit::new(message.bytes())
                .to(to)
                .in_segments_of(message.segment_size()),
        );
    } else {
        message
            .datagrams()
            .for_each(|bytes| send_queue.queue(&Transmit::new(bytes).to(to).from(from)));
    }
}

/// Handles a datagram of the target to the client.
#[allow(clippy::too_many_arguments)] // The parts of a forwarder of which one is at work.
pub(super) fn reply<E>(
    now: Duration,
    number: u32,
    message: &Received<'_>,
    flows: &mut Flows,
    impairments: &mut Impairments,
    orphans: &mut u64,
    front: &mut Transport,
    on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Some(flow) = flows.get_mut(number) else {
        return Ok(());
    };
    flow.active = flow.active.max(now);
    let (count, length) = (message.count(), message.bytes().len());
    if impairments.handle_batch(Direction::Down, &mut flow.down, count, length) {
        send_on(
            &mut front.send_queue(),
            Some(flow.client),
            flow.from,
            message,
        );
        return Ok(());
    }
    for bytes in message.datagrams() {
        let Some(flow) = flows.get_mut(number) else {
            break;
        };
        let down = &mut flow.down;
        let (is_through, left) =
            impairments.handle_datagram(now, Direction::Down, down, bytes, on_event)?;
        flow.active = flow.active.max(left);
        if is_through {
            let (client, from) = (Some(flow.client), flow.from);
            front
                .send_queue()
                .queue(&Transmit::new(bytes).to(client).from(from));
        }
        depart_down(now, &mut impairments.down, flows, orphans, front);
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
    while let Some(released) = link.poll_transmit(now) {
        match flows.get_mut(released.flow) {
            Some(flow) => {
                let (client, from) = (Some(flow.client), flow.from);
                front
                    .send_queue()
                    .queue(&Transmit::new(released.bytes).to(client).from(from));
            }
            None => *orphans += 1,
        }
    }
}
