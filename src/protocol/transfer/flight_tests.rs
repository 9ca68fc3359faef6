//! The books of a flight, in made-up time.

use super::*;

const TRIP: Duration = Duration::from_millis(100);

/// So many tenths of a microsecond: the distance from one datagram to the next.
fn ticks(count: u64) -> Duration {
    Duration::from_nanos(100 * count)
}

fn data(number: u64) -> Carried {
    Carried::Data(number * 1_000, 1_000)
}

/// A flight of `count` datagrams, one each tick, on a path that is known to reorder.
fn flight(count: u64) -> Flight {
    let mut flight = Flight::default();
    flight.trips.sample(TRIP, Duration::ZERO);
    flight.has_reordered = true;
    for number in 0..count {
        flight.push(ticks(number), data(number));
    }
    flight
}

/// Counts steps, not time: a window of 60,000 in which 20,000 in a row are missing.
#[test]
fn an_acknowledgement_does_not_walk_the_gap() {
    const ALL: u64 = 60_000;
    const GAP: Range<u64> = 100..20_100;
    let mut flight = flight(ALL);
    let mut lost = Vec::new();
    let first = [Ranges::encode(0, GAP.start - 1)];
    flight
        .acknowledge(TRIP, Ranges::new(&first), Duration::ZERO, |_, _| ())
        .expect("sent");
    for number in (GAP.end + 1)..ALL {
        // Two at a time, each a round trip after it was sent: all come before the gap is given up.
        if number % 2 == 0 {
            continue;
        }
        let ranges = [Ranges::encode(GAP.end, number), first[0]];
        let now = TRIP + ticks(number);
        flight
            .acknowledge(
                now,
                Ranges::new(&ranges),
                Duration::ZERO,
                |carried, came| {
                    if !came {
                        lost.push(carried);
                    }
                },
            )
            .expect("sent");
    }
    assert!(lost.is_empty(), "none is lost before its time");
    assert!(flight.steps <= ALL, "{} steps", flight.steps);
    assert_eq!(
        flight.deadline(),
        Some(ticks(GAP.start) + flight.patience())
    );
    // Half of their times are over, and then all.
    for (now, until) in [(10_100, 10_100), (ALL, GAP.end)] {
        let now = ticks(now - 1) + flight.patience();
        let settled = flight.expire(now, |carried, came| {
            assert!(!came);
            lost.push(carried);
        });
        let settled = settled.expect("losses, not a probe timeout");
        assert_eq!(settled.lost, Some(ticks(until - 1)));
        assert_eq!(lost, (GAP.start..until).map(data).collect::<Vec<_>>());
    }
    assert!(flight.is_empty() && flight.bytes() == 0);
    assert!(flight.steps <= 2 * ALL, "{} steps", flight.steps);
    assert_eq!(flight.deadline(), None);
}

#[test]
fn a_clock_that_steps_back_hides_no_loss() {
    let mut flight = flight(3);
    flight.push(Duration::ZERO, data(3));
    flight.push(ticks(9), data(4));
    let newest = [Ranges::encode(4, 4)];
    let now = TRIP + ticks(9);
    flight.acknowledge(now, Ranges::new(&newest), Duration::ZERO, |_, _| ());
    let mut lost = 0;
    let end = flight.deadline().expect("a loss time") + ticks(100);
    flight.expire(end, |_, came| lost += u64::from(!came));
    assert_eq!((lost, flight.is_empty()), (4, true));
}
