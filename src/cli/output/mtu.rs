//! What `udpraw mtu` prints.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use udpraw::error::{describe_errno, errno_name};
use udpraw::mtu::{Answers, Found, Limit, ProbeOutcome, Trial};
use udpraw::socket::{Family, Shown};

use super::Output;
use super::envelope::{json_event, nanos};
use super::record::Address;

/// An object of the NDJSON. An MTU counts all headers of an IP packet, a payload none.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(clippy::large_enum_variant)] // One is made at a time, and written at once.
pub(super) enum Record<'a> {
    /// A datagram was sent to find out whether its size passes.
    Probe {
        /// The address and port that it was sent to.
        target: Address,
        /// Length of the payload in bytes.
        payload_bytes: usize,
        /// Whether it was allowed to be fragmented.
        may_fragment: bool,
        /// It was answered, too big for a router, refused by this machine as too big (EMSGSIZE), or
        /// lost.
        #[cfg_attr(test, schemars(extend("enum" = ["answered", "too-big", "refused", "lost"])))]
        outcome: &'a str,
        /// The MTU in bytes that the router or this machine reported; null without such a report.
        mtu: Option<u32>,
        /// The router that reported it; null if none did.
        offender: Option<String>,
        /// Time from sending to the outcome in nanoseconds.
        elapsed_ns: u64,
    },
    /// The path MTU of one address.
    Result {
        /// The host as it was given.
        host: &'a str,
        /// The address and port that were measured.
        target: Address,
        /// `IPv4` or `IPv6`.
        family: String,
        /// What limits the size: the first hop (`first-hop`), a router that reported it by ICMP
        /// (`icmp`), or a link behind which larger datagrams are lost without ICMP (`black-hole`).
        /// With the other words the path MTU is not known.
        #[cfg_attr(test, schemars(extend("enum" = [
            "first-hop", "icmp", "black-hole", "unknown", "silent", "unreachable", "filtered", "lossy"
        ])))]
        limit: &'a str,
        /// The IP address that reported the limit or the error; null if none did.
        offender: Option<String>,
        /// The name of the errno, if the target is unreachable or filtered.
        errno: Option<String>,
        /// What answered: an `echo`, a server that reports the `length`, another `reply`, or the
        /// host's port unreachable (`icmp`); null if nothing did.
        #[cfg_attr(test, schemars(extend("enum" = ["echo", "length", "reply", "icmp", null])))]
        reply_kind: Option<&'a str>,
        /// MTU of the first hop in bytes; 0 if it is not known.
        first_hop_mtu: u32,
        /// The kernel's path MTU (IP_MTU) before the measurement, in bytes; 0 if it is not known.
        kernel_mtu_before: u32,
        /// The kernel's path MTU (IP_MTU) after the measurement, in bytes; 0 if it is not known.
        kernel_mtu: u32,
        /// The measured path MTU in bytes; null if it is not known.
        path_mtu: Option<usize>,
        /// The largest payload that arrived, in bytes; null if none did.
        payload_bytes: Option<usize>,
        /// The largest payload over IPv4 for this path MTU, in bytes; null if that is not known.
        payload_ipv4_bytes: Option<usize>,
        /// The largest payload over IPv6 for this path MTU, in bytes; null if that is not known.
        payload_ipv6_bytes: Option<usize>,
        /// Whether fragments of larger datagrams arrive; null if it was not measured.
        fragments_arrive: Option<bool>,
        /// Datagrams sent.
        sent: u32,
        /// Duration of the measurement in nanoseconds.
        elapsed_ns: u64,
    },
}

json_event!("udpraw.mtu/1", enum Record<'_> {
    Probe => "probe",
    Result => "result",
});

/// Reports one address of a host.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    host: &'a str,
    address: SocketAddr,
    trials: Vec<Trial>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, host: &'a str, address: SocketAddr) -> Self {
        let trials = Vec::new();
        Self {
            output,
            host,
            address,
            trials,
        }
    }

    pub(crate) fn trial(&mut self, trial: &Trial) -> io::Result<()> {
        if !self.output.is_json() {
            self.trials.push(*trial);
            return Ok(());
        }
        let (outcome, mtu, by) = match trial.outcome {
            ProbeOutcome::Answered => ("answered", None, None),
            ProbeOutcome::TooBig { mtu, by } => ("too-big", Some(mtu), by),
            ProbeOutcome::Refused { mtu } => ("refused", Some(mtu), None),
            ProbeOutcome::Lost => ("lost", None, None),
            _ => ("other", None, None),
        };
        let record = Record::Probe {
            target: self.address.into(),
            payload_bytes: trial.payload,
            may_fragment: trial.may_fragment,
            outcome,
            mtu,
            offender: by.map(|by| by.to_string()),
            elapsed_ns: nanos(trial.after),
        };
        self.output.record(&record)
    }

    pub(crate) fn found(&mut self, found: &Found) -> io::Result<()> {
        if self.output.is_json() {
            return self.record(found);
        }
        let family = Family::of(self.address);
        let mut text = format!(
            "{} over {family}, from {}\n",
            Shown(self.address),
            found.local.ip()
        );
        let mut row = |name: &str, what: String| text += &format!("  {name:<10} {what}\n");
        if found.first_hop > 0 {
            let payload = (found.first_hop as usize).saturating_sub(family.headers());
            let payload = payload.min(family.largest_payload());
            let mtu = found.first_hop;
            row(
                "first hop",
                format!("{mtu} bytes: payloads up to {payload}"),
            );
            row("kernel", kernel(found));
        }
        row("path", path(found));
        if let (Some(mtu), true) = (found.path(), found.limit.is_known()) {
            let [four, six] = payloads(mtu);
            let payload = format!("{four} bytes over IPv4, {six} over IPv6 for links of that MTU");
            row("payload", payload);
        }
        if !self.trials.is_empty() {
            row("tried", tried(&self.trials));
        }
        if found.limit.is_known() {
            row("larger", larger(found));
        }
        if let Some(how) = answers(found.answers) {
            let tries = super::count(found.tries.into(), "datagram", "datagrams");
            row(
                "answers",
                format!("{how}; {tries} in {:.1?}", found.elapsed),
            );
        }
        self.output.text(&text)
    }

    fn record(&mut self, found: &Found) -> io::Result<()> {
        let (by, errno) = match found.limit {
            Limit::ReportedByIcmp(by) => (by, None),
            Limit::Unreachable(errno, by) | Limit::Filtered(errno, by) => (by, Some(errno)),
            _ => (None, None),
        };
        let known = found.path().filter(|_| found.limit.is_known());
        let record = Record::Result {
            host: self.host,
            target: self.address.into(),
            family: Family::of(self.address).to_string(),
            limit: found.limit.name(),
            offender: by.map(|by| by.to_string()),
            errno: errno.map(errno_name),
            reply_kind: found.answers.map(|answers| match answers {
                Answers::Echo => "echo",
                Answers::Length => "length",
                Answers::Reply => "reply",
                Answers::Icmp => "icmp",
                _ => "other",
            }),
            first_hop_mtu: found.first_hop,
            kernel_mtu_before: found.kernel.0,
            kernel_mtu: found.kernel.1,
            path_mtu: found.path(),
            payload_bytes: found.payload,
            payload_ipv4_bytes: known.map(|mtu| payloads(mtu)[0]),
            payload_ipv6_bytes: known.map(|mtu| payloads(mtu)[1]),
            fragments_arrive: found.fragments,
            sent: found.tries,
            elapsed_ns: nanos(found.elapsed),
        };
        self.output.record(&record)
    }
}

/// The largest payloads of both families over links of one MTU.
fn payloads(mtu: usize) -> [usize; 2] {
    [Family::V4, Family::V6].map(|family| {
        mtu.saturating_sub(family.headers())
            .min(family.largest_payload())
    })
}

fn kernel(found: &Found) -> String {
    match found.kernel {
        (before, after) if before == after => format!("{after} bytes (IP_MTU)"),
        (before, after) => format!("{after} bytes (IP_MTU after ICMP; {before} before)"),
    }
}

fn path(found: &Found) -> String {
    let (mtu, payload) = (found.path().unwrap_or(0), found.payload.unwrap_or(0));
    let size = format!("{mtu} bytes: payloads up to {payload} arrive");
    match found.limit {
        Limit::FirstHop => format!("{size}; the first hop is the limit"),
        Limit::ReportedByIcmp(Some(by)) => format!("{size}; limit reported by ICMP from {by}"),
        Limit::ReportedByIcmp(None) => format!("{size}; limit reported by ICMP"),
        Limit::BlackHole => format!("{size}; larger ones vanish without ICMP (PMTU black hole)"),
        Limit::Unknown => "unknown: ICMP reported a limit, but no datagram was answered".into(),
        Limit::Silent => {
            "unknown: no reply to any size (inconclusive); name a port where a service \
            answers (--port)"
                .into()
        }
        Limit::Lossy => format!("unknown: payloads of {payload} bytes arrived, then nothing did"),
        Limit::Unreachable(errno, Some(by)) => {
            format!("unreachable: {}, reported by {by}", describe_errno(errno))
        }
        Limit::Filtered(errno, Some(by)) => {
            format!("filtered: {}, reported by {by}", describe_errno(errno))
        }
        Limit::Filtered(errno, None) => format!(
            "filtered: {}, reported by this machine (nft list ruleset, ip route get)",
            describe_errno(errno)
        ),
        Limit::Unreachable(errno, None) => {
            format!(
                "unreachable: {}, reported by this machine (ip route get)",
                describe_errno(errno)
            )
        }
        _ => size,
    }
}

/// The sizes by their outcomes. A size that was lost by chance and answered later counts as answered.
fn tried(trials: &[Trial]) -> String {
    let answered: BTreeSet<usize> = trials
        .iter()
        .filter(|trial| trial.outcome == ProbeOutcome::Answered && !trial.may_fragment)
        .map(|trial| trial.payload)
        .collect();
    let mut groups: Vec<(String, BTreeSet<usize>)> = Vec::new();
    for trial in trials {
        if trial.outcome == ProbeOutcome::Lost && answered.contains(&trial.payload) {
            continue;
        }
        let outcome = outcome(trial);
        match groups.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, sizes)) => drop(sizes.insert(trial.payload)),
            None => groups.push((outcome, BTreeSet::from([trial.payload]))),
        }
    }
    let group = |(outcome, sizes): &(String, BTreeSet<usize>)| {
        let sizes: Vec<_> = sizes.iter().map(usize::to_string).collect();
        format!("{outcome} {}", sizes.join(" "))
    };
    groups.iter().map(group).collect::<Vec<_>>().join("; ")
}

fn outcome(trial: &Trial) -> String {
    let outcome = match trial.outcome {
        ProbeOutcome::Answered => "answered".to_owned(),
        ProbeOutcome::Lost => "lost".to_owned(),
        ProbeOutcome::Refused { .. } => "EMSGSIZE".to_owned(),
        ProbeOutcome::TooBig { mtu, by } => {
            let by = by.map_or("a router".to_owned(), |by: IpAddr| by.to_string());
            format!("too big ({by} says {mtu})")
        }
        _ => "another outcome".to_owned(),
    };
    if trial.may_fragment {
        format!("{outcome} in fragments")
    } else {
        outcome
    }
}

/// What happens to a datagram above the limit: whether it is fragmented, or fails with EMSGSIZE.
fn larger(found: &Found) -> String {
    let fragments = match found.fragments {
        Some(true) => {
            "; fragments arrive (IP_MTU_DISCOVER=dont), but one lost fragment loses the \
            datagram"
        }
        Some(false) => {
            "; fragments did not arrive either: the path drops them, or the service \
            accepts no more"
        }
        None => "",
    };
    if found.payload == Some(Family::of(found.local).largest_payload()) {
        return "not a UDP datagram: send(2) fails with EMSGSIZE on any path".into();
    }
    match found.limit {
        Limit::BlackHole => format!(
            "vanishes: the kernel still assumes {} bytes, so send(2) fails with EMSGSIZE only \
             above that{fragments}",
            found.kernel.1
        ),
        _ => {
            "is sent in fragments with IP_MTU_DISCOVER=dont, or =want if the kernel knows the limit; \
            with =do, send(2) fails with EMSGSIZE"
                .into()
        }
    }
}

fn answers(answers: Option<Answers>) -> Option<&'static str> {
    answers.map(|answers| match answers {
        Answers::Echo => "an echo: the way back carries the same size",
        Answers::Length => "a server that replies with the length",
        Answers::Reply => "replies of another kind",
        Answers::Icmp => "ICMP port unreachable from the host",
        _ => "other answers",
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sizes_are_grouped_by_their_outcomes() {
        let trial = |payload, outcome| Trial {
            payload,
            may_fragment: false,
            outcome,
            after: Duration::ZERO,
        };
        let by = Some("192.0.2.1".parse().unwrap());
        let trials = [
            trial(1472, ProbeOutcome::TooBig { mtu: 1400, by }),
            trial(1300, ProbeOutcome::Answered),
            trial(1372, ProbeOutcome::Lost),
            trial(1372, ProbeOutcome::Answered),
            trial(1373, ProbeOutcome::Lost),
            trial(1373, ProbeOutcome::Lost),
        ];
        assert_eq!(
            tried(&trials),
            "too big (192.0.2.1 says 1400) 1472; answered 1300 1372; lost 1373"
        );
    }

    #[test]
    fn payloads_of_both_families() {
        assert_eq!(payloads(1500), [1472, 1452]);
        assert_eq!(payloads(65_536), [65_507, 65_488]);
        assert_eq!(payloads(10), [0, 0]);
    }
}
