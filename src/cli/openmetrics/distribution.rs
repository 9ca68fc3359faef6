//! A histogram as the text format has it.

use hdrhistogram::Histogram;

/// The upper bounds of the buckets of times, in nanoseconds: 1, 2.5 and 5 in each decade from 1 µs to
/// 10 s.
const BOUNDS: [u64; 22] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Counts of classic buckets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distribution {
    pub(super) sum: f64,
    pub(super) count: u64,
    /// The upper bound of each bucket, and how many values are in it and in no lower one.
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Distribution {
    /// Times that were recorded in nanoseconds, in seconds. A value is as precise as the histogram is:
    /// with three digits, one of up to 0.1 % more than a bucket's bound may count in that bucket.
    ///
    /// Only growing counts make growing sums: the histogram must not be reset between two pages.
    pub(crate) fn of_nanoseconds(histogram: &Histogram<u64>) -> Self {
        let mut counts = [0_u64; BOUNDS.len() + 1];
        let mut sum = 0.0;
        for step in histogram.iter_recorded() {
            let count = step.count_since_last_iteration();
            let value = step.value_iterated_to();
            let lowest = histogram.lowest_equivalent(value);
            let bucket = BOUNDS.partition_point(|bound| *bound < lowest);
            counts[bucket] += count;
            sum += histogram.median_equivalent(value) as f64 * count as f64;
        }
        let seconds = BOUNDS.map(|bound| bound as f64 / 1e9);
        let bounds = seconds.into_iter().chain([f64::INFINITY]);
        Self {
            sum: sum / 1e9,
            count: histogram.len(),
            buckets: bounds.zip(counts).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn buckets_count_what_a_list_counts(values in prop::collection::vec(1..60_000_000_000_u64, 0..200)) {
            let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
            for value in &values {
                histogram.record(*value).unwrap();
            }
            let all = Distribution::of_nanoseconds(&histogram);
            prop_assert_eq!(all.count, values.len() as u64);
            let exact = values.iter().map(|value| *value as f64).sum::<f64>() / 1e9;
            prop_assert!((all.sum - exact).abs() <= exact * 0.001 + 1e-9, "{} {}", all.sum, exact);
            let mut sum = 0;
            for (bound, count) in &all.buckets {
                sum += count;
                // Only within the histogram's precision of the bound can one be in the next bucket.
                let upto = |bound: f64| values.iter().filter(|value| **value as f64 <= bound * 1e9).count() as u64;
                prop_assert!(sum >= upto(*bound) && sum <= upto(bound * 1.001), "{bound}");
            }
            prop_assert_eq!(sum, all.count);
        }
    }
}
