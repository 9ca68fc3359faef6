//! Recorded outcomes, to impose again.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::protocol::impairment::{Direction, Outcome};

/// The outcomes of datagrams by direction, flow and number, with their lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay(HashMap<(Direction, u32), Vec<(u32, Outcome)>>);

/// The recorded outcome of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    Outcome(Outcome),
    /// Its length differs.
    Unlike(usize),
    /// The record ends before it.
    Beyond,
}

impl Replay {
    /// Adds the next datagram of a flow.
    ///
    /// # Errors
    /// If its number is not the next one of its flow and direction.
    pub fn add(
        &mut self,
        direction: Direction,
        flow: u32,
        number: u64,
        length: u32,
        outcome: Outcome,
    ) -> Result<()> {
        let outcomes = self.0.entry((direction, flow)).or_default();
        if outcomes.len() as u64 != number {
            let subject = format!("datagram {number} of flow {flow} {direction}");
            let reason = format!("the next number there is {}", outcomes.len());
            return Err(Error::invalid("replay", subject, reason));
        }
        outcomes.push((length, outcome));
        Ok(())
    }

    /// How many datagrams it contains.
    pub fn datagrams(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    pub(super) fn find(
        &self,
        direction: Direction,
        flow: u32,
        number: u64,
        length: usize,
    ) -> Recorded {
        let outcomes = self.0.get(&(direction, flow));
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        match outcomes.and_then(|outcomes| outcomes.get(index)) {
            Some((recorded, outcome)) if *recorded as usize == length => {
                Recorded::Outcome(*outcome)
            }
            Some((recorded, _)) => Recorded::Unlike(*recorded as usize),
            None => Recorded::Beyond,
        }
    }
}
