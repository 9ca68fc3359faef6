//! How fast a path delivers (draft-ietf-ccwg-bbr section 4.1, before that
//! draft-cheng-iccrg-delivery-rate-estimation).

use std::time::Duration;

/// What [`DeliveryRate`] has to know of a datagram once its fate is known. Whoever tracks the
/// datagrams in flight keeps one for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendState {
    /// `P.delivered`: bytes delivered when it was sent.
    delivered: u64,
    /// `P.delivered_time`: when the last of them was acknowledged, in nanoseconds.
    delivered_at: u64,
    /// `P.first_send_time`: the start of the sending interval, in nanoseconds.
    first_sent_at: u64,
    /// `P.tx_in_flight`: bytes in flight, this datagram included; at most `u32::MAX`.
    in_flight: u32,
    /// The lower bits of `P.lost`: bytes lost when it was sent.
    lost: u32,
    /// `P.is_app_limited`.
    is_app_limited: bool,
}

/// The loss of a datagram, and what else was lost of the window that it was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Bytes in flight when it was sent, the datagram included.
    pub in_flight: u64,
    /// Bytes lost since then, the datagram included.
    pub lost: u64,
    /// Whether the sender had less to send than the window allowed.
    pub is_app_limited: bool,
}

/// What one acknowledgement shows of the path's delivery rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSample {
    /// Bytes delivered since the start, `C.delivered`.
    pub total: u64,
    /// Of these, those that were delivered before the newest acknowledged datagram was sent,
    /// `RS.prior_delivered`.
    pub prior: u64,
    /// How long the path took for the difference; zero if there is no valid sample.
    pub interval: Duration,
    /// Whether the sender had less to send than the window allowed: the path may be faster.
    pub is_app_limited: bool,
    /// Bytes in flight when the newest acknowledged datagram was sent, `RS.tx_in_flight`.
    pub in_flight: u64,
    /// Bytes declared lost since the last sample, `RS.newly_lost`.
    pub newly_lost: u64,
    /// The worst loss since the last sample: the largest share of its window.
    pub worst: Option<Loss>,
}

impl RateSample {
    /// The delivery rate in bytes per second, if the sample is valid.
    pub fn bytes_per_second(&self) -> Option<u64> {
        if self.interval.is_zero() {
            return None;
        }
        let bytes = u128::from(self.total.saturating_sub(self.prior)) * 1_000_000_000;
        Some(u64::try_from(bytes / self.interval.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Estimates the delivery rate, with constant work per datagram and per acknowledgement.
///
/// The rate is what was delivered between the sending of a datagram and its acknowledgement,
/// divided by the time that took; the slower of sending and acknowledging counts.
///
/// ```
/// use std::time::Duration;
/// use udpraw::protocol::congestion::DeliveryRate;
/// let mut rate = DeliveryRate::default();
/// let (start, trip) = (Duration::ZERO, Duration::from_millis(20));
/// let first = rate.on_sent(start, 1_000, 0);
/// let second = rate.on_sent(start, 1_000, 1_000);
/// rate.on_delivered(trip, start, 1_000, &first);
/// rate.on_delivered(trip, start, 1_000, &second);
/// let sample = rate.sample(trip);
/// assert_eq!(sample.bytes_per_second(), Some(100_000)); // 2,000 bytes in 20 ms
/// ```
#[derive(Clone, Debug, Default)]
pub struct DeliveryRate {
    /// `C.delivered`.
    delivered: u64,
    /// `C.delivered_time`, in nanoseconds.
    delivered_at: u64,
    /// `C.first_send_time`, in nanoseconds.
    first_sent_at: u64,
    /// `C.lost`.
    lost: u64,
    /// `C.app_limited`: the bytes delivered at which the sender's pause has left the path.
    app_limited_until: Option<u64>,
    /// What was sent before says nothing about the path of now.
    valid_from: Duration,
    newest: Option<(Duration, SendState)>,
    newly_lost: u64,
    worst: Option<Loss>,
}

impl DeliveryRate {
    /// A datagram of `bytes` is sent, with `in_flight` bytes in flight before it.
    pub fn on_sent(&mut self, now: Duration, bytes: u64, in_flight: u64) -> SendState {
        if in_flight == 0 {
            self.first_sent_at = nanos(now);
            self.delivered_at = nanos(now);
        }
        SendState {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            in_flight: u32::try_from(in_flight.saturating_add(bytes)).unwrap_or(u32::MAX),
            lost: self.lost as u32,
            is_app_limited: self.app_limited_until.is_some(),
        }
    }

    /// The sender has nothing to send, though window and pacer would allow more.
    pub fn on_app_limited(&mut self, in_flight: u64) {
        self.app_limited_until = Some(self.delivered.saturating_add(in_flight));
    }

    /// A datagram of `bytes`, sent at `sent_at`, is acknowledged for the first time, even if it was
    /// declared lost before.
    pub fn on_delivered(
        &mut self,
        now: Duration,
        sent_at: Duration,
        bytes: u64,
        state: &SendState,
    ) {
        self.delivered = self.delivered.saturating_add(bytes);
        self.delivered_at = self.delivered_at.max(nanos(now));
        let is_newest = self.newest.is_none_or(|(newest_at, newest)| {
            (state.delivered, sent_at) >= (newest.delivered, newest_at)
        });
        if is_newest && sent_at >= self.valid_from {
            self.newest = Some((sent_at, *state));
            self.first_sent_at = nanos(sent_at);
        }
    }

    /// A datagram of `bytes` is declared lost. Not for a probe of the path MTU: its loss says
    /// nothing about congestion (RFC 8899 section 3).
    pub fn on_lost(&mut self, sent_at: Duration, bytes: u64, state: &SendState) {
        self.lost = self.lost.wrapping_add(bytes);
        if sent_at < self.valid_from {
            return;
        }
        self.newly_lost = self.newly_lost.saturating_add(bytes);
        let loss = Loss {
            in_flight: state.in_flight.into(),
            lost: (self.lost as u32).wrapping_sub(state.lost).into(),
            is_app_limited: state.is_app_limited,
        };
        let is_worse = |worst: Loss| {
            let (one, other) = (loss.lost * worst.in_flight, worst.lost * loss.in_flight);
            one > other
        };
        if self.worst.is_none_or(is_worse) {
            self.worst = Some(loss);
        }
    }

    /// The sample of an acknowledgement, after all that it acknowledges and shows as lost was
    /// reported. A sample shorter than the shortest round trip is not valid.
    pub fn sample(&mut self, min_round_trip: Duration) -> RateSample {
        if self
            .app_limited_until
            .is_some_and(|until| self.delivered > until)
        {
            self.app_limited_until = None;
        }
        let mut sample = RateSample {
            total: self.delivered,
            prior: self.delivered,
            newly_lost: std::mem::take(&mut self.newly_lost),
            worst: self.worst.take(),
            ..RateSample::default()
        };
        let Some((sent_at, state)) = self.newest.take() else {
            return sample;
        };
        let sending = nanos(sent_at).saturating_sub(state.first_sent_at);
        let acknowledging = self.delivered_at.saturating_sub(state.delivered_at);
        let interval = Duration::from_nanos(sending.max(acknowledging));
        sample.prior = state.delivered;
        sample.is_app_limited = state.is_app_limited;
        sample.in_flight = state.in_flight.into();
        if interval >= min_round_trip {
            sample.interval = interval;
        }
        sample
    }

    /// The path is another from now on: what was sent before gives no sample.
    pub fn on_path_changed(&mut self, now: Duration) {
        self.valid_from = now.saturating_add(Duration::from_nanos(1));
        self.first_sent_at = nanos(now);
        self.delivered_at = nanos(now);
        self.app_limited_until = None;
        self.newest = None;
        self.newly_lost = 0;
        self.worst = None;
    }
}

/// A time as nanoseconds: they last for 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn the_slower_of_sending_and_acknowledging_counts() {
        let mut rate = DeliveryRate::default();
        // Sent at one segment per millisecond, acknowledged all at once: no more than was sent.
        let states: Vec<_> = (0..10)
            .map(|sent| rate.on_sent(millis(sent), 1000, sent * 1000))
            .collect();
        for (sent, state) in (0..).zip(&states) {
            rate.on_delivered(millis(20), millis(sent), 1000, state);
        }
        assert_eq!(rate.sample(millis(10)).interval, millis(20));
        // Sent at once, acknowledged one per millisecond.
        let states: Vec<_> = (0..10)
            .map(|sent| rate.on_sent(millis(20), 1000, sent * 1000))
            .collect();
        for (at, state) in (0..).zip(&states) {
            rate.on_delivered(millis(30 + at), millis(20), 1000, state);
            let sample = rate.sample(millis(10));
            assert_eq!(sample.interval, millis(10 + at));
            assert_eq!(sample.total - sample.prior, 1000 * (at + 1));
            assert!(sample.bytes_per_second() <= Some(1_000_000));
        }
        // Shorter than the shortest round trip: not valid.
        let state = rate.on_sent(millis(40), 1000, 0);
        rate.on_delivered(millis(45), millis(40), 1000, &state);
        assert_eq!(rate.sample(millis(10)).bytes_per_second(), None);
    }

    #[test]
    fn a_pause_marks_what_is_in_flight_and_a_loss_is_of_its_window() {
        let mut rate = DeliveryRate::default();
        let before = rate.on_sent(millis(0), 1000, 0);
        rate.on_app_limited(1000);
        let after = rate.on_sent(millis(1), 1000, 1000);
        rate.on_delivered(millis(10), millis(0), 1000, &before);
        assert!(!rate.sample(millis(10)).is_app_limited);
        rate.on_lost(millis(1), 1000, &after);
        let sample = rate.sample(millis(10));
        let loss = sample.worst.expect("a loss");
        assert_eq!(
            (loss.in_flight, loss.lost, loss.is_app_limited),
            (2000, 1000, true)
        );
        assert_eq!(sample.newly_lost, 1000);
        assert_eq!(rate.sample(millis(10)).worst, None);
        let state = rate.on_sent(millis(20), 1000, 0);
        rate.on_delivered(millis(30), millis(20), 1000, &state);
        assert!(rate.sample(millis(10)).is_app_limited);
        let state = rate.on_sent(millis(31), 1000, 0);
        rate.on_delivered(millis(41), millis(31), 1000, &state);
        assert!(!rate.sample(millis(10)).is_app_limited);
    }

    #[test]
    fn another_path_gives_no_sample_of_the_old_one() {
        let mut rate = DeliveryRate::default();
        let state = rate.on_sent(millis(0), 1000, 0);
        rate.on_path_changed(millis(5));
        rate.on_lost(millis(0), 1000, &state);
        rate.on_delivered(millis(10), millis(0), 1000, &state);
        let sample = rate.sample(millis(1));
        assert_eq!(
            (sample.bytes_per_second(), sample.worst, sample.newly_lost),
            (None, None, 0)
        );
    }
}
