//! Each congestion control over a grid of paths.

use std::time::Duration;

use super::simulated::{Flow, Path, run};
use super::*;

const RATES: [f64; 6] = [1e6, 1e7, 1e8, 1e9, 1e10, 1e11];
const MICROS: [u64; 5] = [100, 1_000, 10_000, 100_000, 300_000];
const LOSSES: [f64; 4] = [0.0, 0.001, 0.01, 0.05];

/// Bits per second, microseconds, the share lost; the queue in round trips.
fn path(bits: f64, micros: u64, loss: f64, queue: f64) -> (Path, u64) {
    let rate = bits / 8.0;
    let delay = Duration::from_micros(micros);
    let bdp = rate * delay.as_secs_f64();
    let segment = if bdp > 6e7 { 60_000 } else { 1_200 };
    let buffer = (queue * bdp).max(20.0 * segment as f64);
    let path = Path {
        rate,
        delay,
        buffer,
        loss,
    };
    (path, segment)
}

/// Each corner of the grid and all between: paths as different as a modem and a data centre.
#[test]
#[ignore = "takes minutes"]
fn bbr_fills_every_path_of_the_grid() {
    for bits in RATES {
        for micros in MICROS {
            for loss in LOSSES {
                let (path, segment) = path(bits, micros, loss, 1.0);
                let trip = path.delay.as_secs_f64().max(segment as f64 / path.rate);
                let lasts = Duration::from_secs_f64((300.0 * trip).clamp(0.3, 60.0));
                let mut flows = [Flow::new(Controller::Bbr, segment, 1, Duration::ZERO)];
                let used = run(&path, &mut flows, lasts, 1) / (1.0 - path.loss);
                assert!(
                    used >= 0.9,
                    "{used:.3} of {bits:.0e} bit/s, {micros} us, {loss}"
                );
            }
        }
    }
}

/// The flows' shares of a path of 50 Mbit/s and 40 ms, in the second half of half a minute.
fn shares(controllers: [Controller; 2], queue: f64, seed: u64) -> ([f64; 2], f64) {
    let (path, segment) = path(5e7, 40_000, 0.0, queue);
    let mut flows = [
        Flow::new(controllers[0], segment, seed, Duration::ZERO),
        Flow::new(controllers[1], segment, seed + 1, Duration::from_secs(3)),
    ];
    let used = run(&path, &mut flows, Duration::from_secs(30), seed);
    let all = flows[0].delivered + flows[1].delivered;
    (flows.map(|flow| flow.delivered / all), used)
}

/// A cell of that grid: with a window that is cut every five seconds to measure the round trip, it is
/// 0.88.
#[test]
fn bbr_cuts_no_window_on_a_path_that_it_has_alone() {
    let (path, segment) = path(1e7, 300_000, 0.05, 1.0);
    let mut flows = [Flow::new(Controller::Bbr, segment, 1, Duration::ZERO)];
    let used = run(&path, &mut flows, Duration::from_secs(60), 1) / (1.0 - path.loss);
    assert!(used >= 0.9, "{used:.3}");
}

/// The shares of two flows with a congestion control each and a round trip in milliseconds each, as the
/// mean of five seeds, in the second half of a minute on a path of 50 Mbit/s. The queue is in round trips
/// of 40 ms.
fn long_shares(flows: [(Controller, u64); 2], queue: f64) -> ([f64; 2], f64) {
    let (mut sums, mut used) = ([0.0; 2], 0.0);
    let (mut path, segment) = path(5e7, 40_000, 0.0, queue);
    let trips = flows.map(|(_, millis)| Duration::from_millis(millis));
    path.delay = trips[0].min(trips[1]);
    for seed in 0..5 {
        let mut number = 0;
        let mut flows = flows.map(|(controller, _)| {
            number += 1;
            let starts = Duration::from_secs(3 * (number - 1));
            let mut flow = Flow::new(controller, segment, 10 * seed + number, starts);
            flow.farther = trips[number as usize - 1] - path.delay;
            flow
        });
        used += run(&path, &mut flows, Duration::from_secs(60), seed) / 5.0;
        let all = flows[0].delivered + flows[1].delivered;
        for (sum, flow) in sums.iter_mut().zip(&flows) {
            *sum += flow.delivered / all / 5.0;
        }
    }
    (sums, used)
}

/// The table in docs/protocols.md.
#[test]
#[ignore = "prints a table"]
fn the_shares_of_two_flows() {
    use Controller::{Bbr, Cubic, Ledbat};
    const QUEUES: [f64; 4] = [0.25, 0.5, 1.0, 4.0];
    let pairs = [
        [(Bbr, 40), (Bbr, 40)],
        [(Bbr, 40), (Cubic, 40)],
        [(Cubic, 40), (Bbr, 40)],
        [(Cubic, 40), (Cubic, 40)],
        [(Bbr, 10), (Bbr, 40)],
        [(Bbr, 10), (Bbr, 100)],
        [(Cubic, 10), (Cubic, 100)],
        [(Bbr, 10), (Cubic, 100)],
        [(Cubic, 10), (Bbr, 100)],
        [(Ledbat, 40), (Bbr, 40)],
        [(Ledbat, 40), (Cubic, 40)],
        [(Ledbat, 40), (Ledbat, 40)],
    ];
    for pair in pairs {
        print!("|");
        for (controller, millis) in pair {
            print!(" {controller}, {millis} ms |");
        }
        for queue in QUEUES {
            let (share, used) = long_shares(pair, queue);
            print!(" {:.0} % of {:.0} |", share[0] * 100.0, used * 100.0);
        }
        println!();
    }
}

#[test]
fn bbr_and_cubic_share_and_a_scavenger_yields() {
    use Controller::{Bbr, Cubic, Ledbat};
    for queue in [0.25, 1.0, 4.0] {
        for pair in [[Cubic, Bbr], [Bbr, Cubic], [Bbr, Bbr]] {
            let (share, used) = shares(pair, queue, 1);
            assert!(
                share[0] > 0.15 && share[1] > 0.15,
                "{pair:?}, {queue}: {share:?}"
            );
            assert!(used > 0.95, "{pair:?}, {queue}: {used}");
        }
        for other in [Cubic, Bbr] {
            for (pair, low) in [([other, Ledbat], 1), ([Ledbat, other], 0)] {
                let (share, used) = shares(pair, queue, 1);
                assert!(share[low] < 0.06, "{pair:?}, {queue}: {share:?}");
                assert!(used > 0.95, "{pair:?}, {queue}: {used}");
            }
        }
    }
    // Alone, it uses the path all the same, except for its slowdowns: a tenth of the time.
    for queue in [0.3, 1.0, 4.0] {
        let (path, segment) = path(5e7, 40_000, 0.0, queue);
        let mut flows = [Flow::new(Ledbat, segment, 1, Duration::ZERO)];
        let used = run(&path, &mut flows, Duration::from_secs(60), 1);
        assert!(used > 0.85, "{used} alone");
    }
}

/// A queue of a tenth of the path's product: BBR must not fill it with losses.
#[test]
fn bbr_loses_little_in_short_queues() {
    for queue in [0.02, 0.1, 0.3] {
        let (path, segment) = path(1e8, 20_000, 0.0, queue);
        let mut flows = [Flow::new(Controller::Bbr, segment, 1, Duration::ZERO)];
        let used = run(&path, &mut flows, Duration::from_secs(20), 1);
        let sent = flows[0].sent_bytes / (path.rate * 10.0);
        assert!(
            used > 0.9 && sent < used * 1.02,
            "{used} of {sent}, {queue}"
        );
    }
}

/// The average window that CUBIC reaches, in segments (RFC 9438 section 5.1).
fn cubic_window(trip: f64, loss: f64) -> f64 {
    let reno = (1.5 / loss).sqrt();
    reno.max(1.054 * (trip / loss).powf(0.75))
}

/// A path that the seed chooses: 1 Mbit/s to 100 Gbit/s, 1 to 300 ms, a queue of 0.3 to 4 round
/// trips, loss from 0 to 5 %. Shorter round trips are in the grid: they take longer to simulate.
fn any_path(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut between = |low: f64, high: f64| low * (high / low).powf(random.f64());
    let (bits, micros, queue) = (between(1e6, 1e11), between(1e3, 3e5), between(0.3, 4.0));
    let loss = LOSSES[random.usize(..LOSSES.len())];
    let (path, segment) = path(bits, micros as u64, loss, queue);
    let trip = path.delay.as_secs_f64().max(segment as f64 / path.rate);
    let bdp = path.rate * trip;
    // Half of it is measured: two cycles of BBR's probing, of 63 round trips each. In one cycle a
    // flow that Startup's losses have bounded too low is seen before it has probed its way up.
    let lasts = Duration::from_secs_f64((300.0 * trip).clamp(0.4, 60.0));
    let cell =
        format!("seed {seed}: {bits:.1e} bit/s, {micros:.0} us, loss {loss}, queue {queue:.1}");
    let mut flows = [Flow::new(Controller::Bbr, segment, seed, Duration::ZERO)];
    let used = run(&path, &mut flows, lasts, seed) / (1.0 - loss);
    assert!(used >= 0.9, "BBR uses {used:.3}; {cell}");
    // Where neither its smallest window nor a burst of 64 KiB fills the path.
    if bdp > 40.0 * segment as f64 && (bdp > 260e3 || trip > 4e-3) {
        let waited = flows[0].waited / flows[0].delivered / trip;
        assert!(waited < 0.6, "BBR waits {waited:.2} round trips; {cell}");
    }
    // CUBIC reaches the path if the queue holds a round trip, so that a reduced window still fills
    // the path (in shorter queues it needs longer than this after its first slow start), and if
    // nothing is lost at random, or if the window that its response function gives is large enough
    // even after a few losses in a row.
    let is_rarely_reduced = loss == 0.0 || cubic_window(trip, loss) * segment as f64 > 3.0 * bdp;
    if queue >= 1.0 && is_rarely_reduced {
        let mut flows = [Flow::new(Controller::Cubic, segment, seed, Duration::ZERO)];
        let used = run(&path, &mut flows, lasts, seed) / (1.0 - loss);
        assert!(used >= 0.9, "CUBIC uses {used:.3}; {cell}");
    }
}

#[test]
fn paths_of_the_first_seeds() {
    (0..40).for_each(any_path);
}

#[test]
#[ignore = "takes minutes"]
fn paths_of_many_seeds() {
    (40..2_200).for_each(any_path);
}

/// None owns memory beyond itself: what they remember is bounded, and so is the work for an
/// acknowledgement.
#[test]
fn nothing_grows_with_the_window() {
    assert!(!std::mem::needs_drop::<Cubic>());
    assert!(!std::mem::needs_drop::<Bbr>());
    assert!(!std::mem::needs_drop::<Ledbat>());
    assert!(!std::mem::needs_drop::<DeliveryRate>());
    assert!(size_of::<Bbr>() < 1024, "{}", size_of::<Bbr>());
    assert!(size_of::<SendState>() <= 40);
}
