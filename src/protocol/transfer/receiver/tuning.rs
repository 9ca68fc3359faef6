//! When the receiver's window grows.

use std::time::Duration;

/// On a path with a shorter round trip than this, datagrams are in the socket's buffer rather than on
/// their way, and the window is what fits there.
const SHORT_TRIP: Duration = Duration::from_millis(1);

/// Finds out whether the window limits the sender, by when its credit is used.
///
/// Bytes beyond a credit could not be sent before the next one arrived: between sending that and
/// receiving them is at least a round trip. If the whole window passes within two round trips, it is
/// less than twice what the path holds, and grows; likewise if all credit is used up while a gap
/// keeps the window from moving. So it ends at two to four times what is in flight where nothing is
/// lost, and at more where gaps last longer than a round trip (as Linux's TCP tunes its buffer, and
/// QUIC's flow control its windows).
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    /// The credit before one that was sent, when that was, and whether all of it was used up.
    timed: Option<(u64, Duration, bool)>,
    /// The shortest round trip; none is known before the first.
    shortest: Option<Duration>,
}

impl Tuning {
    /// The handshake's answer is sent at `now`: the first bytes arrive a round trip later.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            timed: Some((0, now, false)),
            shortest: None,
        }
    }

    /// More than the credit `before` is given, of which `left` bytes have not arrived.
    pub(super) fn on_credit(&mut self, now: Duration, before: u64, left: u64, window: u64) {
        let is_used_up = left <= window / 8;
        self.timed.get_or_insert((before, now, is_used_up));
    }

    /// Another sign of the round trip.
    pub(super) fn on_round_trip(&mut self, trip: Option<Duration>) {
        self.shortest = [self.shortest, trip].into_iter().flatten().min();
    }

    /// The sender is elsewhere: this far away.
    pub(super) fn on_path_changed(&mut self, trip: Duration) {
        self.shortest = Some(trip);
        self.timed = None;
    }

    /// Bytes arrived up to `end`. Returns whether the window should grow.
    pub(super) fn on_bytes(&mut self, now: Duration, end: u64) -> bool {
        let Some((before, at, is_used_up)) = self.timed else {
            return false;
        };
        if end <= before {
            return false;
        }
        self.timed = None;
        let trip = now.saturating_sub(at);
        let Some(known) = self.shortest else {
            self.shortest = Some(trip);
            return false;
        };
        let shortest = known.min(trip);
        self.shortest = Some(shortest);
        is_used_up || shortest >= SHORT_TRIP && trip <= shortest.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 1_000_000;

    /// A sender that sends at most `rate` bytes per millisecond, as far as credit allows, `trip`
    /// milliseconds away; a gap stays open for `stall` milliseconds out of each 100. Returns how often
    /// a window that stays the same should grow in two seconds.
    fn growths(trip: u64, rate: u64, stall: u64) -> usize {
        let mut tuning = Tuning::new(Duration::ZERO);
        // What was granted and what was sent, by the time when it arrives at the other end.
        let (mut granted, mut sent) = (vec![WINDOW; trip as usize + 1], vec![0_u64; 2]);
        let (mut credit, mut reach, mut delivered, mut count) = (WINDOW, 0, 0, 0);
        for now in trip..2_000 {
            let time = Duration::from_millis(now);
            let half = (trip / 2) as usize;
            let allowed = granted[granted.len() - 1 - half];
            sent.push(allowed.min(sent.last().unwrap() + rate));
            reach = reach.max(sent[sent.len().saturating_sub(half + 2)]);
            count += usize::from(tuning.on_bytes(time, reach));
            if now % 100 >= stall {
                delivered = reach;
            }
            if delivered + WINDOW > credit {
                tuning.on_credit(time, credit, credit - reach, WINDOW);
                credit = delivered + WINDOW;
            }
            granted.push(credit);
        }
        count
    }

    #[test]
    fn a_window_that_limits_the_sender_grows() {
        // 1 MB in 100 ms are at most 10,000 bytes in a millisecond.
        assert!(growths(100, 50_000, 0) > 5);
        assert!(growths(100, 6_000, 0) > 5, "more than half of it is in use");
        assert_eq!(
            growths(100, 1_000, 0),
            0,
            "it is ten times what is in flight"
        );
    }

    #[test]
    fn a_window_that_a_gap_uses_up_grows() {
        assert_eq!(growths(20, 15_000, 0), 0);
        assert!(growths(20, 15_000, 80) > 5);
        assert_eq!(growths(20, 7_000, 20), 0, "there is room for such a gap");
    }

    #[test]
    fn what_waits_in_the_socket_buffer_lets_nothing_grow() {
        let mut tuning = Tuning::new(Duration::ZERO);
        let micros = Duration::from_micros;
        assert!(!tuning.on_bytes(micros(100), 1));
        for at in 1..100 {
            // The whole window passes within each millisecond, on a path of a tenth of one.
            tuning.on_credit(micros(at * 1_000), WINDOW * at, WINDOW, WINDOW);
            assert!(!tuning.on_bytes(micros(at * 1_000 + 150), WINDOW * at + 1));
        }
        // Unless behind a gap: then it is not in the socket's buffer.
        tuning.on_credit(micros(150_000), WINDOW * 150, WINDOW / 10, WINDOW);
        assert!(tuning.on_bytes(micros(150_150), WINDOW * 150 + 1));
        tuning.on_path_changed(micros(20_000));
        tuning.on_credit(micros(200_000), WINDOW * 200, WINDOW, WINDOW);
        assert!(tuning.on_bytes(micros(221_000), WINDOW * 200 + 1));
    }
}
