//! The summary of all requests: their round trips, and the rate.

use std::time::Duration;

use hdrhistogram::Histogram;
use udpraw::client::{Rate, Slow};

/// That the rate was not reached, and why.
pub(super) fn too_slow(rate: Rate) -> Option<String> {
    let why = match rate.slow? {
        Slow::Replies(mean) => {
            format!("only one request is open at a time, and each took {mean:.1?} on average")
        }
        Slow::Elsewhere => "the input or the output was slower".into(),
        Slow::Timer => "this machine's timer is slower".into(),
        _ => "something else was slower".into(),
    };
    let (asked, reached) = (per_second(rate.asked), per_second(rate.reached));
    Some(format!(
        "{reached} requests per second instead of {asked}: {why}"
    ))
}

/// A rate in four digits: `9870`, `0.3333`.
fn per_second(rate: f64) -> String {
    match rate {
        1000.0.. => format!("{rate:.0}"),
        10.0.. => format!("{rate:.1}"),
        _ => format!("{rate:.3}"),
    }
}

/// The round trips of all requests, in memory that does not grow with their number.
#[derive(Default)]
pub(super) struct RttSample {
    /// In nanoseconds, to a thousandth. Made for the first one.
    histogram: Option<Histogram<u64>>,
    ends: Option<(Duration, Duration)>,
}

impl RttSample {
    pub(super) fn record(&mut self, time: Duration) {
        let (least, most) = self.ends.unwrap_or((time, time));
        self.ends = Some((least.min(time), most.max(time)));
        if self.histogram.is_none() {
            self.histogram = Histogram::new(3).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            // It grows up to this value, of 36 years, and then no more: the record cannot fail.
            let _ = histogram.record(nanos.min(1 << 60));
        }
    }

    /// How many there were.
    pub(super) fn samples(&self) -> u64 {
        self.histogram.as_ref().map_or(0, Histogram::len)
    }

    /// The least, the median and the most.
    pub(super) fn sum(&self) -> Option<[Duration; 3]> {
        let ((least, most), histogram) = (self.ends?, self.histogram.as_ref()?);
        let median = Duration::from_nanos(histogram.value_at_quantile(0.5));
        // A cell's upper end may lie beyond what was recorded in it.
        Some([least, median.clamp(least, most), most])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_take_no_memory_of_their_own() {
        let mut trips = RttSample::default();
        assert_eq!((trips.sum(), trips.samples()), (None, 0));
        trips.record(Duration::from_nanos(61_300));
        let only = Duration::from_nanos(61_300);
        assert_eq!(trips.sum(), Some([only; 3]));
        for number in 0..100_000_u64 {
            trips.record(Duration::from_micros(number % 1000 + 1));
        }
        for odd in [Duration::ZERO, Duration::MAX] {
            trips.record(odd);
        }
        let [least, median, most] = trips.sum().unwrap();
        assert_eq!((least, most), (Duration::ZERO, Duration::MAX));
        assert!(
            (499.0..=502.0).contains(&(median.as_nanos() as f64 / 1e3)),
            "{median:?}"
        );
        assert_eq!(trips.samples(), 100_003);
        // Whatever was recorded: the cells of all powers of two.
        let cells = trips
            .histogram
            .as_ref()
            .map_or(0, Histogram::distinct_values);
        assert!(cells < 60_000, "{cells}");
    }
}
