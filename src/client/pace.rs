//! When the next request is due, and the achieved rate.

use std::time::{Duration, Instant};

/// How late a request may be and still let the next one start earlier: late wake-ups are
/// compensated, and after a silent server there is no burst.
const CATCH_UP: Duration = Duration::from_millis(1);
/// A rate is achieved if it is at least this fraction of the requested one.
const REACHED: f64 = 0.95;

/// Spaces requests that are made one at a time, and knows why they were too slow.
///
/// The caller passes the time. Before each request: [`Self::due`], a pause of that length,
/// [`Self::begin`]; after it: [`Self::end`].
///
/// ```
/// use std::time::{Duration, Instant};
/// use udpraw::client::{Pace, Slow};
/// let mut pace = Pace::new(Duration::from_millis(10));
/// let mut now = Instant::now();
/// for _ in 0..3 {
///     now += pace.due(now);
///     pace.begin(now);
///     now += Duration::from_millis(20); // the round trip
///     pace.end(now);
/// }
/// let rate = pace.rate().expect("two intervals");
/// assert_eq!(rate.asked.round(), 100.0);
/// assert_eq!(rate.reached.round(), 50.0);
/// assert_eq!(rate.slow, Some(Slow::Replies(Duration::from_millis(20))));
/// ```
#[derive(Clone, Debug)]
pub struct Pace {
    interval: Duration,
    due: Option<Instant>,
    first: Option<Instant>,
    begun: Instant,
    ended: Option<Instant>,
    requests: u64,
    /// How the time between the requests was spent.
    replies: Duration,
    elsewhere: Duration,
    overslept: Duration,
}

/// The requested and the achieved rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests per second according to the interval.
    pub asked: f64,
    /// Requests per second that were sent, without retransmissions.
    pub reached: f64,
    /// Why the rate was too low by 5 % or more, if it was.
    pub slow: Option<Slow>,
}

/// Why requests were slower than requested: what took most of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slow {
    /// There is one request at a time, and each took this long on average until its reply or its
    /// end.
    Replies(Duration),
    /// The next request was not available yet, or the output of the previous one was blocked.
    Elsewhere,
    /// The pauses took longer than requested.
    Timer,
}

impl Pace {
    /// One request per `interval`; zero is as fast as they are answered.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            due: None,
            first: None,
            begun: Instant::now(),
            ended: None,
            requests: 0,
            replies: Duration::ZERO,
            elsewhere: Duration::ZERO,
            overslept: Duration::ZERO,
        }
    }

    /// How long the next request must wait.
    pub fn due(&mut self, now: Instant) -> Duration {
        if let Some(ended) = self.ended.take() {
            self.elsewhere += now.saturating_duration_since(ended);
        }
        let earliest = now.checked_sub(CATCH_UP.min(self.interval)).unwrap_or(now);
        let due = self.due.and_then(|due| due.checked_add(self.interval));
        let due = match self.due {
            // The first is due at once; a time beyond the clock's range, never.
            None => now,
            Some(_) => due.unwrap_or(now + self.interval.min(DAY)).max(earliest),
        };
        self.due = Some(due);
        due.saturating_duration_since(now)
    }

    /// The request starts.
    pub fn begin(&mut self, now: Instant) {
        let late = self
            .due
            .map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        self.overslept += late;
        self.first.get_or_insert(now);
        self.begun = now;
        self.requests += 1;
    }

    /// It was answered, or abandoned.
    pub fn end(&mut self, now: Instant) {
        self.replies += now.saturating_duration_since(self.begun);
        self.ended = Some(now);
    }

    /// The rate, once there were two requests with an interval between them.
    pub fn rate(&self) -> Option<Rate> {
        let intervals = self.requests.checked_sub(1).filter(|n| *n > 0)?;
        let whole = self.begun.saturating_duration_since(self.first?);
        if self.interval.is_zero() || whole.is_zero() {
            return None;
        }
        let asked = self.interval.as_secs_f64().recip();
        let reached = intervals as f64 / whole.as_secs_f64();
        let most = self.replies.max(self.elsewhere).max(self.overslept);
        let slow = if reached >= asked * REACHED {
            None
        } else if most == self.replies {
            let mean = self.replies.as_secs_f64() / self.requests as f64;
            Some(Slow::Replies(Duration::from_secs_f64(mean)))
        } else if most == self.elsewhere {
            Some(Slow::Elsewhere)
        } else {
            Some(Slow::Timer)
        };
        Some(Rate {
            asked,
            reached,
            slow,
        })
    }
}

/// The limit of an interval, so that the clock can count to its end.
const DAY: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Requests with this round trip, with pauses for other things between them and late wake-ups;
    /// when each was made.
    fn run(
        interval: Duration,
        trip: Duration,
        other: Duration,
        late: Duration,
    ) -> (Pace, Vec<u128>) {
        let (mut pace, start) = (Pace::new(interval), Instant::now());
        let (mut now, mut made) = (start, Vec::new());
        for _ in 0..101 {
            let wait = pace.due(now);
            if !wait.is_zero() {
                now += wait + late;
            }
            pace.begin(now);
            made.push((now - start).as_micros());
            now += trip;
            pace.end(now);
            now += other;
        }
        (pace, made)
    }

    #[test]
    fn requests_are_an_interval_apart_whatever_the_round_trip() {
        let (pace, made) = run(10 * MS, 4 * MS, MS, Duration::ZERO);
        assert_eq!(made[..3], [0, 10_000, 20_000]);
        let rate = pace.rate().unwrap();
        assert_eq!((rate.reached.round(), rate.slow), (100.0, None));
        // Late wake-ups are compensated.
        let (pace, _) = run(MS, MS / 10, MS / 10, MS / 20);
        assert_eq!(pace.rate().unwrap().slow, None);
    }

    #[test]
    fn why_it_was_slow_is_known() {
        let (pace, _) = run(MS, 2 * MS, MS / 10, MS / 20);
        let rate = pace.rate().unwrap();
        assert_eq!(rate.slow, Some(Slow::Replies(2 * MS)));
        assert!((450.0..500.0).contains(&rate.reached), "{rate:?}");
        let (pace, _) = run(MS, MS / 10, 2 * MS, MS / 20);
        assert_eq!(pace.rate().unwrap().slow, Some(Slow::Elsewhere));
        let (pace, _) = run(MS, MS / 10, MS / 10, 5 * MS);
        assert_eq!(pace.rate().unwrap().slow, Some(Slow::Timer));
    }

    #[test]
    fn after_a_silence_there_is_no_burst() {
        let (mut pace, mut now) = (Pace::new(10 * MS), Instant::now());
        pace.due(now);
        pace.begin(now);
        now += 5000 * MS;
        pace.end(now);
        assert_eq!(pace.due(now), Duration::ZERO);
        pace.begin(now);
        pace.end(now);
        assert_eq!(pace.due(now), 9 * MS);
    }

    #[test]
    fn what_no_clock_reaches_is_no_panic() {
        let (mut pace, now) = (Pace::new(Duration::MAX), Instant::now());
        for _ in 0..2 {
            pace.due(now);
            pace.begin(now);
            pace.end(now);
        }
        assert_eq!(pace.due(now), DAY);
        assert_eq!(pace.rate(), None);
    }
}
