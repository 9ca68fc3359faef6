//! BBR, step by step and with arbitrary events.

use proptest::prelude::*;

use super::super::{DeliveryRate, RttSample};
use super::*;

const SEGMENT: u64 = 1000;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A window each round trip, on a path that delivers one segment per millisecond after 40 ms.
struct Rounds {
    bbr: Bbr,
    rate: DeliveryRate,
    now: Duration,
}

impl Rounds {
    fn new() -> Self {
        Self {
            bbr: Bbr::new(SEGMENT, 1),
            rate: DeliveryRate::default(),
            now: Duration::ZERO,
        }
    }

    /// Sends for one round trip at the pace of now, at most a window, and hears of it. Each
    /// `lose`th datagram is lost.
    fn round(&mut self, lose: usize) {
        let sent_at = self.now;
        let pace = self.bbr.pacing_rate(millis(40)).expect("a rate");
        let paced = (pace / 25).max(SEGMENT); // in 40 ms
        let count = self.bbr.window().min(paced) / SEGMENT;
        let mut states = Vec::new();
        for sent in 0..count {
            states.push(self.rate.on_sent(sent_at, SEGMENT, sent * SEGMENT));
        }
        let mut left = count * SEGMENT;
        for (index, state) in states.iter().enumerate() {
            let at = sent_at + millis(40) + millis(1) * index as u32;
            self.now = self.now.max(at);
            let in_flight = left;
            left -= SEGMENT;
            if lose > 0 && index % lose == lose - 1 {
                self.rate.on_lost(sent_at, SEGMENT, state);
                self.bbr.on_congestion(self.now, sent_at);
                continue;
            }
            self.rate.on_delivered(self.now, sent_at, SEGMENT, state);
            let round_trip = RttSample {
                latest: self.now - sent_at,
                smoothed: millis(40),
                min: millis(40),
            };
            self.bbr.on_acknowledged(
                self.now,
                Acknowledged {
                    bytes: SEGMENT,
                    sent_at,
                    in_flight,
                    is_window_limited: true,
                    round_trip,
                    rate: self.rate.sample(millis(40)),
                },
            );
        }
    }
}

#[test]
fn a_mark_is_one_reduction_per_round_trip() {
    let mut rounds = Rounds::new();
    for _ in 0..12 {
        rounds.round(0);
    }
    let bbr = &mut rounds.bbr;
    assert!(!bbr.is_slow_start());
    let before = bbr.window();
    let now = rounds.now;
    for marked in 0..20 {
        bbr.on_marked(now + millis(marked), now - millis(marked));
    }
    let once = bbr.window();
    assert!(once < before, "{once} of {before}");
    assert!(
        once as f64 >= BETA * before as f64 - 1.0,
        "{once} of {before}"
    );
    bbr.on_spurious_loss();
    assert_eq!(bbr.window(), once);
    bbr.on_marked(now + millis(60), now + millis(30));
    assert!(bbr.window() < once || once == 4 * SEGMENT);
}

#[test]
fn a_mark_ends_startup() {
    let mut rounds = Rounds::new();
    rounds.round(0);
    assert!(rounds.bbr.is_slow_start());
    rounds.bbr.on_marked(rounds.now, rounds.now);
    rounds.round(0);
    assert!(!rounds.bbr.is_slow_start());
}

#[test]
fn another_path_starts_over() {
    let mut rounds = Rounds::new();
    for _ in 0..12 {
        rounds.round(0);
    }
    let now = rounds.now;
    rounds.rate.on_path_changed(now);
    rounds.bbr.on_path_changed(now);
    assert_eq!(rounds.bbr.window(), initial_window(SEGMENT));
    assert!(rounds.bbr.is_slow_start());
    rounds.bbr.on_marked(now + millis(1), now - millis(1));
    assert_eq!(rounds.bbr.window(), initial_window(SEGMENT));
    rounds.now += millis(1);
    rounds.round(0);
    assert!(rounds.bbr.window() > initial_window(SEGMENT));
}

#[test]
fn persistent_congestion_is_survived() {
    let mut rounds = Rounds::new();
    for _ in 0..12 {
        rounds.round(0);
    }
    let before = rounds.bbr.window();
    rounds.bbr.on_persistent_congestion(rounds.now);
    assert_eq!(rounds.bbr.window(), 2 * SEGMENT);
    rounds.now += Duration::from_secs(2);
    for _ in 0..8 {
        rounds.round(0);
    }
    assert!(
        rounds.bbr.window() >= before / 2,
        "{} of {before}",
        rounds.bbr.window()
    );
}

proptest! {
    /// The window stays within its bounds and is a number, for any events at any times.
    #[test]
    fn any_events_at_all(
        segment in any::<u64>(),
        events in prop::collection::vec((0_u8..9, any::<u64>(), any::<u64>(), any::<bool>(), any::<u32>()), 1..300),
    ) {
        for controller in [super::super::Controller::Bbr, super::super::Controller::Ledbat] {
            let mut control = controller.build(segment, 7);
            let mut rate = DeliveryRate::default();
            for &(kind, a, b, flag, short) in &events {
                let (now, sent_at) = (Duration::from_nanos(a), Duration::from_nanos(b));
                let latest = Duration::from_micros(short.into());
                match kind {
                    0..4 => {
                        let state = rate.on_sent(sent_at, a, b);
                        if flag {
                            rate.on_app_limited(b);
                        }
                        if kind == 0 {
                            rate.on_lost(sent_at, b, &state);
                        }
                        rate.on_delivered(now, sent_at, a ^ b, &state);
                        control.on_acknowledged(now, Acknowledged {
                            bytes: a ^ b,
                            sent_at,
                            in_flight: b,
                            is_window_limited: flag,
                            round_trip: RttSample { latest, smoothed: latest, min: latest },
                            rate: rate.sample(latest),
                        });
                    }
                    4 => control.on_congestion(now, sent_at),
                    5 => control.on_persistent_congestion(now),
                    6 => control.on_spurious_loss(),
                    7 => control.on_marked(now, sent_at),
                    _ if flag => control.on_path_changed(now),
                    _ => control.set_segment_size(b >> (a % 64)),
                }
                let window = control.window();
                prop_assert!((2..=MAX_WINDOW).contains(&window), "{window} after {kind}");
                if let Some(rate) = control.pacing_rate(latest) {
                    prop_assert!(rate > 0);
                }
            }
        }
    }
}
