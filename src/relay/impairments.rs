//! Decides the outcome of each datagram: two links, or a record.

use std::time::Duration;

use super::config::{Config, DatagramOutcome, Event};
use super::replay::{Recorded, Replay};
use crate::protocol::impairment::{Delivery, Direction, Flow, Link, Outcome, Profile};

/// Both links, and the record that overrides them.
#[derive(Debug)]
pub(super) struct Impairments {
    pub(super) up: Link,
    pub(super) down: Link,
    replay: Option<Replay>,
    per_datagram_events: bool,
    /// Datagrams beyond the end of the record.
    pub(super) beyond: u64,
    /// Datagrams of another length than the record's.
    pub(super) unlike: u64,
}

impl Impairments {
    pub(super) fn new(config: &Config) -> Self {
        let link = |direction| {
            let profile = match config.replay {
                Some(_) => Profile::default(),
                None => config.profile(direction),
            };
            Link::new(profile, config.seed, direction)
        };
        Self {
            up: link(Direction::Up),
            down: link(Direction::Down),
            replay: config.replay.clone(),
            per_datagram_events: config.per_datagram_events,
            beyond: 0,
            unlike: 0,
        }
    }

    pub(super) fn link(&mut self, direction: Direction) -> &mut Link {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    /// Lets datagrams pass together, if none is impaired and no per-datagram events are requested;
    /// returns whether to forward them.
    pub(super) fn handle_batch(
        &mut self,
        direction: Direction,
        flow: &mut Flow,
        count: usize,
        bytes: usize,
    ) -> bool {
        if self.per_datagram_events || self.replay.is_some() || !self.link(direction).is_clear() {
            return false;
        }
        self.link(direction)
            .handle_batch(flow, count as u64, bytes as u64);
        true
    }

    /// Decides about one datagram; returns whether to forward it now, and when all of it has left.
    pub(super) fn handle_datagram<E>(
        &mut self,
        now: Duration,
        direction: Direction,
        flow: &mut Flow,
        bytes: &[u8],
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(bool, Duration), E> {
        let (id, number) = (flow.id(), flow.number());
        let recorded = self
            .replay
            .as_ref()
            .map(|replay| replay.find(direction, id, number, bytes.len()));
        let plain = Outcome::Passes(Delivery::default());
        let link = self.link(direction);
        let offered = match recorded {
            None => link.handle_datagram(now, flow, bytes),
            Some(Recorded::Outcome(outcome)) => link.apply(now, flow, bytes, outcome),
            Some(Recorded::Unlike(_) | Recorded::Beyond) => link.apply(now, flow, bytes, plain),
        };
        let decided = DatagramOutcome {
            at: now,
            direction,
            flow: id,
            number,
            length: bytes.len(),
            outcome: offered.outcome,
        };
        match recorded {
            Some(Recorded::Unlike(length)) => {
                self.unlike += 1;
                if self.unlike == 1 {
                    on_event(&Event::Differs(decided, length))?;
                }
            }
            Some(Recorded::Beyond) => self.beyond += 1,
            Some(Recorded::Outcome(_)) | None => {}
        }
        if self.per_datagram_events {
            on_event(&Event::DatagramOutcome(decided))?;
        }
        let stays = match offered.outcome {
            Outcome::Passes(delivery) => delivery.delay.max(delivery.copy.unwrap_or_default()),
            Outcome::Lost(_) => Duration::ZERO,
        };
        Ok((offered.is_through, now.saturating_add(stays)))
    }
}
