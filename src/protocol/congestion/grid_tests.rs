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

/// The share of the path that a lone flow uses, and its mean wait in round trips.
fn alone(controller: Controller, cell: (f64, u64, f64), seed: u64) -> (f64, f64) {
    let (path, segment) = path(cell.0, cell.1, cell.2, 1.0);
    let trip = path.delay.as_secs_f64().max(segment as f64 / path.rate);
    let lasts = Duration::from_secs_f64((300.0 * trip).clamp(1.0, 60.0));
    let mut flows = [Flow::new(controller, segment, seed, Duration::ZERO)];
    let used = run(&path, &mut flows, lasts, seed);
    let waited = flows[0].waited / flows[0].delivered.max(1.0) / trip;
    (used / (1.0 - path.loss), waited)
}

#[test]
#[ignore = "prints the grid: for people"]
fn grid() {
    for loss in LOSSES {
        for bits in RATES {
            let mut line = format!("{loss:>6} {bits:>8.0e}");
            for micros in MICROS {
                let began = std::time::Instant::now();
                let (cubic, _) = alone(Controller::Cubic, (bits, micros, loss), 1);
                let (bbr, queue) = alone(Controller::Bbr, (bits, micros, loss), 1);
                line += &format!(
                    " |{cubic:5.2} {bbr:5.2} q{queue:5.2} {:3}ms",
                    began.elapsed().as_millis()
                );
            }
            println!("{line}");
        }
    }
}
