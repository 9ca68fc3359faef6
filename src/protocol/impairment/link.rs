//! One direction of a bad network, for all flows.

use std::collections::VecDeque;
use std::time::Duration;

use super::dice::{Dice, Direction, Throw};
use super::fate::{Cause, Fate, Order, Passage};
use super::line::{Departure, Line, Place};
use super::profile::Profile;

/// How long a datagram that is held back waits at most for one to leave behind.
pub const HOLD: Duration = Duration::from_millis(50);

/// What a link must remember of one flow.
#[derive(Clone, Debug)]
pub struct Flow {
    id: u32,
    number: u64,
    is_bad: Option<bool>,
    /// The newest of those that are held back.
    held_back: Option<Place>,
}

impl Flow {
    /// A flow that has had no datagram yet, by the number that its fate depends on.
    pub fn new(id: u32) -> Self {
        Self {
            id,
            number: 0,
            is_bad: None,
            held_back: None,
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The number of its next datagram, counted from 0.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// What becomes of the datagram.
    pub fate: Fate,
    /// The caller is to send it on now, as it is: the link keeps nothing of it.
    pub is_through: bool,
}

/// What a link did. What went in is what came out, is lost, or is still held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Datagrams offered.
    pub offered: u64,
    /// Bytes of payload in them.
    pub offered_bytes: u64,
    /// Copies made of them.
    pub copies: u64,
    /// Datagrams that left, copies included.
    pub departed: u64,
    /// Bytes of payload in those.
    pub departed_bytes: u64,
    /// Datagrams lost, by [`Cause::ALL`]. Copies that were too many to be held count as
    /// [`Cause::Overflow`].
    pub lost: [u64; Cause::ALL.len()],
    /// Datagrams of which a bit was flipped.
    pub corrupted: u64,
    /// Datagrams that were cut.
    pub truncated: u64,
    /// Datagrams that skipped the delay or were held back.
    pub reordered: u64,
    /// Datagrams that had to wait.
    pub delayed: u64,
}

impl Tally {
    /// How many were lost for that cause.
    pub fn lost_to(&self, cause: Cause) -> u64 {
        self.lost[cause as usize]
    }

    /// How many were lost in all.
    pub fn all_lost(&self) -> u64 {
        self.lost.iter().sum()
    }
}

/// One direction of a bad network.
///
/// Before and after each offer, take what is due: a datagram that is through at once would otherwise
/// overtake others, and what was held back would not follow at once.
#[derive(Debug)]
pub struct Link {
    profile: Profile,
    is_perfect: bool,
    seed: u64,
    direction: Direction,
    /// When each datagram that waits for the wire, or is on it, has left it.
    wire: VecDeque<Duration>,
    line: Line,
    tally: Tally,
}

impl Link {
    /// A link of that profile; the seed and the direction decide what is left to chance.
    pub fn new(profile: Profile, seed: u64, direction: Direction) -> Self {
        Self {
            is_perfect: profile.is_perfect(),
            profile,
            seed,
            direction,
            wire: VecDeque::new(),
            line: Line::default(),
            tally: Tally::default(),
        }
    }

    /// How bad it is.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Which way it leads.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// What it did so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many datagrams are held, copies included.
    pub fn held(&self) -> usize {
        self.line.held()
    }

    /// Whether nothing happens to what is offered now, so that whole runs may [pass](Self::pass).
    pub fn is_clear(&self) -> bool {
        self.is_perfect && self.line.held() == 0
    }

    /// Counts `count` datagrams of together `bytes` bytes of payload that the caller sends on at
    /// once, over a link that [is clear](Self::is_clear).
    pub fn pass(&mut self, flow: &mut Flow, count: u64, bytes: u64) {
        flow.number += count;
        self.tally.offered += count;
        self.tally.offered_bytes += bytes;
        self.tally.departed += count;
        self.tally.departed_bytes += bytes;
    }

    /// Takes the next datagram of a flow, whose fate the profile and the seed decide.
    pub fn offer(&mut self, now: Duration, flow: &mut Flow, bytes: &[u8]) -> Offered {
        let fate = self.decide(now, flow, bytes.len());
        self.impose(now, flow, bytes, fate)
    }

    /// Takes the next datagram of a flow, whose fate the caller decides, from a record maybe. Parts
    /// of a fate that its length does not allow are left out.
    pub fn impose(
        &mut self,
        now: Duration,
        flow: &mut Flow,
        bytes: &[u8],
        mut fate: Fate,
    ) -> Offered {
        flow.number += 1;
        self.tally.offered += 1;
        self.tally.offered_bytes += bytes.len() as u64;
        let is_through = match &mut fate {
            Fate::Lost(cause) => {
                self.tally.lost[*cause as usize] += 1;
                false
            }
            Fate::Passes(passage) => {
                fit(passage, bytes.len());
                let is_late = self.line.next_due().is_some_and(|due| due <= now);
                if passage.is_plain() && !is_late {
                    self.tally.departed += 1;
                    self.tally.departed_bytes += bytes.len() as u64;
                    true
                } else {
                    if !self.carry(now, flow, bytes, passage) {
                        self.tally.lost[Cause::Overflow as usize] += 1;
                        fate = Fate::Lost(Cause::Overflow);
                    }
                    false
                }
            }
        };
        if let Fate::Passes(passage) = &fate
            && passage.order != Order::HeldBack
            && let Some(newest) = flow.held_back.take()
        {
            // Behind this one, wherever it is by then.
            self.line.release(now.saturating_add(passage.delay), newest);
        }
        Offered { fate, is_through }
    }

    /// When the next datagram leaves, if one is held.
    pub fn next_due(&mut self) -> Option<Duration> {
        self.line.next_due()
    }

    /// The next datagram that leaves by `now`, if there is one. Its bytes are gone at the next call.
    pub fn take_due(&mut self, now: Duration) -> Option<Departure<'_>> {
        let departure = self.line.take_due(now)?;
        self.tally.departed += 1;
        self.tally.departed_bytes += departure.bytes.len() as u64;
        Some(departure)
    }

    /// What becomes of the next datagram of a flow, of `length` bytes.
    fn decide(&mut self, now: Duration, flow: &mut Flow, length: usize) -> Fate {
        let Self { profile, .. } = self;
        if self.is_perfect {
            return Fate::Passes(Passage::default());
        }
        let dice = Dice::new(self.seed, self.direction, flow.id, flow.number);
        // First, since the chain takes a step at each datagram whatever becomes of it.
        let is_struck = profile.loss.strikes(dice, &mut flow.is_bad);
        if profile
            .blackholes
            .iter()
            .any(|window| window.contains(&now))
        {
            return Fate::Lost(Cause::Blackhole);
        }
        if profile
            .mtu
            .is_some_and(|mtu| length + profile.headers > mtu)
        {
            return Fate::Lost(Cause::Mtu);
        }
        if is_struck {
            return Fate::Lost(Cause::Loss);
        }
        // No datagram has more than 65,535 bytes.
        let mut left = u32::try_from(length).unwrap_or(u32::MAX / 8);
        let mut passage = Passage::default();
        if left > 0 && dice.chance(Throw::Truncate, profile.truncate) {
            left = dice.below(Throw::Length, left);
            passage.truncated = Some(left);
        }
        if left > 0 && dice.chance(Throw::Corrupt, profile.corrupt) {
            passage.corrupted = Some(dice.below(Throw::Bit, left.saturating_mul(8)));
        }
        let waits = match profile.rate {
            None => Duration::ZERO,
            Some(rate) => {
                while self.wire.front().is_some_and(|left| *left <= now) {
                    self.wire.pop_front();
                }
                if self.wire.len() >= profile.queue {
                    return Fate::Lost(Cause::Queue);
                }
                let free = self.wire.back().map_or(now, |last| (*last).max(now));
                let left = free.saturating_add(profile.time_on_wire(length, rate));
                self.wire.push_back(left);
                left.saturating_sub(now)
            }
        };
        let has_delay = !(profile.delay.is_zero() && profile.jitter.is_zero());
        if dice.chance(Throw::Reorder, profile.reorder) {
            passage.order = if has_delay {
                Order::Ahead
            } else {
                Order::HeldBack
            };
        }
        passage.delay = match passage.order {
            Order::Ahead => waits,
            Order::HeldBack => waits.saturating_add(HOLD),
            Order::Kept => {
                waits.saturating_add(profile.latency(dice, Throw::Jitter, Throw::JitterAngle))
            }
        };
        if dice.chance(Throw::Duplicate, profile.duplicate) {
            passage.copy = Some(match passage.order {
                Order::Kept => waits.saturating_add(profile.latency(
                    dice,
                    Throw::CopyJitter,
                    Throw::CopyJitterAngle,
                )),
                Order::Ahead | Order::HeldBack => passage.delay,
            });
        }
        Fate::Passes(passage)
    }

    /// Holds a datagram, and its copy if it has one; says whether there was room for the first.
    fn carry(&mut self, now: Duration, flow: &mut Flow, bytes: &[u8], passage: &Passage) -> bool {
        let delays = [Some(passage.delay), passage.copy];
        for (index, delay) in delays.into_iter().flatten().enumerate() {
            let Some(place) = self.line.hold(now.saturating_add(delay), flow.id, bytes) else {
                if index == 0 {
                    return false;
                }
                self.tally.copies += 1;
                self.tally.lost[Cause::Overflow as usize] += 1;
                break;
            };
            let held = self.line.bytes(place);
            if let Some(length) = passage.truncated {
                held.truncate(length as usize);
            }
            if let Some(bit) = passage.corrupted {
                held[bit as usize / 8] ^= 1 << (bit % 8);
            }
            if passage.order == Order::HeldBack {
                let older = flow.held_back.replace(place);
                self.line.chain(place, older);
            }
            self.tally.copies += index as u64;
        }
        self.tally.corrupted += u64::from(passage.corrupted.is_some());
        self.tally.truncated += u64::from(passage.truncated.is_some());
        self.tally.reordered += u64::from(passage.order != Order::Kept);
        self.tally.delayed += u64::from(!passage.delay.is_zero());
        true
    }
}

/// Leaves out what makes no sense for a datagram of `length` bytes.
fn fit(passage: &mut Passage, length: usize) {
    let fits = |cut: &u32| (*cut as usize) < length;
    passage.truncated = passage.truncated.filter(fits);
    let left = passage.truncated.map_or(length, |cut| cut as usize);
    passage.corrupted = passage.corrupted.filter(|bit| (*bit as usize / 8) < left);
}
