//! CUBIC (RFC 9438), with HyStart++ (RFC 9406) for the first slow start.

use std::time::Duration;

use super::hystart::{HyStart, Step};
use super::{Acknowledged, Congestion, MAX_WINDOW, initial_window, min_window};

/// The factor by which a loss reduces the window (RFC 9438 section 4.6).
const BETA: f64 = 0.7;
/// The steepness of the curve, in segments per second cubed (section 5.1).
const C: f64 = 0.4;
/// How fast the Reno-friendly estimate grows, in segments per round trip: as fast as Reno with its
/// halved window on average (section 4.3).
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// The default of Linux's TCP: the window grows along a cubic curve of the time since the last
/// loss, and more slowly the nearer it is to its size at that loss.
///
/// A loss reduces the window, not the bytes in flight: a window that is not used up does not grow
/// (RFC 9438 section 4.6 allows it then). Time in which the sender had nothing to send does not
/// count on the curve (section 5.8).
#[derive(Clone, Debug)]
pub struct Cubic {
    segment: f64,
    state: State,
    /// The state before the last reduction, until that recovery period is over.
    undo: Option<State>,
    /// When the last acknowledgement arrived.
    last: Duration,
}

/// The state that a spurious loss restores. Sizes in bytes, times in seconds unless they are
/// durations.
#[derive(Clone, Copy, Debug)]
struct State {
    /// `cwnd`.
    window: f64,
    /// `ssthresh`.
    threshold: f64,
    /// `W_max`; zero where the next curve starts at its own window (sections 4.8 and 4.10).
    w_max: f64,
    /// `cwnd_prior`.
    prior: f64,
    epoch: Option<Epoch>,
    hystart: HyStart,
    /// When the last recovery period began.
    began: Option<Duration>,
    /// Until a datagram is acknowledged that was sent after it began.
    recovering: bool,
}

/// A stage of congestion avoidance.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    /// `t`: how long it has lasted, without idle times.
    elapsed: f64,
    /// `K`.
    k: f64,
    /// `W_max` of the curve.
    origin: f64,
    /// `W_est`.
    estimate: f64,
}

impl Cubic {
    /// A new window, of [`initial_window`] bytes.
    pub fn new(segment: u64) -> Self {
        Self {
            segment: segment.clamp(1, MAX_WINDOW / 2) as f64,
            state: State {
                window: initial_window(segment) as f64,
                threshold: f64::INFINITY,
                w_max: 0.0,
                prior: 0.0,
                epoch: None,
                hystart: HyStart::default(),
                began: None,
                recovering: false,
            },
            undo: None,
            last: Duration::ZERO,
        }
    }

    fn least(&self) -> f64 {
        min_window(self.segment as u64) as f64
    }

    fn reduce(&mut self, now: Duration) {
        let least = self.least();
        let state = &mut self.state;
        self.undo = Some(*state);
        // Fast convergence (section 4.7): below the last maximum, another flow needs the capacity.
        state.w_max = if state.window < state.w_max {
            state.window * (1.0 + BETA) / 2.0
        } else {
            state.window
        };
        state.prior = state.window;
        state.window = (state.window * BETA).max(least);
        state.threshold = state.window;
        state.epoch = None;
        state.began = Some(now);
        state.recovering = true;
    }

    fn grow_in_slow_start(&mut self, now: Duration, acknowledged: &Acknowledged) {
        let state = &mut self.state;
        let step = if state.threshold.is_finite() {
            Step::Grow(1.0) // HyStart++ is only for the first slow start (RFC 9406 section 4.3)
        } else {
            let latest = acknowledged.round_trip.latest;
            state.hystart.sample(now, acknowledged.sent_at, latest)
        };
        match step {
            Step::Leave => state.threshold = state.window,
            Step::Grow(_) if !acknowledged.is_window_limited => {}
            Step::Grow(share) => {
                let grown = state.window + share * acknowledged.bytes as f64;
                state.window = grown.min(state.threshold).min(MAX_WINDOW as f64);
            }
        }
    }

    /// `active` are the seconds since the last acknowledgement, without idle ones.
    fn grow_in_avoidance(&mut self, active: f64, bytes: f64, smoothed: f64) {
        let steepness = C * self.segment;
        let state = &mut self.state;
        let epoch = match &mut state.epoch {
            Some(epoch) => {
                epoch.elapsed += active;
                epoch
            }
            None => {
                let below = (state.w_max - state.window).max(0.0);
                state.epoch.insert(Epoch {
                    elapsed: 0.0,
                    k: (below / steepness).cbrt(),
                    origin: state.w_max.max(state.window),
                    estimate: state.window,
                })
            }
        };
        // An acknowledgement of more than a window counts as one round trip.
        let part = (bytes / state.window).min(1.0);
        // Once the estimate is where the loss was, it grows as Reno does (section 4.3).
        let alpha = if epoch.estimate >= state.prior {
            1.0
        } else {
            ALPHA
        };
        epoch.estimate = (epoch.estimate + alpha * self.segment * part).min(MAX_WINDOW as f64);
        let curve = |t: f64| steepness * (t - epoch.k).powi(3) + epoch.origin;
        let grown = if curve(epoch.elapsed) < epoch.estimate {
            epoch.estimate
        } else {
            let target = curve(epoch.elapsed + smoothed).clamp(state.window, 1.5 * state.window);
            state.window + (target - state.window) * part
        };
        // The estimate may lag behind a window that the curve has carried further.
        state.window = grown.clamp(state.window, (MAX_WINDOW as f64).max(state.window));
    }
}

impl Congestion for Cubic {
    fn on_acknowledged(&mut self, now: Duration, acknowledged: Acknowledged) {
        // Between the last acknowledgement and the sending of what is acknowledged now, there was
        // nothing to send.
        let active = now.saturating_sub(self.last.max(acknowledged.sent_at));
        self.last = self.last.max(now);
        if self.state.recovering {
            if self
                .state
                .began
                .is_some_and(|began| acknowledged.sent_at <= began)
            {
                return;
            }
            self.state.recovering = false;
            // What still arrives of the losses is a round trip late: by now the window has other
            // reasons.
            self.undo = None;
        }
        if self.is_slow_start() {
            self.grow_in_slow_start(now, &acknowledged);
        } else if acknowledged.is_window_limited {
            self.grow_in_avoidance(
                active.as_secs_f64(),
                acknowledged.bytes as f64,
                acknowledged.round_trip.smoothed.as_secs_f64(),
            );
        }
    }

    fn on_congestion(&mut self, now: Duration, sent_at: Duration) {
        if self.state.began.is_none_or(|began| sent_at > began) {
            self.reduce(now);
        }
    }

    fn on_marked(&mut self, now: Duration, sent_at: Duration) {
        self.on_congestion(now, sent_at);
        // Even if it fell into the period of a loss: the queue was long.
        self.undo = None;
    }

    fn on_persistent_congestion(&mut self, now: Duration) {
        if !self.state.recovering {
            self.reduce(now);
        }
        self.undo = None;
        self.state.window = self.least();
        // The next curve begins where slow start ends (RFC 9438 section 4.8).
        self.state.w_max = 0.0;
        self.state.epoch = None;
        self.state.recovering = false;
        // Late reports of the same losses must not lower the threshold of that slow start.
        self.state.began = Some(now);
    }

    fn on_spurious_loss(&mut self) {
        if let Some(before) = self.undo.take() {
            let window = self.state.window.max(before.window);
            self.state = State { window, ..before };
        }
    }

    fn on_path_changed(&mut self, now: Duration) {
        *self = Self::new(self.segment as u64);
        self.last = now;
        self.state.began = Some(now);
        self.state.recovering = true;
    }

    fn set_segment_size(&mut self, bytes: u64) {
        self.segment = bytes.clamp(1, MAX_WINDOW / 2) as f64;
        let least = self.least();
        for state in [Some(&mut self.state), self.undo.as_mut()]
            .into_iter()
            .flatten()
        {
            state.window = state.window.max(least);
            // The curve is in segments: a new one begins at this window.
            state.epoch = None;
        }
    }

    fn window(&self) -> u64 {
        self.state.window as u64
    }

    fn is_slow_start(&self) -> bool {
        self.state.window < self.state.threshold
    }
}

#[cfg(test)]
#[path = "cubic_tests.rs"]
mod tests;
