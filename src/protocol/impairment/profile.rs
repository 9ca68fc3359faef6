//! The impairments of a network, in one direction.

use std::ops::Range;
use std::time::Duration;

use super::keyed_rng::{KeyedRng, Throw};

/// The model of random loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// No loss.
    #[default]
    None,
    /// Independent loss with this probability.
    Random(f64),
    /// Bursts: a Markov chain of two states that takes a step per datagram of a flow (Gilbert 1960,
    /// Elliott 1963). Its first state is bad with the long-run probability `worsen / (worsen +
    /// recover)`; a bad period lasts `1 / recover` datagrams on average.
    GilbertElliott {
        /// Probability of a step from good to bad.
        worsen: f64,
        /// Probability of a step from bad to good.
        recover: f64,
        /// Probability of loss in the bad state; 1 is Gilbert's simple model.
        bad: f64,
        /// Probability of loss in the good state.
        good: f64,
    },
}

impl Loss {
    /// Whether the next datagram of a flow is lost; `is_bad` is the flow's state, if it has one
    /// yet.
    pub(super) fn strikes(self, keyed_rng: KeyedRng, is_bad: &mut Option<bool>) -> bool {
        match self {
            Self::None => false,
            Self::Random(probability) => keyed_rng.chance(Throw::Loss, probability),
            Self::GilbertElliott {
                worsen,
                recover,
                bad,
                good,
            } => {
                let is_now_bad = match *is_bad {
                    None => keyed_rng.chance(Throw::Chain, worsen / (worsen + recover)),
                    Some(false) => keyed_rng.chance(Throw::Chain, worsen),
                    Some(true) => !keyed_rng.chance(Throw::Chain, recover),
                };
                *is_bad = Some(is_now_bad);
                keyed_rng.chance(Throw::Loss, if is_now_bad { bad } else { good })
            }
        }
    }

    /// The share of datagrams that are lost in the long run, from 0 to 1.
    pub fn share(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Random(probability) => probability,
            Self::GilbertElliott {
                worsen,
                recover,
                bad,
                good,
            } => {
                let sum = worsen + recover;
                let is_bad = if sum > 0.0 { worsen / sum } else { 0.0 };
                is_bad * bad + (1.0 - is_bad) * good
            }
        }
    }
}

/// The distribution of the delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distribution {
    /// Uniform from `delay - jitter` to `delay + jitter`.
    #[default]
    Uniform,
    /// Normal around `delay`, with `jitter` as the standard deviation.
    Normal,
}

/// The impairments of a network, in one direction. The default is a perfect network; [the
/// module](super) describes what each impairment does, and in which order.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Windows of time in which everything is lost.
    pub blackholes: Vec<Range<Duration>>,
    /// The longest datagram that gets through, in bytes with headers.
    pub mtu: Option<usize>,
    /// Random loss.
    pub loss: Loss,
    /// Probability that a datagram is truncated.
    pub truncate: f64,
    /// Probability that a bit of a datagram is flipped.
    pub corrupt: f64,
    /// The rate of the wire in bits per second, headers included.
    pub rate: Option<u64>,
    /// How many datagrams may wait for the wire or be on it; default 100.
    pub queue: usize,
    /// The delay of a datagram after the wire.
    pub delay: Duration,
    /// The variation of the delay.
    pub jitter: Duration,
    /// The distribution of the delay.
    pub distribution: Distribution,
    /// Probability that a datagram leaves out of order.
    pub reorder: f64,
    /// Probability that a datagram leaves twice.
    pub duplicate: f64,
    /// Bytes of headers that `mtu` and `rate` add to each datagram: 28 over IPv4 (20 and 8, the
    /// default), 48 over IPv6.
    pub headers: usize,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            blackholes: Vec::new(),
            mtu: None,
            loss: Loss::None,
            truncate: 0.0,
            corrupt: 0.0,
            rate: None,
            queue: 100,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            distribution: Distribution::Uniform,
            reorder: 0.0,
            duplicate: 0.0,
            headers: 28,
        }
    }
}

impl Profile {
    /// Whether every datagram passes unchanged.
    pub fn is_perfect(&self) -> bool {
        let perfect = Self {
            queue: self.queue,
            distribution: self.distribution,
            headers: self.headers,
            ..Self::default()
        };
        *self == perfect
    }

    /// The delay of a datagram after the wire, with the random numbers of `keyed_rng`.
    pub(super) fn latency(&self, keyed_rng: KeyedRng, radius: Throw, angle: Throw) -> Duration {
        if self.jitter.is_zero() {
            return self.delay;
        }
        let deviation = match self.distribution {
            Distribution::Uniform => 2.0 * keyed_rng.unit(radius) - 1.0,
            Distribution::Normal => keyed_rng.normal(radius, angle),
        };
        let deviation = self
            .jitter
            .min(LONGEST)
            .mul_f64(deviation.abs().min(16.0))
            .min(LONGEST);
        let is_late = match self.distribution {
            Distribution::Uniform => keyed_rng.unit(radius) >= 0.5,
            Distribution::Normal => keyed_rng.normal(radius, angle) >= 0.0,
        };
        if is_late {
            self.delay.saturating_add(deviation)
        } else {
            self.delay.saturating_sub(deviation)
        }
    }

    /// The transmission time of a datagram of `length` bytes.
    pub(super) fn time_on_wire(&self, length: usize, rate: u64) -> Duration {
        let bits = (length + self.headers) as u128 * 8;
        let nanoseconds = (bits * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

/// The largest deviation: a hundred years, which overflows no computation here.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
