//! The median and its confidence interval, without the assumption of a normal distribution.

/// Below this confidence no winner is reported: with five trials it is 93.75 %.
const ENOUGH: f64 = 0.9;

/// The median of some trials, and an interval that contains the true median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Median {
    /// The middle value, or the mean of the two in the middle.
    pub median: f64,
    /// The interval's lower end, one of the values.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The probability that the interval contains the true median, from 0 to 1: at least 0.95 from six
    /// trials on; with fewer, the confidence of their whole range.
    pub confidence: f64,
}

impl Median {
    /// Computes the median of `values`; `None` if there are none.
    ///
    /// The interval comes from order statistics: each of `n` values is equally likely below or above
    /// the true median, so the k-th values from either end enclose it unless fewer than k fell on one
    /// side; the binomial distribution gives that probability.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        let count = sorted.len();
        let upper = *sorted.get(count / 2)?;
        let lower = *sorted.get((count - 1) / 2)?;
        let (rank, confidence) = rank(count);
        let low = sorted.get(rank).copied().unwrap_or(first);
        let high = sorted.get(count - 1 - rank).copied().unwrap_or(last);
        Some(Self {
            median: lower.midpoint(upper),
            low,
            high,
            confidence,
        })
    }

    /// Whether there were enough trials (five) to rely on the interval.
    pub fn is_enough(&self) -> bool {
        self.confidence >= ENOUGH
    }

    /// Whether this one is significantly above the other: their intervals do not overlap, and there
    /// were enough trials to rely on them.
    pub fn is_above(&self, other: &Self) -> bool {
        self.is_enough() && other.is_enough() && self.low > other.high
    }
}

/// How many of `count` sorted values to leave out at either end, so that the rest contains the median
/// with at least 95 %, or with the confidence of the whole range if that is less; returns also that
/// confidence.
fn rank(count: usize) -> (usize, f64) {
    // The chance that exactly `k` of `count` fall below the median, from k = 0 on.
    let mut chance = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let mut below = chance;
    let mut best = (0, 1.0 - 2.0 * below);
    for k in 1..count.div_ceil(2) {
        chance *= (count - k + 1) as f64 / k as f64;
        below += chance;
        let confidence = 1.0 - 2.0 * below;
        if confidence < 0.95 {
            break;
        }
        best = (k, confidence);
    }
    (best.0, best.1.max(0.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Counts, of all ways in which `count` values can fall below or above the median, those where the
    /// interval without `rank` values at either end contains it.
    fn coverage(count: usize, rank: usize) -> f64 {
        let ways = 1_u32 << count;
        let held = (0..ways).filter(|way| {
            let below = way.count_ones() as usize;
            rank < below && below < count - rank
        });
        held.count() as f64 / f64::from(ways)
    }

    #[test]
    fn the_interval_is_the_narrowest_that_is_wide_enough() {
        for count in 1..=16 {
            let (out, confidence) = rank(count);
            assert!((confidence - coverage(count, out)).abs() < 1e-12, "{count}");
            assert_eq!(confidence >= 0.95, count >= 6, "{count}");
            assert!(count < 6 || coverage(count, out + 1) < 0.95, "{count}");
            assert!(count >= 6 || out == 0, "{count}");
        }
    }

    #[test]
    fn ranks_are_those_of_the_tables() {
        // Conover, Practical Nonparametric Statistics, table A3: ranks from 1.
        for (count, want) in [(6, 1), (8, 1), (9, 2), (12, 3), (15, 4), (20, 6), (25, 8)] {
            assert_eq!(rank(count).0 + 1, want, "{count}");
        }
        let (out, confidence) = rank(1000);
        assert!(
            (469..=470).contains(&(out + 1)) && confidence >= 0.95,
            "{out}"
        );
    }

    proptest! {
        #[test]
        fn a_median_has_as_many_below_as_above(values in prop::collection::vec(-1e9..1e9_f64, 1..40)) {
            let median = Median::of(&values).unwrap();
            let below = values.iter().filter(|value| **value < median.median).count();
            let above = values.iter().filter(|value| **value > median.median).count();
            prop_assert!(below <= values.len() / 2 && above <= values.len() / 2);
            prop_assert!(median.low <= median.median && median.median <= median.high);
            prop_assert!(values.contains(&median.low) && values.contains(&median.high));
            let mut backwards = values.clone();
            backwards.reverse();
            prop_assert_eq!(Median::of(&backwards), Some(median));
        }

        #[test]
        fn nobody_is_above_himself(values in prop::collection::vec(0.0..1e9_f64, 1..20)) {
            let median = Median::of(&values).unwrap();
            prop_assert!(!median.is_above(&median));
        }
    }

    #[test]
    fn a_winner_needs_five_trials_and_a_gap() {
        let of = |values: &[f64]| Median::of(values).unwrap();
        let slow = of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!(of(&[6.0, 7.0, 8.0, 9.0, 10.0]).is_above(&slow));
        assert!(!of(&[5.0, 7.0, 8.0, 9.0, 10.0]).is_above(&slow));
        assert!(
            !of(&[6.0, 7.0, 8.0, 9.0]).is_above(&slow),
            "four trials are too few"
        );
        assert_eq!(Median::of(&[]), None);
    }
}
