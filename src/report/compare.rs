//! What changed between two measurements, and whether it is more than chance.
//!
//! The interval of each change comes from the stationary bootstrap over the intervals of both sides: Politis
//! and Romano, "The Stationary Bootstrap", Journal of the American Statistical Association 89 (1994),
//! 1303-1313. It draws runs of neighbouring intervals, since what is slow in one interval is often slow in
//! the next; drawn one by one, they would look like more evidence than they are. The mean length of such a
//! run is the cube root of the number of intervals, the rate that Politis and White recommend ("Automatic
//! Block-Length Selection for the Dependent Bootstrap", Econometric Reviews 23 (2004), 53-70). Percentiles
//! are those of the merged histograms of the drawn intervals, not means of percentiles.

use super::distribution::Distribution;
use super::merge::Merged;
use super::run::{Figures, condense};

/// How often intervals are drawn.
const DRAWS: usize = 1000;

/// The part of the draws that an interval of a change leaves out, half at either end: 1 %, since several
/// figures are compared at once and each has its chance to be wrong.
const LEFT_OUT: f64 = 0.01;

/// With fewer intervals on a side, no verdict is given.
pub const FEWEST: usize = 10;

/// The most intervals on a side: neighbours of more are joined.
const INTERVALS: usize = 200;

/// The seed of the draws: the same files give the same verdict.
const SEED: u64 = 1;

/// A percentile needs this many values beyond it.
const BEYOND: f64 = 10.0;

/// What a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The figure rose.
    Higher,
    /// It fell.
    Lower,
    /// Chance explains it: the interval contains no change.
    Noise,
    /// There are too few intervals to say.
    TooFew,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Noise => "within the noise",
            Self::TooFew => "too few intervals",
        }
    }
}

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Nanoseconds.
    Nanos,
    /// A part of a whole, from 0 to 1.
    Part,
    /// Datagrams per second.
    PerSecond,
}

/// A figure before and now.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// Its name, such as `p99`.
    pub figure: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// What it was.
    pub old: f64,
    /// What it is.
    pub new: f64,
    /// The change: relative (0.1 is a tenth more), but absolute for a part of a whole.
    pub change: f64,
    /// An interval that contains the true change with 99 % confidence; `None` with too few intervals.
    pub interval: Option<(f64, f64)>,
    /// What it means.
    pub verdict: Verdict,
}

impl Change {
    /// Whether it is for the worse.
    pub fn is_worse(&self) -> bool {
        match self.unit {
            Unit::PerSecond => self.verdict == Verdict::Lower,
            _ => self.verdict == Verdict::Higher,
        }
    }
}

/// Compares two measurements.
///
/// # Errors
/// If their histograms differ in precision.
pub fn compare(old: &Merged, new: &Merged) -> Result<Vec<Change>, String> {
    let (old, new) = (Side::new(old)?, Side::new(new)?);
    let is_enough = old.parts.len() >= FEWEST && new.parts.len() >= FEWEST;
    let mut random = fastrand::Rng::with_seed(SEED);
    // The figures of each draw, on either side.
    let mut draws = Vec::new();
    if is_enough {
        for _ in 0..DRAWS {
            draws.push((old.draw(&mut random), new.draw(&mut random)));
        }
    }
    let (before, now) = (old.whole(), new.whole());
    let resolution = 2.0 * old.resolution.max(new.resolution);
    let mut changes = Vec::new();
    for (at, (figure, unit)) in FIGURES.iter().enumerate() {
        let (Some(before), Some(now)) = (before[at], now[at]) else {
            continue;
        };
        let differ = |before: f64, now: f64| match unit {
            Unit::Part => now - before,
            _ => now / before.max(f64::MIN_POSITIVE) - 1.0,
        };
        let mut all: Vec<f64> = draws
            .iter()
            .filter_map(|(before, now)| Some(differ(before[at]?, now[at]?)))
            .collect();
        all.sort_by(f64::total_cmp);
        let change = differ(before, now);
        let interval = range(&all);
        let fine = match unit {
            Unit::Nanos => resolution,
            _ => 0.0,
        };
        let verdict = match interval {
            None => Verdict::TooFew,
            Some((low, _)) if low > 0.0 && change > fine => Verdict::Higher,
            Some((_, high)) if high < 0.0 && change < -fine => Verdict::Lower,
            Some(_) => Verdict::Noise,
        };
        changes.push(Change {
            figure,
            unit: *unit,
            old: before,
            new: now,
            change,
            interval,
            verdict,
        });
    }
    Ok(changes)
}

/// The middle of the draws.
fn range(sorted: &[f64]) -> Option<(f64, f64)> {
    // A figure that most draws lack is none to reckon with.
    if sorted.len() < DRAWS / 2 {
        return None;
    }
    let out = (sorted.len() as f64 * LEFT_OUT / 2.0) as usize;
    Some((*sorted.get(out)?, *sorted.get(sorted.len() - 1 - out)?))
}

/// What is compared.
const FIGURES: [(&str, Unit); 6] = [
    ("p50", Unit::Nanos),
    ("p90", Unit::Nanos),
    ("p99", Unit::Nanos),
    ("p99.9", Unit::Nanos),
    ("loss", Unit::Part),
    ("rate", Unit::PerSecond),
];

/// The quantiles of the first ones.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// The figures of some intervals; `None` where there are too few values.
type Values = [Option<f64>; FIGURES.len()];

/// An interval, ready to be added up often.
struct Part {
    /// Place in [`Side::values`] and count.
    counts: Vec<(usize, u64)>,
    lost: u64,
    sent: u64,
    seconds: f64,
}

/// One side of a comparison.
struct Side {
    /// All values of all histograms, sorted.
    values: Vec<u64>,
    parts: Vec<Part>,
    resolution: f64,
}

impl Side {
    fn new(merged: &Merged) -> Result<Self, String> {
        let mut intervals = merged.intervals.clone();
        // What follows the last datagram is a wait for answers, and no interval like the others: its answers
        // belong to the one before.
        while let [.., before, last] = &mut intervals[..]
            && (last.sent() == 0 || last.elapsed_ns < before.elapsed_ns / 2)
            && before.streams().next().is_some()
        {
            let elapsed_ns = before.elapsed_ns;
            before.add(last, super::run::Together::After)?;
            before.elapsed_ns = elapsed_ns;
            intervals.pop();
        }
        condense(&mut intervals, INTERVALS)?;
        let times = |it: &Figures| it.main_times().map(|(_, times)| times.clone());
        let all: Vec<Distribution> = intervals
            .iter()
            .map(|it| times(it).unwrap_or_default())
            .collect();
        let mut values: Vec<u64> = all
            .iter()
            .flat_map(|times| times.buckets().iter().map(|bucket| bucket.0))
            .collect();
        values.sort_unstable();
        values.dedup();
        let place = |value: u64| values.binary_search(&value).unwrap_or_default();
        let parts = intervals.iter().zip(&all).map(|(interval, times)| {
            let (lost, sent) = interval.lost_of_sent();
            let counts = times.buckets().iter();
            Part {
                counts: counts
                    .map(|(value, count)| (place(*value), *count))
                    .collect(),
                lost,
                sent,
                seconds: interval.seconds(),
            }
        });
        Ok(Self {
            parts: parts.collect(),
            resolution: all.iter().map(Distribution::resolution).fold(0.0, f64::max),
            values,
        })
    }

    /// The figures of all intervals.
    fn whole(&self) -> Values {
        self.figures(0..self.parts.len())
    }

    /// The figures of intervals that are drawn.
    fn draw(&self, random: &mut fastrand::Rng) -> Values {
        let count = self.parts.len();
        let restart = 1.0 / (count as f64).cbrt();
        let mut at = 0;
        let drawn: Vec<usize> = (0..count)
            .map(|step| {
                at = if step == 0 || random.f64() < restart {
                    random.usize(..count)
                } else {
                    (at + 1) % count
                };
                at
            })
            .collect();
        self.figures(drawn)
    }

    fn figures(&self, drawn: impl IntoIterator<Item = usize>) -> Values {
        let mut counts = vec![0_u64; self.values.len()];
        let (mut lost, mut sent, mut seconds) = (0_u64, 0_u64, 0.0);
        for part in drawn.into_iter().filter_map(|at| self.parts.get(at)) {
            for (place, count) in &part.counts {
                counts[*place] = counts[*place].saturating_add(*count);
            }
            lost = lost.saturating_add(part.lost);
            sent = sent.saturating_add(part.sent);
            seconds += part.seconds;
        }
        let all = counts
            .iter()
            .fold(0_u64, |sum, count| sum.saturating_add(*count));
        let mut values = [None; FIGURES.len()];
        let (mut seen, mut at) = (0_u64, 0);
        for (place, quantile) in QUANTILES.iter().enumerate() {
            if all as f64 * (1.0 - quantile) < BEYOND {
                break;
            }
            let wanted = (all as f64 * quantile).ceil() as u64;
            while seen < wanted && at < counts.len() {
                seen = seen.saturating_add(counts[at]);
                at += 1;
            }
            values[place] = self.values.get(at.saturating_sub(1)).map(|it| *it as f64);
        }
        if sent > 0 {
            values[4] = Some((lost as f64 / sent as f64).min(1.0));
            values[5] = Some(sent as f64 / f64::max(seconds, 1e-9));
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::report::run::{Run, Stream};

    /// A run whose intervals have a slowly changing delay: neighbours are alike.
    fn run(seed: u64, count: usize, scale: f64, loss: f64) -> Merged {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut level = 0.0_f64;
        let mut run = Run::new(&format!("run {seed}"));
        run.started = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seed);
        for at in 0..count as u64 {
            level = 0.7 * level + 0.05 * (random.f64() - 0.5);
            let mut lost = 0;
            let times = (0..200).filter_map(|_| {
                let sample = (1.0 + level) * scale * (50_000.0 - 20_000.0 * random.f64().ln());
                if random.f64() < loss {
                    lost += 1;
                    None
                } else {
                    Some(sample as u64)
                }
            });
            let times = Distribution::of(times);
            run.intervals.push(Figures {
                start_ns: at * 1_000_000_000,
                elapsed_ns: 1_000_000_000,
                round_trip: Some(Stream {
                    scheduled: 200,
                    sent: 200,
                    arrived: 200 - lost,
                    lost,
                    ..Stream::default()
                }),
                latency: Some(times),
                ..Figures::default()
            });
        }
        Merged::new(vec![run]).unwrap()
    }

    fn verdict(changes: &[Change], figure: &str) -> Verdict {
        let change = changes.iter().find(|change| change.figure == figure);
        change.unwrap().verdict
    }

    #[test]
    fn the_same_thing_twice_is_noise_and_a_change_is_not() {
        let (mut wrong, mut found) = (0, 0);
        for seed in 0..5 {
            let old = run(2 * seed, 40, 1.0, 0.02);
            let same = compare(&old, &run(2 * seed + 1, 40, 1.0, 0.02)).unwrap();
            assert_eq!(same.len(), 5, "{same:?}");
            wrong += same
                .iter()
                .filter(|it| it.verdict != Verdict::Noise)
                .count();
            let slower = compare(&old, &run(2 * seed + 1, 40, 1.2, 0.06)).unwrap();
            found += usize::from(verdict(&slower, "p50") == Verdict::Higher);
            found += usize::from(verdict(&slower, "loss") == Verdict::Higher);
            assert_eq!(verdict(&slower, "rate"), Verdict::Noise);
        }
        // 25 comparisons with a chance of 1 % each, and 10 real changes.
        assert!(wrong <= 2, "{wrong} false alarms of 25");
        assert!(found >= 9, "{found} changes found of 10");
    }

    #[test]
    fn verdicts_are_repeatable_and_need_intervals() {
        let (old, new) = (run(1, 20, 1.0, 0.0), run(2, 20, 1.5, 0.0));
        let changes = compare(&old, &new).unwrap();
        assert_eq!(changes, compare(&old, &new).unwrap());
        let p99 = changes.iter().find(|it| it.figure == "p99").unwrap();
        assert!(
            p99.is_worse() && (0.3..0.7).contains(&p99.change),
            "{p99:?}"
        );
        assert_eq!(verdict(&changes, "loss"), Verdict::Noise);
        let back = compare(&new, &old).unwrap();
        assert_eq!(verdict(&back, "p99"), Verdict::Lower);
        let few = compare(&run(1, 9, 1.0, 0.0), &new).unwrap();
        assert!(
            few.iter()
                .all(|it| it.verdict == Verdict::TooFew && it.interval.is_none())
        );
        // Itself is never a change, and nothing at all neither.
        let itself = compare(&old, &old).unwrap();
        assert!(itself.iter().all(|it| it.verdict == Verdict::Noise));
    }
}
