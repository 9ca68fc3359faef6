//! What a load measured, as NDJSON.

mod figures;

use std::net::SocketAddr;

use serde::Serialize;
use udpraw::load::{Config, FlowFigures, Limit, Report, Saturated, Trial};

use self::figures::FiguresRecord;
use crate::cli::output::envelope::{Time, json_event};
use crate::cli::output::{machine, metrics_url};

/// The start of a load: what runs where.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct StartRecord {
    /// The name of the run: that of `--run-id`, or a random one.
    run: String,
    /// The peer, as ADDRESS:PORT.
    target: String,
    /// The rates, as `--rate` takes them; missing in a closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    /// Payload of each datagram in bytes.
    payload_bytes: usize,
    /// Number of flows.
    flows: usize,
    /// Number of threads.
    workers: usize,
    /// Whether it is an open loop; false for `--closed`.
    open_loop: bool,
    /// The command line, as a shell takes it.
    command: String,
    /// The name of the machine.
    host: String,
    /// The release of its kernel.
    kernel: String,
    /// The number of CPUs that the process may use.
    cpus: usize,
    /// The version of udpraw.
    version: &'static str,
    /// The URL of the metrics, if they are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    openmetrics: Option<String>,
}

json_event!("udpraw.load/1", struct StartRecord => "start");

impl StartRecord {
    pub(super) fn new(config: &Config, run: &str, metrics: Option<SocketAddr>) -> Self {
        Self {
            run: run.to_owned(),
            target: config.target.to_string(),
            plan: config.closed.is_none().then(|| config.plan.to_string()),
            payload_bytes: config.payload_bytes(),
            flows: config.flows,
            workers: config.workers,
            open_loop: config.closed.is_none(),
            command: machine::command(),
            host: machine::host(),
            kernel: machine::release(),
            cpus: machine::cpus(),
            version: env!("CARGO_PKG_VERSION"),
            openmetrics: metrics.map(metrics_url),
        }
    }
}

/// An interval of a load.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct IntervalRecord {
    #[serde(flatten)]
    pub(super) figures: FiguresRecord,
}

json_event!("udpraw.load/1", struct IntervalRecord => "interval");

/// An objective of `--fail-if`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct ObjectiveRecord {
    /// The objective, as it was written.
    pub(super) objective: String,
    /// Whether the load keeps it: false also if there is no such figure.
    pub(super) kept: bool,
    /// The figure, for people.
    pub(super) figure: String,
}

/// The whole load.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct ResultRecord {
    /// The peer, as ADDRESS:PORT.
    pub(super) target: String,
    /// When the load started, by the wall clock.
    pub(super) started: Time,
    /// The rates, as `--rate` takes them; missing in a closed loop or a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<String>,
    /// Payload of each datagram in bytes.
    pub(super) payload_bytes: usize,
    /// Number of flows.
    pub(super) flows: usize,
    /// Number of threads.
    pub(super) workers: usize,
    /// The I/O backend.
    pub(super) backend: &'static str,
    /// Who said when a datagram arrived: the kernel, or udpraw when it read it (user).
    #[cfg_attr(test, schemars(extend("enum" = ["kernel", "user"])))]
    pub(super) timestamps: &'static str,
    /// Whether it was an open loop; false for `--closed`.
    pub(super) open_loop: bool,
    /// Whether every datagram is accounted for.
    pub(super) balanced: bool,
    /// Whether it ran to its end: false if it was interrupted, or if the session was lost.
    pub(super) complete: bool,
    /// Whether it ended since the server did not know the session any more: it was restarted, or saw the client
    /// at another address.
    pub(super) session_lost: bool,
    /// The objectives of `--fail-if`.
    pub(super) objectives: Vec<ObjectiveRecord>,
    /// With several flows, the figures of at most 100 of them, the worst ones first; missing if only the peer has
    /// them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) flow_figures: Vec<FlowRecord>,
    /// The best of all flows; missing as those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) best_flow: Option<FlowRecord>,
    #[serde(flatten)]
    pub(super) figures: FiguresRecord,
}

json_event!("udpraw.load/1", struct ResultRecord => "result");

/// A flow of a load.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct FlowRecord {
    /// Its number, from 0.
    flow: usize,
    /// Its port on this machine; 0 if that is unknown.
    port: u16,
    /// Datagrams that were to be sent; 0 if only the peer sends.
    sent: u64,
    /// Datagrams that arrived, each once.
    arrived: u64,
    /// Datagrams that did not: of a round trip all, else those that a later one overtook.
    lost: u64,
    /// Further copies of datagrams that arrived.
    duplicates: u64,
    /// Datagrams that arrived behind one with a greater number (RFC 4737).
    reordered: u64,
    /// Smoothed jitter in nanoseconds (RFC 3550).
    jitter_ns: u64,
    /// Least latency in nanoseconds; null unless there were round trips.
    latency_min_ns: Option<u64>,
    /// Mean latency in nanoseconds.
    latency_mean_ns: Option<f64>,
    /// Greatest latency in nanoseconds.
    latency_max_ns: Option<u64>,
}

impl From<&FlowFigures> for FlowRecord {
    fn from(figures: &FlowFigures) -> Self {
        let (counts, latency) = (&figures.counts, figures.latency.as_ref());
        Self {
            flow: figures.flow,
            port: figures.port,
            sent: figures.sent,
            arrived: counts.unique,
            lost: figures.lost,
            duplicates: counts.duplicates,
            reordered: counts.reordered,
            jitter_ns: counts.jitter,
            latency_min_ns: latency.map(|times| times.min),
            latency_mean_ns: latency.map(|times| times.mean()),
            latency_max_ns: latency.map(|times| times.max),
        }
    }
}

/// A trial of `--saturate`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct TrialRecord {
    /// Number of the search, from 1.
    search: usize,
    /// What made the rate too high; null if it was borne.
    #[cfg_attr(test, schemars(extend("enum" = ["loss", "latency", "sender", null])))]
    limit: Option<&'static str>,
    #[serde(flatten)]
    figures: FiguresRecord,
}

json_event!("udpraw.load/1", struct TrialRecord => "trial");

impl From<&Trial> for TrialRecord {
    fn from(trial: &Trial) -> Self {
        let Report { total, .. } = &trial.report;
        Self {
            search: trial.search,
            limit: trial.limit.map(name),
            figures: total.into(),
        }
    }
}

/// The result of `--saturate`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct SaturatedRecord {
    /// Median of the highest rates of all searches, in datagrams per second.
    rate: f64,
    /// The lowest of them.
    rate_low: f64,
    /// The highest of them.
    rate_high: f64,
    /// Number of searches.
    searches: usize,
    /// What limited the rate; null if nothing did.
    #[cfg_attr(test, schemars(extend("enum" = ["loss", "latency", "sender", null])))]
    limit: Option<&'static str>,
}

json_event!("udpraw.load/1", struct SaturatedRecord => "saturated");

impl From<&Saturated> for SaturatedRecord {
    fn from(found: &Saturated) -> Self {
        Self {
            rate: found.median,
            rate_low: found.range.0,
            rate_high: found.range.1,
            searches: found.searches,
            limit: found.limit.map(name),
        }
    }
}

fn name(limit: Limit) -> &'static str {
    match limit {
        Limit::Loss => "loss",
        Limit::Latency => "latency",
        _ => "sender",
    }
}
