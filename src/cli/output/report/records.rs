//! Runs as one result, as NDJSON.

use serde::Serialize;
use udpraw::report::{Change, Figures, Merged, Run, Unit, Verdict};

use crate::cli::output::envelope::{Time, json_event};

/// The figures of a run, or of all.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FiguresRecord {
    /// How long it was, in nanoseconds.
    elapsed_ns: u64,
    /// The rate asked for in datagrams per second; 0 in a closed loop.
    asked_per_second: f64,
    /// Datagrams sent per second.
    sent_per_second: f64,
    /// Datagrams sent.
    sent: u64,
    /// Datagrams lost, as a part of those sent.
    loss: f64,
    /// Whether every datagram is accounted for.
    balanced: bool,
    /// What the times are: `latency`, `from send`, `up` or `down`; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<&'static str>,
    /// How many times there are; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// Median in nanoseconds; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ns: Option<u64>,
    /// 90th percentile in nanoseconds; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    p90_ns: Option<u64>,
    /// 99th percentile in nanoseconds; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ns: Option<u64>,
    /// 99.9th percentile in nanoseconds; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_9_ns: Option<u64>,
    /// Maximum in nanoseconds; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ns: Option<u64>,
    /// The histogram: base64 of HdrHistogram's compressed V2 encoding; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<String>,
}

impl From<&Figures> for FiguresRecord {
    fn from(figures: &Figures) -> Self {
        let times = figures.main_times();
        let at = |quantile| times.map(|(_, times)| times.quantile(quantile));
        Self {
            elapsed_ns: figures.elapsed_ns,
            asked_per_second: figures.asked_per_second,
            sent_per_second: figures.sent_per_second,
            sent: figures.sent(),
            loss: figures.loss(),
            balanced: figures.streams().all(|(_, stream)| stream.is_balanced()),
            times: times.map(|(name, _)| name),
            count: times.map(|(_, times)| times.count()),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p99_9_ns: at(0.999),
            max_ns: at(1.0),
            histogram: times.map(|(_, times)| times.encode()),
        }
    }
}

/// A run that was read.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct RunRecord<'a> {
    /// Where it was read from.
    file: &'a str,
    /// The id of the run; empty if it has none.
    run: &'a str,
    /// When it started, by its wall clock.
    started: Time,
    /// Whether it ran to its end.
    complete: bool,
    #[serde(flatten)]
    figures: FiguresRecord,
}

json_event!("udpraw.report/1", struct RunRecord<'_> => "run");

impl<'a> From<&'a Run> for RunRecord<'a> {
    fn from(run: &'a Run) -> Self {
        Self {
            file: &run.name,
            run: &run.setting.run,
            started: Time::try_from(run.started).unwrap_or_else(|_| Time::now()),
            complete: run.is_complete,
            figures: (&run.total).into(),
        }
    }
}

/// What is odd: a run that is cut off, or that is far from the others.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct RemarkRecord<'a> {
    /// What it is, for people.
    pub(super) remark: &'a str,
}

json_event!("udpraw.report/1", struct RemarkRecord<'_> => "remark");

/// A figure before and now.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct ChangeRecord {
    /// Its name.
    #[cfg_attr(test, schemars(extend("enum" = ["p50", "p90", "p99", "p99.9", "loss", "rate"])))]
    figure: &'static str,
    /// What it is measured in.
    #[cfg_attr(test, schemars(extend("enum" = ["ns", "part", "per_second"])))]
    unit: &'static str,
    /// What it was.
    old: f64,
    /// What it is.
    new: f64,
    /// The change: relative (0.1 is a tenth more); of a part of a whole, absolute.
    change: f64,
    /// The lower end of an interval that contains the true change with 99 % confidence; null with too few
    /// intervals.
    low: Option<f64>,
    /// Its upper end; null with too few intervals.
    high: Option<f64>,
    /// What it means.
    #[cfg_attr(test, schemars(extend("enum" = ["higher", "lower", "noise", "too_few"])))]
    verdict: &'static str,
    /// Whether it is for the worse.
    worse: bool,
}

json_event!("udpraw.report/1", struct ChangeRecord => "change");

impl From<&Change> for ChangeRecord {
    fn from(change: &Change) -> Self {
        Self {
            figure: change.figure,
            unit: match change.unit {
                Unit::Nanos => "ns",
                Unit::Part => "part",
                _ => "per_second",
            },
            old: change.old,
            new: change.new,
            change: change.change,
            low: change.interval.map(|it| it.0),
            high: change.interval.map(|it| it.1),
            verdict: match change.verdict {
                Verdict::Higher => "higher",
                Verdict::Lower => "lower",
                Verdict::Noise => "noise",
                _ => "too_few",
            },
            worse: change.is_worse(),
        }
    }
}

/// All runs together.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct ResultRecord<'a> {
    /// The peer; null if no run says it.
    target: Option<&'a str>,
    /// Number of runs.
    runs: usize,
    /// When the first one started, by its wall clock.
    started: Time,
    #[serde(flatten)]
    figures: FiguresRecord,
}

json_event!("udpraw.report/1", struct ResultRecord<'_> => "result");

impl<'a> From<&'a Merged> for ResultRecord<'a> {
    fn from(merged: &'a Merged) -> Self {
        Self {
            target: merged.target.as_deref(),
            runs: merged.runs.len(),
            started: Time::try_from(merged.started).unwrap_or_else(|_| Time::now()),
            figures: (&merged.total).into(),
        }
    }
}
