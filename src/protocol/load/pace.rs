//! How fast a sender makes up for what is late.

/// Of how many rounds the shortest delay counts.
const ROUNDS: usize = 4;

/// A datagram that is later than this is not sent any more, in nanoseconds.
const MOST_SLIP: u64 = 1_000_000_000;

/// How long after the end what is late may still be sent.
const OVERTIME: u64 = 50_000_000;

/// What is to be done about the next datagram of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Nothing before that time.
    Later(u64),
    /// It leaves now.
    Now,
    /// It is given up: it is more than a second late, or still there 50 ms after the end.
    TooLate,
}

/// When datagrams that are late leave: not all at once, but a third faster than they were due.
///
/// A sender that did not run for 2 ms owes a path of 100,000 datagrams per second 200 of them. Sent at once
/// they would be a burst that is not in the plan, and the path or the server might lose what it would have
/// carried: a loss of the sender's making. A sender that comes late each time, since it needs long for each
/// round or since the datagrams are due within a microsecond, sends at once what was due meanwhile; and after
/// the end of the schedule all leaves at once.
///
/// ```
/// use udpraw::protocol::load::{Departure, Pace};
///
/// // Due at 0, 10, 20 microseconds and so on; it is 2 ms later.
/// let (mut pace, now) = (Pace::new(u64::MAX), 2_000_000);
/// assert_eq!(pace.handle_next(0, now), Departure::Now);
/// assert_eq!(pace.handle_next(10_000, now), Departure::Later(now + 7_500));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the schedule is over.
    end: u64,
    /// When the last one was due, and when it left by this clock, in nanoseconds.
    last: Option<(u64, u64)>,
    /// When a round sent something the last, and how late the last rounds came.
    round: u64,
    delays: [u64; ROUNDS],
}

impl Pace {
    /// Of a schedule that is over at `end`, in nanoseconds of any one clock.
    pub fn new(end: u64) -> Self {
        Self {
            end,
            last: None,
            round: 0,
            delays: [0; ROUNDS],
        }
    }

    /// It is `now`, and the next datagram is due at `due`, not earlier than the one before.
    pub fn handle_next(&mut self, due: u64, now: u64) -> Departure {
        if now.saturating_sub(due) > MOST_SLIP || now > self.end.saturating_add(OVERTIME) {
            return Departure::TooLate;
        }
        let soonest = match self.last {
            // There is no time left to make up for it slowly.
            Some(_) if now > self.end => due,
            Some((before, left)) => {
                due.max(left.saturating_add(due.saturating_sub(before) / 4 * 3))
            }
            None => due,
        };
        if soonest > now {
            return Departure::Later(soonest);
        }
        if now != self.round {
            self.round = now;
            self.delays.rotate_left(1);
            self.delays[ROUNDS - 1] = now - soonest;
        }
        // A stall is in one of them only.
        let delay = self.delays.iter().min().copied().unwrap_or(0);
        let left = soonest.max(now.saturating_sub(delay));
        self.last = Some((due, left));
        Departure::Now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A sender whose rounds take `round` and one datagram each `each` more, with `batch` at most of a round,
    /// which does not run from `stall` on for `length`: when each of `count` datagrams was due and left.
    fn sent(
        gap: u64,
        count: u64,
        (round, each, batch): (u64, u64, u64),
        (stall, length): (u64, u64),
    ) -> Vec<(u64, u64)> {
        let (mut pace, mut now, mut all) = (Pace::new(u64::MAX), 0, Vec::new());
        let mut stalls = Some(length);
        while (all.len() as u64) < count {
            let mut left = 0;
            while left < batch && (all.len() as u64) < count {
                let due = all.len() as u64 * gap;
                if pace.handle_next(due, now) != Departure::Now {
                    break;
                }
                all.push((due, now));
                left += 1;
            }
            now += round + left * each;
            if now > stall {
                now += stalls.take().unwrap_or(0);
            }
        }
        all
    }

    #[test]
    fn all_is_made_up_for_in_four_times_the_stall_and_without_a_burst() {
        let (gap, length) = (10_000, 2_000_000);
        let all = sent(gap, 2_000, (500, 0, 64), (5_000_000, length));
        let late = all.iter().filter(|(due, left)| left - due > 1_000).count() as u64;
        let least = length / gap;
        assert!((3 * least..=4 * least + 4).contains(&late), "{late} late");
        let bursts = all.windows(2).filter(|two| two[1].1 - two[0].1 < gap / 2);
        assert_eq!(bursts.count(), 0);
        assert!(
            all.iter()
                .skip(1_310)
                .all(|(due, left)| left - due <= 1_000)
        );
    }

    #[test]
    fn at_the_end_nothing_waits_and_what_is_too_late_is_given_up() {
        let end = 10_000_000;
        let mut pace = Pace::new(end);
        assert_eq!(pace.handle_next(0, 0), Departure::Now);
        let mut sent = 0;
        while pace.handle_next(9_000_000 + sent, end + 1) == Departure::Now && sent < 1_000 {
            sent += 1;
        }
        assert_eq!(sent, 1_000);
        assert_eq!(pace.handle_next(end, end + OVERTIME), Departure::Now);
        assert_eq!(
            pace.handle_next(end, end + OVERTIME + 1),
            Departure::TooLate
        );
        let mut pace = Pace::new(u64::MAX);
        assert_eq!(pace.handle_next(0, MOST_SLIP), Departure::Now);
        assert_eq!(pace.handle_next(0, MOST_SLIP + 1), Departure::TooLate);
    }

    proptest! {
        /// Whatever the gaps and the rounds are, a sender that can keep pace does.
        #[test]
        fn a_slow_sender_keeps_pace(
            gap in 100_u64..1_000_000,
            round in 100_u64..100_000,
            share in 1_u64..60,
        ) {
            // What a full round takes is less than what is due in it at most.
            let each = gap * share / 100;
            let batch = 64;
            prop_assume!(round + batch * each < batch * gap * 9 / 10);
            let count = 40_000;
            let all = sent(gap, count, (round, each, batch), (u64::MAX, 0));
            let late = all.iter().map(|(due, left)| left - due).max().unwrap_or(0);
            prop_assert!(late <= 12 * (round + batch * each), "{late} ns late");
        }

        /// Nothing leaves before it is due, nor in another order, and each in the end.
        #[test]
        fn nothing_leaves_too_early(
            dues in prop::collection::vec(0_u64..50_000, 1..200),
            waits in prop::collection::vec(0_u64..500_000, 1..200),
        ) {
            let (mut pace, mut now, mut due) = (Pace::new(u64::MAX), 0, 0);
            for (gap, wait) in dues.into_iter().zip(waits) {
                due += gap;
                now += wait;
                if let Departure::Later(soonest) = pace.handle_next(due, now) {
                    prop_assert!(soonest >= due && soonest > now);
                    prop_assert!(soonest <= due.max(now + gap));
                    now = soonest;
                    prop_assert_eq!(pace.handle_next(due, now), Departure::Now);
                }
            }
        }
    }
}
