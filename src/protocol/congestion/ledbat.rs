//! LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus): uses what others leave.

use std::time::Duration;

use super::{Acknowledged, Congestion, MAX_WINDOW, min_window};

/// The most delay by queues at which it stops growing (`TARGET`).
const TARGET: Duration = Duration::from_millis(60);
/// The least: what timers and busy machines add is not a queue.
const MIN_TARGET: Duration = Duration::from_millis(4);
/// The target's part of the shortest round trip.
const TARGET_PART: u32 = 8;
/// The most that it grows slower than Reno.
const MAX_DIVISOR: f64 = 16.0;
/// Round trips of a slowdown.
const SLOWDOWN_TRIPS: u32 = 2;
/// A slowdown and the growth after it take a tenth of the time.
const SLOWDOWN_PAUSE: u32 = 9;
/// Minutes for which the shortest round trip is remembered (`BASE_HISTORY`).
const HISTORY: usize = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Round trips of which the shortest counts (`CURRENT_FILTER`).
const FILTER: usize = 4;

/// A scavenger for transfers of low priority: it yields as soon as its datagrams wait in a queue
/// for an eighth of the shortest round trip (4 to 60 ms), so that flows of normal priority get the
/// path. Where queues are shorter, it grows up to sixteen times slower than Reno, and halves its
/// window with each loss.
///
/// The draft waits for 60 ms on any path. Queues are often shorter than that, and with a queue of
/// 40 ms it took a quarter of the path from CUBIC.
///
/// It measures whole round trips, as the draft does. At times it gives up its window for two of
/// them, to see the path without its own queue.
#[derive(Clone, Debug)]
pub struct Ledbat {
    segment: f64,
    window: f64,
    /// Slow start ends here; infinite in the first one.
    threshold: f64,
    /// The shortest round trips, by minutes.
    history: [Duration; HISTORY],
    minute: Duration,
    latest: [Duration; FILTER],
    samples: usize,
    slowdown: Slowdown,
    /// When the last reduction happened: what was sent before does not count again.
    began: Option<Duration>,
    /// What was sent before does not let the window grow.
    grows_from: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum Slowdown {
    /// Not before the first slow start is over.
    Never,
    /// Begins then.
    At(Duration),
    /// Began at the first time; the window stays small until the second.
    Until(Duration, Duration),
    /// Began then; the window grows to the threshold again.
    Growing(Duration),
}

impl Ledbat {
    /// A new window, of two segments.
    pub fn new(segment: u64) -> Self {
        Self {
            segment: segment.clamp(1, MAX_WINDOW / 2) as f64,
            window: min_window(segment) as f64,
            threshold: f64::INFINITY,
            history: [Duration::MAX; HISTORY],
            minute: Duration::ZERO,
            latest: [Duration::MAX; FILTER],
            samples: 0,
            slowdown: Slowdown::Never,
            began: None,
            grows_from: None,
        }
    }

    fn least(&self) -> f64 {
        min_window(self.segment as u64) as f64
    }

    fn base(&self) -> Duration {
        self.history.iter().copied().min().unwrap_or(Duration::MAX)
    }

    /// Records a round trip; returns how long it waited in queues.
    fn sample(&mut self, now: Duration, latest: Duration) -> Duration {
        if now.saturating_sub(self.minute) >= MINUTE {
            self.minute = now;
            self.history.rotate_right(1);
            self.history[0] = latest;
        }
        self.history[0] = self.history[0].min(latest);
        self.latest[self.samples % FILTER] = latest;
        self.samples = self.samples.wrapping_add(1);
        let current = self.latest.iter().copied().min().unwrap_or(latest);
        current.saturating_sub(self.base())
    }

    /// `GAIN`: how fast it grows, in parts of Reno's growth.
    fn gain(&self) -> f64 {
        let base = self.base().max(Duration::from_micros(1)).as_secs_f64();
        let divisor = (2.0 * TARGET.as_secs_f64() / base).ceil();
        1.0 / divisor.clamp(1.0, MAX_DIVISOR)
    }

    /// The delay by queues at which it stops growing.
    fn target(&self) -> Duration {
        (self.base() / TARGET_PART).clamp(MIN_TARGET, TARGET)
    }

    fn leave_slow_start(&mut self, now: Duration, smoothed: Duration) {
        self.threshold = self.window;
        if matches!(self.slowdown, Slowdown::Never) {
            self.slowdown =
                Slowdown::At(now.saturating_add(smoothed.saturating_mul(SLOWDOWN_TRIPS)));
        }
    }

    /// Returns whether the window may change now.
    fn slow_down(&mut self, now: Duration, smoothed: Duration) -> bool {
        match self.slowdown {
            Slowdown::At(at) if now >= at => {
                self.threshold = self.window.max(self.least());
                self.window = self.least();
                let until = now.saturating_add(smoothed.saturating_mul(SLOWDOWN_TRIPS));
                self.slowdown = Slowdown::Until(now, until);
                false
            }
            Slowdown::Until(_, until) if now < until => false,
            Slowdown::Until(began, _) => {
                self.slowdown = Slowdown::Growing(began);
                true
            }
            Slowdown::Growing(began) if self.window >= self.threshold => {
                let took = now.saturating_sub(began);
                let next = now.saturating_add(took.saturating_mul(SLOWDOWN_PAUSE));
                self.slowdown = Slowdown::At(next);
                true
            }
            _ => true,
        }
    }

    fn grow(&mut self, now: Duration, acknowledged: &Acknowledged, delay: Duration) {
        let (gain, bytes) = (self.gain(), acknowledged.bytes as f64);
        if self.is_slow_start() {
            if delay > self.target() * 3 / 4 {
                self.leave_slow_start(now, acknowledged.round_trip.smoothed);
            } else if acknowledged.is_window_limited {
                self.window = (self.window + gain * bytes).min(self.threshold);
            }
            return;
        }
        let part = (bytes / self.window).min(1.0);
        let beyond = delay.as_secs_f64() / self.target().as_secs_f64() - 1.0;
        let mut change = if acknowledged.is_window_limited {
            gain * self.segment
        } else {
            0.0
        };
        if beyond > 0.0 {
            change = (change - self.window * beyond).max(-self.window / 2.0);
        }
        self.window += change * part;
    }
}

impl Congestion for Ledbat {
    fn on_acknowledged(&mut self, now: Duration, acknowledged: Acknowledged) {
        if self
            .grows_from
            .is_some_and(|from| acknowledged.sent_at <= from)
        {
            return;
        }
        let delay = self.sample(now, acknowledged.round_trip.latest);
        if self.slow_down(now, acknowledged.round_trip.smoothed) {
            self.grow(now, &acknowledged, delay);
        }
        self.window = self.window.clamp(self.least(), MAX_WINDOW as f64);
    }

    fn on_congestion(&mut self, now: Duration, sent_at: Duration) {
        if self.began.is_some_and(|began| sent_at <= began) {
            return;
        }
        self.began = Some(now);
        self.grows_from = Some(now);
        self.window = (self.window / 2.0).max(self.least());
        let base = self.base();
        let smoothed = if base == Duration::MAX { TARGET } else { base };
        self.leave_slow_start(now, smoothed);
    }

    fn on_marked(&mut self, now: Duration, sent_at: Duration) {
        self.on_congestion(now, sent_at);
    }

    fn on_persistent_congestion(&mut self, now: Duration) {
        self.began = Some(now);
        self.grows_from = None;
        self.window = self.least();
    }

    /// A scavenger does not take back what it gave up.
    fn on_spurious_loss(&mut self) {}

    fn on_path_changed(&mut self, now: Duration) {
        *self = Self::new(self.segment as u64);
        self.minute = now;
        self.began = Some(now);
        self.grows_from = Some(now);
    }

    fn set_segment_size(&mut self, bytes: u64) {
        self.segment = bytes.clamp(1, MAX_WINDOW / 2) as f64;
        self.window = self.window.max(self.least());
    }

    fn window(&self) -> u64 {
        self.window as u64
    }

    fn is_slow_start(&self) -> bool {
        self.window < self.threshold
    }
}
