//! What a bench measured, as NDJSON.

use crate::cli::output::envelope::JsonEvent;
use serde::Serialize;

use udpraw::bench::{Config, Median, Report, Row, Scenario, Standing, Trial, Variant};
use udpraw::error::Error;
use udpraw::io::Backend;

/// A trial, as `udpraw.bench/1`.
#[derive(Serialize)]
#[serde(tag = "event", rename = "trial")]
pub(super) struct TrialRecord {
    scenario: &'static str,
    send: &'static str,
    receive: &'static str,
    size: usize,
    outstanding: usize,
    flows: usize,
    trial: usize,
    seconds: f64,
    sent: u64,
    refused: u64,
    received: u64,
    lost_buffer: u64,
    remainder: i64,
    balanced: bool,
    cpu_ns_per_datagram: f64,
    cpu_ns_send: f64,
    cpu_ns_receive: Option<f64>,
    syscalls_per_datagram: f64,
}

impl JsonEvent for TrialRecord {
    const SCHEMA: &'static str = "udpraw.bench/1";
}

/// A row of the table, as `udpraw.bench-summary/1`.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
pub(super) struct RowRecord<'a> {
    scenario: &'static str,
    send: &'static str,
    receive: &'static str,
    size: usize,
    outstanding: usize,
    flows: usize,
    trials: usize,
    datagrams_per_second: f64,
    low: f64,
    high: f64,
    confidence: f64,
    gigabits_per_second: f64,
    loss: f64,
    cpu_ns_per_datagram: f64,
    syscalls_per_datagram: f64,
    unbalanced_trials: usize,
    winner: bool,
    within_the_noise: bool,
    too_few_trials: bool,
    spin: bool,
    flow_control: bool,
    kernel: &'a str,
    cpus: Option<(usize, usize)>,
    receive_buffer: u32,
    send_buffer: u32,
    complete: bool,
}

impl JsonEvent for RowRecord<'_> {
    const SCHEMA: &'static str = "udpraw.bench-summary/1";
}

/// A variant that was given up, as `udpraw.bench-skipped/1`.
#[derive(Serialize)]
#[serde(tag = "event", rename = "skipped")]
pub(super) struct SkippedRecord {
    scenario: &'static str,
    send: &'static str,
    receive: &'static str,
    size: usize,
    outstanding: usize,
    error: String,
    errno: Option<String>,
}

impl JsonEvent for SkippedRecord {
    const SCHEMA: &'static str = "udpraw.bench-skipped/1";
}

impl SkippedRecord {
    pub(super) fn new(variant: &Variant, error: &Error, config: &Config) -> Self {
        Self {
            scenario: variant.scenario.name(),
            send: variant.send.name(),
            receive: far(variant.receive, config),
            size: variant.size,
            outstanding: variant.outstanding,
            error: error.to_string(),
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
            size,
            outstanding,
            flows: flows(scenario, config),
            trial: trial.number,
            seconds: trial.time.as_secs_f64(),
            sent: ledger.sent,
            refused: ledger.refused,
            received: ledger.received,
            lost_buffer: ledger.lost_buffer,
            remainder: ledger.remainder(),
            balanced: trial.is_sound(),
            cpu_ns_per_datagram: trial.cpu_ns(),
            cpu_ns_send: trial.cpu_ns_send,
            cpu_ns_receive: trial.cpu_ns_receive,
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
            size,
            outstanding,
            flows: flows(scenario, config),
            trials: row.trials,
            datagrams_per_second: median,
            low,
            high,
            confidence,
            gigabits_per_second: row.bits_per_second() / 1e9,
            loss: row.loss,
            cpu_ns_per_datagram: row.cpu_ns,
            syscalls_per_datagram: row.syscalls,
            unbalanced_trials: row.unsound,
            winner: row.standing == Standing::Winner,
            within_the_noise: row.standing == Standing::Noise,
            too_few_trials: row.standing == Standing::TooFew,
            spin: config.spin,
            flow_control: !config.flood,
            kernel: &setting.kernel,
            cpus: setting.cpus,
            receive_buffer: setting.receive_buffer.1,
            send_buffer: setting.send_buffer.1,
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
