//! What the screen shows, made from the figures of a run. Its size is bounded: a probe runs for months.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;
use udpraw::load::{Config, Figures, Stream};

use super::super::table::{per_second, percent, time};
use crate::cli::output::count;

/// The most intervals that are kept: more than the widest terminal has columns.
const MOST_POINTS: usize = 500;

/// The most lines of the log that are kept.
const MOST_EVENTS: usize = 100;

/// The intervals that a latency is compared with.
const RECENT: usize = 20;

/// A latency this many times the usual one is an event.
const RISE: u64 = 5;

/// An interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    pub(super) asked: f64,
    pub(super) rate: f64,
    /// The 50th and 99th percentile and the maximum; `None` if nothing arrived.
    pub(super) latency: Option<[u64; 3]>,
}

/// The datagrams of a direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) name: &'static str,
    pub(super) sent: u64,
    pub(super) arrived: u64,
    pub(super) out: u64,
    pub(super) copies: u64,
    pub(super) reordered: u64,
    /// Of the last interval.
    pub(super) lost_now: u64,
    pub(super) loss_now: f64,
    /// How many intervals in a row something was lost in, and how much.
    lossy: Option<(u64, u64)>,
}

impl Tally {
    /// Those that are lost for all that is known.
    pub(super) fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.arrived + self.out)
    }

    fn add(&mut self, stream: &Stream) {
        self.sent += stream.sending.sent;
        self.arrived += stream.counts.unique;
        self.copies += stream.counts.duplicates;
        self.reordered += stream.counts.reordered;
        (self.out, self.lost_now, self.loss_now) = (stream.out, stream.lost, stream.loss());
    }

    /// The event of losses that begin or end.
    fn event(&mut self) -> Option<String> {
        let name = self.name;
        match (self.lossy, self.lost_now) {
            (None, 1..) => {
                self.lossy = Some((1, self.lost_now));
                let part = percent(self.loss_now);
                Some(format!("{name}: loses {part}"))
            }
            (Some((intervals, lost)), now @ 1..) => {
                self.lossy = Some((intervals + 1, lost + now));
                None
            }
            (Some((intervals, lost)), 0) => {
                self.lossy = None;
                let intervals = count(intervals, "interval", "intervals");
                Some(format!("{name}: lost {lost} in {intervals}"))
            }
            (None, 0) => None,
        }
    }
}

/// All that is shown.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// What runs where.
    pub(super) title: String,
    /// How long it takes; `None` if it runs until it is stopped.
    pub(super) planned: Option<Duration>,
    /// Whether the latency counts from when a datagram was due.
    pub(super) is_open: bool,
    /// The end of the last interval.
    pub(super) until: Duration,
    pub(super) interval: Duration,
    pub(super) points: VecDeque<Point>,
    /// The percentiles of the last interval and of the whole: 50, 90, 99, 99.9 and 100.
    pub(super) latency: [Option<[u64; 5]>; 2],
    pub(super) whole: Histogram<u64>,
    /// There and back, up, down; those that there are.
    pub(super) tallies: Vec<Tally>,
    pub(super) events: VecDeque<(Duration, String)>,
    /// What was said already: it is said once.
    said: [bool; 6],
    is_slow: bool,
    /// Whether the user has asked for the end.
    pub(super) is_ending: bool,
}

impl State {
    /// Before the first interval.
    pub(super) fn new(config: &Config, backend: &str) -> Self {
        let kind = match config.closed {
            Some(number) => format!("closed loop, {number} in flight"),
            None => "open loop".into(),
        };
        let flows = count(config.flows as u64, "flow", "flows");
        let title = format!(
            "{}  {kind}, {} B, {flows}, {backend}",
            config.target,
            config.payload_bytes()
        );
        let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3);
        if histogram.is_err() {
            histogram = Histogram::new(3);
        }
        Self {
            title,
            planned: config.nanos().map(Duration::from_nanos),
            is_open: config.closed.is_none(),
            until: Duration::ZERO,
            interval: config.interval,
            points: VecDeque::new(),
            latency: [None; 2],
            // The bounds are valid.
            whole: histogram.unwrap_or_else(|_| unreachable!()),
            tallies: Vec::new(),
            events: VecDeque::new(),
            said: [false; 6],
            is_slow: false,
            is_ending: false,
        }
    }

    /// Adds a line to the log.
    pub(super) fn event(&mut self, at: Duration, text: impl Into<String>) {
        if self.events.len() == MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back((at, text.into()));
    }

    /// Adds an interval; `rate` is what was reached in it.
    pub(super) fn interval(&mut self, figures: &Figures, rate: f64) {
        self.until = figures.start + figures.length;
        let all = [
            ("round trip", figures.round_trip),
            ("up", figures.up),
            ("down", figures.down),
        ];
        for (name, stream) in all {
            let Some(stream) = stream else {
                continue;
            };
            let at = self.tallies.iter().position(|tally| tally.name == name);
            let at = at.unwrap_or_else(|| {
                let tally = Tally {
                    name,
                    ..Tally::default()
                };
                self.tallies.push(tally);
                self.tallies.len() - 1
            });
            self.tallies[at].add(&stream);
            // Of a session, it is one of the directions that loses.
            let is_told = figures.round_trip.is_none() || figures.up.is_none() || at > 0;
            if let Some(text) = self.tallies[at].event().filter(|_| is_told) {
                self.event(self.until, text);
            }
        }
        let latency = if figures.times.latency.is_empty() {
            &figures.times.down
        } else {
            &figures.times.latency
        };
        let _ = self.whole.add(latency);
        self.latency = [percentiles(latency), percentiles(&self.whole)];
        let now = self.latency[0].map(|[p50, _, p99, _, most]| [p50, p99, most]);
        self.rise(now);
        self.remarks(figures);
        // A wait for the last answers is none of the rate.
        if figures.length >= self.interval / 2 {
            if self.points.len() == MOST_POINTS {
                self.points.pop_front();
            }
            self.points.push_back(Point {
                asked: figures.asked,
                rate,
                latency: now,
            });
        }
    }

    /// The event of a latency that is much higher than usual, or no longer.
    fn rise(&mut self, now: Option<[u64; 3]>) {
        let recent = self.points.iter().rev().take(RECENT);
        let mut usual: Vec<u64> = recent.filter_map(|point| Some(point.latency?[1])).collect();
        usual.sort_unstable();
        let (Some([_, p99, _]), Some(&usual)) = (now, usual.get(usual.len() / 2)) else {
            return;
        };
        let is_slow = p99 > usual.saturating_mul(RISE);
        if is_slow != self.is_slow {
            let text = if is_slow {
                format!("p99 rose from {} to {}", time(usual), time(p99))
            } else {
                format!("p99 is back at {}", time(p99))
            };
            self.event(self.until, text);
        }
        self.is_slow = is_slow;
    }

    /// What is said once, when it happens first.
    fn remarks(&mut self, figures: &Figures) {
        let sending = figures.sending();
        let datagrams = |number| count(number, "datagram", "datagrams");
        let first_error = figures.first_error.as_deref().unwrap_or_default();
        let all = [
            (
                sending.refused,
                format!("the kernel refused {}", datagrams(sending.refused)),
            ),
            (
                figures.kernel_drops,
                format!(
                    "our receive buffers dropped {}: raise them with --rcvbuf",
                    datagrams(figures.kernel_drops)
                ),
            ),
            (
                figures.peer_drops.unwrap_or_default(),
                format!(
                    "the peer's receive buffers dropped {}",
                    datagrams(figures.peer_drops.unwrap_or_default())
                ),
            ),
            (
                figures.over_limit,
                format!("above the peer's limit: {}", datagrams(figures.over_limit)),
            ),
            (figures.errors, first_error.to_owned()),
            (
                u64::from(figures.is_peer_silent),
                "the server fell silent".to_owned(),
            ),
        ];
        for (at, (number, text)) in all.into_iter().enumerate() {
            if number > 0 && !self.said[at] {
                self.said[at] = true;
                self.event(self.until, text);
            }
        }
    }

    /// The rate asked for and that of the last interval.
    pub(super) fn rates(&self) -> String {
        let Some(last) = self.points.back() else {
            return "waits for the first interval".into();
        };
        match last.asked {
            0.0 => per_second(last.rate),
            asked => format!("{} of {}", per_second(last.rate), per_second(asked)),
        }
    }
}

/// The percentiles 50, 90, 99, 99.9 and 100; `None` of nothing.
fn percentiles(histogram: &Histogram<u64>) -> Option<[u64; 5]> {
    let at = |quantile| histogram.value_at_quantile(quantile);
    (!histogram.is_empty()).then(|| [at(0.5), at(0.9), at(0.99), at(0.999), histogram.max()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lost: &[u64]) -> Vec<Option<String>> {
        let mut tally = Tally {
            name: "up",
            ..Tally::default()
        };
        let event = |lost: &u64| {
            (tally.lost_now, tally.loss_now) = (*lost, *lost as f64 / 100.0);
            tally.event()
        };
        lost.iter().map(event).collect()
    }

    #[test]
    fn losses_are_told_when_they_begin_and_end() {
        let events = tally(&[0, 2, 3, 1, 0, 0, 5]);
        let told = [
            None,
            Some("up: loses 2.00 %".to_owned()),
            None,
            None,
            Some("up: lost 6 in 3 intervals".to_owned()),
            None,
            Some("up: loses 5.00 %".to_owned()),
        ];
        assert_eq!(events, told);
    }
}
