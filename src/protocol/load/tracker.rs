//! What arrived of a stream of numbered datagrams: lost, duplicated, reordered, and how evenly.

use std::ops::AddAssign;

/// A slot whose datagram has arrived.
const ARRIVED: u32 = u32::MAX;

/// The largest change of a delay, in nanoseconds: two years.
const LONGEST: u64 = 1 << 56;

/// Greater numbers are no sender's: it would take 100 years.
const MOST_NUMBER: u64 = 1 << 62;

/// How many arrivals back n-reordering is looked for.
pub const MOST_N: usize = 8;

/// What a [`Tracker`] counted. Sums over flows are sums of each field, but for the largest ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Datagrams that arrived, each copy of them.
    pub received: u64,
    /// Datagrams that arrived at least once.
    pub unique: u64,
    /// Second and further copies.
    pub duplicates: u64,
    /// Arrivals so late that it is not known whether they are copies; they are not in [`Self::unique`].
    pub too_late: u64,
    /// Datagrams that arrived behind one with a greater number (RFC 4737 section 3).
    pub reordered: u64,
    /// Those among them with at least three greater ones directly before them: what TCP would have taken
    /// for a loss (n-reordering with n = 3, RFC 4737 section 5.3).
    pub three_reordered: u64,
    /// The sum of their extents: for each, how many arrivals since the first greater one (RFC 4737
    /// section 4.2).
    pub extent_sum: u64,
    /// The largest extent.
    pub extent_most: u64,
    /// The numbers from 0 to the greatest that arrived: how many were sent at least.
    pub expected: u64,
    /// Bytes of payload that arrived.
    pub bytes: u64,
    /// Pairs of datagrams with consecutive numbers that arrived one behind the other.
    pub pairs: u64,
    /// The sum of the differences of their delays without signs, in nanoseconds (RFC 3393).
    pub ipdv_sum: u64,
    /// The largest of these.
    pub ipdv_most: u64,
    /// The smoothed jitter of RFC 3550 section 6.4.1, in nanoseconds; of several flows, the largest.
    pub jitter: u64,
}

impl Counts {
    /// The numbers below the greatest that arrived which are missing.
    pub fn missing(&self) -> u64 {
        self.expected.saturating_sub(self.unique)
    }

    /// What was counted since `earlier`. What is a largest or a smoothed figure stays as it is.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let less = |figure: fn(&Self) -> u64| figure(self).saturating_sub(figure(earlier));
        Self {
            received: less(|c| c.received),
            unique: less(|c| c.unique),
            duplicates: less(|c| c.duplicates),
            too_late: less(|c| c.too_late),
            reordered: less(|c| c.reordered),
            three_reordered: less(|c| c.three_reordered),
            extent_sum: less(|c| c.extent_sum),
            extent_most: self.extent_most,
            expected: less(|c| c.expected),
            bytes: less(|c| c.bytes),
            pairs: less(|c| c.pairs),
            ipdv_sum: less(|c| c.ipdv_sum),
            ipdv_most: self.ipdv_most,
            jitter: self.jitter,
        }
    }
}

impl AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.received += other.received;
        self.unique += other.unique;
        self.duplicates += other.duplicates;
        self.too_late += other.too_late;
        self.reordered += other.reordered;
        self.three_reordered += other.three_reordered;
        self.extent_sum += other.extent_sum;
        self.extent_most = self.extent_most.max(other.extent_most);
        self.expected += other.expected;
        self.bytes += other.bytes;
        self.pairs += other.pairs;
        self.ipdv_sum += other.ipdv_sum;
        self.ipdv_most = self.ipdv_most.max(other.ipdv_most);
        self.jitter = self.jitter.max(other.jitter);
    }
}

/// Follows one flow of datagrams that are numbered from 0, in memory that does not grow.
///
/// Each datagram costs the same, but for numbers that were skipped: each of them costs one write. A
/// datagram that is more than a window behind the greatest counts as [`Counts::too_late`].
///
/// ```
/// use udpraw::protocol::load::Tracker;
/// let mut tracker = Tracker::new(1024);
/// for (number, arrived) in [(0, 10), (2, 30), (1, 35), (1, 36), (4, 50)] {
///     let sent = number * 10;
///     tracker.handle_datagram(number, arrived - sent as i64, 64);
/// }
/// let counts = tracker.counts();
/// assert_eq!((counts.received, counts.unique, counts.duplicates), (5, 4, 1));
/// assert_eq!((counts.reordered, counts.extent_most, counts.missing()), (1, 1, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Tracker {
    /// For each number of the window, [`ARRIVED`], or after how many arrivals it was skipped.
    slots: Vec<u32>,
    counts: Counts,
    /// The last numbers that arrived, without copies, the latest first.
    recent: [u64; MOST_N],
    /// The number and the delay of the last arrival, without copies.
    last: Option<(u64, i64)>,
    /// 16 times the jitter, in nanoseconds.
    jitter: u64,
}

impl Tracker {
    /// A tracker with a window of the given length in numbers, rounded up to a power of two from 64 to 2^24.
    pub fn new(window: usize) -> Self {
        Self {
            slots: vec![ARRIVED; window.clamp(64, 1 << 24).next_power_of_two()],
            counts: Counts::default(),
            recent: [0; MOST_N],
            last: None,
            jitter: 0,
        }
    }

    /// What it counted.
    pub fn counts(&self) -> Counts {
        Counts {
            jitter: self.jitter / 16,
            ..self.counts
        }
    }

    /// A datagram arrived. `delay` is the time between the clocks of its sender and its receiver in
    /// nanoseconds; a constant difference of the two does not matter. Returns whether it is the first
    /// copy.
    pub fn handle_datagram(&mut self, number: u64, delay: i64, bytes: usize) -> bool {
        self.counts.received += 1;
        self.counts.bytes += bytes as u64;
        if number > MOST_NUMBER {
            self.counts.too_late += 1;
            return false;
        }
        let window = self.slots.len() as u64;
        if number >= self.counts.expected {
            self.skip_to(number);
            *self.slot(number) = ARRIVED;
            self.counts.expected = number + 1;
        } else if self.counts.expected - number > window {
            self.counts.too_late += 1;
            return false;
        } else {
            let skipped = std::mem::replace(self.slot(number), ARRIVED);
            if skipped == ARRIVED {
                self.counts.duplicates += 1;
                return false;
            }
            self.reordered(number, skipped);
        }
        self.variation(number, delay);
        self.recent.rotate_right(1);
        self.recent[0] = number;
        self.counts.unique += 1;
        true
    }

    fn slot(&mut self, number: u64) -> &mut u32 {
        let mask = self.slots.len() - 1;
        // The window is a power of two.
        &mut self.slots[number as usize & mask]
    }

    /// Notes for each skipped number after how many arrivals it was skipped.
    fn skip_to(&mut self, number: u64) {
        let (expected, window) = (self.counts.expected, self.slots.len() as u64);
        let arrival = self.arrival();
        for skipped in expected.max(number.saturating_sub(window))..number {
            *self.slot(skipped) = arrival;
        }
    }

    /// The arrivals so far without copies, as a slot holds them.
    fn arrival(&self) -> u32 {
        // It wraps around at 2^32; the difference of two is right while it is smaller than that.
        match self.counts.unique as u32 {
            ARRIVED => 0,
            arrival => arrival,
        }
    }

    fn reordered(&mut self, number: u64, skipped: u32) {
        let extent = u64::from(self.arrival().wrapping_sub(skipped));
        let counts = &mut self.counts;
        counts.reordered += 1;
        counts.extent_sum += extent;
        counts.extent_most = counts.extent_most.max(extent);
        let before = MOST_N.min(counts.unique as usize);
        let greater = self.recent[..before]
            .iter()
            .take_while(|one| **one > number);
        counts.three_reordered += u64::from(greater.count() >= 3);
    }

    /// The variation of the delay between this datagram and the last one.
    fn variation(&mut self, number: u64, delay: i64) {
        if let Some((last, before)) = self.last {
            let change = delay.abs_diff(before).min(LONGEST);
            // J += (|D| - J) / 16, in sixteenths (RFC 3550 appendix A.8).
            self.jitter = (self.jitter - (self.jitter + 8) / 16).saturating_add(change);
            if number == last + 1 {
                self.counts.pairs += 1;
                self.counts.ipdv_sum = self.counts.ipdv_sum.saturating_add(change);
                self.counts.ipdv_most = self.counts.ipdv_most.max(change);
            }
        }
        self.last = Some((number, delay));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 4737 as it is written, over all arrivals.
    fn naive(arrivals: &[(u64, i64)]) -> Counts {
        let mut counts = Counts {
            received: arrivals.len() as u64,
            ..Counts::default()
        };
        let mut unique: Vec<(u64, i64)> = Vec::new();
        for arrival in arrivals {
            if unique.iter().any(|(number, _)| *number == arrival.0) {
                counts.duplicates += 1;
            } else {
                unique.push(*arrival);
            }
        }
        counts.unique = unique.len() as u64;
        let mut jitter = 0.0_f64;
        for (at, (number, delay)) in unique.iter().enumerate() {
            counts.expected = counts.expected.max(number + 1);
            let first_greater = unique[..at].iter().position(|(before, _)| before > number);
            if let Some(first) = first_greater {
                let extent = (at - first) as u64;
                counts.reordered += 1;
                counts.extent_sum += extent;
                counts.extent_most = counts.extent_most.max(extent);
                let is_three = at >= 3 && unique[at - 3..at].iter().all(|(n, _)| n > number);
                counts.three_reordered += u64::from(is_three);
            }
            if at > 0 {
                let (before, its) = unique[at - 1];
                let change = delay.abs_diff(its);
                jitter += (change as f64 - jitter) / 16.0;
                if *number == before + 1 {
                    counts.pairs += 1;
                    counts.ipdv_sum += change;
                    counts.ipdv_most = counts.ipdv_most.max(change);
                }
            }
        }
        counts.jitter = jitter as u64;
        counts
    }

    proptest! {
        /// A network that loses, duplicates and reorders.
        #[test]
        fn it_counts_as_the_rfc_is_written(fates in prop::collection::vec((0..20_u64, 0..6_u8, 0..1_000_000_i64), 1..300)) {
            let mut arrivals = Vec::new();
            for (number, (late, fate, delay)) in (0_u64..).zip(fates) {
                let copies = match fate { 0 => 0, 1 => 2, _ => 1 };
                for copy in 0..copies {
                    arrivals.push((number + late * u64::from(fate == 2) + copy * 3, number, delay));
                }
            }
            arrivals.sort_by_key(|(at, _, _)| *at);
            let arrivals: Vec<_> = arrivals.into_iter().map(|(_, number, delay)| (number, delay)).collect();
            let mut tracker = Tracker::new(64);
            for (number, delay) in &arrivals {
                tracker.handle_datagram(*number, *delay, 0);
            }
            let (want, mut counts) = (naive(&arrivals), tracker.counts());
            prop_assert!(counts.jitter.abs_diff(want.jitter) <= 16, "{} {}", counts.jitter, want.jitter);
            counts.jitter = want.jitter;
            prop_assert_eq!(counts, want);
        }

        /// Whatever numbers a stranger sends: no panic, no more memory, and each arrival is counted once.
        #[test]
        fn any_numbers_are_counted(numbers in prop::collection::vec(prop_oneof![any::<u64>(), 0..200_u64, Just(u64::MAX)], 0..100), delays in prop::collection::vec(any::<i64>(), 100)) {
            let mut tracker = Tracker::new(64);
            for (number, delay) in numbers.iter().zip(delays) {
                tracker.handle_datagram(*number, delay, 1);
            }
            let counts = tracker.counts();
            prop_assert_eq!(counts.received, counts.unique + counts.duplicates + counts.too_late);
            prop_assert_eq!(tracker.slots.len(), 64);
        }
    }

    #[test]
    fn what_is_behind_the_window_is_not_guessed() {
        let mut tracker = Tracker::new(64);
        for number in [0, 1, 100, 2, 36, 37] {
            tracker.handle_datagram(number, 0, 0);
        }
        let counts = tracker.counts();
        assert_eq!(
            (counts.too_late, counts.reordered, counts.unique),
            (2, 1, 4)
        );
        assert_eq!(counts.expected, 101);
    }
}
