//! The round-trip time, estimated from samples (RFC 6298).

use std::time::Duration;

use crate::units::LONGEST;

/// The round-trip estimate of RFC 6298: a smoothed mean, a mean deviation, and the retransmission
/// timeout that follows from them.
///
/// ```
/// use std::time::Duration;
/// use udpraw::protocol::RttEstimator;
/// let mut estimate = RttEstimator::default();
/// assert_eq!(estimate.timeout(), Duration::from_secs(1)); // before any sample: rule 2.1
/// estimate.sample(Duration::from_millis(800));
/// assert_eq!(estimate.smoothed(), Some(Duration::from_millis(800)));
/// assert_eq!(estimate.timeout(), Duration::from_millis(800 + 4 * 400));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RttEstimator {
    smoothed: Option<Duration>,
    variation: Duration,
}

impl RttEstimator {
    /// The timeout before the first sample, and the minimum on the Internet: 1 s (rules 2.1 and
    /// 2.4; RFC 8085 section 3.1.1).
    pub const MIN_TIMEOUT: Duration = Duration::from_secs(1);
    /// The longest timeout: 60 s (rule 2.5).
    pub const MAX_TIMEOUT: Duration = Duration::from_secs(60);
    /// The clock granularity, `G` of the rules: one millisecond, more than ppoll's timer slack.
    const GRANULARITY: Duration = Duration::from_millis(1);
    /// The smallest margin of a probe timeout. RFC 9002 recommends 1 ms, or the system's timer
    /// granularity if that is more: a process on a busy machine may wait several for a CPU.
    const PROBE_MARGIN: Duration = Duration::from_millis(10);

    /// Adds one measured round trip. By Karn's rule it must not be of a datagram that was sent more
    /// than once, unless the reply names the one that it answers (section 3).
    pub fn sample(&mut self, round_trip: Duration) {
        // No sum of a few overflows.
        let round_trip = round_trip.min(LONGEST);
        match self.smoothed {
            None => {
                self.smoothed = Some(round_trip);
                self.variation = round_trip / 2;
            }
            Some(smoothed) => {
                // Rule 2.3: the deviation first, from the old mean; beta 1/4, alpha 1/8.
                let deviation = smoothed.abs_diff(round_trip);
                self.variation = self.variation.saturating_mul(3).saturating_add(deviation) / 4;
                self.smoothed = Some(smoothed.saturating_mul(7).saturating_add(round_trip) / 8);
            }
        }
    }

    /// The smoothed round trip (`SRTT`), once there is a sample.
    pub fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The mean deviation (`RTTVAR`); zero before the first sample.
    pub fn variation(&self) -> Duration {
        self.variation
    }

    /// How long to wait before a retransmission (`RTO`): within [`Self::MIN_TIMEOUT`] and
    /// [`Self::MAX_TIMEOUT`].
    pub fn timeout(&self) -> Duration {
        self.smoothed.map_or(Self::MIN_TIMEOUT, |smoothed| {
            let margin = self.variation.saturating_mul(4).max(Self::GRANULARITY);
            smoothed
                .saturating_add(margin)
                .clamp(Self::MIN_TIMEOUT, Self::MAX_TIMEOUT)
        })
    }

    /// How long to wait before a retransmission if each reply is a sample (`PTO`, RFC 9002 section
    /// 6.2.1): 1 s before the first sample, and without that floor afterwards.
    ///
    /// ```
    /// use std::time::Duration;
    /// use udpraw::protocol::RttEstimator;
    /// let mut estimate = RttEstimator::default();
    /// assert_eq!(estimate.probe_timeout(), Duration::from_secs(1));
    /// estimate.sample(Duration::from_millis(50));
    /// assert_eq!(estimate.probe_timeout(), Duration::from_millis(50 + 4 * 25));
    /// ```
    pub fn probe_timeout(&self) -> Duration {
        self.smoothed.map_or(Self::MIN_TIMEOUT, |smoothed| {
            let margin = self.variation.saturating_mul(4).max(Self::PROBE_MARGIN);
            smoothed.saturating_add(margin).min(Self::MAX_TIMEOUT)
        })
    }

    /// The interval at which there is at most one datagram per round trip, once there is a sample.
    pub(super) fn gap(&self) -> Option<Duration> {
        self.smoothed
            .map(|smoothed| smoothed.clamp(Self::GRANULARITY, Self::MAX_TIMEOUT))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rules in floating point, as the RFC writes them.
    fn by_the_book(samples: &[u64]) -> (f64, f64, f64) {
        let (mut srtt, mut rttvar) = (samples[0] as f64, samples[0] as f64 / 2.0);
        for &sample in &samples[1..] {
            rttvar = 0.75 * rttvar + 0.25 * (srtt - sample as f64).abs();
            srtt = 0.875 * srtt + 0.125 * sample as f64;
        }
        (
            srtt,
            rttvar,
            (srtt + (4.0 * rttvar).max(1e6)).clamp(1e9, 60e9),
        )
    }

    proptest! {
        #[test]
        fn agrees_with_the_rules(samples in prop::collection::vec(0_u64..100_000_000_000, 1..40)) {
            let mut estimate = RttEstimator::default();
            for &sample in &samples {
                estimate.sample(Duration::from_nanos(sample));
            }
            let (srtt, rttvar, rto) = by_the_book(&samples);
            let near = |have: Duration, want: f64| (have.as_nanos() as f64 - want).abs() <= 40.0;
            prop_assert!(near(estimate.smoothed().unwrap(), srtt));
            prop_assert!(near(estimate.variation(), rttvar));
            prop_assert!((estimate.timeout().as_nanos() as f64 - rto).abs() <= 200.0);
            let pto = (srtt + (4.0 * rttvar).max(10e6)).min(60e9);
            prop_assert!((estimate.probe_timeout().as_nanos() as f64 - pto).abs() <= 200.0);
        }

        /// No sample can make it overflow, nor its timeouts leave their bounds.
        #[test]
        fn takes_any_sample(samples in prop::collection::vec(any::<(u64, u32)>(), 1..20)) {
            let mut estimate = RttEstimator::default();
            for (seconds, nanos) in samples {
                estimate.sample(Duration::new(seconds, nanos % 1_000_000_000));
                prop_assert!(estimate.timeout() <= RttEstimator::MAX_TIMEOUT);
                prop_assert!(estimate.probe_timeout() <= RttEstimator::MAX_TIMEOUT);
                prop_assert!(estimate.probe_timeout() > Duration::ZERO);
            }
        }
    }
}
