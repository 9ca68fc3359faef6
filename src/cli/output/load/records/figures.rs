//! The figures of a load, or of a part of it, as NDJSON.

use hdrhistogram::Histogram;
use serde::Serialize;
use udpraw::load::{ClockState, Figures, Stream};

use crate::cli::output::envelope::nanos;
use crate::cli::output::load::log::encoded;

/// The datagrams of one direction, or of a round trip.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StreamRecord {
    /// Datagrams that were due: `sent`, `send_errors` and `unsent` together.
    scheduled: u64,
    /// Datagrams that the sender's kernel took: `arrived`, `lost` and `in_flight` together.
    sent: u64,
    /// Datagrams that the sender's kernel refused.
    send_errors: u64,
    /// Datagrams that could not be sent in time.
    unsent: u64,
    /// Bytes of payload sent.
    sent_bytes: u64,
    /// Datagrams that arrived, each once.
    arrived: u64,
    /// Datagrams that were lost; in an interval, those that a later one overtook.
    lost: u64,
    /// Datagrams that are on their way, or whose loss is not known yet.
    in_flight: u64,
    /// Further copies of datagrams that arrived.
    duplicates: u64,
    /// Datagrams so late that it is not known whether they are copies.
    too_late: u64,
    /// Datagrams that arrived behind one with a greater number (RFC 4737).
    reordered: u64,
    /// Those of them behind at least three greater ones (3-reordering).
    three_reordered: u64,
    /// Mean reordering extent in datagrams (RFC 4737 section 4.2).
    reorder_extent_mean: f64,
    /// Largest reordering extent since the start.
    reorder_extent_max: u64,
    /// Smoothed jitter in nanoseconds (RFC 3550 section 6.4.1).
    jitter_ns: u64,
    /// Mean change of the delay between consecutive datagrams, without signs, in nanoseconds (RFC 3393).
    ipdv_mean_ns: f64,
    /// The largest such change since the start.
    ipdv_max_ns: u64,
}

impl From<&Stream> for StreamRecord {
    fn from(stream: &Stream) -> Self {
        let (sending, counts) = (&stream.sending, &stream.counts);
        let mean = |sum: u64, count: u64| sum as f64 / count.max(1) as f64;
        Self {
            scheduled: sending.scheduled,
            sent: sending.sent,
            send_errors: sending.refused,
            unsent: sending.unsent,
            sent_bytes: sending.bytes,
            arrived: counts.unique,
            lost: stream.lost,
            in_flight: stream.out,
            duplicates: counts.duplicates,
            too_late: counts.too_late,
            reordered: counts.reordered,
            three_reordered: counts.three_reordered,
            reorder_extent_mean: mean(counts.extent_sum, counts.reordered),
            reorder_extent_max: counts.extent_most,
            jitter_ns: counts.jitter,
            ipdv_mean_ns: mean(counts.ipdv_sum, counts.pairs),
            ipdv_max_ns: counts.ipdv_most,
        }
    }
}

/// The distribution of a time, in nanoseconds.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TimesRecord {
    /// How many there are.
    count: u64,
    /// Minimum in nanoseconds.
    min_ns: u64,
    /// Mean in nanoseconds.
    mean_ns: f64,
    /// Median in nanoseconds.
    p50_ns: u64,
    /// 90th percentile in nanoseconds.
    p90_ns: u64,
    /// 99th percentile in nanoseconds.
    p99_ns: u64,
    /// 99.9th percentile in nanoseconds.
    p99_9_ns: u64,
    /// 99.99th percentile in nanoseconds.
    p99_99_ns: u64,
    /// 99.999th percentile in nanoseconds.
    p99_999_ns: u64,
    /// Maximum in nanoseconds.
    max_ns: u64,
    /// The histogram: base64 of HdrHistogram's compressed V2 encoding.
    histogram: String,
}

impl TimesRecord {
    /// `None` if there is no time.
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile);
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            min_ns: histogram.min(),
            mean_ns: histogram.mean(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p99_9_ns: at(0.999),
            p99_99_ns: at(0.9999),
            p99_999_ns: at(0.999_99),
            max_ns: histogram.max(),
            histogram: encoded(histogram),
        })
    }
}

/// What is known of the two clocks.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ClockRecord {
    /// `same` if both ends run on one kernel, `estimated`, or `withheld` if a clock was set in mid-run.
    #[cfg_attr(test, schemars(extend("enum" = ["same", "estimated", "withheld"])))]
    state: &'static str,
    /// By how much the peer's monotonic clock is ahead, in nanoseconds; missing unless estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset_ns: Option<f64>,
    /// By how much the offset can be wrong, in nanoseconds; missing unless estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_ns: Option<f64>,
    /// By how much the peer's clock gains, in parts per million; missing unless estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift_ppm: Option<f64>,
}

fn clock(state: &ClockState) -> Option<ClockRecord> {
    let record = |state| ClockRecord {
        state,
        offset_ns: None,
        error_ns: None,
        drift_ppm: None,
    };
    match state {
        ClockState::Same => Some(record("same")),
        ClockState::Withheld => Some(record("withheld")),
        ClockState::Estimated(estimate) => Some(ClockRecord {
            offset_ns: Some(estimate.offset),
            error_ns: Some(estimate.error),
            drift_ppm: Some(estimate.drift * 1e6),
            ..record("estimated")
        }),
        _ => None,
    }
}

/// The figures of a load, or of an interval of it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct FiguresRecord {
    /// When they begin, in nanoseconds after the start of the load.
    start_ns: u64,
    /// How long they cover, in nanoseconds.
    elapsed_ns: u64,
    /// The rate asked for in datagrams per second; 0 in a closed loop.
    asked_per_second: f64,
    /// Datagrams sent per second.
    sent_per_second: f64,
    /// There and back; missing if the peer does not answer each datagram.
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip: Option<StreamRecord>,
    /// To the peer; missing without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    up: Option<StreamRecord>,
    /// From the peer; missing without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    down: Option<StreamRecord>,
    /// From when a datagram was due to its answer; missing if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<TimesRecord>,
    /// From when a datagram was sent to its answer; missing if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt: Option<TimesRecord>,
    /// From when a datagram was due to when it was sent; missing if none was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    slip: Option<TimesRecord>,
    /// From when a datagram was handed to the kernel to when the kernel passed it to the interface, of a sample;
    /// missing with `--timestamps user`, and if the interface takes no timestamps.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_send: Option<TimesRecord>,
    /// One way to the peer; missing if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    up_delay: Option<TimesRecord>,
    /// One way from the peer; missing if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    down_delay: Option<TimesRecord>,
    /// The clocks of the two ends; missing without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<ClockRecord>,
    /// Datagrams that our own receive buffers dropped.
    kernel_drops: u64,
    /// Datagrams that the peer's receive buffers dropped, from whomever they were; missing without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_kernel_drops: Option<u64>,
    /// Datagrams that the peer did not answer, since they were above its limits.
    over_limit: u64,
    /// Whether the session's server fell silent, so that its figures are not the last ones.
    peer_silent: bool,
    /// Datagrams received that belong to no question.
    foreign: u64,
    /// Errors of the network (ICMP) and of sends.
    errors: u64,
    /// The first of these errors, for people; missing if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<String>,
}

impl From<&Figures> for FiguresRecord {
    fn from(figures: &Figures) -> Self {
        let times = &figures.times;
        Self {
            start_ns: nanos(figures.start),
            elapsed_ns: nanos(figures.length),
            asked_per_second: figures.asked,
            sent_per_second: figures.rate(),
            round_trip: figures.round_trip.as_ref().map(Into::into),
            up: figures.up.as_ref().map(Into::into),
            down: figures.down.as_ref().map(Into::into),
            latency: TimesRecord::of(&times.latency),
            rtt: TimesRecord::of(&times.round_trip),
            slip: TimesRecord::of(&times.slip),
            kernel_send: TimesRecord::of(&times.kernel_send),
            up_delay: TimesRecord::of(&times.up),
            down_delay: TimesRecord::of(&times.down),
            clock: clock(&figures.clock),
            kernel_drops: figures.kernel_drops,
            peer_kernel_drops: figures.peer_drops,
            over_limit: figures.over_limit,
            peer_silent: figures.is_peer_silent,
            foreign: figures.foreign,
            errors: figures.errors,
            first_error: figures.first_error.clone(),
        }
    }
}
