//! How the datagrams of a load are spread over time: constant gaps, Poisson, or a recording.

use std::sync::Arc;

use super::schedule::Curve;
use crate::error::{Error, Result};

/// The most datagrams of a recording.
const MOST_RECORDED: usize = 20_000_000;

/// A datagram of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it is due, in nanoseconds after the start.
    pub at: u64,
    /// Bytes of payload; `None` for the size of the load.
    pub size: Option<u16>,
}

/// How datagrams are spread over time.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// Equal gaps at a constant rate.
    Constant,
    /// Exponentially distributed gaps, as those of many independent senders together; the same seed
    /// gives the same gaps.
    Poisson {
        /// The seed.
        seed: u64,
    },
    /// At recorded times, in their order.
    Replay(Arc<[Recorded]>),
}

impl Arrivals {
    /// Reads a recording: on each line a time in seconds after the start, and the size of the payload if
    /// it has one; empty lines and those with `#` at their start are skipped.
    ///
    /// ```
    /// use udpraw::protocol::load::Arrivals;
    /// assert!(Arrivals::recording("# a game\n0.0 64\n0.05 1400\n").is_ok());
    /// let error = Arrivals::recording("0.5\n0.1\n").unwrap_err().to_string();
    /// assert!(error.contains("line 2"), "{error}");
    /// ```
    ///
    /// # Errors
    /// If a line has something else, a time goes back or exceeds a year, or there are no or too many
    /// datagrams.
    pub fn recording(text: &str) -> Result<Self> {
        let mut recorded: Vec<Recorded> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |reason: &str| {
                Error::invalid("read recording", format_args!("line {number}"), reason)
                    .with_remedy("write a time in seconds and a size in bytes, as in 0.25 64")
            };
            let mut words = line.split_whitespace();
            let time: f64 = match words.next().map(str::parse) {
                Some(Ok(time)) => time,
                _ => return Err(bad("no time")),
            };
            if !(0.0..=365.0 * 86_400.0).contains(&time) {
                return Err(bad("a time must be 0 to a year"));
            }
            let size = match words.next().map(str::parse) {
                None => None,
                Some(Ok(size @ ..=65_507)) => Some(size),
                Some(_) => return Err(bad("a size must be 0 to 65507")),
            };
            if words.next().is_some() {
                return Err(bad("more than two words"));
            }
            let at = (time * 1e9).round() as u64;
            if recorded.last().is_some_and(|last| last.at > at) {
                return Err(bad("it is before the line above"));
            }
            if recorded.len() == MOST_RECORDED {
                return Err(bad("more than 20,000,000 datagrams"));
            }
            recorded.push(Recorded { at, size });
        }
        if recorded.is_empty() {
            return Err(Error::invalid("read recording", "", "it has no datagram"));
        }
        Ok(Self::Replay(recorded.into()))
    }
}

/// A datagram that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Its number, from 0.
    pub index: u64,
    /// When it is due, in nanoseconds after the start.
    pub at: u64,
    /// Bytes of payload, if the schedule decides it.
    pub size: Option<u16>,
}

/// The datagrams of a load in their order.
///
/// The time of a number depends on nothing else but the plan and the seed: workers that each skip the
/// others' datagrams share one schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    curve: Curve,
    arrivals: Arrivals,
    /// Nothing is due from here on, in nanoseconds.
    end: u64,
    index: u64,
    random: u64,
    /// Of a Poisson process of rate 1: its time.
    unit_time: f64,
}

impl Schedule {
    /// A schedule of `nanos` nanoseconds at most; `None` for the plan's own end.
    pub fn new(curve: Curve, arrivals: Arrivals, nanos: Option<u64>) -> Self {
        let random = match arrivals {
            Arrivals::Poisson { seed } => seed,
            _ => 0,
        };
        Self {
            curve,
            arrivals,
            end: nanos.unwrap_or(u64::MAX),
            index: 0,
            random,
            unit_time: 0.0,
        }
    }

    /// The rate at a time by the plan, in datagrams per second.
    pub fn curve(&self) -> &Curve {
        &self.curve
    }

    /// An exponentially distributed number with mean 1 (splitmix64, and the inverse of its distribution).
    fn exponential(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // Above 0, so that its logarithm is finite.
        let uniform = ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        -uniform.ln()
    }
}

impl Iterator for Schedule {
    type Item = Scheduled;

    fn next(&mut self) -> Option<Scheduled> {
        let (at, size) = match &self.arrivals {
            Arrivals::Constant => (self.curve.time(self.index as f64)?, None),
            Arrivals::Poisson { .. } => {
                self.unit_time += self.exponential();
                (self.curve.time(self.unit_time)?, None)
            }
            Arrivals::Replay(recorded) => {
                let next = recorded.get(usize::try_from(self.index).ok()?)?;
                (next.at, next.size)
            }
        };
        if at >= self.end {
            return None;
        }
        let index = self.index;
        self.index += 1;
        Some(Scheduled { index, at, size })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::load::Plan;

    fn schedule(plan: &str, arrivals: Arrivals, nanos: u64) -> Schedule {
        let curve = plan.parse::<Plan>().unwrap().curve(64);
        Schedule::new(curve, arrivals, Some(nanos))
    }

    proptest! {
        #[test]
        fn constant_gaps_are_equal(rate in 1..5_000_000_u32) {
            let all = schedule(&format!("{rate}pps"), Arrivals::Constant, u64::MAX);
            for (index, due) in (0..1000_u64).zip(all) {
                let want = (index as f64 / f64::from(rate) * 1e9).round() as u64;
                prop_assert_eq!((due.index, due.at), (index, want));
            }
        }

        /// Counts in windows of a Poisson process vary as much as their mean (its Fano factor is 1).
        #[test]
        fn poisson_has_its_mean_and_its_variance(seed: u64) {
            let count = 20_000;
            let times: Vec<u64> = schedule("1kpps..3kpps/10s,3kpps", Arrivals::Poisson { seed }, 10_000_000_000)
                .map(|due| due.at)
                .collect();
            prop_assert!(times.is_sorted());
            // 6 standard deviations of a Poisson number of mean 20,000.
            prop_assert!(times.len().abs_diff(count) < 850, "{}", times.len());
            let again: Vec<u64> = schedule("1kpps..3kpps/10s,3kpps", Arrivals::Poisson { seed }, 10_000_000_000)
                .map(|due| due.at)
                .collect();
            prop_assert_eq!(&times, &again);
            // By the time change, gaps of the count are exponential with mean and variance 1.
            let curve = "1kpps..3kpps/10s,3kpps".parse::<Plan>().unwrap().curve(64);
            let counts: Vec<f64> = times.iter().map(|at| curve.count(*at)).collect();
            let gaps: Vec<f64> = counts.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            prop_assert!((0.95..1.05).contains(&mean) && (0.85..1.15).contains(&variance), "{} {}", mean, variance);
        }

        #[test]
        fn a_recording_is_replayed(gaps in prop::collection::vec((0..1_000_000_u64, prop::option::of(0..1400_u16)), 1..50)) {
            let (mut at, mut text, mut want) = (0, String::new(), Vec::new());
            for (index, (gap, size)) in (0..).zip(gaps) {
                at += gap;
                let size_text = size.map(|size| size.to_string()).unwrap_or_default();
                text += &format!("{}.{:09} {size_text}\n", at / 1_000_000_000, at % 1_000_000_000);
                want.push(Scheduled { index, at, size });
            }
            let replay = Arrivals::recording(&text).unwrap();
            let all: Vec<_> = schedule("1pps", replay, u64::MAX).collect();
            prop_assert_eq!(all, want);
        }
    }

    #[test]
    fn the_end_is_kept() {
        assert_eq!(
            schedule("10pps", Arrivals::Constant, 1_000_000_000).count(),
            10
        );
        assert_eq!(
            schedule("10pps/1s", Arrivals::Constant, u64::MAX).count(),
            10
        );
        for text in ["", "x", "0.1 70000", "1 2 3", "-1", "1e99", "NaN"] {
            Arrivals::recording(text).unwrap_err();
        }
    }
}
