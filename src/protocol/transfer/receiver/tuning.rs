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
