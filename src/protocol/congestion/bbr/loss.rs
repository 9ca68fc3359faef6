//! Which losses are a sign of congestion.

/// The share of lost bytes that BBR tolerates (`BBR.LossThresh`).
const TOLERATED: f64 = 0.02;
/// The share in Startup, before the path's own loss is known: a queue that overflows at 2.77 times
/// the rate of the path loses more.
const TOLERATED_IN_STARTUP: f64 = 0.10;
/// The most that counts as the path's own loss.
const MAX_BASE: f64 = 0.10;
/// Datagrams of an epoch, at least.
const EPOCH: f64 = 256.0;
/// Epochs that are remembered.
const EPOCHS: usize = 8;

/// Estimates the loss that does not depend on the sending rate: the least of the last epochs.
///
/// The draft counts any loss above 2 % as congestion, so a radio link that loses 5 % at random
/// would slow BBR down further each round. A queue that overflows does not lose at the same rate
/// all the time: it does not while BBR cruises or drains it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathLoss {
    lost: f64,
    resolved: f64,
    rates: [f64; EPOCHS],
    count: usize,
}

impl PathLoss {
    /// Bytes were delivered or lost; `is_round_over` at the end of a round trip.
    pub(super) fn record(&mut self, delivered: f64, lost: f64, segment: f64, is_round_over: bool) {
        self.lost += lost;
        self.resolved += delivered + lost;
        if is_round_over && self.resolved >= EPOCH * segment {
            self.rates[self.count % EPOCHS] = self.lost / self.resolved;
            self.count += 1;
            (self.lost, self.resolved) = (0.0, 0.0);
        }
    }

    /// The path's own loss, as a share of the bytes.
    pub(super) fn base(&self) -> f64 {
        let known = &self.rates[..self.count.min(EPOCHS)];
        let least = known.iter().copied().reduce(f64::min);
        least.unwrap_or(0.0).min(MAX_BASE)
    }

    /// Whether so much of the bytes is lost that chance does not explain it: three standard
    /// deviations more than what is tolerated beyond the path's own loss.
    pub(super) fn is_excessive(&self, lost: f64, bytes: f64, segment: f64, startup: bool) -> bool {
        let mut tolerated = self.base() + TOLERATED;
        if startup {
            tolerated = tolerated.max(TOLERATED_IN_STARTUP);
        }
        let expected = bytes / segment * tolerated;
        lost / segment > expected + 3.0 * expected.sqrt()
    }
}
