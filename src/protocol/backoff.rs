//! How long to wait for a reply, and when to stop asking.

use std::time::Duration;

use super::RoundTrip;
use crate::error::{Error, Result};

/// A rule for how long to wait before a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backoff {
    /// The book's: 0.1 s, doubled at each try, given up above 2.0 s. Too eager for the Internet.
    Book,
    /// RFC 8085 section 3.1.1: the timeout of RFC 6298, 1 s at least, doubled at each try.
    Rfc8085,
}

impl Backoff {
    /// How many times a request is sent unless told otherwise: five by the book (3.1 s in all),
    /// four by RFC 8085 (15 s in all, from the timeout of 1 s).
    pub fn default_tries(self) -> u32 {
        match self {
            Self::Book => 5,
            Self::Rfc8085 => 4,
        }
    }

    /// The waits of one request, of which `tries` are made, together at most `limit`.
    pub fn schedule(
        self,
        estimate: &RoundTrip,
        tries: Option<u32>,
        limit: Option<Duration>,
    ) -> Schedule {
        let (next, most) = match self {
            Self::Book => (Duration::from_millis(100), Duration::from_secs(2)),
            Self::Rfc8085 => (estimate.timeout(), RoundTrip::MOST),
        };
        // With a time limit alone, the limit is what ends it.
        let tries = tries.unwrap_or(match limit {
            Some(_) => u32::MAX,
            None => self.default_tries(),
        });
        Schedule {
            next,
            most,
            tries,
            left: limit.unwrap_or(Duration::MAX),
        }
    }
}

impl std::str::FromStr for Backoff {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "book" => Ok(Self::Book),
            "rfc8085" => Ok(Self::Rfc8085),
            _ => Err(Error::invalid(
                "read backoff",
                text.escape_debug(),
                "neither book nor rfc8085",
            )),
        }
    }
}

/// The waits of one request, one for each time that it is sent. It ends when it is time to give up.
///
/// ```
/// use udpraw::protocol::{Backoff, RoundTrip};
/// let waits: Vec<_> = Backoff::Book
///     .schedule(&RoundTrip::default(), None, None)
///     .map(|wait| wait.as_secs_f64())
///     .collect();
/// assert_eq!(waits, [0.1, 0.2, 0.4, 0.8, 1.6]);
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    next: Duration,
    most: Duration,
    tries: u32,
    left: Duration,
}

impl Schedule {
    /// One try, and one wait for what comes.
    pub fn once(wait: Duration) -> Self {
        Self {
            next: wait,
            most: wait,
            tries: 1,
            left: Duration::MAX,
        }
    }

    /// The same, but with a first wait of `least` or more: a timeout that was doubled for an earlier
    /// request holds until there is a sample (RFC 6298 section 5).
    pub(super) fn with_first_at_least(mut self, least: Duration) -> Self {
        self.next = self.next.max(least).min(self.most);
        self
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.tries == 0 || self.left.is_zero() {
            return None;
        }
        let wait = self.next.min(self.left);
        self.tries -= 1;
        self.left -= wait;
        self.next = self.next.saturating_mul(2).min(self.most);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(schedule: Schedule) -> Vec<u128> {
        schedule.map(|wait| wait.as_millis()).collect()
    }

    #[test]
    fn the_book_and_the_rfc() {
        let fresh = RoundTrip::default();
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
        let fresh = RoundTrip::default();
        let waits = millis(Backoff::Book.schedule(&fresh, Some(7), None));
        assert_eq!(waits, [100, 200, 400, 800, 1600, 2000, 2000]);
        let last = Backoff::Rfc8085.schedule(&fresh, Some(9), None).last();
        assert_eq!(last, Some(RoundTrip::MOST));
    }

    #[test]
    fn the_limit_cuts_the_last_wait() {
        let fresh = RoundTrip::default();
        let limit = Some(Duration::from_millis(350));
        assert_eq!(
            millis(Backoff::Book.schedule(&fresh, None, limit)),
            [100, 200, 50]
        );
        assert_eq!(
            millis(Backoff::Book.schedule(&fresh, Some(1), limit)),
            [100]
        );
        assert_eq!(
            millis(Backoff::Book.schedule(&fresh, Some(0), None)),
            [0; 0]
        );
    }
}
