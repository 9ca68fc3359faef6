//! How long to wait for a reply, and when to give up.

use std::time::Duration;

use super::RttEstimator;
use crate::error::{Error, Result};

/// A rule for how long to wait before a request is retransmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backoff {
    /// The textbook's: 0.1 s, doubled at each try, abandoned once the wait exceeds 2.0 s. Too aggressive for the
    /// Internet.
    Book,
    /// RFC 8085 section 3.1.1: the timeout of RFC 6298, at least 1 s, doubled at each try.
    Rfc8085,
    /// The probe timeout of RFC 9002 section 6.2: 1 s before the first round-trip sample, without
    /// that floor afterwards. Only for requests whose replies name the attempt that they answer
    /// ([`exchange`](super::exchange)): otherwise a retransmission gives no sample (Karn's rule),
    /// and a timeout that has become too short would never recover.
    ///
    /// Once there is a sample, two datagrams are sent per timeout (section 6.2.4), the second one
    /// smoothed round trip after the first: never more than one per round trip (RFC 8085 section
    /// 3.1.1). The timeout doubles up to 3 s, the interval that RFC 8085 allows even without a
    /// known round trip. A request is abandoned after a time, not after a number of tries.
    Rfc9002,
}

impl Backoff {
    /// The longest wait of [`Self::Rfc9002`], unless the timeout itself is longer: RFC 8085 section
    /// 3.1.1 allows one datagram per 3 s if the round trip is unknown.
    pub const MAX_PROBE_TIMEOUT: Duration = Duration::from_secs(3);

    /// The default number of times a request is sent: five with [`Self::Book`] (3.1 s in all), four
    /// with [`Self::Rfc8085`] (15 s in all, from the timeout of 1 s), unlimited with
    /// [`Self::Rfc9002`].
    pub fn default_tries(self) -> u32 {
        match self {
            Self::Book => 5,
            Self::Rfc8085 => 4,
            Self::Rfc9002 => u32::MAX,
        }
    }

    /// The default time limit of a request: 60 s with [`Self::Rfc9002`]; the others end with their
    /// tries.
    pub fn default_limit(self) -> Option<Duration> {
        match self {
            Self::Book | Self::Rfc8085 => None,
            Self::Rfc9002 => Some(Duration::from_secs(60)),
        }
    }

    /// The waits of one request for `tries` attempts, together at most `limit`. There is at least
    /// one: with a limit of zero, or zero tries, the request is sent once.
    pub fn schedule(
        self,
        estimate: &RttEstimator,
        tries: Option<u32>,
        limit: Option<Duration>,
    ) -> Schedule {
        let (next, max_wait) = match self {
            Self::Book => (Duration::from_millis(100), Duration::from_secs(2)),
            Self::Rfc8085 => (estimate.timeout(), RttEstimator::MAX_TIMEOUT),
            Self::Rfc9002 => {
                let timeout = estimate.probe_timeout();
                (timeout, timeout.max(Self::MAX_PROBE_TIMEOUT))
            }
        };
        let is_probing = self == Self::Rfc9002;
        // With only a time limit, the limit ends it.
        let tries = tries.unwrap_or(match limit {
            Some(_) => u32::MAX,
            None => self.default_tries(),
        });
        Schedule {
            next,
            max_wait,
            tries: tries.max(1),
            time_left: limit.or(self.default_limit()).unwrap_or(Duration::MAX),
            gap: estimate.gap().filter(|_| is_probing),
            is_gap_next: false,
            min_last_wait: if is_probing {
                RttEstimator::MIN_TIMEOUT
            } else {
                Duration::ZERO
            },
            is_started: false,
        }
    }
}

impl std::str::FromStr for Backoff {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "book" => Ok(Self::Book),
            "rfc8085" => Ok(Self::Rfc8085),
            "rfc9002" => Ok(Self::Rfc9002),
            _ => Err(Error::invalid(
                "read backoff",
                text.escape_debug(),
                "neither book, rfc8085 nor rfc9002",
            )),
        }
    }
}

/// The waits of one request, one per attempt. The iterator ends when it is time to give up.
///
/// ```
/// use udpraw::protocol::{Backoff, RttEstimator};
/// let waits: Vec<_> = Backoff::Book
///     .schedule(&RttEstimator::default(), None, None)
///     .map(|wait| wait.as_secs_f64())
///     .collect();
/// assert_eq!(waits, [0.1, 0.2, 0.4, 0.8, 1.6]);
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    next: Duration,
    max_wait: Duration,
    tries: u32,
    time_left: Duration,
    /// After each wait except the first, a second datagram follows the first after this time.
    gap: Option<Duration>,
    is_gap_next: bool,
    /// The minimum wait after the last of a limited number of tries: a probe timeout decides when
    /// to ask again, and is too short to conclude that nobody answers.
    min_last_wait: Duration,
    is_started: bool,
}

impl Schedule {
    /// One try, and one wait for its reply.
    pub fn once(wait: Duration) -> Self {
        Self {
            next: wait,
            max_wait: wait,
            tries: 1,
            time_left: Duration::MAX,
            gap: None,
            is_gap_next: false,
            min_last_wait: Duration::ZERO,
            is_started: false,
        }
    }

    fn next_doubled(&mut self) -> Duration {
        let wait = self.next;
        self.next = self.next.saturating_mul(2).min(self.max_wait);
        wait
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.tries == 0 || self.time_left.is_zero() && self.is_started {
            return None;
        }
        let wait = match self.gap {
            Some(gap) if self.is_gap_next => gap,
            _ => self.next_doubled(),
        };
        self.is_gap_next = !self.is_gap_next;
        self.is_started = true;
        self.tries -= 1;
        let min_wait = match self.tries {
            0 => self.min_last_wait,
            _ => Duration::ZERO,
        };
        let wait = wait.max(min_wait).min(self.time_left);
        self.time_left -= wait;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// For any measurement and request the limits hold, and with RFC 9002 there is never more
        /// than one datagram in a smoothed round trip.
        #[test]
        fn the_limits_hold(samples in prop::collection::vec(0_u64..10_000_000, 0..20), rule in 0..3_usize, tries in prop::option::of(1..50_u32), limit in prop::option::of(0_u64..100_000_000)) {
            let rule = [Backoff::Book, Backoff::Rfc8085, Backoff::Rfc9002][rule];
            let mut estimate = RttEstimator::default();
            for sample in samples {
                estimate.sample(Duration::from_micros(sample));
            }
            let limit = limit.map(Duration::from_micros);
            // A bound for the number of waits, in case nothing else limits them.
            let waits: Vec<_> = rule.schedule(&estimate, tries, limit).take(1_000_000).collect();
            prop_assert!(!waits.is_empty());
            prop_assert!(waits.len() <= tries.unwrap_or(999_999) as usize);
            let whole: Duration = waits.iter().sum();
            let most = limit.or(rule.default_limit()).unwrap_or(Duration::MAX);
            prop_assert!(whole <= most, "{:?} of {:?}", whole, most);
            if let (Backoff::Rfc9002, Some(smoothed)) = (rule, estimate.smoothed()) {
                for wait in &waits[..waits.len() - 1] {
                    prop_assert!(*wait >= smoothed.min(RttEstimator::MAX_TIMEOUT));
                    prop_assert!(*wait >= Duration::from_millis(1));
                }
            }
        }
    }

    fn millis(schedule: Schedule) -> Vec<u128> {
        schedule.map(|wait| wait.as_millis()).collect()
    }

    #[test]
    fn the_book_and_the_rfc() {
        let fresh = RttEstimator::default();
        assert_eq!(
            millis(Backoff::Book.schedule(&fresh, None, None)),
            [100, 200, 400, 800, 1600]
        );
        assert_eq!(
            millis(Backoff::Rfc8085.schedule(&fresh, None, None)),
            [1000, 2000, 4000, 8000]
        );
    }

    #[test]
    fn more_tries_stay_at_the_cap() {
        let fresh = RttEstimator::default();
        let waits = millis(Backoff::Book.schedule(&fresh, Some(7), None));
        assert_eq!(waits, [100, 200, 400, 800, 1600, 2000, 2000]);
        let last = Backoff::Rfc8085.schedule(&fresh, Some(9), None).last();
        assert_eq!(last, Some(RttEstimator::MAX_TIMEOUT));
    }

    #[test]
    fn the_limit_cuts_the_last_wait() {
        let fresh = RttEstimator::default();
        let limit = Some(Duration::from_millis(350));
        assert_eq!(
            millis(Backoff::Book.schedule(&fresh, None, limit)),
            [100, 200, 50]
        );
        assert_eq!(
            millis(Backoff::Book.schedule(&fresh, Some(1), limit)),
            [100]
        );
    }

    #[test]
    fn it_is_sent_once_at_least() {
        let fresh = RttEstimator::default();
        for backoff in [Backoff::Book, Backoff::Rfc8085, Backoff::Rfc9002] {
            let none = Some(Duration::ZERO);
            assert_eq!(millis(backoff.schedule(&fresh, None, none)), [0]);
            assert_eq!(backoff.schedule(&fresh, Some(0), None).count(), 1);
        }
    }

    #[test]
    fn the_probe_timeout_doubles_and_is_given_up_by_time() {
        let schedule = |estimate: &RttEstimator, tries, limit: Option<u64>| {
            let limit = limit.map(Duration::from_secs);
            millis(Backoff::Rfc9002.schedule(estimate, tries, limit))
        };
        // Before a sample, one datagram per wait.
        let mut estimate = RttEstimator::default();
        let waits = schedule(&estimate, None, None);
        assert_eq!(waits[..4], [1000, 2000, 3000, 3000]);
        assert_eq!(waits.iter().sum::<u128>(), 60_000);
        // Then no floor, and pairs of them a round trip apart.
        estimate.sample(Duration::from_millis(50));
        let waits = schedule(&estimate, None, None);
        assert_eq!(
            waits[..9],
            [150, 50, 300, 50, 600, 50, 1200, 50, 2400],
            "{waits:?}"
        );
        assert_eq!(waits[9..13], [50, 3000, 50, 3000]);
        assert_eq!(waits.iter().sum::<u128>(), 60_000);
        assert_eq!(schedule(&estimate, None, Some(1)), [150, 50, 300, 50, 450]);
        // The last of a number of tries decides that nobody answers.
        assert_eq!(schedule(&estimate, Some(2), None), [150, 1000]);
        assert_eq!(schedule(&estimate, Some(3), Some(1)), [150, 50, 800]);
        // A longer round trip than 3 s is respected.
        estimate = RttEstimator::default();
        estimate.sample(Duration::from_secs(4));
        assert_eq!(schedule(&estimate, None, None)[..3], [12_000, 4000, 12_000]);
    }
}
