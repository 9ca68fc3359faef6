//! The difference of two clocks, from the delays between them.
//!
//! A datagram that left at `t1` by the sender's clock and arrived at `t2` by the receiver's shows
//! `t2 - t1 = delay + offset`, and one back `delay - offset`. No delay is negative, so each datagram bounds
//! the offset from one side: it lies between minus the smallest difference back and the smallest one
//! there. The middle is right if the shortest ways there and back take the same time, and is never wrong
//! by more than half of the shortest round trip. Clocks also run at different speeds: the smallest
//! differences of each stretch of time lie on a line, whose slope is that of the lower convex hull (Moon,
//! Skelly and Towsley, "Estimation and removal of clock skew from network delay measurements", 1999).

/// The most stretches of time. When they are full, each two become one.
const MOST_STRETCHES: usize = 128;

/// The length of a stretch at the start, in nanoseconds.
const SHORTEST: u64 = 50_000_000;

/// From how many stretches on a drift is estimated: some seconds.
const ENOUGH: usize = 40;

/// No clock of a computer is wrong by more, in seconds per second (adjtimex(2) corrects 500e-6).
const MOST_DRIFT: f64 = 1e-3;

/// Two neighbouring bounds may contradict each other by this many nanoseconds: the resolution of a clock
/// that is adjusted.
const TOLERANCE: f64 = 20_000.0;

/// The smallest differences in a stretch of time, with their times.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    there: Option<(u64, i64)>,
    back: Option<(u64, i64)>,
}

impl Stretch {
    fn merge(self, other: Self) -> Self {
        Self {
            there: least(self.there, other.there),
            back: least(self.back, other.back),
        }
    }
}

fn least(one: Option<(u64, i64)>, other: Option<(u64, i64)>) -> Option<(u64, i64)> {
    match (one, other) {
        (Some(one), Some(other)) if other.1 < one.1 => Some(other),
        (Some(one), _) => Some(one),
        (None, other) => other,
    }
}

/// What is known of the peer's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClockEstimate {
    /// By how much the peer's clock is ahead of ours at [`Self::at`], in nanoseconds.
    pub offset: f64,
    /// By how much [`Self::offset`] can be wrong at most, in nanoseconds.
    pub error: f64,
    /// By how much the peer's clock gains, in seconds per second; 0 while too little is known.
    pub drift: f64,
    /// The time of the estimate by our clock, in nanoseconds.
    pub at: u64,
}

impl ClockEstimate {
    /// The offset at a time by our clock, in nanoseconds.
    pub fn offset_at(&self, time: u64) -> f64 {
        self.offset + self.drift * (time as f64 - self.at as f64)
    }
}

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoClock {
    /// Nothing arrived in one direction.
    NoData,
    /// The bounds contradict each other: one of the clocks was set, or does not run evenly.
    Stepped,
}

/// Estimates the offset and the drift of a peer's clock, in memory that does not grow.
///
/// ```
/// use udpraw::protocol::load::ClockFilter;
/// let mut filter = ClockFilter::new();
/// // The peer is 1 s ahead; 30 ms there, 10 ms back.
/// for second in 0..10_u64 {
///     filter.handle_there(second * 1_000_000_000, 1_030_000_000);
///     filter.handle_back(second * 1_000_000_000, -990_000_000);
/// }
/// let estimate = filter.estimate().unwrap();
/// assert_eq!((estimate.offset, estimate.error), (1_010_000_000.0, 20_000_000.0));
/// ```
#[derive(Clone, Debug)]
pub struct ClockFilter {
    stretches: Vec<Stretch>,
    length: u64,
    start: Option<u64>,
}

impl Default for ClockFilter {
    fn default() -> Self {
        Self::new()
    }
}

impl ClockFilter {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            stretches: Vec::with_capacity(MOST_STRETCHES),
            length: SHORTEST,
            start: None,
        }
    }

    /// A datagram that went to the peer at `time` by our clock: its arrival by the peer's clock less
    /// `time`, in nanoseconds.
    pub fn handle_there(&mut self, time: u64, difference: i64) {
        let stretch = self.stretch(time);
        if stretch.there.is_none_or(|(_, best)| difference < best) {
            stretch.there = Some((time, difference));
        }
    }

    /// A datagram that came from the peer at `time` by our clock: `time` less its departure by the peer's
    /// clock, in nanoseconds.
    pub fn handle_back(&mut self, time: u64, difference: i64) {
        let stretch = self.stretch(time);
        if stretch.back.is_none_or(|(_, best)| difference < best) {
            stretch.back = Some((time, difference));
        }
    }

    /// The stretch of a time; one before the first counts to the first.
    fn stretch(&mut self, time: u64) -> &mut Stretch {
        let start = *self.start.get_or_insert(time);
        let since = time.saturating_sub(start);
        while since / self.length >= MOST_STRETCHES as u64 {
            let halved = self.stretches.chunks(2).map(|pair| match pair {
                [one, other] => one.merge(*other),
                [one, ..] => *one,
                [] => Stretch::default(),
            });
            self.stretches = halved.collect();
            self.length = self.length.saturating_mul(2);
        }
        let index = (since / self.length) as usize;
        if index >= self.stretches.len() {
            self.stretches.resize(index + 1, Stretch::default());
        }
        &mut self.stretches[index]
    }

    /// What is known of the peer's clock.
    ///
    /// # Errors
    /// Why nothing is.
    pub fn estimate(&self) -> Result<ClockEstimate, NoClock> {
        let points = |side: fn(&Stretch) -> Option<(u64, i64)>| -> Vec<(f64, f64)> {
            let start = self.start.unwrap_or_default();
            let found = self.stretches.iter().filter_map(side);
            found
                .map(|(time, least)| (time.saturating_sub(start) as f64, least as f64))
                .collect()
        };
        let (there, back) = (points(|one| one.there), points(|one| one.back));
        if there.is_empty() || back.is_empty() {
            return Err(NoClock::NoData);
        }
        // A drift is believed if it does not contradict the bounds; without one, they may be wider.
        let drift = match there.len().min(back.len()) {
            ENOUGH.. => (slope(&there) - slope(&back)) / 2.0,
            _ => 0.0,
        };
        let drift = drift.clamp(-MOST_DRIFT, MOST_DRIFT);
        let bounds = |drift: f64| {
            let smallest = |points: &[(f64, f64)], drift: f64| {
                let level = points.iter().map(|(time, least)| least - drift * time);
                level.fold(f64::INFINITY, f64::min)
            };
            (-smallest(&back, -drift), smallest(&there, drift))
        };
        let (mut low, mut high) = bounds(drift);
        if low > high + TOLERANCE {
            return Err(NoClock::Stepped);
        }
        if low > high {
            (low, high) = (high, low);
        }
        Ok(ClockEstimate {
            offset: f64::midpoint(low, high),
            error: (high - low) / 2.0,
            drift,
            at: self.start.unwrap_or_default(),
        })
    }
}

/// The slope of the edge of the lower convex hull above the middle of all times: the line below all points
/// that is the nearest to them in sum.
fn slope(points: &[(f64, f64)]) -> f64 {
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for &point in points {
        while let [.., one, two] = hull.as_slice()
            && (two.0 - one.0) * (point.1 - one.1) <= (two.1 - one.1) * (point.0 - one.0)
        {
            hull.pop();
        }
        hull.push(point);
    }
    let middle = points.iter().map(|(time, _)| time).sum::<f64>() / points.len().max(1) as f64;
    let edge = hull.windows(2).find(|edge| edge[1].0 >= middle);
    match edge {
        Some([one, two]) if two.0 > one.0 => (two.1 - one.1) / (two.0 - one.0),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// An hour at most of datagrams there and back, with queueing delays that are often nearly 0.
    fn simulate(
        offset: f64,
        drift: f64,
        step: f64,
        ways: [u64; 2],
        seconds: u64,
        seed: u64,
    ) -> ClockFilter {
        let mut filter = ClockFilter::new();
        let mut random = fastrand::Rng::with_seed(seed);
        for number in 0..seconds * 20 {
            let time = 77 * SECOND + number * SECOND / 20;
            let queue = |random: &mut fastrand::Rng| (-random.f64().max(1e-9).ln() * 2e6) as u64;
            let jump = if number * 2 > seconds * 20 { step } else { 0.0 };
            let ahead = |at: u64| offset + jump + drift * (at - 77 * SECOND) as f64;
            let there = ways[0] + queue(&mut random);
            let at_peer = (time + there) as f64 + ahead(time + there);
            filter.handle_there(time, (at_peer - time as f64) as i64);
            let back = ways[1] + queue(&mut random);
            let left = time as f64 + ahead(time);
            filter.handle_back(time + back, ((time + back) as f64 - left) as i64);
        }
        filter
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The true offset is within the bounds, whatever the ways; the drift is right to some 1e-6.
        #[test]
        fn the_offset_is_within_its_bounds(offset in -1e15..1e15_f64, drift in -1e-4..1e-4_f64, there in 10_000..50_000_000_u64, back in 10_000..50_000_000_u64, seconds in 20..600_u64, seed: u64) {
            let filter = simulate(offset, drift, 0.0, [there, back], seconds, seed);
            prop_assert!(filter.stretches.len() <= MOST_STRETCHES);
            let estimate = filter.estimate().unwrap();
            let wrong = (estimate.offset - offset).abs();
            // A drift that is slightly wrong widens the bounds over the time.
            prop_assert!(wrong <= estimate.error + 300_000.0, "{} {}", wrong, estimate.error);
            let longest = f64::midpoint(there as f64, back as f64) + 1_000_000.0;
            prop_assert!(estimate.error <= longest, "{} {}", estimate.error, longest);
            prop_assert!((estimate.drift - drift).abs() < 5e-5, "{} {}", estimate.drift, drift);
            if seconds > 100 {
                prop_assert!((estimate.drift - drift).abs() < 5e-6, "{} {}", estimate.drift, drift);
            }
        }

        /// A step by more than the round trip contradicts the bounds.
        #[test]
        fn a_step_is_seen(step in 1e8..1e12_f64, is_back: bool, seconds in 20..200_u64, seed: u64) {
            let step = if is_back { -step } else { step };
            let filter = simulate(5e9, 1e-5, step, [20_000_000, 10_000_000], seconds, seed);
            prop_assert_eq!(filter.estimate(), Err(NoClock::Stepped));
        }

        #[test]
        fn any_numbers_are_survived(all in prop::collection::vec((any::<u64>(), any::<i64>(), any::<bool>()), 0..50)) {
            let mut filter = ClockFilter::new();
            for (time, difference, is_back) in all {
                if is_back {
                    filter.handle_back(time, difference);
                } else {
                    filter.handle_there(time, difference);
                }
                let _ = filter.estimate();
            }
            prop_assert!(filter.stretches.len() <= MOST_STRETCHES);
        }
    }

    #[test]
    fn one_direction_is_not_enough() {
        let mut filter = ClockFilter::new();
        assert_eq!(filter.estimate(), Err(NoClock::NoData));
        filter.handle_there(5, 7);
        assert_eq!(filter.estimate(), Err(NoClock::NoData));
    }
}
