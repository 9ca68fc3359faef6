//! What a bench measured, as NDJSON.

use serde::Serialize;

use udpraw::bench::{Config, Median, Report, Row, Scenario, Standing, Trial, Variant};
use udpraw::error::Error;
use udpraw::io::Backend;

use crate::cli::output::envelope::{json_event, nanos};

/// One measurement of a variant.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct TrialRecord {
    /// What is measured: one way (`sink`) or round trips (`echo`).
    #[cfg_attr(test, schemars(extend("enum" = ["sink", "echo"])))]
    scenario: &'static str,
    /// The sender's I/O backend.
    send: &'static str,
    /// The receiver's I/O backend, or `server` if a server of another process receives.
    receive: &'static str,
    /// Payload of each datagram in bytes.
    payload_bytes: usize,
    /// Requests of each flow in flight at a time in an echo; 0 in a sink.
    outstanding: usize,
    /// Flows of an echo, each from an address of its own; 1 in a sink.
    flows: usize,
    /// Number of the trial, from 1.
    trial: usize,
    /// Duration of the trial in nanoseconds.
    elapsed_ns: u64,
    /// Datagrams sent.
    sent: u64,
    /// Datagrams that the kernel refused to send.
    send_errors: u64,
    /// Datagrams received: by the receiver of a sink, by the sender of an echo.
    received: u64,
    /// Datagrams dropped because a receive buffer was full.
    kernel_drops: u64,
    /// Datagrams sent that were neither received nor dropped by a receive buffer.
    unaccounted: i64,
    /// Whether every datagram is accounted for.
    balanced: bool,
    /// CPU time of both sides in nanoseconds per datagram.
    cpu_ns_per_datagram: f64,
    /// CPU time of the sender in nanoseconds per datagram.
    cpu_ns_per_datagram_send: f64,
    /// CPU time of the receiver in nanoseconds per datagram; null if it is another process.
    cpu_ns_per_datagram_receive: Option<f64>,
    /// System calls of both sides per datagram.
    syscalls_per_datagram: f64,
}

json_event!("udpraw.bench/1", struct TrialRecord => "trial");

/// The result of all trials of a variant.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct RowRecord<'a> {
    /// What is measured: one way (`sink`) or round trips (`echo`).
    #[cfg_attr(test, schemars(extend("enum" = ["sink", "echo"])))]
    scenario: &'static str,
    /// The sender's I/O backend.
    send: &'static str,
    /// The receiver's I/O backend, or `server` if a server of another process receives.
    receive: &'static str,
    /// Payload of each datagram in bytes.
    payload_bytes: usize,
    /// Requests of each flow in flight at a time in an echo; 0 in a sink.
    outstanding: usize,
    /// Flows of an echo, each from an address of its own; 1 in a sink.
    flows: usize,
    /// Number of trials.
    trials: usize,
    /// Median of the trials: datagrams received per second.
    datagrams_per_second: f64,
    /// Lower end of the median's confidence interval.
    datagrams_per_second_low: f64,
    /// Upper end of the median's confidence interval.
    datagrams_per_second_high: f64,
    /// Confidence level of that interval, from 0 to 1.
    confidence: f64,
    /// Payload received in bits per second, by the median.
    bits_per_second: f64,
    /// Datagrams lost, as a part of those sent, from 0 to 1.
    loss_ratio: f64,
    /// CPU time of both sides in nanoseconds per datagram.
    cpu_ns_per_datagram: f64,
    /// System calls of both sides per datagram.
    syscalls_per_datagram: f64,
    /// Trials in which not every datagram is accounted for.
    unbalanced_trials: usize,
    /// Whether it is the fastest variant of its scenario and size, beyond the noise.
    winner: bool,
    /// Whether it cannot be told apart from the fastest variant.
    within_noise: bool,
    /// Whether there are too few trials to compare.
    too_few_trials: bool,
    /// Whether both sides poll instead of waiting (`--spin`).
    spin: bool,
    /// Whether the sender of a sink waits for the receiver, instead of flooding it.
    flow_control: bool,
    /// Release of the kernel, as `uname -r` prints it.
    kernel_release: &'a str,
    /// The CPU that the sender is pinned to; null if it is not pinned.
    send_cpu: Option<usize>,
    /// The CPU that the receiver is pinned to; null if it is not pinned.
    receive_cpu: Option<usize>,
    /// Effective receive buffer in bytes (SO_RCVBUF).
    receive_buffer_bytes: u32,
    /// Effective send buffer in bytes (SO_SNDBUF).
    send_buffer_bytes: u32,
    /// Whether all trials were made: false if the benchmark was interrupted.
    complete: bool,
}

json_event!("udpraw.bench/1", struct RowRecord<'_> => "result");

/// A variant that could not be measured.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct SkippedRecord {
    /// What is measured: one way (`sink`) or round trips (`echo`).
    #[cfg_attr(test, schemars(extend("enum" = ["sink", "echo"])))]
    scenario: &'static str,
    /// The sender's I/O backend.
    send: &'static str,
    /// The receiver's I/O backend, or `server` if a server of another process receives.
    receive: &'static str,
    /// Payload of each datagram in bytes.
    payload_bytes: usize,
    /// Requests of each flow in flight at a time in an echo; 0 in a sink.
    outstanding: usize,
    /// Why, for people.
    message: String,
    /// The name of the errno; null if the error has none.
    errno: Option<String>,
}

json_event!("udpraw.bench/1", struct SkippedRecord => "skipped");

impl SkippedRecord {
    pub(super) fn new(variant: &Variant, error: &Error, config: &Config) -> Self {
        Self {
            scenario: variant.scenario.name(),
            send: variant.send.name(),
            receive: far(variant.receive, config),
            payload_bytes: variant.size,
            outstanding: variant.outstanding,
            message: error.to_string(),
            errno: error.errno_name(),
        }
    }
}

impl TrialRecord {
    pub(super) fn new(trial: &Trial, config: &Config) -> Self {
        let Variant {
            scenario,
            send,
            receive,
            size,
            outstanding,
        } = trial.variant;
        let ledger = trial.ledger;
        Self {
            scenario: scenario.name(),
            send: send.name(),
            receive: far(receive, config),
            payload_bytes: size,
            outstanding,
            flows: flows(scenario, config),
            trial: trial.number,
            elapsed_ns: nanos(trial.time),
            sent: ledger.sent,
            send_errors: ledger.refused,
            received: ledger.received,
            kernel_drops: ledger.lost_buffer,
            unaccounted: ledger.remainder(),
            balanced: trial.is_sound(),
            cpu_ns_per_datagram: trial.cpu_ns(),
            cpu_ns_per_datagram_send: trial.cpu_ns_send,
            cpu_ns_per_datagram_receive: trial.cpu_ns_receive,
            syscalls_per_datagram: trial.syscalls,
        }
    }
}

impl<'a> RowRecord<'a> {
    pub(super) fn new(row: &Row, found: &'a Report, config: &Config) -> Self {
        let Variant {
            scenario,
            send,
            receive,
            size,
            outstanding,
        } = row.variant;
        let Median {
            median,
            low,
            high,
            confidence,
        } = row.rate;
        let setting = &found.setting;
        Self {
            scenario: scenario.name(),
            send: send.name(),
            receive: far(receive, config),
            payload_bytes: size,
            outstanding,
            flows: flows(scenario, config),
            trials: row.trials,
            datagrams_per_second: median,
            datagrams_per_second_low: low,
            datagrams_per_second_high: high,
            confidence,
            bits_per_second: row.bits_per_second(),
            loss_ratio: row.loss,
            cpu_ns_per_datagram: row.cpu_ns,
            syscalls_per_datagram: row.syscalls,
            unbalanced_trials: row.unsound,
            winner: row.standing == Standing::Winner,
            within_noise: row.standing == Standing::Noise,
            too_few_trials: row.standing == Standing::TooFew,
            spin: config.spin,
            flow_control: !config.flood,
            kernel_release: &setting.kernel,
            send_cpu: setting.cpus.map(|(send, _)| send),
            receive_cpu: setting.cpus.map(|(_, receive)| receive),
            receive_buffer_bytes: setting.receive_buffer.1,
            send_buffer_bytes: setting.send_buffer.1,
            complete: found.is_complete,
        }
    }
}

/// The receiver's backend; of a server elsewhere nobody here knows it.
pub(super) fn far(receive: Backend, config: &Config) -> &'static str {
    match config.server {
        None => receive.name(),
        Some(_) => "server",
    }
}

fn flows(scenario: Scenario, config: &Config) -> usize {
    match scenario {
        Scenario::Sink => 1,
        Scenario::Echo => config.flows,
        _ => config.flows,
    }
}
