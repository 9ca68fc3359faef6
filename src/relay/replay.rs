//! Fates that were recorded, to be imposed again.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::protocol::impairment::{Direction, Fate};

/// The fates of datagrams by direction, flow and number, with their lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay(HashMap<(Direction, u32), Vec<(u32, Fate)>>);

/// What a record says of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    Fate(Fate),
    /// Its length is another one.
    Unlike(usize),
    /// The record ends before.
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
        fate: Fate,
    ) -> Result<()> {
        let fates = self.0.entry((direction, flow)).or_default();
        if fates.len() as u64 != number {
            let subject = format!("datagram {number} of flow {flow} {direction}");
            let reason = format!("the next one there is {}", fates.len());
            return Err(Error::invalid("replay", subject, reason));
        }
        fates.push((length, fate));
        Ok(())
    }

    /// How many datagrams it knows.
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
        let fates = self.0.get(&(direction, flow));
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        match fates.and_then(|fates| fates.get(index)) {
            Some((recorded, fate)) if *recorded as usize == length => Recorded::Fate(*fate),
            Some((recorded, _)) => Recorded::Unlike(*recorded as usize),
            None => Recorded::Beyond,
        }
    }
}
