//! When bytes may leave, so that a window does not leave at once.

use std::time::Duration;

/// A token bucket in bytes.
///
/// The bucket starts full and holds one burst: ten segments (RFC 9002 section 7.7), or what the
/// rate gives in four milliseconds, whichever is more. A wait is for half of it at most, and never
/// shorter than one millisecond ([`Self::GRANULARITY`]), so that a timer which expires a little
/// late loses nothing.
///
/// A hard limit ([`set_limit`](Self::set_limit)) holds whatever the congestion control allows. Its
/// bursts are one segment and four milliseconds' worth.
///
/// The caller sends up to [`budget`](Self::budget). If that is less than it has, it continues at
/// [`next_send_time`](Self::next_send_time). Sending more is a debt, limited to ten segments or one
/// burst, whichever is more.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    segment: u64,
    /// Bytes that may leave; a debt if negative.
    tokens: f64,
    updated: Duration,
    rate: Option<u64>,
    limit: Option<u64>,
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
            limit: None,
        };
        pacer.tokens = pacer.burst() as f64;
        pacer
    }

    /// The path now carries datagrams of another size.
    pub fn set_segment_size(&mut self, bytes: u64) {
        self.segment = bytes;
        self.tokens = self.tokens.min(self.burst() as f64);
    }

    /// Limits the rate in bytes of UDP payload per second; `None` removes the limit.
    pub fn set_limit(&mut self, bytes_per_second: Option<u64>) {
        self.limit = bytes_per_second;
        self.rate = slower(self.rate, self.limit);
        self.tokens = self.tokens.min(self.burst() as f64);
    }

    /// How many bytes may leave now, at a rate in bytes per second from now on; unlimited without a
    /// rate and without a limit.
    pub fn budget(&mut self, now: Duration, rate: Option<u64>) -> u64 {
        self.tokens = self.tokens_at(now);
        self.updated = self.updated.max(now);
        self.rate = slower(rate, self.limit);
        let burst = self.burst() as f64;
        match self.rate {
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
        let most = self.burst().max(self.segment.saturating_mul(10)) as f64;
        self.tokens = (self.tokens - bytes as f64).max(-most);
    }

    /// When this many bytes may leave, at the last rate: a point in time, or `None` if it is now.
    /// The wait is for half a burst at most, or for one segment if that is more.
    pub fn next_send_time(&self, now: Duration, wanted: u64) -> Option<Duration> {
        let rate = self.rate?;
        let missing = self.reachable(wanted) as f64 - self.tokens_at(now);
        if missing <= 0.0 {
            return None;
        }
        let wait = Duration::try_from_secs_f64(missing / rate.max(1) as f64)
            .unwrap_or(Duration::MAX)
            // More than the rounding of nanoseconds and of tokens.
            .saturating_add(Duration::from_micros(1));
        Some(now.saturating_add(wait.max(Self::GRANULARITY)))
    }

    /// The part of `wanted` that is worth waiting for.
    fn reachable(&self, wanted: u64) -> u64 {
        let burst = self.burst();
        wanted.min((burst / 2).max(self.segment).min(burst))
    }

    /// The largest burst in bytes.
    pub fn burst(&self) -> u64 {
        let worth = self.rate.unwrap_or(0) / 250;
        if self.limit.is_some() && self.limit == self.rate {
            return self.segment.saturating_add(worth);
        }
        self.segment.saturating_mul(10).max(worth)
    }

    /// Tokens before they are limited to a burst.
    fn tokens_at(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.updated).as_secs_f64();
        let rate = self.rate.unwrap_or(0) as f64;
        self.tokens + passed * rate
    }
}

/// The lower of two rates, of those that there are.
fn slower(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    [one, other].into_iter().flatten().min()
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
        // Half a burst is there: nothing to wait for, though the caller would send more.
        let next = pacer.next_send_time(Duration::from_millis(10), 12_000);
        assert_eq!(next, None);
        pacer.on_sent(10_000);
        let next = pacer.next_send_time(Duration::from_millis(10), 12_000);
        assert_eq!(next, Some(Duration::from_micros(16_001)));
        let soon = pacer.next_send_time(Duration::from_millis(10), 1);
        assert_eq!(soon, Some(Duration::from_millis(11))); // not a microsecond
    }

    /// What leaves in a time, by a caller whose timers expire up to 1.5 ms late.
    fn sent_in(seconds: u64, limit: u64, segment: u64, control: Option<u64>, seed: u64) -> u64 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pacer = Pacer::new(segment);
        pacer.set_limit(Some(limit));
        let burst = segment + limit / 250;
        let (mut now, mut sent) = (Duration::ZERO, 0);
        while now < Duration::from_secs(seconds) {
            let bytes = pacer.budget(now, control) / segment * segment;
            assert!(bytes <= burst, "{bytes} at once");
            pacer.on_sent(bytes);
            sent += bytes;
            let next = pacer.next_send_time(now, u64::MAX).unwrap_or(now);
            now = next.max(now) + Duration::from_micros(random.u64(1..1_500));
        }
        sent
    }

    #[test]
    fn a_limit_is_kept_within_three_percent() {
        for bits in [
            64_000,
            1_000_000,
            20_000_000,
            1_000_000_000,
            100_000_000_000_u64,
        ] {
            for segment in [1_200, 1_472, 8_972] {
                for (control, seed) in [None, Some(bits), Some(u64::MAX)].into_iter().zip(1..) {
                    let limit = bits / 8;
                    // Long enough for a hundred datagrams.
                    let seconds = (segment * 100 / limit).max(5);
                    let sent = sent_in(seconds, limit, segment, control, seed);
                    let share = sent as f64 / (limit * seconds) as f64;
                    assert!(
                        (0.97..=1.03).contains(&share),
                        "{share} of {bits}, {segment}, {control:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_limit_above_the_rate_changes_nothing() {
        let (mut free, mut limited) = (Pacer::new(1200), Pacer::new(1200));
        limited.set_limit(Some(1_000_001));
        for at in 0..20 {
            let now = Duration::from_millis(at);
            let budget = limited.budget(now, Some(1_000_000));
            if at > 9 {
                assert_eq!(budget, free.budget(now, Some(1_000_000)));
            }
            free.budget(now, Some(1_000_000));
        }
        limited.set_limit(None);
        assert_eq!(limited.budget(Duration::from_millis(20), None), u64::MAX);
    }

    #[test]
    fn fast_paths_burst_by_the_millisecond_and_jumbo_ones_by_the_segment() {
        let mut pacer = Pacer::new(1200);
        pacer.budget(Duration::ZERO, Some(5_000_000_000));
        assert_eq!(pacer.burst(), 20_000_000);
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
                let worth = wanted.min((pacer.burst() / 2).max(1200));
                prop_assert!(budget >= worth, "{budget} of {wanted}");
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
                pacer.set_limit(rate.filter(|rate| rate % 2 == 0));
                prop_assert!(pacer.tokens.is_finite());
            }
            pacer.next_send_time(Duration::MAX, 1);
        }
    }
}
