//! The probe's NDJSON.

use std::collections::BTreeMap;

use serde::Serialize;
use udpraw::error::errno_name;
use udpraw::probe::payload::Fit;
use udpraw::probe::{Evidence, icmp_name};

use crate::cli::output::envelope::json_event;
use crate::cli::output::record::{Address, Payload};

/// An object of the probe's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(clippy::large_enum_variant)] // One is made at a time, and written at once.
pub(in crate::cli::output) enum Record<'a> {
    /// What was found out about one port.
    Result {
        /// The host as it was given.
        host: &'a str,
        /// The address and port that were probed.
        target: Address,
        /// The name of the service of that port; null if it has none.
        service: Option<&'a str>,
        /// What was sent: a protocol's request, `empty`, or bytes of the user's.
        payload: &'a str,
        /// The state of the port. `silent` proves nothing: no reply and no ICMP message was received.
        #[cfg_attr(test, schemars(extend("enum" = [
            "silent", "unreachable", "filtered", "closed", "wrong-source", "open"
        ])))]
        verdict: &'a str,
        /// What the verdict is based on.
        evidence: Proof<'a>,
        /// How often the request was sent.
        attempts: u32,
        /// Duration of the probe in nanoseconds.
        elapsed_ns: u64,
        /// Rounds made (`--count`).
        rounds: u32,
        /// Rounds that were answered.
        answered: u32,
        /// Shortest round-trip time in nanoseconds; null without a sample.
        rtt_min_ns: Option<u64>,
        /// Median of the round-trip times in nanoseconds; null without a sample.
        rtt_median_ns: Option<u64>,
        /// Longest round-trip time in nanoseconds; null without a sample.
        rtt_max_ns: Option<u64>,
    },
    /// Counts of all targets: the last record.
    Summary {
        /// Addresses and ports that were to be probed.
        targets: usize,
        /// Those with a result: fewer if the probe was interrupted.
        reported: usize,
        /// Results by verdict.
        verdicts: Verdicts,
        /// Duration of the whole probe in nanoseconds.
        elapsed_ns: u64,
    },
}

json_event!("udpraw.probe/1", enum Record<'_> {
    Result => "result",
    Summary => "summary",
});

/// Number of results by verdict; a verdict that did not occur is 0.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::cli::output) struct Verdicts(pub(super) BTreeMap<&'static str, usize>);

#[cfg(test)]
impl schemars::JsonSchema for Verdicts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Verdicts".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<_> = (udpraw::probe::Verdict::ALL.iter())
            .map(|verdict| verdict.name())
            .collect();
        let properties: BTreeMap<_, _> = (names.iter())
            .map(|name| {
                (
                    *name,
                    serde_json::json!({ "type": "integer", "minimum": 0 }),
                )
            })
            .collect();
        schemars::json_schema!({
            "description": "Number of results by verdict; a verdict that did not occur is 0.",
            "type": "object",
            "properties": properties,
            "required": names,
            "additionalProperties": false,
        })
    }
}

/// What a verdict is based on.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) enum Proof<'a> {
    /// A reply.
    Reply {
        /// The sender of the reply.
        source: Address,
        /// Length of the reply in bytes.
        bytes: usize,
        /// What the reply says, for people.
        decoded: &'a str,
        /// How well the reply matches the request: it repeats the request's id (`id`), is a valid
        /// message of the same protocol (`protocol`), or neither (`none`).
        #[cfg_attr(test, schemars(extend("enum" = ["id", "protocol", "none"])))]
        r#match: &'a str,
        /// Time from the request to the reply in nanoseconds.
        rtt_ns: Option<u64>,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    /// An ICMP message.
    Icmp {
        /// The IP address that sent the ICMP message; null if it is not known.
        offender: Option<String>,
        /// Whether this machine itself made the message.
        offender_is_local: bool,
        /// Type of the ICMP message.
        icmp_type: u8,
        /// Code of the ICMP message.
        icmp_code: u8,
        /// The name of the ICMP message.
        message: &'a str,
        /// The name of the errno that the message became.
        errno: String,
        /// Time from the request to the message in nanoseconds.
        rtt_ns: Option<u64>,
    },
    /// This machine refused to send the request.
    SendError {
        /// The name of the errno.
        errno: String,
    },
    /// Nothing was received.
    None,
}

pub(super) fn proof<'a>(evidence: &'a Evidence, rtt_ns: Option<u64>) -> Proof<'a> {
    match evidence {
        Evidence::Reply(reply) => Proof::Reply {
            source: reply.source.into(),
            bytes: reply.length,
            decoded: &reply.reading.text,
            r#match: match reply.reading.fit {
                Fit::Answer => "id",
                Fit::Plausible => "protocol",
                Fit::Foreign => "none",
                _ => "other",
            },
            rtt_ns,
            payload: reply.bytes.as_slice().into(),
        },
        Evidence::Icmp { error, is_own } => Proof::Icmp {
            offender: error.offender.map(|offender| offender.ip().to_string()),
            offender_is_local: *is_own,
            icmp_type: error.icmp_type,
            icmp_code: error.icmp_code,
            message: icmp_name(error.origin, error.icmp_type, error.icmp_code),
            errno: errno_name(error.errno),
            rtt_ns,
        },
        Evidence::Send(errno) => Proof::SendError {
            errno: errno_name(*errno),
        },
        Evidence::Nothing => Proof::None,
        _ => Proof::None,
    }
}
