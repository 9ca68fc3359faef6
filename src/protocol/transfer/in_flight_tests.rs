//! The datagrams in flight, in virtual time.

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
