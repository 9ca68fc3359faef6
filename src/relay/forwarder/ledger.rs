//! Where every datagram went.

use super::Forwarder;
use crate::io::Transport;
use crate::protocol::impairment::Link;
use crate::relay::flows::Flow;
use crate::relay::ledger::{Ledger, Side};
use crate::socket::Endpoint;

/// Up to this many flows are asked for the kernel's drops while the relay runs.
const ASKED: usize = 1024;

impl Forwarder {
    /// The books, without what the kernel dropped.
    pub(in crate::relay) fn books(&self, front: &Transport) -> Ledger {
        let Self {
            wire, impairments, ..
        } = self;
        let side = |link: &Link, from: &Transport, to: &Transport, orphans| Side {
            received: from.counters().received,
            received_bytes: from.counters().received_bytes,
            sent: to.counters().sent,
            sent_bytes: to.counters().sent_bytes,
            refused: to.counters().refused,
            link: *link.tally(),
            flowless: 0,
            unrelayed: 0,
            orphans,
            held: link.held() as u64,
            kernel_drops: None,
        };
        let opened = u64::from(self.flows.opened());
        Ledger {
            up: Side {
                flowless: self.flowless,
                unrelayed: self.unrelayed[0],
                ..side(&impairments.up, front, &wire.transport, self.orphans[0])
            },
            down: Side {
                unrelayed: self.unrelayed[1],
                ..side(&impairments.down, &wire.transport, front, self.orphans[1])
            },
            flows_opened: opened,
            flows_closed: opened - self.flows.len() as u64,
            unreachable: wire.unreachable,
            beyond_record: impairments.beyond,
            unlike_record: impairments.unlike,
        }
    }

    /// As [`Self::ledger`], in a bounded time: with many flows, without what the kernel dropped of the
    /// target's datagrams.
    pub(in crate::relay) fn bounded_ledger(&self, front: &Transport) -> Ledger {
        if self.flows.len() <= ASKED {
            return self.ledger(front);
        }
        let mut ledger = self.books(front);
        ledger.up.kernel_drops = sum(Some(0), front.endpoint());
        ledger
    }

    /// The books, with what the kernel dropped: a system call for each flow.
    pub(in crate::relay) fn ledger(&self, front: &Transport) -> Ledger {
        let mut ledger = self.books(front);
        ledger.up.kernel_drops = sum(Some(0), front.endpoint());
        let endpoints = self.flows.values().map(|flow: &Flow| &flow.endpoint);
        ledger.down.kernel_drops = endpoints
            .chain([self.wire.transport.endpoint()])
            .fold(self.dropped, sum);
        ledger
    }
}

pub(super) fn sum(sum: Option<u64>, endpoint: &Endpoint) -> Option<u64> {
    Some(sum? + u64::from(endpoint.kernel_drops().ok()?))
}
