//! Reproducible randomness: each random number is a function of its purpose.

use std::f64::consts::TAU;
use std::fmt;

/// The direction of a link, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the clients to the target.
    Up,
    /// From the target to the clients.
    Down,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Up, Self::Down];

    /// `up` or `down`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The purpose of a random number. The values are part of the meaning of a seed: append new ones.
#[derive(Clone, Copy, Debug)]
pub(super) enum Throw {
    /// The step of the Gilbert-Elliott chain.
    Chain = 1,
    /// Whether it is lost.
    Loss,
    Duplicate,
    Reorder,
    Corrupt,
    /// Which bit is flipped.
    Bit,
    Truncate,
    /// The length after truncation.
    Length,
    /// Two each, for the normal distribution.
    Jitter,
    JitterAngle,
    CopyJitter,
    CopyJitterAngle,
}

/// The golden ratio in 64 bits: the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The random numbers of one datagram.
///
/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014) is a
/// counter and a mixing function, so that any of its numbers can be computed without those before
/// it.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyedRng(u64);

impl KeyedRng {
    pub(super) fn new(seed: u64, direction: Direction, flow: u32, number: u64) -> Self {
        let key = mix(seed.wrapping_add(STEP.wrapping_mul(1 + direction as u64)));
        let key = mix(key.wrapping_add(STEP.wrapping_mul(1 + u64::from(flow))));
        Self(mix(
            key.wrapping_add(STEP.wrapping_mul(number.wrapping_add(1)))
        ))
    }

    fn bits(self, throw: Throw) -> u64 {
        mix(self.0.wrapping_add(STEP.wrapping_mul(throw as u64)))
    }

    /// From 0 to 1, without 1.
    pub(super) fn unit(self, throw: Throw) -> f64 {
        (self.bits(throw) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability; always at 1, never at 0.
    pub(super) fn chance(self, throw: Throw, probability: f64) -> bool {
        probability > 0.0 && self.unit(throw) < probability
    }

    /// A number below `end`, which is not 0; uniform within about 2^-32.
    pub(super) fn below(self, throw: Throw, end: u32) -> u32 {
        ((u128::from(self.bits(throw)) * u128::from(end)) >> 64) as u32
    }

    /// From the standard normal distribution, by the Box-Muller transform.
    pub(super) fn normal(self, radius: Throw, angle: Throw) -> f64 {
        // Without 0, whose logarithm is not finite.
        let radius = 1.0 - self.unit(radius);
        (-2.0 * radius.ln()).sqrt() * (TAU * self.unit(angle)).cos()
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_key_counts() {
        let of = |seed, direction, flow, number| KeyedRng::new(seed, direction, flow, number).0;
        let base = of(1, Direction::Up, 2, 3);
        for other in [
            of(2, Direction::Up, 2, 3),
            of(1, Direction::Down, 2, 3),
            of(1, Direction::Up, 3, 3),
            of(1, Direction::Up, 2, 4),
            of(1, Direction::Up, 3, 2),
        ] {
            assert_ne!(base, other);
        }
        assert_eq!(base, of(1, Direction::Up, 2, 3));
    }

    #[test]
    fn what_a_seed_means_does_not_change() {
        let keyed_rng = KeyedRng::new(1, Direction::Up, 0, 0);
        let lost: Vec<_> = (0..12)
            .map(|number| KeyedRng::new(1, Direction::Up, 0, number).chance(Throw::Loss, 0.5))
            .map(u8::from)
            .collect();
        assert_eq!(lost, [1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0]);
        assert!(keyed_rng.chance(Throw::Bit, 1.0) && !keyed_rng.chance(Throw::Bit, 0.0));
        assert!(!keyed_rng.chance(Throw::Bit, f64::NAN));
    }
}
