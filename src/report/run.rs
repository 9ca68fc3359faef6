//! What one run measured.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::setting::Setting;

/// The schema of the runs that are read.
pub const SCHEMA: &str = "udpraw.load/1";

/// The datagrams of one direction, or of a round trip. All fields are as in `docs/schema/load.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Stream {
    /// Datagrams that were due: `sent + send_errors + unsent`.
    pub scheduled: u64,
    /// Datagrams that the sender's kernel took: `arrived + lost + in_flight`.
    pub sent: u64,
    /// Datagrams that the sender's kernel refused.
    pub send_errors: u64,
    /// Datagrams that could not be sent in time.
    pub unsent: u64,
    /// Bytes of payload sent.
    pub sent_bytes: u64,
    /// Datagrams that arrived, each once.
    pub arrived: u64,
    /// Datagrams that were lost.
    pub lost: u64,
    /// Datagrams that were on their way.
    pub in_flight: u64,
    /// Further copies of datagrams that arrived.
    pub duplicates: u64,
    /// Datagrams so late that it is not known whether they are copies.
    pub too_late: u64,
    /// Datagrams that arrived behind one with a greater number (RFC 4737).
    pub reordered: u64,
    /// The largest reordering extent in datagrams (RFC 4737).
    pub reorder_extent_max: u64,
    /// Smoothed jitter in nanoseconds (RFC 3550); of several runs, the largest.
    pub jitter_ns: u64,
}

impl Stream {
    fn add(&mut self, other: &Self) {
        for (mine, its) in [
            (&mut self.scheduled, other.scheduled),
            (&mut self.sent, other.sent),
            (&mut self.send_errors, other.send_errors),
            (&mut self.unsent, other.unsent),
            (&mut self.sent_bytes, other.sent_bytes),
            (&mut self.arrived, other.arrived),
            (&mut self.lost, other.lost),
            (&mut self.in_flight, other.in_flight),
            (&mut self.duplicates, other.duplicates),
            (&mut self.too_late, other.too_late),
            (&mut self.reordered, other.reordered),
        ] {
            *mine = mine.saturating_add(its);
        }
        self.reorder_extent_max = self.reorder_extent_max.max(other.reorder_extent_max);
        self.jitter_ns = self.jitter_ns.max(other.jitter_ns);
    }

    /// The datagrams lost, as a part of those sent, from 0 to 1.
    pub fn loss(&self) -> f64 {
        (self.lost as f64 / self.sent.max(1) as f64).min(1.0)
    }

    /// Whether each datagram is accounted for.
    pub fn is_balanced(&self) -> bool {
        let sum = |parts: [u64; 3]| parts.into_iter().try_fold(0_u64, u64::checked_add);
        sum([self.sent, self.send_errors, self.unsent]) == Some(self.scheduled)
            && sum([self.arrived, self.lost, self.in_flight]) == Some(self.sent)
    }
}

/// What was known of the two clocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Clock {
    /// `same`, `estimated` or `withheld`.
    pub state: String,
    /// By how much the peer's monotonic clock is ahead, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_ns: Option<f64>,
    /// By how much the offset can be wrong, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_ns: Option<f64>,
    /// By how much the peer's clock gains, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_ppm: Option<f64>,
}

/// The figures of a run, or of an interval of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Figures {
    /// When they begin, in nanoseconds after the start of the run.
    pub start_ns: u64,
    /// How long they cover, in nanoseconds.
    pub elapsed_ns: u64,
    /// The rate asked for in datagrams per second; 0 in a closed loop.
    pub asked_per_second: f64,
    /// Datagrams sent per second.
    pub sent_per_second: f64,
    /// There and back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<Stream>,
    /// To the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up: Option<Stream>,
    /// From the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down: Option<Stream>,
    /// From when a datagram was due to its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Distribution>,
    /// From when it was sent to its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Distribution>,
    /// From when it was due to when it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slip: Option<Distribution>,
    /// One way to the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_delay: Option<Distribution>,
    /// One way from the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down_delay: Option<Distribution>,
    /// The clocks of the two ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// Datagrams that our own receive buffers dropped.
    pub kernel_drops: u64,
    /// Datagrams that the peer's receive buffers dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_kernel_drops: Option<u64>,
    /// Datagrams that the peer did not answer, since they were above its limits.
    pub over_limit: u64,
    /// Datagrams received that belong to no question.
    pub foreign: u64,
    /// Errors of the network and of sends.
    pub errors: u64,
    /// The first of these errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
}

impl Figures {
    /// The streams that there are, with their names.
    pub fn streams(&self) -> impl Iterator<Item = (&'static str, &Stream)> {
        let all = [
            ("round trip", &self.round_trip),
            ("up", &self.up),
            ("down", &self.down),
        ];
        all.into_iter()
            .filter_map(|(name, stream)| Some((name, stream.as_ref()?)))
    }

    /// The distributions that there are, with their names.
    pub fn times(&self) -> impl Iterator<Item = (&'static str, &Distribution)> {
        let all = [
            ("latency", &self.latency),
            ("from send", &self.rtt),
            ("up", &self.up_delay),
            ("down", &self.down_delay),
            ("send slip", &self.slip),
        ];
        all.into_iter()
            .filter_map(|(name, times)| Some((name, times.as_ref()?)))
    }

    /// The time that says most: the latency, or without one a one-way delay.
    pub fn main_times(&self) -> Option<(&'static str, &Distribution)> {
        self.times().find(|(name, _)| *name != "send slip")
    }

    /// What was sent, in all streams of one's own.
    fn main_stream(&self) -> Option<&Stream> {
        self.streams().next().map(|(_, stream)| stream)
    }

    /// The loss there and back; with streams of their own, of the worse one.
    pub fn loss(&self) -> f64 {
        match &self.round_trip {
            Some(stream) => stream.loss(),
            None => self.streams().map(|(_, it)| it.loss()).fold(0.0, f64::max),
        }
    }

    /// Datagrams lost and sent, over the streams that [`Self::loss`] looks at.
    pub(super) fn lost_of_sent(&self) -> (u64, u64) {
        let all = self
            .streams()
            .take(self.round_trip.as_ref().map_or(2, |_| 1));
        all.fold((0, 0), |(lost, sent), (_, stream)| {
            (
                stream.lost.saturating_add(lost),
                stream.sent.saturating_add(sent),
            )
        })
    }

    /// How long they cover, in seconds.
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.elapsed_ns).as_secs_f64()
    }

    /// Datagrams sent.
    pub fn sent(&self) -> u64 {
        self.main_stream().map_or(0, |stream| stream.sent)
    }

    /// When they end, in nanoseconds after the start.
    pub(super) fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.elapsed_ns)
    }

    /// Whether the numbers can be reckoned with.
    pub(super) fn check(&self) -> Result<(), String> {
        for rate in [self.asked_per_second, self.sent_per_second] {
            if !(rate.is_finite() && rate >= 0.0) {
                return Err(format!("{rate} is no rate"));
            }
        }
        Ok(())
    }

    /// Adds figures of the same time (of another run) or of a time after these.
    ///
    /// # Errors
    /// If the histograms differ in precision.
    pub(super) fn add(&mut self, other: &Self, at: Together) -> Result<(), String> {
        match at {
            Together::Beside => {
                self.asked_per_second += other.asked_per_second;
                self.sent_per_second += other.sent_per_second;
            }
            Together::After => {
                let (mine, its) = (self.elapsed_ns as f64, other.elapsed_ns as f64);
                let all = (mine + its).max(1.0);
                let mean = |a: f64, b: f64| (a * mine + b * its) / all;
                self.asked_per_second = mean(self.asked_per_second, other.asked_per_second);
                self.sent_per_second = mean(self.sent_per_second, other.sent_per_second);
            }
        }
        let end = self.end_ns().max(other.end_ns());
        self.start_ns = self.start_ns.min(other.start_ns);
        self.elapsed_ns = match at {
            Together::Beside => end - self.start_ns,
            Together::After => self.elapsed_ns.saturating_add(other.elapsed_ns),
        };
        for (mine, its) in [
            (&mut self.round_trip, &other.round_trip),
            (&mut self.up, &other.up),
            (&mut self.down, &other.down),
        ] {
            if let Some(its) = its {
                let mine = mine.get_or_insert_default();
                // What was on its way at the end of an interval is counted in the next one.
                if at == Together::After {
                    mine.in_flight = 0;
                }
                mine.add(its);
            }
        }
        for (mine, its) in [
            (&mut self.latency, &other.latency),
            (&mut self.rtt, &other.rtt),
            (&mut self.slip, &other.slip),
            (&mut self.up_delay, &other.up_delay),
            (&mut self.down_delay, &other.down_delay),
        ] {
            if let Some(its) = its {
                mine.get_or_insert_default().add(its)?;
            }
        }
        self.kernel_drops = self.kernel_drops.saturating_add(other.kernel_drops);
        if let Some(drops) = other.peer_kernel_drops {
            let mine = self.peer_kernel_drops.get_or_insert(0);
            // Both runs see the drops of one peer, from all its clients.
            *mine = match at {
                Together::Beside => drops.max(*mine),
                Together::After => mine.saturating_add(drops),
            };
        }
        self.over_limit = self.over_limit.saturating_add(other.over_limit);
        self.foreign = self.foreign.saturating_add(other.foreign);
        self.errors = self.errors.saturating_add(other.errors);
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
        if self.clock.is_none() {
            self.clock.clone_from(&other.clock);
        }
        Ok(())
    }
}

/// How two figures lie in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Together {
    /// At the same time: their rates add up.
    Beside,
    /// One after the other: their times add up.
    After,
}

/// What one run measured.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// Where it was read from, for people.
    pub name: String,
    /// The peer; `None` in a log of histograms, which does not say it.
    pub target: Option<String>,
    /// When it started, by the wall clock.
    pub started: SystemTime,
    /// The machine and the command.
    pub setting: Setting,
    /// Whether it was an open loop.
    pub is_open_loop: bool,
    /// Whether it ran to its end.
    pub is_complete: bool,
    /// The figures of each interval, in the order of time.
    pub intervals: Vec<Figures>,
    /// The figures of the whole time.
    pub total: Figures,
    /// What is odd about it, for people.
    pub remarks: Vec<String>,
}

impl Run {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            target: None,
            started: SystemTime::UNIX_EPOCH,
            setting: Setting::default(),
            is_open_loop: true,
            is_complete: false,
            intervals: Vec::new(),
            total: Figures::default(),
            remarks: Vec::new(),
        }
    }
}

/// Joins neighbours, without loss, until there are at most `most`.
pub(super) fn condense(intervals: &mut Vec<Figures>, most: usize) -> Result<(), String> {
    while intervals.len() > most.max(1) {
        let mut joined = Vec::with_capacity(intervals.len().div_ceil(2));
        for pair in intervals.chunks(2) {
            let mut first = pair[0].clone();
            if let Some(second) = pair.get(1) {
                first.add(second, Together::After)?;
            }
            joined.push(first);
        }
        *intervals = joined;
    }
    Ok(())
}
