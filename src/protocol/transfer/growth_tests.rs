//! How the cost of both ends grows with the path, in virtual time: 1 Mbit/s to 100 Gbit/s, 0.1 to
//! 300 ms, up to 5 % of loss. Work is counted in steps of loops and trees, memory in what the
//! structures hold; so it is the same on any machine. Bytes of the stream are not stored.

mod world;

use std::time::Duration;

use super::steps;
use super::wire::MAX_RANGES;
use crate::protocol::congestion::Controller;
use world::World;

/// What the socket's buffer has room for.
const ROOM: u64 = 4 << 20;

/// A queue, a rate, a delay, and random loss.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// Bits per second.
    bits: f64,
    /// Of both ways together.
    delay: Duration,
    loss: f64,
    /// The longest datagram.
    datagram: u16,
    /// How long it is watched, in round trips, and the part before the measurement.
    trips: f64,
}

impl Path {
    fn bytes_per_second(&self) -> f64 {
        self.bits / 8.0
    }

    /// The bandwidth-delay product, or one datagram if that is more.
    fn product(&self) -> f64 {
        let product = self.bytes_per_second() * self.delay.as_secs_f64();
        product.max(self.datagram.into())
    }
}

/// Steps of a number of calls, and the most of one.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    calls: u64,
    steps: u64,
    most: u64,
}

impl Work {
    fn measure<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = steps::taken();
        let result = work();
        let steps = steps::taken() - before;
        self.calls += 1;
        self.steps += steps;
        self.most = self.most.max(steps);
        result
    }

    fn mean(&self) -> f64 {
        self.steps as f64 / self.calls.max(1) as f64
    }
}

/// What a path made of the two ends.
#[derive(Debug)]
struct Cost {
    /// Of what the path can deliver.
    used: f64,
    acknowledgement: Work,
    /// Datagrams that an acknowledgement is for.
    share: f64,
    datagram: Work,
    /// Bytes that the sender's source has to keep, and those of the sender's notes of the datagrams.
    kept: u64,
    notes: u64,
    /// Bytes that the receiver keeps, and the most ranges of them.
    early: u64,
    ranges: usize,
    /// The receiver's window in the end.
    window: u64,
    /// The most bytes in flight.
    in_flight: u64,
}

impl Cost {
    /// The path's row of the table: times of the bandwidth-delay product for what is in bytes.
    fn row(&self, path: &Path) -> String {
        let (rate, unit) = if path.bits >= 1e9 {
            (path.bits / 1e9, "Gbit/s")
        } else {
            (path.bits / 1e6, "Mbit/s")
        };
        let times = |bytes: u64| bytes as f64 / path.product();
        format!(
            "| {rate} {unit} | {:?} | {} % | {:.1} | {:.3} | {:.1} | {:.1} | {} | {:.1} | {} | {:.1} | {:.1} | {:.1} | {:.2} | {} |",
            path.delay,
            path.loss * 100.0,
            path.product() / 1e6,
            self.used,
            self.share,
            self.acknowledgement.mean(),
            self.acknowledgement.most,
            self.datagram.mean(),
            self.datagram.most,
            times(self.in_flight),
            times(self.kept),
            times(self.early),
            times(self.notes),
            self.ranges
        )
    }

    /// What is promised, and does not hold.
    fn broken(&self, path: &Path) -> Option<&'static str> {
        let product = path.product() as u64;
        let work = 5.0 * self.share + 3.0 * MAX_RANGES as f64;
        // Where a window is smaller than a few datagrams or the socket's buffer, that counts.
        let most = (12 * product).max(ROOM);
        let promises = [
            (self.used >= 0.9, "nine tenths of the path are used"),
            (
                self.acknowledgement.mean() <= work,
                "five steps for each datagram that an acknowledgement is for, and three for each range",
            ),
            (
                self.datagram.most <= 5,
                "five steps for a datagram that arrives",
            ),
            (
                self.in_flight <= most,
                "a window of a few times what the path holds",
            ),
            (
                self.kept <= most,
                "the source keeps a few times what the path holds",
            ),
            (
                self.early <= self.kept + 2 * 1_024 * 16,
                "the receiver keeps no more than the source",
            ),
            (
                self.notes <= self.in_flight.max(64 << 10),
                "the notes are less than what they are about",
            ),
        ];
        promises
            .into_iter()
            .find(|(holds, _)| !holds)
            .map(|(_, what)| what)
    }
}

/// Runs a path and prints its row; the error is a promise that is broken.
fn measure(path: Path) -> Result<(), String> {
    let cost = World::new(path, Controller::Bbr).run();
    println!("{}", cost.row(&path));
    match cost.broken(&path) {
        None => Ok(()),
        Some(promise) => Err(format!("not kept: {promise}: {path:?} {cost:#?}")),
    }
}

const RATES: [f64; 6] = [1e6, 1e7, 1e8, 1e9, 1e10, 1e11];
const MICROS: [u64; 5] = [100, 1_000, 10_000, 100_000, 300_000];
const LOSSES: [f64; 4] = [0.0, 0.001, 0.01, 0.05];

fn path(bits: f64, micros: u64, loss: f64) -> Path {
    let delay = Duration::from_micros(micros);
    // As networks of 10 Gbit/s and more have.
    let datagram = if bits >= 1e10 { 8_972 } else { 1_472 };
    let mut path = Path {
        bits,
        delay,
        loss,
        datagram,
        trips: 100.0,
    };
    // On slow paths time for hundreds of datagrams, on the largest just enough.
    let held = path.product() / f64::from(datagram);
    path.trips = if path.product() > 1e9 {
        60.0
    } else {
        path.trips.max(400.0 / held)
    };
    path
}

#[test]
fn corners_of_the_grid() {
    for (bits, micros, loss) in [
        (1e6, 100, 0.05),
        (1e7, 300_000, 0.05),
        (1e8, 100_000, 0.05),
        (1e9, 1_000, 0.01),
        (1e10, 100, 0.0),
    ] {
        measure(path(bits, micros, loss)).unwrap();
    }
}

/// UDPRAW_BITS, UDPRAW_MICROS and UDPRAW_LOSS choose a part of it.
#[test]
#[ignore = "takes ten minutes: scripts/measure-transfer-growth"]
fn every_path_of_the_grid() {
    println!(
        "| rate | round trip | loss | product, MB | used | datagrams an acknowledgement | steps, mean | most | steps a datagram, mean | most | in flight | source | receiver | notes | ranges |"
    );
    println!("|{}", " ---: |".repeat(15));
    let is_chosen = |name, value: f64| {
        let chosen = std::env::var(name).ok();
        chosen.is_none_or(|text: String| text.split(',').any(|word| word.parse() == Ok(value)))
    };
    let mut failed = Vec::new();
    for bits in RATES {
        for micros in MICROS {
            for loss in LOSSES {
                if is_chosen("UDPRAW_BITS", bits)
                    && is_chosen("UDPRAW_MICROS", micros as f64)
                    && is_chosen("UDPRAW_LOSS", loss)
                {
                    failed.extend(measure(path(bits, micros, loss)).err());
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
