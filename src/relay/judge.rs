//! What decides the fate of each datagram: two links, or a record.

use std::time::Duration;

use super::config::{Config, Event, Fated};
use super::replay::{Recorded, Replay};
use crate::protocol::impairment::{Direction, Fate, Flow, Link, Passage, Profile};

/// Both links, and the record that overrules them.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) up: Link,
    pub(super) down: Link,
    replay: Option<Replay>,
    tell_each: bool,
    /// Datagrams that the record does not reach to.
    pub(super) beyond: u64,
    /// Datagrams of another length than the record's.
    pub(super) unlike: u64,
}

impl Judge {
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
            tell_each: config.tell_each,
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

    /// Lets datagrams pass together, if nothing is to happen to any of them and nobody asks; says
    /// whether they are to be sent on.
    pub(super) fn pass(
        &mut self,
        direction: Direction,
        flow: &mut Flow,
        count: usize,
        bytes: usize,
    ) -> bool {
        if self.tell_each || self.replay.is_some() || !self.link(direction).is_clear() {
            return false;
        }
        self.link(direction).pass(flow, count as u64, bytes as u64);
        true
    }

    /// Decides on one datagram; says whether it is to be sent on now, and when all of it has left.
    pub(super) fn offer<E>(
        &mut self,
        now: Duration,
        direction: Direction,
        flow: &mut Flow,
        bytes: &[u8],
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(bool, Duration), E> {
        let (id, number) = (flow.id(), flow.number());
        let recorded = self
            .replay
            .as_ref()
            .map(|replay| replay.find(direction, id, number, bytes.len()));
        let plain = Fate::Passes(Passage::default());
        let link = self.link(direction);
        let offered = match recorded {
            None => link.offer(now, flow, bytes),
            Some(Recorded::Fate(fate)) => link.impose(now, flow, bytes, fate),
            Some(Recorded::Unlike(_) | Recorded::Beyond) => link.impose(now, flow, bytes, plain),
        };
        let fated = Fated {
            at: now,
            direction,
            flow: id,
            number,
            length: bytes.len(),
            fate: offered.fate,
        };
        match recorded {
            Some(Recorded::Unlike(length)) => {
                self.unlike += 1;
                if self.unlike == 1 {
                    observe(&Event::Differs(fated, length))?;
                }
            }
            Some(Recorded::Beyond) => self.beyond += 1,
            Some(Recorded::Fate(_)) | None => {}
        }
        if self.tell_each {
            observe(&Event::Fated(fated))?;
        }
        let stays = match offered.fate {
            Fate::Passes(passage) => passage.delay.max(passage.copy.unwrap_or_default()),
            Fate::Lost(_) => Duration::ZERO,
        };
        Ok((offered.is_through, now.saturating_add(stays)))
    }
}
