//! The datagrams in flight, in virtual time.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const TRIP: Duration = Duration::from_millis(100);

/// A time in tenths of a microsecond: the distance from one datagram to the next.
fn ticks(count: u64) -> Duration {
    Duration::from_nanos(100 * count)
}

fn data(number: u64) -> Carried {
    Carried::Data(number * 1_000, 1_000)
}

/// `count` datagrams in flight, one per tick, on a path that is known to reorder.
fn in_flight(count: u64) -> InFlight {
    let mut in_flight = InFlight::default();
    in_flight.rtt.sample(TRIP, Duration::ZERO);
    in_flight.has_reordered = true;
    for number in 0..count {
        in_flight.push(ticks(number), data(number));
    }
    in_flight
}

/// Counts steps, not time: in a window of 60,000, 20,000 in a row are missing.
#[test]
fn an_acknowledgement_does_not_walk_the_gap() {
    const ALL: u64 = 60_000;
    const GAP: Range<u64> = 100..20_100;
    let mut in_flight = in_flight(ALL);
    let mut lost = Vec::new();
    let (mut room, oldest) = ([[0; 8]; 32], (0, GAP.start - 1));
    in_flight
        .acknowledge(
            TRIP,
            Ranges::encode([oldest].into_iter(), &mut room),
            Duration::ZERO,
            |_, _| (),
        )
        .expect("sent");
    for number in (GAP.end + 1)..ALL {
        // Two at a time, each a round trip after it was sent: all arrive before the gap is declared
        // lost.
        if number % 2 == 0 {
            continue;
        }
        let ranges = [(GAP.end, number), oldest].into_iter();
        let now = TRIP + ticks(number);
        in_flight
            .acknowledge(
                now,
                Ranges::encode(ranges, &mut room),
                Duration::ZERO,
                |carried, arrived| {
                    if !arrived {
                        lost.push(carried);
                    }
                },
            )
            .expect("sent");
    }
    assert!(lost.is_empty(), "none is lost before its time");
    assert!(in_flight.steps <= ALL, "{} steps", in_flight.steps);
    assert_eq!(
        in_flight.poll_timeout(),
        Some(ticks(GAP.start) + in_flight.loss_delay())
    );
    // Half of their time has passed, and then all.
    for (now, until) in [(10_100, 10_100), (ALL, GAP.end)] {
        let now = ticks(now - 1) + in_flight.loss_delay();
        let resolved = in_flight.handle_timeout(now, |carried, arrived| {
            assert!(!arrived);
            lost.push(carried);
        });
        let resolved = resolved.expect("losses, not a probe timeout");
        assert_eq!(resolved.lost, Some(ticks(until - 1)));
        assert_eq!(lost, (GAP.start..until).map(data).collect::<Vec<_>>());
    }
    assert!(in_flight.is_empty() && in_flight.bytes() == 0);
    assert!(in_flight.steps <= 2 * ALL, "{} steps", in_flight.steps);
    assert_eq!(in_flight.poll_timeout(), None);
}

#[test]
fn a_clock_that_steps_back_hides_no_loss() {
    let mut in_flight = in_flight(3);
    in_flight.push(Duration::ZERO, data(3));
    in_flight.push(ticks(9), data(4));
    let mut room = [[0; 8]; 32];
    let newest = Ranges::encode([(4, 4)].into_iter(), &mut room);
    let now = TRIP + ticks(9);
    in_flight.acknowledge(now, newest, Duration::ZERO, |_, _| ());
    let mut lost = 0;
    let end = in_flight.poll_timeout().expect("a loss time") + ticks(100);
    in_flight.handle_timeout(end, |_, arrived| lost += u64::from(!arrived));
    assert_eq!((lost, in_flight.is_empty()), (4, true));
}

/// What may happen in the property test.
#[derive(Clone, Debug)]
enum Step {
    Send(Carried),
    /// Microseconds.
    Wait(u64),
    /// Datagrams back from the newest, and how many.
    Acknowledge(Vec<(u64, u64)>),
    Timeout,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let carried = prop_oneof![
        8 => (0..100_u64).prop_map(data),
        1 => Just(Carried::Size(1_400)),
        1 => Just(Carried::Control),
        1 => Just(Carried::Ping),
    ];
    let ranges = prop::collection::vec((0..30_u64, 1..6_u64), 1..5);
    let step = prop_oneof![
        6 => carried.prop_map(Step::Send),
        3 => (0..60_000_u64).prop_map(Step::Wait),
        3 => ranges.prop_map(Step::Acknowledge),
        1 => Just(Step::Timeout),
    ];
    prop::collection::vec(step, 0..150)
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    InFlight,
    Arrived,
    Lost(u32),
    LostProbe,
}

/// The same by looking at everything each time.
#[derive(Default)]
struct Naive {
    sent: Vec<(Duration, Carried, Fate)>,
    /// Below it all is forgotten.
    first: usize,
    largest: Option<usize>,
    has_reordered: bool,
    reordering: Duration,
    real: (u32, Duration),
    period: (u32, Duration, u64),
    loss_time: Option<Duration>,
    arrived: Vec<Carried>,
    lost: Vec<Carried>,
    spurious: (u64, bool),
}

impl Naive {
    fn in_flight(&self) -> impl Iterator<Item = &(Duration, Carried, Fate)> {
        self.sent.iter().filter(|sent| sent.2 == Fate::InFlight)
    }

    fn arrive(&mut self, now: Duration, number: usize, smoothed: Duration) {
        let (at, carried, fate) = self.sent[number];
        if number < self.first || fate == Fate::Arrived {
            return;
        }
        self.sent[number].2 = Fate::Arrived;
        self.arrived.push(carried);
        if let Fate::Lost(period) = fate {
            self.spurious.0 += 1;
            if period == self.period.0 {
                self.period.2 -= 1;
                self.spurious.1 |= self.period.2 == 0;
            }
            (self.has_reordered, self.real.0) = (true, 0);
            let beyond = now.saturating_sub(at).saturating_sub(smoothed);
            self.reordering = self.reordering.max(beyond).min(smoothed);
        }
    }

    fn find_losses(&mut self, now: Duration, rtt: &PathRtt) {
        let all = rtt.all();
        let trip = all.smoothed.max(all.latest);
        let delay = (trip + (trip / 8).max(self.reordering)).max(Duration::from_micros(100));
        self.loss_time = None;
        let mut is_congestion = false;
        for number in self.first..self.largest.unwrap_or(0) {
            let (at, carried, fate) = self.sent[number];
            if fate != Fate::InFlight {
                continue;
            }
            let newer = self.largest.unwrap_or(0) - number;
            if now < at + delay && (self.has_reordered || newer < 3) {
                let time = self.loss_time.unwrap_or(Duration::MAX);
                self.loss_time = Some(time.min(at + delay));
                continue;
            }
            self.lost.push(carried);
            if let Carried::Size(_) = carried {
                self.sent[number].2 = Fate::LostProbe;
                continue;
            }
            is_congestion = true;
            if at >= self.period.1 {
                self.period = (self.period.0 + 1, now, 0);
            }
            self.period.2 += 1;
            self.sent[number].2 = Fate::Lost(self.period.0);
        }
        if is_congestion && now >= self.real.1 {
            self.real = (self.real.0 + 1, now + all.smoothed);
            if self.real.0 >= 16 {
                self.real.0 = 0;
                self.reordering /= 2;
            }
        }
    }

    fn forget(&mut self, now: Duration, keep: Duration, most: u64) {
        for _ in 0..most {
            let Some((at, _, fate)) = self.sent.get(self.first) else {
                break;
            };
            let is_old = now.saturating_sub(*at) > keep;
            match fate {
                Fate::Arrived => {}
                Fate::Lost(_) | Fate::LostProbe if is_old => {}
                _ => break,
            }
            self.first += 1;
        }
    }
}

/// Ranges of numbers from the newest to the oldest, each of them once.
fn ranges_of(numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in numbers.iter().rev() {
        match ranges.last_mut() {
            Some(range) if range.0 == number + 1 => range.0 = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

proptest! {
    #[test]
    fn it_does_what_a_walk_over_everything_does(steps in steps()) {
        let (mut real, mut naive) = (InFlight::default(), Naive::default());
        real.overhead = 41;
        let mut now = Duration::from_secs(1);
        for step in steps {
            let (mut arrived, mut lost) = (Vec::new(), Vec::new());
            naive.arrived.clear();
            naive.lost.clear();
            naive.spurious = (0, false);
            let mut note = |carried, is_there| {
                if is_there { arrived.push(carried) } else { lost.push(carried) }
            };
            let mut resolved = Resolved::default();
            match step {
                Step::Send(carried) => {
                    real.push(now, carried);
                    let fate = if carried == Carried::Control { Fate::Arrived } else { Fate::InFlight };
                    naive.sent.push((now, carried, fate));
                }
                Step::Wait(micros) => now += Duration::from_micros(micros),
                Step::Acknowledge(back) => {
                    let next = naive.sent.len() as u64;
                    let numbers: BTreeSet<u64> = back
                        .iter()
                        .filter_map(|(back, count)| Some((next.checked_sub(1 + back)?, *count)))
                        .flat_map(|(start, count)| start..(start + count).min(next))
                        .collect();
                    let ranges = ranges_of(&numbers);
                    let mut room = [[0; 8]; 32];
                    let encoded = Ranges::encode(ranges.into_iter(), &mut room);
                    resolved = real.acknowledge(now, encoded, Duration::ZERO, &mut note).expect("sent");
                    if let Some(&largest) = numbers.last() {
                        naive.largest = naive.largest.max(Some(largest as usize));
                        let smoothed = real.rtt.all().smoothed;
                        numbers.iter().for_each(|&number| naive.arrive(now, number as usize, smoothed));
                        naive.find_losses(now, &real.rtt);
                        let keep = real.rtt.probe_timeout(Duration::ZERO) * 3;
                        naive.forget(now, keep, 64 + 4 * resolved.packets);
                    }
                }
                Step::Timeout => {
                    let has_time = real.poll_timeout().is_some() && naive.loss_time.is_some();
                    if let Some(late) = real.handle_timeout(now, &mut note) {
                        prop_assert!(has_time);
                        resolved = late;
                        naive.find_losses(now, &real.rtt);
                    }
                }
            }
            let sort = |list: &mut Vec<Carried>| list.sort_by_key(|carried| format!("{carried:?}"));
            for list in [&mut arrived, &mut lost, &mut naive.arrived, &mut naive.lost] {
                sort(list);
            }
            prop_assert_eq!(&arrived, &naive.arrived);
            prop_assert_eq!(&lost, &naive.lost);
            prop_assert_eq!((resolved.spurious_losses, resolved.is_spurious), naive.spurious);
            let bytes: u64 = naive.in_flight().map(|sent| sent.1.size(41)).sum();
            prop_assert_eq!(real.bytes(), bytes);
            prop_assert_eq!(real.is_empty(), naive.in_flight().next().is_none());
            prop_assert_eq!(real.settled(), naive.first as u64);
            prop_assert_eq!(real.next(), naive.sent.len() as u64);
            prop_assert_eq!(real.loss_time, naive.loss_time);
        }
    }
}
