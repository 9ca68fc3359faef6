//! When bytes may leave, so that a window does not leave at once.

use std::time::Duration;

/// A token bucket in bytes.
///
/// The bucket starts full and holds one burst: ten segments (RFC 9002 section 7.7), or what the
/// rate gives in two milliseconds, whichever is more. Two, because a timer is never set for less
/// than one ([`Self::GRANULARITY`]) and may expire a little late: a late caller finds the tokens of
/// the whole wait.
///
/// The caller sends up to [`budget`](Self::budget). If that is less than it has, it continues at
/// [`next_send_time`](Self::next_send_time). Sending more is a debt, limited to one burst.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    segment: u64,
    /// Bytes that may leave; a debt if negative.
    tokens: f64,
    updated: Duration,
    rate: Option<u64>,
}

impl Pacer {
    /// The shortest wait: one millisecond. ppoll(2) wakes 50 microseconds late by default, and a
    /// timer per datagram costs more than the datagram.
    pub const GRANULARITY: Duration = Duration::from_millis(1);

    /// A full bucket for datagrams of `segment` bytes.
    pub fn new(segment: u64) -> Self {
        let mut pacer = Self {
            segment,
            tokens: 0.0,
            updated: Duration::ZERO,
            rate: None,
        };
        pacer.tokens = pacer.burst() as f64;
        pacer
    }

    /// The path now carries datagrams of another size.
    pub fn set_segment_size(&mut self, bytes: u64) {
        self.segment = bytes;
        self.tokens = self.tokens.min(self.burst() as f64);
    }

    /// How many bytes may leave now, at a rate in bytes per second from now on; unlimited without a
    /// rate.
    pub fn budget(&mut self, now: Duration, rate: Option<u64>) -> u64 {
        self.tokens = self.tokens_at(now);
        self.updated = self.updated.max(now);
        self.rate = rate;
        let burst = self.burst() as f64;
        match rate {
            None => {
                self.tokens = burst;
                u64::MAX
            }
            Some(_) => {
                self.tokens = self.tokens.min(burst);
                self.tokens as u64
            }
        }
    }

    /// Takes `bytes` that were sent out of the bucket.
    pub fn on_sent(&mut self, bytes: u64) {
        self.tokens = (self.tokens - bytes as f64).max(-(self.burst() as f64));
    }

    /// When this many bytes may leave, at the last rate: a point in time, or `None` if it is now.
    /// The wait is never for more than one burst.
    pub fn next_send_time(&self, now: Duration, wanted: u64) -> Option<Duration> {
        let rate = self.rate?;
        let missing = wanted.min(self.burst()) as f64 - self.tokens_at(now);
        if missing <= 0.0 {
            return None;
        }
        let wait = Duration::try_from_secs_f64(missing / rate.max(1) as f64)
            .unwrap_or(Duration::MAX)
            // More than the rounding of nanoseconds and of tokens.
            .saturating_add(Duration::from_micros(1));
        Some(now.saturating_add(wait.max(Self::GRANULARITY)))
    }

    /// The largest burst in bytes.
    pub fn burst(&self) -> u64 {
        let worth = self.rate.unwrap_or(0) / 500;
        self.segment.saturating_mul(10).max(worth)
    }

    /// Tokens before they are limited to a burst.
    fn tokens_at(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.updated).as_secs_f64();
        let rate = self.rate.unwrap_or(0) as f64;
        self.tokens + passed * rate
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut pacer = Pacer::new(1200);
        let rate = Some(1_000_000);
        assert_eq!(pacer.budget(Duration::ZERO, rate), 12_000);
        pacer.on_sent(12_000);
        assert_eq!(pacer.budget(Duration::ZERO, rate), 0);
        assert_eq!(pacer.budget(Duration::from_millis(10), rate), 10_000);
        let next = pacer
            .next_send_time(Duration::from_millis(10), 12_000)
            .unwrap();
        assert_eq!(next, Duration::from_micros(12_001));
        let soon = pacer
            .next_send_time(Duration::from_millis(10), 10_001)
            .unwrap();
        assert_eq!(soon, Duration::from_millis(11)); // not a microsecond
        assert_eq!(
            pacer.next_send_time(Duration::from_millis(10), 10_000),
            None
        );
    }

    #[test]
    fn fast_paths_burst_by_the_millisecond_and_jumbo_ones_by_the_segment() {
        let mut pacer = Pacer::new(1200);
        pacer.budget(Duration::ZERO, Some(5_000_000_000));
        assert_eq!(pacer.burst(), 10_000_000);
        assert_eq!(Pacer::new(65_507).burst(), 655_070);
    }

    proptest! {
        /// In any interval, no more leaves than the rate gives and one burst; nothing panics.
        #[test]
        fn never_more_than_the_rate(
            rate in 1_u64..10_000_000_000,
            steps in prop::collection::vec((0_u64..50_000_000, 1_u64..200_000), 1..200),
        ) {
            let mut pacer = Pacer::new(1200);
            let (mut now, mut left) = (Duration::ZERO, 0_u64);
            for (passed, wanted) in steps {
                now += Duration::from_nanos(passed);
                let budget = pacer.budget(now, Some(rate));
                prop_assert!(budget <= pacer.burst(), "{budget} at once");
                let bytes = budget.min(wanted);
                pacer.on_sent(bytes);
                left += bytes;
                let most = pacer.burst() as f64 + now.as_secs_f64() * rate as f64;
                prop_assert!(left as f64 <= most + 1.0, "{left} > {most}");
            }
        }

        /// The bytes asked for may leave at the returned time, and a waiting caller keeps the rate.
        #[test]
        fn what_was_waited_for_is_there(rate in 1_u64..u64::MAX, wanted in 1_u64..1_000_000, at in 0_u64..u64::MAX) {
            let mut now = Duration::from_nanos(at);
            let mut pacer = Pacer::new(1200);
            for _ in 0..20 {
                let mut budget = pacer.budget(now, Some(rate));
                if let Some(next) = pacer.next_send_time(now, wanted) {
                    prop_assert!(next >= now + Pacer::GRANULARITY);
                    now = next;
                    budget = pacer.budget(now, Some(rate));
                }
                prop_assert!(budget >= wanted.min(pacer.burst()), "{budget} of {wanted}");
                pacer.on_sent(wanted);
            }
        }

        /// Arbitrary calls, with clocks that go back.
        #[test]
        fn nothing_panics(steps in prop::collection::vec((any::<u64>(), any::<Option<u64>>(), any::<u64>(), any::<u64>()), 1..50)) {
            let mut pacer = Pacer::new(steps[0].3);
            for (now, rate, bytes, segment) in steps {
                let now = Duration::from_nanos(now);
                pacer.budget(now, rate);
                pacer.on_sent(bytes);
                pacer.next_send_time(now, bytes);
                pacer.set_segment_size(segment);
                prop_assert!(pacer.tokens.is_finite());
            }
            pacer.next_send_time(Duration::MAX, 1);
        }
    }
}
