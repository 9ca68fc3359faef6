//! Puts together what the workers measured: intervals, and the whole.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::{Config, Direction};
use super::figures::{ClockState, Figures, Sending, Stream, Times, shifted};
use super::flow::FlowFigures;
use super::session::Peer;
use super::worker::Shard;
use crate::protocol::load::{ClockFilter, Counts, Curve, Results};

/// A worker, as far as it was heard of.
#[derive(Default)]
struct Source {
    waiting: VecDeque<Shard>,
    has_ended: bool,
    /// What it said the last.
    sending: Sending,
    counts: Counts,
    answers: Counts,
    kernel_drops: u64,
    foreign: u64,
    errors: u64,
}

/// The totals at the end of an interval.
#[derive(Clone, Copy, Default)]
struct Totals {
    round_trip: Option<Stream>,
    up: Option<Stream>,
    down: Option<Stream>,
    kernel_drops: u64,
    foreign: u64,
    errors: u64,
    over_limit: u64,
    peer_drops: u64,
}

pub(super) struct Collector<'a> {
    config: &'a Config,
    curve: Curve,
    sources: Vec<Source>,
    results: Option<Results>,
    is_peer_silent: bool,
    first_error: Option<String>,
    /// Of the server's buffers before the start; they may be those of others.
    peer_drops_before: Option<u64>,
    clock: ClockSource,
    last: Totals,
    at: u64,
    total: Figures,
    flows: Vec<FlowFigures>,
    /// Histograms that were added up, with the worker that they go back to.
    used: Vec<(usize, Box<Times>)>,
}

/// What is known of the peer's clock.
enum ClockSource {
    None,
    Same,
    /// Its offset at the start, in nanoseconds, which one-way times are recorded with.
    Filter(i64, Box<ClockFilter>),
}

impl<'a> Collector<'a> {
    pub(super) fn new(config: &'a Config, peer: Option<&Peer>) -> Self {
        let clock = match peer {
            None => ClockSource::None,
            Some(peer) if peer.is_same_clock => ClockSource::Same,
            Some(peer) => ClockSource::Filter(peer.offset, Box::new(peer.filter.clone())),
        };
        let mut total = Figures::default();
        total.times.occupy();
        Self {
            config,
            curve: config.plan.curve(config.payload_bytes()),
            sources: (0..config.workers).map(|_| Source::default()).collect(),
            results: None,
            is_peer_silent: false,
            first_error: None,
            peer_drops_before: None,
            clock,
            last: Totals::default(),
            at: 0,
            total,
            flows: Vec::new(),
            used: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, shard: Shard) {
        if let Some(source) = self.sources.get_mut(shard.worker) {
            source.waiting.push_back(shard);
        }
    }

    /// Histograms that a worker can have back, with its number.
    pub(super) fn used(&mut self) -> impl Iterator<Item = (usize, Box<Times>)> {
        self.used.drain(..)
    }

    /// The next end of an interval that all workers have in common: the figures of one that had to wait
    /// are of several intervals. `None` if some have not come so far.
    fn common_end(&self) -> Option<u64> {
        let first = |source: &Source| source.waiting.front().map(|shard| shard.intervals);
        let mut end = self.sources.iter().filter_map(first).max()?;
        loop {
            let mut latest = end;
            for source in &self.sources {
                let reaches = |shard: &&Shard| shard.intervals >= end;
                match source.waiting.iter().find(reaches) {
                    Some(shard) => latest = latest.max(shard.intervals),
                    None if source.has_ended => {}
                    None if source.waiting.back().is_some_and(|shard| shard.is_last) => {}
                    None => return None,
                }
            }
            if latest == end {
                return Some(end);
            }
            end = latest;
        }
    }

    /// The figures of the next interval, once all workers have said theirs.
    pub(super) fn next_interval(&mut self) -> Option<Figures> {
        let intervals = self.common_end()?;
        let mut figures = Figures {
            start: Duration::from_nanos(self.at),
            ..Figures::default()
        };
        let mut until = self.at;
        for source in &mut self.sources {
            let later = |shard: &Shard| shard.intervals > intervals;
            let count = source.waiting.iter().position(later);
            let count = count.unwrap_or(source.waiting.len());
            for mut shard in source.waiting.drain(..count) {
                figures.times.add(&mut shard.times);
                self.used.push((shard.worker, shard.times));
                source.has_ended = shard.is_last;
                source.sending = shard.sending;
                source.counts = shard.counts;
                source.answers = shard.answers;
                source.kernel_drops = shard.kernel_drops;
                source.foreign = shard.foreign;
                source.errors = shard.errors;
                self.flows.extend(shard.flows);
                until = until.max(shard.at);
                self.first_error = self.first_error.take().or(shard.first_error);
                if shard.worker == 0 {
                    self.results = shard.results;
                    self.is_peer_silent = shard.is_peer_silent;
                    if let (ClockSource::Filter(_, mine), Some(filter)) =
                        (&mut self.clock, shard.filter)
                    {
                        **mine = filter;
                    }
                }
            }
        }
        figures.length = Duration::from_nanos(until - self.at);
        let planned = self.config.nanos().unwrap_or(u64::MAX);
        let due = |time: u64| self.curve.count(time.min(planned));
        if self.config.closed.is_none() && until > self.at {
            figures.asked = (due(until) - due(self.at)) / figures.length.as_secs_f64();
        }
        let is_end = self.sources.iter().all(|source| source.has_ended);
        let (now, before) = (self.totals(is_end), self.last);
        let less = |now: Option<Stream>, before: Option<Stream>| {
            now.map(|now| now.since(&before.unwrap_or_default()))
        };
        figures.round_trip = less(now.round_trip, before.round_trip);
        figures.up = less(now.up, before.up);
        figures.down = less(now.down, before.down);
        figures.kernel_drops = now.kernel_drops - before.kernel_drops;
        figures.foreign = now.foreign - before.foreign;
        figures.errors = now.errors - before.errors;
        figures.over_limit = now.over_limit.saturating_sub(before.over_limit);
        figures.peer_drops = self
            .results
            .map(|_| now.peer_drops.saturating_sub(before.peer_drops));
        figures.is_peer_silent = self.is_peer_silent;
        figures.first_error = self.first_error.clone();
        self.correct(&mut figures, u64::midpoint(self.at, until));
        (self.last, self.at) = (now, until);
        Some(figures)
    }

    /// Corrects one-way times by what is known of the peer's clock.
    fn correct(&self, figures: &mut Figures, middle: u64) {
        let (offset, filter) = match &self.clock {
            ClockSource::None => return,
            ClockSource::Same => {
                figures.clock = ClockState::Same;
                return;
            }
            ClockSource::Filter(offset, filter) => (*offset as f64, filter),
        };
        let Ok(estimate) = filter.estimate() else {
            figures.clock = ClockState::Withheld;
            figures.times.up.reset();
            figures.times.down.reset();
            return;
        };
        let ahead = estimate.offset_at(estimate.at + middle) - offset;
        figures.clock = ClockState::Estimated(estimate);
        figures.times.up = shifted(&figures.times.up, -ahead);
        figures.times.down = shifted(&figures.times.down, ahead);
    }

    fn totals(&mut self, is_end: bool) -> Totals {
        let (mut sending, mut totals) = (Sending::default(), Totals::default());
        let (mut counts, mut answers) = (Counts::default(), Counts::default());
        for source in &self.sources {
            sending.add(&source.sending);
            counts += &source.counts;
            answers += &source.answers;
            totals.kernel_drops += source.kernel_drops;
            totals.foreign += source.foreign;
            totals.errors += source.errors;
        }
        if self.config.direction == Direction::RoundTrip {
            totals.round_trip = Some(Stream::new(sending, counts, is_end));
        }
        let Some(results) = self.results else {
            return totals;
        };
        // Of what a silent server did not tell it is unknown whether it is lost.
        let is_end = is_end && !self.is_peer_silent;
        totals.over_limit = results.over_limit;
        let before = *self.peer_drops_before.get_or_insert(results.kernel_drops);
        totals.peer_drops = results.kernel_drops.saturating_sub(before);
        if self.config.direction.has_up() {
            totals.up = Some(Stream::new(sending, results.counts, is_end));
        }
        let arrived = match self.config.direction {
            Direction::RoundTrip => answers,
            _ => counts,
        };
        let mut back = Sending {
            sent: results.answers,
            bytes: results.answers * self.config.payload_bytes() as u64,
            ..Sending::default()
        };
        if self.config.direction.has_reverse() {
            back.sent = results.sent;
            back.bytes = results.sent * self.config.payload_bytes() as u64;
            (back.refused, back.unsent) = (results.refused, results.unsent);
        }
        // Its last figures may be older than what arrived since.
        back.sent = back.sent.max(arrived.unique);
        back.scheduled = back.sent + back.refused + back.unsent;
        if self.config.direction != Direction::Up {
            totals.down = Some(Stream::new(back, arrived, is_end));
        }
        totals
    }

    /// Adds an interval to the whole.
    pub(super) fn add(&mut self, mut figures: Figures) {
        self.total.times.add(&mut figures.times);
        self.total.clock = figures.clock;
    }

    /// The figures of the flows, the worst one first.
    pub(super) fn take_flows(&mut self) -> Vec<FlowFigures> {
        self.flows.sort_by(FlowFigures::by_badness);
        std::mem::take(&mut self.flows)
    }

    /// The figures of the whole time.
    pub(super) fn finish(self) -> Figures {
        let length = Duration::from_nanos(self.at);
        let seconds = length.as_secs_f64();
        let sends = self
            .config
            .nanos()
            .map_or(seconds, |nanos| (nanos as f64 / 1e9).min(seconds));
        let asked = match self.config.closed {
            Some(_) => 0.0,
            None => self.curve.count((sends * 1e9) as u64) / sends.max(1e-9),
        };
        let mut total = self.total;
        if total.clock == ClockState::Withheld {
            // Those of earlier intervals were shifted by a clock that was set since.
            total.times.up.reset();
            total.times.down.reset();
        }
        Figures {
            length: Duration::from_secs_f64(sends),
            asked,
            round_trip: self.last.round_trip,
            up: self.last.up,
            down: self.last.down,
            kernel_drops: self.last.kernel_drops,
            peer_drops: self.results.map(|_| self.last.peer_drops),
            over_limit: self.last.over_limit,
            is_peer_silent: self.is_peer_silent,
            foreign: self.last.foreign,
            errors: self.last.errors,
            first_error: self.first_error,
            ..total
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    fn collector(workers: usize, then: impl FnOnce(Collector<'_>)) {
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        let plan = "1kpps"
            .parse::<crate::protocol::load::Plan>()
            .expect("a plan");
        let mut config = Config::new(target, plan);
        (config.workers, config.flows) = (workers, workers);
        then(Collector::new(&config, None));
    }

    /// What a worker says once it has sent `sent` in all, after `intervals` seconds.
    fn shard(worker: usize, intervals: u64, sent: u64, is_last: bool) -> Shard {
        let mut times = Box::<Times>::default();
        times.add_closed(1);
        Shard {
            worker,
            intervals,
            at: intervals * 1_000_000_000,
            is_last,
            sending: Sending {
                scheduled: sent,
                sent,
                ..Sending::default()
            },
            counts: Counts::default(),
            answers: Counts::default(),
            results: None,
            is_peer_silent: false,
            kernel_drops: 0,
            foreign: 0,
            errors: 0,
            first_error: None,
            times,
            filter: None,
            flows: Vec::new(),
        }
    }

    /// The start, the length in seconds, the datagrams sent and the samples of each interval.
    fn intervals(collector: &mut Collector<'_>) -> Vec<(u64, u64, u64, u64)> {
        let mut all = Vec::new();
        while let Some(figures) = collector.next_interval() {
            let sent = figures.round_trip.map_or(0, |trip| trip.sending.sent);
            let (start, length) = (figures.start.as_secs(), figures.length.as_secs());
            all.push((start, length, sent, figures.times.slip.len()));
            collector.add(figures);
        }
        all
    }

    #[test]
    fn an_interval_waits_for_all_workers() {
        collector(2, |mut collector| {
            collector.take(shard(0, 1, 10, false));
            assert_eq!(intervals(&mut collector), []);
            collector.take(shard(1, 1, 5, false));
            assert_eq!(intervals(&mut collector), [(0, 1, 15, 2)]);
            collector.take(shard(0, 2, 20, true));
            collector.take(shard(1, 2, 9, true));
            assert_eq!(intervals(&mut collector), [(1, 1, 14, 2)]);
            assert_eq!(collector.finish().times.slip.len(), 4);
        });
    }

    #[test]
    fn the_figures_of_a_worker_that_had_to_wait_are_of_several_intervals() {
        collector(2, |mut collector| {
            for second in 1..=3 {
                collector.take(shard(0, second, second * 10, false));
            }
            collector.take(shard(1, 2, 2, false));
            assert_eq!(intervals(&mut collector), [(0, 2, 22, 3)]);
            // That of the other one is of 3 and 4.
            collector.take(shard(1, 4, 4, false));
            assert_eq!(intervals(&mut collector), []);
            collector.take(shard(0, 4, 40, false));
            assert_eq!(intervals(&mut collector), [(2, 2, 22, 3)]);
            collector.take(shard(0, 5, 50, true));
            collector.take(shard(1, 5, 5, true));
            assert_eq!(intervals(&mut collector), [(4, 1, 11, 2)]);
        });
    }

    #[test]
    fn a_worker_that_is_gone_is_not_waited_for() {
        collector(2, |mut collector| {
            collector.take(shard(0, 1, 1, true));
            collector.take(shard(1, 1, 1, false));
            assert_eq!(intervals(&mut collector), [(0, 1, 2, 2)]);
            collector.take(shard(1, 2, 3, false));
            assert_eq!(intervals(&mut collector), [(1, 1, 2, 1)]);
        });
    }
}
