//! CUBIC on simulated paths, in virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use super::*;

const SEGMENT: u64 = 1200;

/// A path: all datagrams share one queue, leave at a rate, and are acknowledged after a delay.
struct Path {
    /// Bytes per second.
    rate: f64,
    delay: Duration,
    /// Of the queue, in bytes.
    queue: f64,
    /// The fraction that is lost at random.
    loss: f64,
}

#[derive(Debug)]
struct Flow {
    congestion: Cubic,
    pacer: Pacer,
    starts: Duration,
    /// Sent, not yet acknowledged: when, and when it will be or that it was lost.
    sent: VecDeque<(Duration, Option<Duration>)>,
    smoothed: Option<Duration>,
    delivered: u64,
    /// Window times seconds.
    area: f64,
    lost: u64,
    reductions: u64,
    /// Its algorithm sees constant round trips.
    is_blind: bool,
}

impl Flow {
    fn new(starts: Duration) -> Self {
        Self {
            congestion: Cubic::new(SEGMENT),
            pacer: Pacer::new(SEGMENT),
            starts,
            sent: VecDeque::new(),
            smoothed: None,
            delivered: 0,
            area: 0.0,
            lost: 0,
            reductions: 0,
            is_blind: false,
        }
    }

    fn in_flight(&self) -> u64 {
        self.sent.len() as u64 * SEGMENT
    }

    /// The acknowledgement of the datagrams that have returned by now. First in, first out: a lost
    /// one is detected when a later one is acknowledged.
    fn receive(&mut self, now: Duration) {
        while let Some(at) = self.sent.iter().position(|(_, back)| back.is_some()) {
            let (sent_at, Some(back)) = self.sent[at] else {
                return;
            };
            if back > now {
                return;
            }
            let in_flight = self.in_flight();
            for (sent_at, _) in self.sent.drain(..at) {
                let before = self.congestion.window();
                self.congestion.on_congestion(now, sent_at);
                self.reductions += u64::from(self.congestion.window() < before);
                self.lost += 1;
            }
            self.sent.pop_front();
            self.delivered += SEGMENT;
            let latest = now - sent_at;
            let smoothed = self.smoothed.map_or(latest, |old| (old * 7 + latest) / 8);
            self.smoothed = Some(smoothed);
            let round_trip = RttSample {
                latest: if self.is_blind {
                    Duration::from_millis(1)
                } else {
                    latest
                },
                smoothed,
                min: latest,
            };
            let acknowledged = Acknowledged {
                bytes: SEGMENT,
                sent_at,
                in_flight,
                is_window_limited: true, // there is always more to send
                round_trip,
                rate: RateSample::default(),
            };
            self.congestion.on_acknowledged(now, acknowledged);
        }
        // A tail that was lost as a whole: the probe timeout, much simplified.
        if let Some(&(sent_at, None)) = self.sent.back()
            && now > sent_at + Duration::from_secs(1)
        {
            self.congestion.on_congestion(now, sent_at);
            self.lost += self.sent.drain(..).len() as u64;
        }
    }
}

/// Runs the flows for a time; what they delivered in the second half is counted.
fn run(path: &Path, flows: &mut [Flow], seconds: u64, seed: u64) {
    const STEP: Duration = Duration::from_micros(200);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut free = 0.0_f64; // when the bottleneck is free, in seconds
    let half = Duration::from_secs(seconds) / 2;
    let mut now = Duration::ZERO;
    while now < half * 2 {
        for flow in flows.iter_mut().filter(|flow| flow.starts <= now) {
            flow.receive(now);
            if now < half {
                (flow.delivered, flow.area) = (0, 0.0);
            }
            flow.area += flow.congestion.window() as f64 * STEP.as_secs_f64();
        }
        // In turns, so that none has the queue for itself.
        let mut going = true;
        while going {
            going = false;
            for flow in flows.iter_mut().filter(|flow| flow.starts <= now) {
                let rate = flow.smoothed.and_then(|s| flow.congestion.pacing_rate(s));
                let room = flow.congestion.window().saturating_sub(flow.in_flight());
                if room < SEGMENT || flow.pacer.budget(now, rate) < SEGMENT {
                    continue;
                }
                flow.pacer.on_sent(SEGMENT);
                going = true;
                let start = free.max(now.as_secs_f64());
                let waiting = (start - now.as_secs_f64()) * path.rate;
                let mut back = None;
                if waiting <= path.queue && random.f64() >= path.loss {
                    free = start + SEGMENT as f64 / path.rate;
                    back = Some(Duration::from_secs_f64(free) + path.delay);
                }
                flow.sent.push_back((now, back));
            }
        }
        now += STEP;
    }
}

#[test]
fn two_flows_share_a_bottleneck() {
    // 20 Mbit/s, 20 ms, and a queue of one round trip; the second flow starts late.
    let path = Path {
        rate: 2.5e6,
        delay: Duration::from_millis(20),
        queue: 50_000.0,
        loss: 0.0,
    };
    let mut flows = [Flow::new(Duration::ZERO), Flow::new(Duration::from_secs(5))];
    run(&path, &mut flows, 60, 1);
    let [a, b] = flows.map(|flow| flow.delivered as f64);
    let share = a / (a + b);
    assert!((0.4..=0.6).contains(&share), "{share}");
    let used = (a + b) / (path.rate * 30.0);
    assert!(used > 0.9, "{used} of the path was used");
}

#[test]
fn one_percent_of_loss_gives_what_reno_gets() {
    // RFC 9438 section 5.1: at 20 ms the curve is the flatter one, and the average of the
    // Reno-friendly region is sqrt(1.5 / p) = 12.2 segments.
    let path = Path {
        rate: 1e9,
        delay: Duration::from_millis(20),
        queue: 1e9,
        loss: 0.01,
    };
    for seed in 0..3 {
        let mut flows = [Flow::new(Duration::ZERO)];
        run(&path, &mut flows, 200, seed);
        let average = flows[0].area / 100.0 / SEGMENT as f64;
        assert!((9.0..20.0).contains(&average), "{average} segments");
        // At most one reduction per round trip: 1 % of 12 segments is one in eight round trips.
        let flow = &flows[0];
        assert!(flow.reductions <= flow.lost && flow.reductions > flow.lost / 2);
    }
}

/// What the first slow start of a lone flow loses, and its share of the path afterwards.
fn overshoot(path: &Path, is_blind: bool) -> (u64, f64) {
    let mut flows = [Flow::new(Duration::ZERO)];
    flows[0].is_blind = is_blind;
    run(path, &mut flows, 3, 1);
    let [flow] = flows;
    assert!(!flow.congestion.is_slow_start());
    (flow.lost, flow.delivered as f64 / (path.rate * 1.5))
}

/// HyStart++ sees the queue grow a round trip after it began to, and then lets the window grow
/// slowly for five more: it loses less than half of what a slow start loses that overflows the
/// queue.
#[test]
fn the_first_slow_start_of_a_clean_path_does_not_flood_it() {
    for (rate, delay) in [(2.5e6, 20), (25e6, 40), (6e6, 100)] {
        let path = Path {
            rate,
            delay: Duration::from_millis(delay),
            queue: 2.0 * rate * delay as f64 / 1e3,
            loss: 0.0,
        };
        let (lost, used) = overshoot(&path, false);
        let (without, _) = overshoot(&path, true);
        assert!(
            lost < without / 2,
            "{lost}, and {without} without HyStart++"
        );
        assert!(used > 0.9, "{used} of {rate} bytes/s was used");
    }
}

#[test]
fn initial_windows() {
    // RFC 6928 section 2.
    assert_eq!(initial_window(1200), 12_000);
    assert_eq!(initial_window(1460), 14_600);
    assert_eq!(initial_window(1500), 14_720);
    assert_eq!(initial_window(9000), 18_000);
    assert_eq!(initial_window(0), 2);
    assert_eq!(initial_window(u64::MAX), MAX_WINDOW);
}

#[test]
fn no_round_trip_gives_no_pace() {
    let cubic = Cubic::new(SEGMENT);
    assert_eq!(cubic.pacing_rate(Duration::ZERO), None);
    let fast = cubic.pacing_rate(Duration::from_nanos(1)).unwrap();
    assert_eq!(fast, 24_000_000_000_000);
}
