//! The served clients, by address and by number, and when each is forgotten.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::protocol::impairment;
use crate::socket::{Endpoint, SourceAddress};

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// No datagram arrived for a while.
    Idle,
    /// Nobody listens at the address that its datagrams were sent to, and the target has another
    /// one.
    Refused,
    /// The relay ended.
    Relay,
}

/// The key of a flow: the client, and the address that it sent to.
type Key = (SocketAddr, Option<IpAddr>);

/// The flow of one client.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) client: SocketAddr,
    /// The address that the client sent to, which replies come from.
    pub(super) from: Option<SourceAddress>,
    pub(super) up: impairment::Flow,
    pub(super) down: impairment::Flow,
    /// The socket towards the target; a spare one while the upstream transport has it.
    pub(super) endpoint: Endpoint,
    /// Whether that socket is connected. It is not at first, so that datagrams from another port of
    /// the target are seen.
    pub(super) is_connected: bool,
    /// When the last datagram arrived, or when all that arrived will have left.
    pub(super) active: Duration,
}

/// All flows.
#[derive(Debug)]
pub(super) struct Flows {
    by_number: HashMap<u32, Flow>,
    by_client: HashMap<Key, u32>,
    /// When to check for idle flows: one entry each, before that or at that time.
    looks: BinaryHeap<Reverse<(Duration, u32)>>,
    idle: Duration,
    opened: u32,
}

impl Flows {
    pub(super) fn new(idle: Duration) -> Self {
        Self {
            by_number: HashMap::new(),
            by_client: HashMap::new(),
            looks: BinaryHeap::new(),
            idle,
            opened: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// How many flows there were so far.
    pub(super) fn opened(&self) -> u32 {
        self.opened
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Flow> {
        self.by_number.get_mut(&number)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Flow> {
        self.by_number.values()
    }

    /// The flow of a client, if it has one.
    pub(super) fn find(&self, client: SocketAddr, from: Option<SourceAddress>) -> Option<u32> {
        self.by_client.get(&key(client, from)).copied()
    }

    /// A new flow. Its number is the next one; `None` after 2^32 - 1 of them.
    pub(super) fn open(
        &mut self,
        now: Duration,
        client: SocketAddr,
        from: Option<SourceAddress>,
        endpoint: Endpoint,
    ) -> Option<u32> {
        let number = self.opened;
        self.opened = self.opened.checked_add(1)?;
        self.by_client.insert(key(client, from), number);
        let flow = Flow {
            client,
            from,
            up: impairment::Flow::new(number),
            down: impairment::Flow::new(number),
            endpoint,
            is_connected: false,
            active: now,
        };
        self.by_number.insert(number, flow);
        self.looks
            .push(Reverse((now.saturating_add(self.idle), number)));
        Some(number)
    }

    /// When to call [`Self::idle_at`] next.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.looks.peek().map(|Reverse((at, _))| *at)
    }

    /// A flow that has been idle for too long at `now`, if any.
    pub(super) fn idle_at(&mut self, now: Duration) -> Option<u32> {
        while let Some(mut look) = self.looks.peek_mut() {
            let Reverse((at, number)) = *look;
            if at > now {
                return None;
            }
            match self.by_number.get(&number) {
                Some(flow) => {
                    let end = flow.active.saturating_add(self.idle);
                    if end <= now {
                        return Some(number);
                    }
                    *look = Reverse((end, number));
                }
                None => {
                    std::collections::binary_heap::PeekMut::pop(look);
                }
            }
        }
        None
    }

    pub(super) fn close(&mut self, number: u32) -> Option<Flow> {
        let flow = self.by_number.remove(&number)?;
        self.by_client.remove(&key(flow.client, flow.from));
        Some(flow)
    }

    /// Their numbers, in order.
    pub(super) fn numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<_> = self.by_number.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }
}

fn key(client: SocketAddr, from: Option<SourceAddress>) -> Key {
    (client, from.map(|source| source.ip))
}
