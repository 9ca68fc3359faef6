//! HyStart++ (RFC 9406): leaves slow start when round trips grow, before the queue overflows.

use std::time::Duration;

const MIN_THRESHOLD: Duration = Duration::from_millis(4);
const MAX_THRESHOLD: Duration = Duration::from_millis(16);
const DIVISOR: u32 = 8;
/// Samples of a round before its minimum is trusted (`N_RTT_SAMPLE`).
const SAMPLES: u32 = 8;
/// How much slower the window grows in conservative slow start (`CSS_GROWTH_DIVISOR`).
const CONSERVATIVE: f64 = 4.0;
/// Rounds of conservative slow start until congestion avoidance (`CSS_ROUNDS`).
const ROUNDS: u32 = 5;

/// The state of RFC 9406 section 4.2. A round ends when a datagram is acknowledged that was sent
/// after the round began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HyStart {
    began: Option<Duration>,
    last_min: Option<Duration>,
    current_min: Option<Duration>,
    samples: u32,
    /// In conservative slow start.
    conservative: Option<Conservative>,
}

#[derive(Clone, Copy, Debug)]
struct Conservative {
    baseline: Duration,
    rounds: u32,
}

/// What an acknowledgement means for slow start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// Each acknowledged byte lets the window grow by this many bytes.
    Grow(f64),
    /// Slow start is over.
    Leave,
}

impl HyStart {
    /// Processes the round trip of an acknowledgement whose newest datagram was sent at `sent_at`.
    pub(super) fn sample(&mut self, now: Duration, sent_at: Duration, latest: Duration) -> Step {
        match self.began {
            Some(began) if sent_at < began => {}
            first => {
                if let (Some(_), Some(conservative)) = (first, &mut self.conservative) {
                    conservative.rounds += 1;
                    if conservative.rounds >= ROUNDS {
                        return Step::Leave;
                    }
                }
                self.began = Some(now);
                self.last_min = self.current_min.take();
                self.samples = 0;
            }
        }
        let current = self.current_min.map_or(latest, |least| least.min(latest));
        self.current_min = Some(current);
        self.samples = self.samples.saturating_add(1);
        if self.samples >= SAMPLES {
            self.judge(current);
        }
        Step::Grow(match self.conservative {
            Some(_) => 1.0 / CONSERVATIVE,
            None => 1.0,
        })
    }

    fn judge(&mut self, current: Duration) {
        match self.conservative {
            // The rise did not last.
            Some(conservative) if current < conservative.baseline => self.conservative = None,
            Some(_) => {}
            None => {
                let Some(last) = self.last_min else { return };
                let threshold = (last / DIVISOR).clamp(MIN_THRESHOLD, MAX_THRESHOLD);
                if current >= last.saturating_add(threshold) {
                    self.conservative = Some(Conservative {
                        baseline: current,
                        rounds: 0,
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// A round of ten samples, sent when the previous round was acknowledged.
    fn round(hystart: &mut HyStart, at: u64, round_trip: u64) -> Step {
        let steps = (0..10)
            .map(|_| hystart.sample(millis(at + round_trip), millis(at), millis(round_trip)));
        steps.last().unwrap()
    }

    #[test]
    fn a_rise_that_lasts_ends_slow_start() {
        let mut hystart = HyStart::default();
        assert_eq!(round(&mut hystart, 0, 40), Step::Grow(1.0));
        assert_eq!(round(&mut hystart, 40, 44), Step::Grow(1.0)); // below 40/8 = 5 ms more
        assert_eq!(round(&mut hystart, 84, 50), Step::Grow(0.25)); // 44 + 5.5
        let mut at = 134;
        for _ in 0..4 {
            assert_eq!(round(&mut hystart, at, 50), Step::Grow(0.25));
            at += 50;
        }
        assert_eq!(
            hystart.sample(millis(at + 50), millis(at), millis(50)),
            Step::Leave
        );
    }

    #[test]
    fn a_rise_that_passes_does_not() {
        let mut hystart = HyStart::default();
        round(&mut hystart, 0, 40);
        assert_eq!(round(&mut hystart, 40, 60), Step::Grow(0.25));
        assert_eq!(round(&mut hystart, 100, 45), Step::Grow(1.0));
    }

    #[test]
    fn microseconds_never_count_as_a_rise() {
        let mut hystart = HyStart::default();
        for at in 0..100 {
            for _ in 0..10 {
                let jitter = Duration::from_micros(50 + at * 39);
                let step = hystart.sample(millis(at + 1), millis(at), jitter);
                assert_eq!(step, Step::Grow(1.0));
            }
        }
    }
}
