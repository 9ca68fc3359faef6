//! One direction of a simulated network, for all flows.

use std::collections::VecDeque;
use std::time::Duration;

use super::delay_queue::{DelayQueue, HeapKey, Released};
use super::keyed_rng::{Direction, KeyedRng, Throw};
use super::outcome::{Cause, Delivery, Order, Outcome};
use super::profile::Profile;

/// How long a held-back datagram waits at most for another one of its flow.
pub const MAX_HOLD: Duration = Duration::from_millis(50);

/// The state of a link for one flow.
#[derive(Clone, Debug)]
pub struct Flow {
    id: u32,
    number: u64,
    is_bad: Option<bool>,
    /// The newest of those that are held back.
    held_back: Option<HeapKey>,
}

impl Flow {
    /// The state of a flow without datagrams so far, by the number that its outcomes depend on.
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

/// The result of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Processed {
    /// The outcome of the datagram.
    pub outcome: Outcome,
    /// The caller must forward it now, unchanged: the link does not keep it.
    pub is_through: bool,
}

/// Counters of a link. Every datagram in is out, lost, or still held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Datagrams that were truncated.
    pub truncated: u64,
    /// Datagrams that skipped the delay or were held back.
    pub reordered: u64,
    /// Datagrams that were delayed.
    pub delayed: u64,
}

impl Tally {
    /// How many were lost for this cause.
    pub fn lost_to(&self, cause: Cause) -> u64 {
        self.lost[cause as usize]
    }

    /// How many were lost in all.
    pub fn all_lost(&self) -> u64 {
        self.lost.iter().sum()
    }
}

/// One direction of a simulated network.
///
/// Before and after each offer, forward what is due: otherwise a datagram that passes at once would
/// overtake others, and held-back ones would not follow at once.
#[derive(Debug)]
pub struct Link {
    profile: Profile,
    is_perfect: bool,
    seed: u64,
    direction: Direction,
    /// When each datagram that waits for the wire, or is on it, has left it.
    wire: VecDeque<Duration>,
    delay_queue: DelayQueue,
    tally: Tally,
}

impl Link {
    /// A link with this profile; the seed and the direction determine all random decisions.
    pub fn new(profile: Profile, seed: u64, direction: Direction) -> Self {
        Self {
            is_perfect: profile.is_perfect(),
            profile,
            seed,
            direction,
            wire: VecDeque::new(),
            delay_queue: DelayQueue::default(),
            tally: Tally::default(),
        }
    }

    /// The impairments of the link.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Its direction.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Its counters so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many datagrams are held, copies included.
    pub fn held(&self) -> usize {
        self.delay_queue.held()
    }

    /// Whether every datagram offered now passes unchanged, so that runs may be
    /// [batched](Self::handle_batch).
    pub fn is_clear(&self) -> bool {
        self.is_perfect && self.delay_queue.held() == 0
    }

    /// Counts `count` datagrams, `bytes` bytes of payload in all, that the caller forwards at once
    /// over a link that [is clear](Self::is_clear).
    pub fn handle_batch(&mut self, flow: &mut Flow, count: u64, bytes: u64) {
        flow.number += count;
        self.tally.offered += count;
        self.tally.offered_bytes += bytes;
        self.tally.departed += count;
        self.tally.departed_bytes += bytes;
    }

    /// Processes the next datagram of a flow; the profile and the seed decide its outcome.
    pub fn handle_datagram(&mut self, now: Duration, flow: &mut Flow, bytes: &[u8]) -> Processed {
        let outcome = self.decide(now, flow, bytes.len());
        self.apply(now, flow, bytes, outcome)
    }

    /// Processes the next datagram of a flow with an outcome of the caller's, for example from a
    /// record. Parts of an outcome that the datagram's length does not allow are ignored.
    pub fn apply(
        &mut self,
        now: Duration,
        flow: &mut Flow,
        bytes: &[u8],
        mut outcome: Outcome,
    ) -> Processed {
        flow.number += 1;
        self.tally.offered += 1;
        self.tally.offered_bytes += bytes.len() as u64;
        let is_through = match &mut outcome {
            Outcome::Lost(cause) => {
                self.tally.lost[*cause as usize] += 1;
                false
            }
            Outcome::Passes(delivery) => {
                fit(delivery, bytes.len());
                let is_late = self
                    .delay_queue
                    .poll_timeout()
                    .is_some_and(|due| due <= now);
                if delivery.is_plain() && !is_late {
                    self.tally.departed += 1;
                    self.tally.departed_bytes += bytes.len() as u64;
                    true
                } else {
                    if !self.carry(now, flow, bytes, delivery) {
                        self.tally.lost[Cause::Overflow as usize] += 1;
                        outcome = Outcome::Lost(Cause::Overflow);
                    }
                    false
                }
            }
        };
        if let Outcome::Passes(delivery) = &outcome
            && delivery.order != Order::HeldBack
            && let Some(newest) = flow.held_back.take()
        {
            // After this one, wherever it is by then.
            self.delay_queue
                .release(now.saturating_add(delivery.delay), newest);
        }
        Processed {
            outcome,
            is_through,
        }
    }

    /// When the next datagram leaves, if one is held.
    pub fn poll_timeout(&mut self) -> Option<Duration> {
        self.delay_queue.poll_timeout()
    }

    /// The next datagram that leaves by `now`, if any. Its bytes are valid until the next call.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<Released<'_>> {
        let released = self.delay_queue.poll_transmit(now)?;
        self.tally.departed += 1;
        self.tally.departed_bytes += released.bytes.len() as u64;
        Some(released)
    }

    /// The outcome of the next datagram of a flow, of `length` bytes.
    fn decide(&mut self, now: Duration, flow: &mut Flow, length: usize) -> Outcome {
        let Self { profile, .. } = self;
        if self.is_perfect {
            return Outcome::Passes(Delivery::default());
        }
        let keyed_rng = KeyedRng::new(self.seed, self.direction, flow.id, flow.number);
        // First, since the chain takes a step per datagram, whatever its outcome.
        let is_struck = profile.loss.strikes(keyed_rng, &mut flow.is_bad);
        if profile
            .blackholes
            .iter()
            .any(|window| window.contains(&now))
        {
            return Outcome::Lost(Cause::Blackhole);
        }
        if profile
            .mtu
            .is_some_and(|mtu| length + profile.headers > mtu)
        {
            return Outcome::Lost(Cause::Mtu);
        }
        if is_struck {
            return Outcome::Lost(Cause::Loss);
        }
        // No datagram has more than 65,535 bytes.
        let mut left = u32::try_from(length).unwrap_or(u32::MAX / 8);
        let mut delivery = Delivery::default();
        if left > 0 && keyed_rng.chance(Throw::Truncate, profile.truncate) {
            left = keyed_rng.below(Throw::Length, left);
            delivery.truncated = Some(left);
        }
        if left > 0 && keyed_rng.chance(Throw::Corrupt, profile.corrupt) {
            delivery.corrupted = Some(keyed_rng.below(Throw::Bit, left.saturating_mul(8)));
        }
        let waits = match profile.rate {
            None => Duration::ZERO,
            Some(rate) => {
                while self.wire.front().is_some_and(|left| *left <= now) {
                    self.wire.pop_front();
                }
                if self.wire.len() >= profile.queue {
                    return Outcome::Lost(Cause::Queue);
                }
                let free = self.wire.back().map_or(now, |last| (*last).max(now));
                let left = free.saturating_add(profile.time_on_wire(length, rate));
                self.wire.push_back(left);
                left.saturating_sub(now)
            }
        };
        let has_delay = !(profile.delay.is_zero() && profile.jitter.is_zero());
        if keyed_rng.chance(Throw::Reorder, profile.reorder) {
            delivery.order = if has_delay {
                Order::Ahead
            } else {
                Order::HeldBack
            };
        }
        delivery.delay = match delivery.order {
            Order::Ahead => waits,
            Order::HeldBack => waits.saturating_add(MAX_HOLD),
            Order::Kept => {
                waits.saturating_add(profile.latency(keyed_rng, Throw::Jitter, Throw::JitterAngle))
            }
        };
        if keyed_rng.chance(Throw::Duplicate, profile.duplicate) {
            delivery.copy = Some(match delivery.order {
                Order::Kept => waits.saturating_add(profile.latency(
                    keyed_rng,
                    Throw::CopyJitter,
                    Throw::CopyJitterAngle,
                )),
                Order::Ahead | Order::HeldBack => delivery.delay,
            });
        }
        Outcome::Passes(delivery)
    }

    /// Holds a datagram, and its copy if it has one; returns whether there was room for the first.
    fn carry(&mut self, now: Duration, flow: &mut Flow, bytes: &[u8], delivery: &Delivery) -> bool {
        let delays = [Some(delivery.delay), delivery.copy];
        for (index, delay) in delays.into_iter().flatten().enumerate() {
            let Some(key) = self
                .delay_queue
                .hold(now.saturating_add(delay), flow.id, bytes)
            else {
                if index == 0 {
                    return false;
                }
                self.tally.copies += 1;
                self.tally.lost[Cause::Overflow as usize] += 1;
                break;
            };
            let held = self.delay_queue.bytes(key);
            if let Some(length) = delivery.truncated {
                held.truncate(length as usize);
            }
            if let Some(bit) = delivery.corrupted {
                held[bit as usize / 8] ^= 1 << (bit % 8);
            }
            if delivery.order == Order::HeldBack {
                let older = flow.held_back.replace(key);
                self.delay_queue.chain(key, older);
            }
            self.tally.copies += index as u64;
        }
        self.tally.corrupted += u64::from(delivery.corrupted.is_some());
        self.tally.truncated += u64::from(delivery.truncated.is_some());
        self.tally.reordered += u64::from(delivery.order != Order::Kept);
        self.tally.delayed += u64::from(!delivery.delay.is_zero());
        true
    }
}

/// Removes the parts that make no sense for a datagram of `length` bytes.
fn fit(delivery: &mut Delivery, length: usize) {
    let fits = |cut: &u32| (*cut as usize) < length;
    delivery.truncated = delivery.truncated.filter(fits);
    let left = delivery.truncated.map_or(length, |cut| cut as usize);
    delivery.corrupted = delivery.corrupted.filter(|bit| (*bit as usize / 8) < left);
}
