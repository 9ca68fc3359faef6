//! BBR's states, and when it goes from one to the next (draft-ietf-ccwg-bbr section 5.3).

use std::time::Duration;

use super::model::BETA;
use super::{Bbr, STARTUP_GAIN};
use crate::protocol::congestion::{Acknowledged, Loss};

/// How long ProbeRTT lasts, at least (`ProbeRTTDuration`).
const PROBE_RTT: Duration = Duration::from_millis(200);
/// Growth of the rate in three rounds that shows that the path is not full.
const GROWTH: f64 = 1.25;
const FULL_ROUNDS: u32 = 3;
/// Rounds after which the bandwidth is probed as often as a Reno flow would, at most.
const MAX_PROBE_ROUNDS: f64 = 63.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The rate doubles each round.
    Startup,
    /// The queue of Startup is drained.
    Drain,
    /// The four phases of ProbeBW.
    Down,
    Cruise,
    Refill,
    Up,
    /// The window is cut to measure the round trip without a queue.
    ProbeRtt,
}

impl State {
    pub(super) fn pacing_gain(self) -> f64 {
        match self {
            Self::Startup => STARTUP_GAIN,
            Self::Drain => 0.5,
            Self::Down => 0.9,
            Self::Cruise | Self::Refill | Self::ProbeRtt => 1.0,
            Self::Up => 1.25,
        }
    }

    pub(super) fn window_gain(self) -> f64 {
        match self {
            Self::Up => 2.25,
            _ => 2.0,
        }
    }

    fn is_probe_bw(self) -> bool {
        matches!(self, Self::Down | Self::Cruise | Self::Refill | Self::Up)
    }
}

/// What the acknowledgements of now answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AcksPhase {
    Init,
    Refilling,
    Starting,
    Feedback,
    Stopping,
}

impl Bbr {
    /// splitmix64.
    pub(super) fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A probing of the bandwidth that loses too much has found the bound
    /// (`BBRHandleInflightTooHigh`).
    pub(super) fn on_loss_of_probe(&mut self, now: Duration, loss: &Loss, total: u64) {
        let (lost, bytes) = (loss.lost as f64, loss.in_flight as f64);
        let is_too_high = self
            .model
            .loss
            .is_excessive(lost, bytes, self.segment, false);
        if !self.is_probe_sample || !is_too_high {
            return;
        }
        self.is_probe_sample = false;
        if !loss.is_app_limited {
            self.model.remember_bounds();
            self.model.inflight_high = bytes.max(BETA * self.target());
        }
        if self.state == State::Up {
            self.start_down(now, total);
        }
    }

    /// `BBRAdaptLowerBoundsFromCongestion`: not while the bandwidth is probed.
    pub(super) fn adapt_lower_bounds(&mut self) {
        if !self.model.is_loss_round_start {
            return;
        }
        let is_probing = matches!(self.state, State::Startup | State::Refill | State::Up);
        if self.model.is_lossy_round(self.segment, false) {
            if !is_probing {
                self.model.lower_bounds(self.window);
            }
        } else if self.model.lost_in_round == 0.0 {
            self.model.forget_bounds();
        }
    }

    fn reset_full(&mut self, rate: f64) {
        self.full_rate = rate;
        self.full_rounds = 0;
        self.is_full_now = false;
    }

    /// `BBRCheckFullBWReached`.
    pub(super) fn check_full(&mut self, acknowledged: &Acknowledged) {
        let sample = &acknowledged.rate;
        let Some(rate) = sample.bytes_per_second() else {
            return;
        };
        if self.is_full_now || sample.is_app_limited {
            return;
        }
        if rate as f64 >= self.full_rate * GROWTH {
            self.reset_full(rate as f64);
            return;
        }
        if self.model.is_round_start {
            self.full_rounds += 1;
            self.is_full_now = self.full_rounds >= FULL_ROUNDS;
            self.is_full |= self.is_full_now;
        }
    }

    /// The ends of Startup and Drain.
    pub(super) fn check_startup(&mut self, now: Duration, in_flight: f64, total: u64) {
        if self.state == State::Startup {
            if self.model.is_loss_round_start && self.model.is_lossy_round(self.segment, true) {
                let bdp = self.model.bdp(self.model.max_rate()).unwrap_or(self.window);
                self.model.inflight_high = bdp.max(self.model.inflight_latest).max(self.least());
                self.is_full = true;
            }
            if self.is_full {
                self.state = State::Drain;
            }
        }
        if self.state == State::Drain && in_flight <= self.inflight(self.model.rate(), 1.0) {
            self.start_down(now, total);
        }
    }

    pub(super) fn start_down(&mut self, now: Duration, total: u64) {
        self.model.reset_congestion_signals();
        self.up_rounds = 0;
        let random = self.next_random();
        self.rounds_since_probe = (random & 1) as u32;
        self.probe_wait = Duration::from_secs(2) + Duration::from_micros((random >> 1) % 1_000_000);
        self.cycle_at = now;
        self.acks = AcksPhase::Stopping;
        self.model.start_round(total);
        self.state = State::Down;
    }

    /// The phases of ProbeBW (`BBRUpdateProbeBWCyclePhase`).
    pub(super) fn update_cycle(
        &mut self,
        now: Duration,
        acknowledged: &Acknowledged,
        in_flight: f64,
    ) {
        if !self.is_full {
            return;
        }
        let total = acknowledged.rate.total;
        self.adapt_upper_bounds(acknowledged);
        match self.state {
            State::Down => {
                let is_drained = in_flight <= self.with_headroom()
                    && in_flight <= self.inflight(self.model.max_rate(), 1.0);
                let is_due = self.start_refill_if_due(now, total);
                if is_drained && !is_due {
                    self.state = State::Cruise;
                }
            }
            State::Cruise => {
                self.start_refill_if_due(now, total);
            }
            State::Refill if self.model.is_round_start => {
                self.is_probe_sample = true;
                self.acks = AcksPhase::Starting;
                self.model.start_round(total);
                let rate = acknowledged.rate.bytes_per_second().unwrap_or(0);
                self.reset_full(rate as f64);
                self.cycle_at = now;
                self.up_rounds = 0;
                self.state = State::Up;
            }
            State::Up => {
                let is_bounded =
                    self.is_window_limited(acknowledged) && self.window >= self.model.inflight_high;
                if is_bounded {
                    let rate = acknowledged.rate.bytes_per_second().unwrap_or(0);
                    self.reset_full(rate as f64);
                } else if self.is_full_now {
                    self.start_down(now, total);
                }
            }
            _ => {}
        }
    }

    fn is_window_limited(&self, acknowledged: &Acknowledged) -> bool {
        acknowledged.in_flight as f64 + self.segment > self.window
    }

    fn start_refill_if_due(&mut self, now: Duration, total: u64) -> bool {
        if self.model.is_round_start {
            self.rounds_since_probe = self.rounds_since_probe.saturating_add(1);
        }
        let rounds = (self.target() / self.segment).min(MAX_PROBE_ROUNDS);
        let is_due = now.saturating_sub(self.cycle_at) > self.probe_wait
            || f64::from(self.rounds_since_probe) >= rounds;
        if is_due {
            self.model.reset_lower_bounds();
            self.up_rounds = 0;
            self.acks = AcksPhase::Refilling;
            self.model.start_round(total);
            self.state = State::Refill;
        }
        is_due
    }

    /// `BBRAdaptLongTermModel`.
    fn adapt_upper_bounds(&mut self, acknowledged: &Acknowledged) {
        let sample = &acknowledged.rate;
        if self.model.is_round_start {
            match self.acks {
                AcksPhase::Starting => self.acks = AcksPhase::Feedback,
                AcksPhase::Stopping => {
                    self.is_probe_sample = false;
                    self.acks = AcksPhase::Init;
                    if self.state.is_probe_bw() && !sample.is_app_limited {
                        self.model.advance_max_rate();
                    }
                }
                _ => {}
            }
        }
        let high = self.model.inflight_high;
        if high.is_infinite() {
            return;
        }
        self.model.inflight_high = high.max(sample.in_flight as f64);
        if self.state == State::Up
            && self.is_window_limited(acknowledged)
            && self.window >= self.model.inflight_high
        {
            // One segment more in the first round, and twice as many in each that follows.
            let growth = f64::from(1_u32 << self.up_rounds.min(30)) * self.segment;
            let part = acknowledged.bytes as f64 * (growth / self.window).min(1.0);
            self.model.inflight_high += part;
            if self.model.is_round_start {
                self.up_rounds += 1;
            }
        }
    }

    /// `BBRCheckProbeRTT`.
    pub(super) fn check_probe_rtt(
        &mut self,
        now: Duration,
        in_flight: f64,
        total: u64,
        was_idle: bool,
    ) {
        if self.state != State::ProbeRtt {
            if self.model.is_rtt_expired && !was_idle {
                self.save_window();
                self.state = State::ProbeRtt;
                self.probe_rtt_done = None;
                self.acks = AcksPhase::Stopping;
                self.model.start_round(total);
            }
            return;
        }
        let Some(done) = self.probe_rtt_done else {
            if in_flight <= self.probe_rtt_window() {
                self.probe_rtt_done = Some(now.saturating_add(PROBE_RTT));
                self.is_probe_round_done = false;
                self.model.start_round(total);
            }
            return;
        };
        self.is_probe_round_done |= self.model.is_round_start;
        if self.is_probe_round_done && now > done {
            self.model.probe_min_at = now;
            self.window = self.window.max(self.saved_window);
            self.model.reset_lower_bounds();
            self.state = State::Startup;
            if self.is_full {
                self.start_down(now, total);
                self.state = State::Cruise;
            }
        }
    }
}
