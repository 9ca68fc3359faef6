//! The probe's NDJSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use udpraw::error::errno_name;
use udpraw::probe::payload::Fit;
use udpraw::probe::{Evidence, icmp_name};

use crate::cli::output::envelope::JsonEvent;
use crate::cli::output::record::{Address, Payload};

/// An object of the probe's NDJSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
#[allow(clippy::large_enum_variant)] // One is made at a time, and written at once.
pub(super) enum Record<'a> {
    Finding {
        host: &'a str,
        #[serde(flatten)]
        address: Address,
        service: Option<&'a str>,
        question: &'a str,
        verdict: &'a str,
        evidence: Proof<'a>,
        tries: u32,
        seconds: f64,
        rounds: u32,
        answered: u32,
        rtt_us: Option<RttSample>,
    },
    Summary {
        targets: usize,
        reported: usize,
        #[serde(flatten)]
        verdicts: BTreeMap<&'a str, usize>,
        seconds: f64,
    },
}

impl JsonEvent for Record<'_> {
    const SCHEMA: &'static str = "udpraw.probe/1";
}

/// What a verdict rests on.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Proof<'a> {
    Reply {
        source: Address,
        bytes: usize,
        decoded: &'a str,
        /// Whether it repeats the question's id, is at least of its protocol, or neither.
        fit: &'a str,
        after_us: Option<f64>,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Icmp {
        by: Option<String>,
        this_machine: bool,
        icmp_type: u8,
        icmp_code: u8,
        message: &'a str,
        errno: String,
        after_us: Option<f64>,
    },
    Send {
        errno: String,
    },
    Silence,
}

/// Microseconds.
#[derive(Serialize)]
pub(super) struct RttSample {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

pub(super) fn proof<'a>(evidence: &'a Evidence, after_us: Option<f64>) -> Proof<'a> {
    match evidence {
        Evidence::Reply(reply) => Proof::Reply {
            source: reply.source.into(),
            bytes: reply.length,
            decoded: &reply.reading.text,
            fit: match reply.reading.fit {
                Fit::Answer => "answer",
                Fit::Plausible => "plausible",
                Fit::Foreign => "foreign",
                _ => "other",
            },
            after_us,
            payload: reply.bytes.as_slice().into(),
        },
        Evidence::Icmp { error, is_own } => Proof::Icmp {
            by: error.offender.map(|offender| offender.ip().to_string()),
            this_machine: *is_own,
            icmp_type: error.icmp_type,
            icmp_code: error.icmp_code,
            message: icmp_name(error.origin, error.icmp_type, error.icmp_code),
            errno: errno_name(error.errno),
            after_us,
        },
        Evidence::Send(errno) => Proof::Send {
            errno: errno_name(*errno),
        },
        Evidence::Nothing => Proof::Silence,
        _ => Proof::Silence,
    }
}

pub(super) fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}
