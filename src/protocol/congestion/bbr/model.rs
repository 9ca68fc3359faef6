//! What BBR knows of the path (draft-ietf-ccwg-bbr sections 5.5 and 5.6).

use std::time::Duration;

use super::loss::PathLoss;
use crate::protocol::congestion::{Acknowledged, MAX_WINDOW};

/// The factor of a reduction (`BBR.Beta`).
pub(super) const BETA: f64 = 0.7;
/// After this time without a shorter round trip, the window is cut to measure it
/// (`ProbeRTTInterval`).
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the shortest round trip is trusted (`MinRTTFilterLen`).
const MIN_FILTER: Duration = Duration::from_secs(10);
/// A round trip that is longer by no more than this part of the shortest shows it again.
const SAME_RTT: u32 = 64;
/// Rounds in each half of the filter of aggregated acknowledgements (`ExtraAckedFilterLen` is
/// ten).
const AGGREGATION_ROUNDS: u32 = 5;

/// Rates in bytes per second, sizes in bytes.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// The highest delivery rates of the last cycle and of this one.
    max_rates: [f64; 2],
    /// `bw_shortterm`.
    pub(super) rate_low: f64,
    /// `inflight_shortterm`.
    pub(super) inflight_low: f64,
    /// `inflight_longterm`.
    pub(super) inflight_high: f64,
    rate_latest: f64,
    pub(super) inflight_latest: f64,
    /// The bounds before the last reduction.
    undo: Option<[f64; 3]>,
    pub(super) min_rtt: Option<Duration>,
    min_at: Duration,
    probe_min: Duration,
    pub(super) probe_min_at: Duration,
    /// Whether it is time to measure the round trip again.
    pub(super) is_rtt_expired: bool,
    next_round: u64,
    pub(super) is_round_start: bool,
    next_loss_round: u64,
    pub(super) is_loss_round_start: bool,
    pub(super) delivered_in_round: f64,
    pub(super) lost_in_round: f64,
    pub(super) loss: PathLoss,
    aggregated: [f64; 2],
    aggregated_rounds: u32,
    aggregation_start: Duration,
    aggregation_bytes: f64,
}

impl Model {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            max_rates: [0.0; 2],
            rate_low: f64::INFINITY,
            inflight_low: f64::INFINITY,
            inflight_high: f64::INFINITY,
            rate_latest: 0.0,
            inflight_latest: 0.0,
            undo: None,
            min_rtt: None,
            min_at: now,
            probe_min: Duration::MAX,
            probe_min_at: now,
            is_rtt_expired: false,
            next_round: 0,
            is_round_start: false,
            next_loss_round: 0,
            is_loss_round_start: false,
            delivered_in_round: 0.0,
            lost_in_round: 0.0,
            loss: PathLoss::default(),
            aggregated: [0.0; 2],
            aggregated_rounds: 0,
            aggregation_start: now,
            aggregation_bytes: 0.0,
        }
    }

    pub(super) fn max_rate(&self) -> f64 {
        self.max_rates[0].max(self.max_rates[1])
    }

    /// `BBR.bw`: the rate that is used.
    pub(super) fn rate(&self) -> f64 {
        self.max_rate().min(self.rate_low)
    }

    /// Bytes that fill the path at a rate.
    pub(super) fn bdp(&self, rate: f64) -> Option<f64> {
        self.min_rtt
            .map(|min| (rate * min.as_secs_f64()).min(MAX_WINDOW as f64))
    }

    pub(super) fn extra_acked(&self) -> f64 {
        self.aggregated[0].max(self.aggregated[1])
    }

    /// A new cycle of bandwidth probing: the maximum of the one before the last is forgotten.
    pub(super) fn advance_max_rate(&mut self) {
        if self.max_rates[1] > 0.0 {
            self.max_rates = [self.max_rates[1], 0.0];
        }
    }

    /// `BBRStartRound`.
    pub(super) fn start_round(&mut self, total: u64) {
        self.next_round = total;
    }

    pub(super) fn reset_lower_bounds(&mut self) {
        self.rate_low = f64::INFINITY;
        self.inflight_low = f64::INFINITY;
    }

    pub(super) fn reset_congestion_signals(&mut self) {
        self.lost_in_round = 0.0;
        self.delivered_in_round = 0.0;
        self.rate_latest = 0.0;
        self.inflight_latest = 0.0;
    }

    pub(super) fn remember_bounds(&mut self) {
        self.undo = Some([self.rate_low, self.inflight_low, self.inflight_high]);
    }

    pub(super) fn forget_bounds(&mut self) {
        self.undo = None;
    }

    /// `BBRHandleSpuriousLossDetection`.
    pub(super) fn restore_bounds(&mut self) {
        if let Some([rate, low, high]) = self.undo.take() {
            self.rate_low = self.rate_low.max(rate);
            self.inflight_low = self.inflight_low.max(low);
            self.inflight_high = self.inflight_high.max(high);
            self.lost_in_round = 0.0;
        }
    }

    /// Rounds, rates and losses of an acknowledgement: sections 5.5.1, 5.5.6 and 5.5.10.
    pub(super) fn update(&mut self, acknowledged: &Acknowledged, segment: f64) {
        let sample = &acknowledged.rate;
        let is_sample = sample.in_flight > 0;
        self.is_round_start = is_sample && sample.prior >= self.next_round;
        if self.is_round_start {
            self.next_round = sample.total;
        }
        self.is_loss_round_start = is_sample && sample.prior >= self.next_loss_round;
        if self.is_loss_round_start {
            self.next_loss_round = sample.total;
        }
        if let Some(rate) = sample.bytes_per_second() {
            let rate = rate as f64;
            self.rate_latest = self.rate_latest.max(rate);
            let delivered = sample.total.saturating_sub(sample.prior) as f64;
            self.inflight_latest = self.inflight_latest.max(delivered);
            if rate >= self.max_rate() || !sample.is_app_limited {
                self.max_rates[1] = self.max_rates[1].max(rate);
            }
        }
        let (delivered, lost) = (acknowledged.bytes as f64, sample.newly_lost as f64);
        self.delivered_in_round += delivered;
        self.lost_in_round += lost;
        self.loss
            .record(delivered, lost, segment, self.is_loss_round_start);
    }

    /// Whether more was lost in this round than the path loses by itself.
    pub(super) fn is_lossy_round(&self, segment: f64, is_startup: bool) -> bool {
        let bytes = self.delivered_in_round + self.lost_in_round;
        self.loss
            .is_excessive(self.lost_in_round, bytes, segment, is_startup)
    }

    /// `BBRLossLowerBounds`: what was delivered lately is what the path carries now.
    pub(super) fn lower_bounds(&mut self, window: f64) {
        self.remember_bounds();
        let rate = self.rate_low.min(self.max_rate());
        let inflight = self.inflight_low.min(window);
        self.rate_low = self.rate_latest.max(BETA * rate);
        self.inflight_low = self.inflight_latest.max(BETA * inflight);
    }

    /// `BBRAdvanceLatestDeliverySignals`, at the end of a round of losses.
    pub(super) fn advance_latest(&mut self, acknowledged: &Acknowledged) {
        if !self.is_loss_round_start {
            return;
        }
        let sample = &acknowledged.rate;
        self.rate_latest = sample.bytes_per_second().unwrap_or(0) as f64;
        self.inflight_latest = sample.total.saturating_sub(sample.prior) as f64;
        (self.delivered_in_round, self.lost_in_round) = (0.0, 0.0);
    }

    /// `BBRUpdateACKAggregation`: how much more arrives at once than the rate explains.
    pub(super) fn update_aggregation(&mut self, now: Duration, bytes: f64, window: f64) {
        if self.is_round_start {
            self.aggregated_rounds += 1;
            if self.aggregated_rounds >= AGGREGATION_ROUNDS {
                self.aggregated_rounds = 0;
                self.aggregated = [self.aggregated[1], 0.0];
            }
        }
        let passed = now.saturating_sub(self.aggregation_start).as_secs_f64();
        let mut expected = self.rate() * passed;
        if self.aggregation_bytes <= expected {
            self.aggregation_bytes = 0.0;
            self.aggregation_start = now;
            expected = 0.0;
        }
        self.aggregation_bytes += bytes;
        let extra = (self.aggregation_bytes - expected).min(window);
        self.aggregated[1] = self.aggregated[1].max(extra);
    }

    /// `BBRUpdateMinRTT`, except that a round trip which is almost the shortest counts as it. Each
    /// cycle drains its queue: on a path that is not shared, the round trip is known without cutting
    /// the window, which costs a path of 300 ms a tenth of its time.
    pub(super) fn update_min_rtt(&mut self, now: Duration, latest: Duration) {
        self.is_rtt_expired = now.saturating_sub(self.probe_min_at) > PROBE_INTERVAL;
        if latest < self.probe_min || self.is_rtt_expired {
            self.probe_min = latest;
            self.probe_min_at = now;
        } else if latest - self.probe_min <= self.probe_min / SAME_RTT {
            self.probe_min_at = now;
        }
        let is_old = now.saturating_sub(self.min_at) > MIN_FILTER;
        if is_old || self.min_rtt.is_none_or(|min| self.probe_min < min) {
            self.min_rtt = Some(self.probe_min);
            self.min_at = self.probe_min_at;
        }
    }
}
