//! BBR version 3 (draft-ietf-ccwg-bbr), changed for paths that lose at random.

mod cycle;
mod loss;
mod model;

use std::time::Duration;

use self::cycle::{AcksPhase, State};
use self::model::{BETA, Model};
use super::{Acknowledged, Congestion, MAX_WINDOW, initial_window, min_window};

/// Pacing stays one percent below the estimate, so that no queue grows (`PacingMarginPercent`).
const MARGIN: f64 = 0.99;
/// The pacing gain of Startup (`StartupPacingGain`).
const STARTUP_GAIN: f64 = 2.77;
/// The share of the long-term bound that is left to others (`Headroom`).
const HEADROOM: f64 = 0.15;
/// The most that may be sent at once: a run of datagrams.
const MAX_QUANTUM: f64 = 65_536.0;

/// Sends at the rate that the path delivers, with about one bandwidth-delay product in flight: a
/// model of the path (its highest delivery rate, its shortest round trip) instead of a window that
/// each loss reduces.
///
/// It follows the draft, except that a loss counts as congestion only where chance and the path's
/// own loss do not explain it: the least loss of the last epochs is what the path loses whatever the
/// rate, and 2 % more than that, by three standard deviations, is congestion. With the draft's fixed
/// 2 %, a path with 5 % of random loss is slowed down further each round.
///
/// A mark (ECN-CE) lowers the short-term bounds once per round trip; the draft does not yet say
/// how.
#[derive(Clone, Debug)]
pub struct Bbr {
    segment: f64,
    /// Of a splitmix64 generator.
    random: u64,
    state: State,
    acks: AcksPhase,
    model: Model,
    window: f64,
    /// The window before it was cut for a while.
    saved_window: f64,
    /// Zero before the first sample.
    pacing: f64,
    /// `full_bw`, and the rounds without growth beyond it.
    full_rate: f64,
    full_rounds: u32,
    /// The rate does not grow any more, in this probing.
    is_full_now: bool,
    /// It once did not: Startup is over.
    is_full: bool,
    /// Losses of now belong to a probing of the bandwidth.
    is_probe_sample: bool,
    cycle_at: Duration,
    probe_wait: Duration,
    rounds_since_probe: u32,
    up_rounds: u32,
    /// When ProbeRTT may end, and whether a round trip of it is over.
    probe_rtt_done: Option<Duration>,
    is_probe_round_done: bool,
    last: Duration,
    /// What was sent before does not count as marked again.
    marked: Option<Duration>,
    /// What was sent before belongs to another path.
    path_since: Option<Duration>,
}

impl Bbr {
    /// A new window, of [`initial_window`] bytes. The seed decides when the bandwidth is probed, so
    /// that several flows do not do it at once.
    pub fn new(segment: u64, seed: u64) -> Self {
        Self {
            segment: segment.clamp(1, MAX_WINDOW / 4) as f64,
            random: seed,
            state: State::Startup,
            acks: AcksPhase::Init,
            model: Model::new(Duration::ZERO),
            window: initial_window(segment) as f64,
            saved_window: 0.0,
            pacing: 0.0,
            full_rate: 0.0,
            full_rounds: 0,
            is_full_now: false,
            is_full: false,
            is_probe_sample: false,
            cycle_at: Duration::ZERO,
            probe_wait: Duration::ZERO,
            rounds_since_probe: 0,
            up_rounds: 0,
            probe_rtt_done: None,
            is_probe_round_done: false,
            last: Duration::ZERO,
            marked: None,
            path_since: None,
        }
    }

    /// The smallest window with which acknowledgements keep coming (`MinPipeCwnd`).
    fn least(&self) -> f64 {
        4.0 * self.segment
    }

    /// Bytes in flight that keep the path full at `gain` times the rate, with room for bursts
    /// (`BBRInflight`).
    fn inflight(&self, rate: f64, gain: f64) -> f64 {
        let Some(bdp) = self.model.bdp(rate) else {
            return initial_window(self.segment as u64) as f64;
        };
        let quantum = (self.pacing / 1000.0)
            .min(MAX_QUANTUM)
            .max(2.0 * self.segment);
        (gain * bdp).max(3.0 * quantum).max(self.least())
    }

    fn with_headroom(&self) -> f64 {
        let high = self.model.inflight_high;
        if high.is_infinite() {
            return high;
        }
        (high - (HEADROOM * high).max(self.segment)).max(self.least())
    }

    fn target(&self) -> f64 {
        let rate = self.model.rate();
        self.model.bdp(rate).unwrap_or(self.window).min(self.window)
    }

    fn probe_rtt_window(&self) -> f64 {
        let rate = self.model.rate();
        self.model
            .bdp(rate)
            .map_or(self.least(), |bdp| (bdp / 2.0).max(self.least()))
    }

    fn save_window(&mut self) {
        let is_cut = matches!(self.state, State::ProbeRtt);
        self.saved_window = if is_cut {
            self.saved_window.max(self.window)
        } else {
            self.window
        };
    }

    fn set_pacing(&mut self) {
        let rate = self.state.pacing_gain() * self.model.rate() * MARGIN;
        if rate > 0.0 && (self.is_full || rate > self.pacing) {
            self.pacing = rate;
        }
    }

    fn set_window(&mut self, acknowledged: &Acknowledged) {
        let bytes = acknowledged.bytes as f64;
        let gain = self.state.window_gain();
        let most = self.inflight(self.model.rate(), gain) + self.model.extra_acked();
        if self.is_full {
            self.window = (self.window + bytes).min(most);
        } else if self.window < most
            || acknowledged.rate.total < initial_window(self.segment as u64)
        {
            self.window += bytes;
        }
        let mut cap = match self.state {
            State::ProbeRtt => self.probe_rtt_window().min(self.with_headroom()),
            State::Cruise => self.with_headroom(),
            State::Down | State::Refill | State::Up => self.model.inflight_high,
            State::Startup | State::Drain => f64::INFINITY,
        };
        cap = cap.min(self.model.inflight_low).min(MAX_WINDOW as f64);
        self.window = self.window.min(cap).max(self.least());
    }
}

impl Congestion for Bbr {
    fn on_acknowledged(&mut self, now: Duration, acknowledged: Acknowledged) {
        if self
            .path_since
            .is_some_and(|since| acknowledged.sent_at <= since)
        {
            return;
        }
        // Nothing was in flight: the sender had nothing to send.
        let was_idle = acknowledged.sent_at > self.last
            && acknowledged.sent_at.saturating_sub(self.last) > acknowledged.round_trip.min;
        self.last = self.last.max(now);
        self.model.update(&acknowledged, self.segment);
        if let Some(loss) = acknowledged.rate.worst {
            self.on_loss_of_probe(now, &loss, acknowledged.rate.total);
        }
        self.adapt_lower_bounds();
        let bytes = acknowledged.bytes as f64;
        self.model.update_aggregation(now, bytes, self.window);
        let resolved = acknowledged
            .bytes
            .saturating_add(acknowledged.rate.newly_lost);
        let in_flight = acknowledged.in_flight.saturating_sub(resolved) as f64;
        self.check_full(&acknowledged);
        self.check_startup(now, in_flight, acknowledged.rate.total);
        self.update_cycle(now, &acknowledged, in_flight);
        let latest = acknowledged.round_trip.latest;
        self.model.update_min_rtt(now, latest);
        self.check_probe_rtt(now, in_flight, acknowledged.rate.total, was_idle);
        self.model.advance_latest(&acknowledged);
        self.set_pacing();
        self.set_window(&acknowledged);
    }

    /// Losses come with the next sample.
    fn on_congestion(&mut self, _now: Duration, _sent_at: Duration) {}

    fn on_marked(&mut self, now: Duration, sent_at: Duration) {
        let counts_from = self.marked.max(self.path_since);
        if counts_from.is_some_and(|since| sent_at <= since) {
            return;
        }
        self.marked = Some(now);
        self.model.forget_bounds();
        self.model.rate_low = BETA * self.model.rate();
        self.model.inflight_low = BETA * self.model.inflight_low.min(self.window);
        self.window = self.window.min(self.model.inflight_low).max(self.least());
        if self.state == State::Startup {
            self.is_full = true; // it drains with the next acknowledgement
            self.model.reset_lower_bounds();
        }
        if self.state == State::Up {
            self.is_full_now = true; // it goes down
        }
    }

    fn on_persistent_congestion(&mut self, _now: Duration) {
        self.save_window();
        self.model.forget_bounds();
        self.window = min_window(self.segment as u64) as f64;
    }

    fn on_spurious_loss(&mut self) {
        self.model.restore_bounds();
    }

    fn on_path_changed(&mut self, now: Duration) {
        *self = Self::new(self.segment as u64, self.next_random());
        self.model = Model::new(now);
        self.last = now;
        self.path_since = Some(now);
    }

    fn set_segment_size(&mut self, bytes: u64) {
        self.segment = bytes.clamp(1, MAX_WINDOW / 4) as f64;
        self.window = self
            .window
            .max(min_window(bytes) as f64)
            .min(MAX_WINDOW as f64);
    }

    fn window(&self) -> u64 {
        self.window as u64
    }

    fn is_slow_start(&self) -> bool {
        self.state == State::Startup
    }

    fn pacing_rate(&self, smoothed: Duration) -> Option<u64> {
        if self.pacing > 0.0 {
            return Some((self.pacing as u64).max(1));
        }
        if smoothed.is_zero() {
            return None;
        }
        let trip = smoothed.as_secs_f64();
        Some(((STARTUP_GAIN * self.window / trip) as u64).max(1))
    }
}

#[cfg(test)]
#[path = "../bbr_tests.rs"]
mod tests;
