//! The round-trip time of the path.

use std::time::Duration;

use crate::protocol::RttEstimator;
use crate::protocol::congestion::RttSample;
use crate::units::LONGEST;

/// The smallest margin of a probe timeout: timers are no finer.
const GRANULARITY: Duration = Duration::from_millis(1);
/// The assumed round trip before the first sample (RFC 9002 section 6.2.2).
const ASSUMED: Duration = Duration::from_millis(333);
/// The round trips of a path, measured by its acknowledgements (RFC 9002 section 5).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathRtt {
    estimate: RttEstimator,
    latest: Duration,
    min: Option<Duration>,
}

impl PathRtt {
    /// Adds a sample, `delay` of which was spent at the receiver.
    pub(super) fn sample(&mut self, whole: Duration, delay: Duration) {
        let whole = whole.min(LONGEST);
        let min = self.min.map_or(whole, |min| min.min(whole));
        self.min = Some(min);
        // A delay that would make it shorter than the minimum is ignored.
        let net = whole.saturating_sub(delay);
        self.latest = if net >= min { net } else { whole };
        self.estimate.sample(self.latest);
    }

    /// Adds the round trip of the handshake, unless its question was sent more than once: then the
    /// answer is ambiguous (Karn's rule).
    pub(super) fn sample_first(&mut self, now: Duration, sent: (Duration, u32)) {
        if sent.1 == 1 {
            self.sample(now.saturating_sub(sent.0), Duration::ZERO);
        }
    }

    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.estimate.smoothed()
    }

    pub(super) fn shortest(&self) -> Option<Duration> {
        self.min
    }

    pub(super) fn all(&self) -> RttSample {
        RttSample {
            latest: self.latest,
            smoothed: self.smoothed().unwrap_or(ASSUMED),
            min: self.min.unwrap_or(ASSUMED),
        }
    }

    /// How long to wait for an answer to the last datagram (RFC 9002 section 6.2.1).
    pub(super) fn probe_timeout(&self, delay: Duration) -> Duration {
        let Some(smoothed) = self.estimate.smoothed() else {
            return ASSUMED * 3;
        };
        smoothed + (self.estimate.variation() * 4).max(GRANULARITY) + delay
    }
}
