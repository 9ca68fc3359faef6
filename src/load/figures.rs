//! What a load measured.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::protocol::load::{ClockEstimate, Counts};

/// The largest time of a histogram, in nanoseconds: a minute.
const LONGEST: u64 = 60_000_000_000;

/// A histogram of times from 1 ns to 60 s, right to three digits.
pub(super) fn histogram() -> Histogram<u64> {
    // The bounds are valid.
    Histogram::new_with_bounds(1, LONGEST, 3)
        .unwrap_or_else(|_| Histogram::new(3).unwrap_or_else(|_| unreachable!()))
}

/// The distributions of times, in nanoseconds, from 1 ns to 60 s at three digits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Times {
    /// From when a datagram was due to its answer. In a closed loop, from when it was sent.
    pub latency: Histogram<u64>,
    /// From when it was sent to its answer.
    pub round_trip: Histogram<u64>,
    /// From when it was due to when it was sent.
    pub slip: Histogram<u64>,
    /// From when it was handed to the kernel to when the kernel passed it to the interface: of a sample of
    /// what was sent, and with [`Timestamps::Kernel`](super::Timestamps::Kernel) only.
    pub kernel_send: Histogram<u64>,
    /// One way to the peer.
    pub up: Histogram<u64>,
    /// One way from the peer.
    pub down: Histogram<u64>,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            latency: histogram(),
            round_trip: histogram(),
            slip: histogram(),
            kernel_send: histogram(),
            up: histogram(),
            down: histogram(),
        }
    }
}

impl Times {
    /// Each of them.
    fn each(&mut self) -> [&mut Histogram<u64>; 6] {
        let Self {
            latency,
            round_trip,
            slip,
            kernel_send,
            up,
            down,
        } = self;
        [latency, round_trip, slip, kernel_send, up, down]
    }

    pub(super) fn reset(&mut self) {
        for histogram in self.each() {
            if !histogram.is_empty() {
                histogram.reset();
            }
        }
    }

    /// Adds what is the same for each datagram of a closed loop, of which `sent` were sent.
    pub(super) fn add_closed(&mut self, sent: u64) {
        self.slip.saturating_record_n(1, sent);
        // Both have the same bounds.
        let _ = self.round_trip.add(&self.latency);
    }

    /// Has all memory that it can need from now on: a long run stays as large as it is.
    pub(super) fn occupy(&mut self) {
        for histogram in self.each() {
            histogram.reset();
        }
    }

    pub(super) fn add(&mut self, other: &mut Self) {
        for (mine, its) in self.each().into_iter().zip(other.each()) {
            if !its.is_empty() {
                // Both have the same bounds.
                let _ = mine.add(&*its);
            }
        }
    }
}

/// Records a time; beyond a minute it is a minute.
pub(super) fn record(histogram: &mut Histogram<u64>, nanos: u64) {
    histogram.saturating_record(nanos.max(1));
}

/// The histogram with `nanos` added to each value.
pub(super) fn shifted(histogram: &Histogram<u64>, nanos: f64) -> Histogram<u64> {
    let mut moved = self::histogram();
    for step in histogram.iter_recorded() {
        let value = step.value_iterated_to() as f64 + nanos;
        moved.saturating_record_n((value.max(1.0)) as u64, step.count_at_value());
    }
    moved
}

/// What became of the datagrams that were due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sending {
    /// Datagrams that were due: `sent + refused + unsent`.
    pub scheduled: u64,
    /// Those that the kernel took.
    pub sent: u64,
    /// Those that the kernel refused (ENOBUFS, for example).
    pub refused: u64,
    /// Those that could not be sent in time: more than a second late, or still queued at the end.
    pub unsent: u64,
    /// Bytes of payload sent.
    pub bytes: u64,
}

impl Sending {
    pub(super) fn add(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.sent += other.sent;
        self.refused += other.refused;
        self.unsent += other.unsent;
        self.bytes += other.bytes;
    }

    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            scheduled: self.scheduled.saturating_sub(earlier.scheduled),
            sent: self.sent.saturating_sub(earlier.sent),
            refused: self.refused.saturating_sub(earlier.refused),
            unsent: self.unsent.saturating_sub(earlier.unsent),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }

    /// Whether each datagram that was due is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.scheduled == self.sent + self.refused + self.unsent
    }
}

/// The datagrams of one direction, or of a round trip: `sent = arrived + lost + out`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stream {
    /// The sender's side.
    pub sending: Sending,
    /// The receiver's side.
    pub counts: Counts,
    /// Datagrams that were sent and did not arrive; in an interval, those that a later one overtook.
    pub lost: u64,
    /// Datagrams that are still on their way, or whose loss is not known yet.
    pub out: u64,
}

impl Stream {
    /// From the totals of both sides; at the end what did not arrive is lost.
    pub(super) fn new(sending: Sending, counts: Counts, is_end: bool) -> Self {
        let missing = sending.sent.saturating_sub(counts.unique);
        let lost = if is_end {
            missing
        } else {
            counts.missing().min(missing)
        };
        Self {
            sending,
            counts,
            lost,
            out: missing - lost,
        }
    }

    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            sending: self.sending.since(&earlier.sending),
            counts: self.counts.since(&earlier.counts),
            // Late ones are no longer lost.
            lost: self.lost.saturating_sub(earlier.lost),
            out: self.out,
        }
    }

    /// The datagrams lost, as a part of those sent, from 0 to 1.
    pub fn loss(&self) -> f64 {
        self.lost as f64 / self.sending.sent.max(1) as f64
    }

    /// The datagrams reordered, as a part of those that arrived (RFC 4737 section 3.3).
    pub fn reordering(&self) -> f64 {
        self.counts.reordered as f64 / self.counts.unique.max(1) as f64
    }

    /// The copies, as a part of those that arrived.
    pub fn duplication(&self) -> f64 {
        self.counts.duplicates as f64 / self.counts.unique.max(1) as f64
    }

    /// Whether each datagram is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.sending.is_balanced() && self.sending.sent == self.counts.unique + self.lost + self.out
    }
}

/// What is known of the two clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum ClockState {
    /// There is no session, and so no peer's clock.
    #[default]
    None,
    /// Both ends have the same clock, since they run on the same kernel.
    Same,
    /// The offset is estimated.
    Estimated(ClockEstimate),
    /// One of the clocks was set in mid-run, or nothing arrived: there are no one-way times.
    Withheld,
}

/// The figures of a load, or of an interval of it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Figures {
    /// When they begin, after the start.
    pub start: Duration,
    /// How long they cover.
    pub length: Duration,
    /// The rate asked for in datagrams per second: the mean by the plan. 0 in a closed loop.
    pub asked: f64,
    /// There and back.
    pub round_trip: Option<Stream>,
    /// To the peer. Needs a session.
    pub up: Option<Stream>,
    /// From the peer. Needs a session.
    pub down: Option<Stream>,
    /// The distributions of times.
    pub times: Times,
    /// The clocks. Without an estimate there are no one-way times.
    pub clock: ClockState,
    /// Datagrams that our own receive buffers dropped.
    pub kernel_drops: u64,
    /// Datagrams that the peer's receive buffers dropped, from whomever they were. Needs a session.
    pub peer_drops: Option<u64>,
    /// Datagrams that the peer did not answer, since they were above its limits.
    pub over_limit: u64,
    /// Whether a session's server fell silent: of what it did not tell it is unknown whether it is lost.
    pub is_peer_silent: bool,
    /// Datagrams that belong to no question.
    pub foreign: u64,
    /// Errors that the network reported (ICMP), or that a send failed with.
    pub errors: u64,
    /// The first of these, as text.
    pub first_error: Option<String>,
}

impl Figures {
    /// What we sent.
    pub fn sending(&self) -> Sending {
        let stream = self.round_trip.or(self.up);
        stream.map(|stream| stream.sending).unwrap_or_default()
    }

    /// Datagrams per second that were sent: by us, or if we sent none, by the peer.
    pub fn rate(&self) -> f64 {
        let stream = self.round_trip.or(self.up).or(self.down);
        let sent = stream.map_or(0, |stream| stream.sending.sent);
        sent as f64 / self.length.as_secs_f64().max(1e-9)
    }

    /// The loss there and back; with streams of their own, of the worse one.
    pub fn loss(&self) -> f64 {
        let streams = match self.round_trip {
            Some(_) => [self.round_trip, None],
            None => [self.up, self.down],
        };
        streams
            .into_iter()
            .flatten()
            .map(|stream| stream.loss())
            .fold(0.0, f64::max)
    }

    /// Whether each datagram is accounted for.
    pub fn is_balanced(&self) -> bool {
        let all = [self.round_trip, self.up, self.down];
        all.into_iter().flatten().all(|stream| stream.is_balanced())
    }
}
