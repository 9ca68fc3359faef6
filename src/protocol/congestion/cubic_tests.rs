//! CUBIC against the RFC's formulas, and with arbitrary events.

use proptest::prelude::*;

use super::super::{RateSample, RttSample};
use super::*;

const SEGMENT: u64 = 1000;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn acknowledged(sent_at: Duration, round_trip: Duration, bytes: u64) -> Acknowledged {
    Acknowledged {
        bytes,
        sent_at,
        in_flight: bytes,
        is_window_limited: true,
        round_trip: RttSample {
            latest: round_trip,
            smoothed: round_trip,
            min: round_trip,
        },
        rate: RateSample::default(),
    }
}

/// The formulas as RFC 9438 writes them (sections 4.2 to 4.6), in segments and seconds: the window
/// after each of a number of round trips since a loss at `w_max`.
fn by_the_book(w_max: f64, round_trip: f64, rounds: usize) -> Vec<f64> {
    let (beta, c) = (0.7, 0.4);
    let mut cwnd = w_max * beta;
    let cwnd_epoch = cwnd;
    let k = ((w_max - cwnd_epoch) / c).powf(1.0 / 3.0);
    let mut w_est = cwnd_epoch;
    let mut windows = Vec::new();
    for round in 0..rounds {
        let t = round as f64 * round_trip;
        let w_cubic = |t: f64| c * (t - k) * (t - k) * (t - k) + w_max;
        let alpha = if w_est >= w_max {
            1.0
        } else {
            3.0 * (1.0 - beta) / (1.0 + beta)
        };
        w_est += alpha; // a window was acknowledged: segments_acked / cwnd is 1
        if w_cubic(t) < w_est {
            cwnd = cwnd.max(w_est);
        } else {
            let next = w_cubic(t + round_trip);
            let target = if next < cwnd {
                cwnd
            } else if next > 1.5 * cwnd {
                1.5 * cwnd
            } else {
                next
            };
            cwnd = target; // (target - cwnd) / cwnd for each segment of a window
        }
        windows.push(cwnd);
    }
    windows
}

proptest! {
    #[test]
    fn agrees_with_the_rfc(w_max in 10_u64..50_000, round_trip in 1_u64..400, rounds in 1_usize..200) {
        let mut cubic = Cubic::new(SEGMENT);
        cubic.state.window = (w_max * SEGMENT) as f64;
        let mut now = Duration::ZERO;
        cubic.on_congestion(now, now);
        for (round, want) in by_the_book(w_max as f64, round_trip as f64 / 1e3, rounds).into_iter().enumerate() {
            now += millis(round_trip);
            // A nanosecond later, the first datagram was sent after the reduction.
            let sent = now - millis(round_trip) + Duration::from_nanos(u64::from(round == 0));
            cubic.on_acknowledged(now, acknowledged(sent, millis(round_trip), u64::MAX));
            let have = cubic.state.window / SEGMENT as f64;
            prop_assert!((have / want - 1.0).abs() < 1e-6, "round {round}: {have}, not {want}");
        }
    }

    /// The window stays within its bounds and is a number, for any events at any times.
    #[test]
    fn any_events_at_all(
        segment in 0_u64..=u64::MAX,
        events in prop::collection::vec((0_u8..9, any::<u64>(), any::<u64>(), any::<bool>(), any::<u32>()), 1..300),
    ) {
        let mut cubic = Cubic::new(segment);
        let mut least = min_window(segment);
        for (kind, a, b, is_window_limited, round_trip) in events {
            let (now, sent_at) = (Duration::from_nanos(a), Duration::from_nanos(b));
            let round_trip = Duration::from_micros(round_trip.into());
            match kind {
                0..3 => cubic.on_acknowledged(now, Acknowledged {
                    is_window_limited,
                    ..acknowledged(sent_at, round_trip, a ^ b)
                }),
                3 => cubic.on_congestion(now, sent_at),
                4 => cubic.on_persistent_congestion(now),
                5 => cubic.on_spurious_loss(),
                6 => cubic.on_marked(now, sent_at),
                7 => cubic.on_path_changed(now),
                _ => {
                    cubic.set_segment_size(b >> (a % 64));
                    least = min_window(b >> (a % 64));
                }
            }
            prop_assert!(cubic.state.window.is_finite());
            prop_assert!((least..=MAX_WINDOW).contains(&cubic.window()), "{} of {least}", cubic.window());
            let _ = cubic.pacing_rate(round_trip);
        }
    }

    /// Without a loss the window never shrinks, and at most doubles per round trip.
    #[test]
    fn grows_without_loss(
        leave in any::<bool>(),
        steps in prop::collection::vec((0_u64..5000, 1_u64..200, any::<bool>()), 1..200),
    ) {
        let mut cubic = Cubic::new(SEGMENT);
        let mut now = Duration::ZERO;
        if leave {
            cubic.on_congestion(now, now);
        }
        for (gap, round_trip, limited) in steps {
            now += millis(gap + round_trip);
            let before = cubic.window();
            let acknowledged = acknowledged(now - millis(round_trip), millis(round_trip), before);
            cubic.on_acknowledged(now, Acknowledged { is_window_limited: limited, ..acknowledged });
            prop_assert!(cubic.window() >= before);
            prop_assert!(cubic.window() <= 2 * before);
            prop_assert!(limited || cubic.window() == before);
        }
    }
}

#[test]
fn one_reduction_a_round_trip() {
    let mut cubic = Cubic::new(SEGMENT);
    cubic.state.window = 100_000.0;
    for lost in 0..20 {
        cubic.on_congestion(millis(50 + lost), millis(lost));
    }
    assert_eq!(cubic.window(), 70_000);
    // Acknowledgements of datagrams sent before the reduction do not let it grow.
    cubic.on_acknowledged(millis(80), acknowledged(millis(40), millis(40), 30_000));
    assert_eq!(cubic.window(), 70_000);
    cubic.on_congestion(millis(100), millis(51));
    assert_eq!(cubic.window(), 49_000);
    // Fast convergence: the second loss happened below the first.
    assert!((cubic.state.w_max - 70_000.0 * 0.85).abs() < 1.0);
}

#[test]
fn a_spurious_loss_is_undone_once() {
    let mut cubic = Cubic::new(SEGMENT);
    cubic.state.window = 100_000.0;
    cubic.on_congestion(millis(50), millis(20));
    cubic.on_spurious_loss();
    assert_eq!(cubic.window(), 100_000);
    assert!(cubic.is_slow_start());
    cubic.on_congestion(millis(60), millis(55));
    cubic.on_congestion(millis(90), millis(70));
    cubic.on_spurious_loss();
    cubic.on_spurious_loss();
    assert_eq!(cubic.window(), 70_000); // only the later one
    cubic.on_congestion(millis(120), millis(110));
    cubic.on_persistent_congestion(millis(120));
    cubic.on_spurious_loss();
    assert_eq!(cubic.window(), 2000);
}

#[test]
fn a_spurious_loss_is_not_undone_after_its_recovery() {
    let mut cubic = Cubic::new(SEGMENT);
    cubic.state.window = 100_000.0;
    cubic.on_congestion(millis(50), millis(20));
    // Sent before the reduction: the period goes on.
    cubic.on_acknowledged(millis(70), acknowledged(millis(40), millis(30), 1000));
    let mut early = cubic.clone();
    early.on_spurious_loss();
    assert_eq!(early.window(), 100_000);
    // Sent after it: the period is over.
    cubic.on_acknowledged(millis(90), acknowledged(millis(60), millis(30), 0));
    cubic.on_spurious_loss();
    assert_eq!(cubic.window(), 70_000);
}

#[test]
fn a_mark_is_one_reduction_per_round_trip_and_never_undone() {
    let mut cubic = Cubic::new(SEGMENT);
    cubic.state.window = 100_000.0;
    for marked in 0..20 {
        cubic.on_marked(millis(50 + marked), millis(marked));
        cubic.on_congestion(millis(50 + marked), millis(marked));
    }
    assert_eq!(cubic.window(), 70_000);
    cubic.on_spurious_loss();
    assert_eq!(cubic.window(), 70_000);
    cubic.on_marked(millis(90), millis(51));
    assert_eq!(cubic.window(), 49_000);
    // A loss before the mark in the same period: the mark still counts.
    cubic.on_congestion(millis(150), millis(100));
    cubic.on_marked(millis(151), millis(101));
    cubic.on_spurious_loss();
    assert_eq!(cubic.window(), 34_300);
}

#[test]
fn another_path_starts_over() {
    let mut cubic = Cubic::new(SEGMENT);
    cubic.state.window = 1e9;
    cubic.on_congestion(millis(50), millis(20));
    cubic.on_path_changed(millis(100));
    assert_eq!(cubic.window(), initial_window(SEGMENT));
    assert!(cubic.is_slow_start());
    // What was sent on the old path neither grows nor shrinks it.
    cubic.on_acknowledged(millis(110), acknowledged(millis(90), millis(20), 1 << 33));
    cubic.on_congestion(millis(111), millis(95));
    cubic.on_spurious_loss();
    assert_eq!(cubic.window(), initial_window(SEGMENT));
    cubic.on_acknowledged(millis(130), acknowledged(millis(101), millis(29), 10_000));
    assert_eq!(cubic.window(), 20_000);
}

#[test]
fn persistent_congestion_starts_over_slowly() {
    let mut cubic = Cubic::new(SEGMENT);
    cubic.state.window = 100_000.0;
    cubic.on_congestion(millis(500), millis(20));
    cubic.on_persistent_congestion(millis(500));
    assert_eq!(cubic.window(), 2000);
    assert!(cubic.is_slow_start());
    cubic.on_congestion(millis(510), millis(490)); // a late report
    let mut now = millis(500);
    for want in [4000, 8000, 16_000, 32_000, 64_000, 70_000] {
        now += millis(50);
        let sent = now - millis(50);
        cubic.on_acknowledged(now, acknowledged(sent, millis(50), cubic.window()));
        assert_eq!(cubic.window(), want);
    }
    assert!(!cubic.is_slow_start());
}

#[test]
fn idle_time_does_not_count() {
    let (mut idle, mut busy) = (Cubic::new(SEGMENT), Cubic::new(SEGMENT));
    for cubic in [&mut idle, &mut busy] {
        cubic.on_congestion(millis(0), millis(0));
        cubic.on_acknowledged(millis(30), acknowledged(millis(10), millis(20), 1000));
    }
    busy.on_acknowledged(millis(50), acknowledged(millis(30), millis(20), 1000));
    idle.on_acknowledged(
        millis(90_050),
        acknowledged(millis(90_030), millis(20), 1000),
    );
    assert_eq!(idle.window(), busy.window());
}

#[test]
fn a_larger_segment_keeps_the_bytes() {
    let mut cubic = Cubic::new(1200);
    assert_eq!(cubic.window(), 12_000);
    cubic.set_segment_size(1472);
    assert_eq!(cubic.window(), 12_000);
    cubic.set_segment_size(65_507);
    assert_eq!(cubic.window(), 131_014);
}
