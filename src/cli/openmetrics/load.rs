//! The metrics of `udpraw load`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;
use udpraw::load::{ClockState, Config, Figures, Stream, Times};

use super::{Distribution, Family, Page};

static TARGET: Family = Family::new("udpraw_load_target", "Where the load goes; the value is 1.");
static INTERVALS: Family = Family::new(
    "udpraw_load_intervals",
    "Intervals that are over; the other metrics are those of their ends.",
);
static ASKED: Family = Family::new(
    "udpraw_load_asked_rate",
    "Datagrams per second that the last interval was to have; absent in a closed loop.",
);
static SCHEDULED: Family = Family::new(
    "udpraw_load_datagrams_scheduled",
    "Datagrams that were due: those sent, refused and unsent.",
);
static SENT: Family = Family::new("udpraw_load_datagrams_sent", "Datagrams sent.");
static SENT_BYTES: Family = Family::bytes("udpraw_load_sent", "Bytes of payload sent.");
static REFUSED: Family = Family::new(
    "udpraw_load_datagrams_refused",
    "Datagrams that the kernel refused to send.",
);
static UNSENT: Family = Family::new(
    "udpraw_load_datagrams_unsent",
    "Datagrams that could not be sent in time.",
);
static ARRIVED: Family = Family::new(
    "udpraw_load_datagrams_arrived",
    "Datagrams that arrived, without copies.",
);
static LOST: Family = Family::new(
    "udpraw_load_datagrams_lost",
    "Datagrams that a later one overtook, or that did not arrive to the end.",
);
static PENDING: Family = Family::new(
    "udpraw_load_datagrams_in_flight",
    "Datagrams that are on their way, or whose loss is not known yet.",
);
static DUPLICATES: Family = Family::new(
    "udpraw_load_datagrams_duplicated",
    "Copies that arrived of datagrams that had arrived before.",
);
static REORDERED: Family = Family::new(
    "udpraw_load_datagrams_reordered",
    "Datagrams that arrived behind one with a greater number (RFC 4737).",
);
static KERNEL_DROPS: Family = Family::new(
    "udpraw_load_kernel_drops",
    "Datagrams that our own receive buffers dropped.",
);
static PEER_DROPS: Family = Family::new(
    "udpraw_load_peer_drops",
    "Datagrams that the peer's receive buffers dropped, from all its clients.",
);
static OVER_LIMIT: Family = Family::new(
    "udpraw_load_datagrams_over_limit",
    "Datagrams that the peer did not answer, since they were above its limits.",
);
static FOREIGN: Family = Family::new(
    "udpraw_load_datagrams_foreign",
    "Datagrams received that answer nothing.",
);
static ERRORS: Family = Family::new(
    "udpraw_load_errors",
    "Errors that the network reported, or that a send failed with.",
);
static LATENCY: Family = Family::seconds(
    "udpraw_load_latency",
    "From when a datagram was due to its answer.",
);
static ROUND_TRIP: Family = Family::seconds(
    "udpraw_load_round_trip",
    "From when a datagram was sent to its answer.",
);
static SLIP: Family = Family::seconds(
    "udpraw_load_send_slip",
    "From when a datagram was due to when it was sent.",
);
static ONE_WAY: Family = Family::seconds(
    "udpraw_load_one_way",
    "From when a datagram was sent to its arrival.",
);
static CLOCK_ERROR: Family = Family::seconds(
    "udpraw_load_clock_error",
    "How wrong the one-way times may be; absent if there are none.",
);

/// The directions, as their label has them.
const DIRECTIONS: [&str; 3] = ["round_trip", "up", "down"];

/// What was measured, for the exporter's thread.
#[derive(Clone)]
pub(crate) struct Watched(Arc<Mutex<Seen>>);

struct Seen {
    target: String,
    intervals: u64,
    /// Of the last interval.
    asked: f64,
    clock: ClockState,
    streams: [Option<Total>; 3],
    kernel_drops: u64,
    peer_drops: Option<u64>,
    over_limit: u64,
    foreign: u64,
    errors: u64,
    times: Times,
}

/// A direction since the start.
#[derive(Clone, Copy, Default)]
struct Total {
    scheduled: u64,
    sent: u64,
    bytes: u64,
    refused: u64,
    unsent: u64,
    arrived: u64,
    /// A counter only grows: what arrives late stays lost until that many more are lost.
    lost: u64,
    out: u64,
    duplicates: u64,
    reordered: u64,
}

impl Total {
    fn add(&mut self, stream: &Stream) {
        let (sending, counts) = (&stream.sending, &stream.counts);
        self.scheduled += sending.scheduled;
        self.sent += sending.sent;
        self.bytes += sending.bytes;
        self.refused += sending.refused;
        self.unsent += sending.unsent;
        self.arrived += counts.unique;
        self.duplicates += counts.duplicates;
        self.reordered += counts.reordered;
        self.out = stream.out;
        let lost = self.sent.saturating_sub(self.arrived + self.out);
        self.lost = self.lost.max(lost);
    }
}

impl Watched {
    /// Before the first interval.
    pub(crate) fn new(config: &Config) -> Self {
        Self(Arc::new(Mutex::new(Seen {
            target: config.target.to_string(),
            intervals: 0,
            asked: 0.0,
            clock: ClockState::None,
            streams: [None; 3],
            kernel_drops: 0,
            peer_drops: None,
            over_limit: 0,
            foreign: 0,
            errors: 0,
            times: Times::default(),
        })))
    }

    /// Adds an interval.
    pub(crate) fn interval(&self, figures: &Figures) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.interval(figures);
    }

    /// Writes what there is.
    pub(crate) fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.write(page)
    }
}

impl Seen {
    fn interval(&mut self, figures: &Figures) {
        self.intervals += 1;
        self.asked = figures.asked;
        self.clock = figures.clock;
        let streams = [figures.round_trip, figures.up, figures.down];
        for (total, stream) in self.streams.iter_mut().zip(streams) {
            if let Some(stream) = stream {
                total.get_or_insert_default().add(&stream);
            }
        }
        self.kernel_drops += figures.kernel_drops;
        if let Some(drops) = figures.peer_drops {
            *self.peer_drops.get_or_insert(0) += drops;
        }
        self.over_limit += figures.over_limit;
        self.foreign += figures.foreign;
        self.errors += figures.errors;
        let (mine, times) = (&mut self.times, &figures.times);
        for (mine, its) in [
            (&mut mine.latency, &times.latency),
            (&mut mine.round_trip, &times.round_trip),
            (&mut mine.slip, &times.slip),
            (&mut mine.up, &times.up),
            (&mut mine.down, &times.down),
        ] {
            // Both have the same bounds.
            let _ = mine.add(its);
        }
    }

    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        page.infos(&TARGET, [[("target", self.target.as_str())]])?;
        page.counter(&INTERVALS, self.intervals)?;
        if self.asked > 0.0 {
            page.real_gauge(&ASKED, self.asked)?;
        }
        let each = |value: fn(&Total) -> u64| {
            let all = DIRECTIONS.into_iter().zip(&self.streams);
            all.filter_map(move |(name, total)| {
                Some(([("direction", name)], value(total.as_ref()?)))
            })
        };
        page.counters(&SCHEDULED, each(|total| total.scheduled))?;
        page.counters(&SENT, each(|total| total.sent))?;
        page.counters(&SENT_BYTES, each(|total| total.bytes))?;
        page.counters(&REFUSED, each(|total| total.refused))?;
        page.counters(&UNSENT, each(|total| total.unsent))?;
        page.counters(&ARRIVED, each(|total| total.arrived))?;
        page.counters(&LOST, each(|total| total.lost))?;
        let out = each(|total| total.out);
        page.gauges(
            &PENDING,
            out.map(|(labels, out)| (labels, out.cast_signed())),
        )?;
        page.counters(&DUPLICATES, each(|total| total.duplicates))?;
        page.counters(&REORDERED, each(|total| total.reordered))?;
        page.counter(&KERNEL_DROPS, self.kernel_drops)?;
        if let Some(drops) = self.peer_drops {
            page.counter(&PEER_DROPS, drops)?;
        }
        page.counter(&OVER_LIMIT, self.over_limit)?;
        page.counter(&FOREIGN, self.foreign)?;
        page.counter(&ERRORS, self.errors)?;
        let times = &self.times;
        let one = |page: &mut Page<'_>, family: &Family, times: &Histogram<u64>| {
            let all = Distribution::of_nanoseconds(times);
            page.histograms(family, [([("", ""); 0], all)])
        };
        one(page, &LATENCY, &times.latency)?;
        one(page, &ROUND_TRIP, &times.round_trip)?;
        one(page, &SLIP, &times.slip)?;
        if self.clock == ClockState::None {
            return Ok(());
        }
        let both = [("up", &times.up), ("down", &times.down)];
        let both =
            both.map(|(name, all)| ([("direction", name)], Distribution::of_nanoseconds(all)));
        page.histograms(&ONE_WAY, both)?;
        match self.clock {
            ClockState::Same => page.real_gauge(&CLOCK_ERROR, 0.0),
            ClockState::Estimated(estimate) => page.real_gauge(&CLOCK_ERROR, estimate.error / 1e9),
            _ => Ok(()),
        }
    }
}
