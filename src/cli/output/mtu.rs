//! What `udpraw mtu` tells.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use udpraw::error::{describe_errno, errno_name};
use udpraw::mtu::{Answers, Found, Limit, ProbeOutcome, Trial};
use udpraw::socket::{Family, Shown};

use super::Output;
use super::envelope::JsonEvent;
use super::record::Address;

/// An object of the NDJSON. Sizes are bytes; an MTU counts all headers, a payload none.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
#[allow(clippy::large_enum_variant)] // One is made at a time, and written at once.
enum Record<'a> {
    Trial {
        #[serde(flatten)]
        address: Address,
        payload: usize,
        may_fragment: bool,
        outcome: &'a str,
        /// What the router or this machine said the MTU is.
        mtu: Option<u32>,
        by: Option<String>,
        after_us: f64,
    },
    Found {
        host: &'a str,
        #[serde(flatten)]
        address: Address,
        family: String,
        limit: &'a str,
        by: Option<String>,
        errno: Option<String>,
        answers: Option<&'a str>,
        first_hop_mtu: u32,
        kernel_mtu_before: u32,
        kernel_mtu: u32,
        path_mtu: Option<usize>,
        payload: Option<usize>,
        payload_ipv4: Option<usize>,
        payload_ipv6: Option<usize>,
        fragments_arrive: Option<bool>,
        tries: u32,
        seconds: f64,
    },
}

impl JsonEvent for Record<'_> {
    const SCHEMA: &'static str = "udpraw.mtu/1";
}

/// Tells of one address of a host.
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
        let record = Record::Trial {
            address: self.address.into(),
            payload: trial.payload,
            may_fragment: trial.may_fragment,
            outcome,
            mtu,
            by: by.map(|by| by.to_string()),
            after_us: trial.after.as_nanos() as f64 / 1e3,
        };
        self.output.record(&record)
    }

    pub(crate) fn found(&mut self, found: &Found) -> io::Result<()> {
        if self.output.is_json() {
            return self.record(found);
        }
        let family = Family::of(self.address);
        let mut text = format!(
            "{} by {family}, from {}\n",
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
                format!("{mtu} bytes: a payload of at most {payload}"),
            );
            row("kernel", kernel(found));
        }
        row("path", path(found));
        if let (Some(mtu), true) = (found.path(), found.limit.is_known()) {
            let [four, six] = payloads(mtu);
            let payload = format!("{four} bytes by IPv4, {six} by IPv6 over links of that MTU");
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
            Limit::Told(by) => (by, None),
            Limit::Unreachable(errno, by) | Limit::Filtered(errno, by) => (by, Some(errno)),
            _ => (None, None),
        };
        let known = found.path().filter(|_| found.limit.is_known());
        let record = Record::Found {
            host: self.host,
            address: self.address.into(),
            family: Family::of(self.address).to_string(),
            limit: found.limit.name(),
            by: by.map(|by| by.to_string()),
            errno: errno.map(errno_name),
            answers: found.answers.map(|answers| match answers {
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
            payload: found.payload,
            payload_ipv4: known.map(|mtu| payloads(mtu)[0]),
            payload_ipv6: known.map(|mtu| payloads(mtu)[1]),
            fragments_arrive: found.fragments,
            tries: found.tries,
            seconds: found.elapsed.as_secs_f64(),
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
        (before, after) if before == after => format!("{after} bytes, by IP_MTU"),
        (before, after) => format!("{after} bytes, by IP_MTU after ICMP; {before} before"),
    }
}

fn path(found: &Found) -> String {
    let (mtu, payload) = (found.path().unwrap_or(0), found.payload.unwrap_or(0));
    let size = format!("{mtu} bytes: a payload of {payload} comes through whole");
    match found.limit {
        Limit::FirstHop => format!("{size}, the first hop's limit holds all the way"),
        Limit::Told(Some(by)) => format!("{size}, a true limit: {by} told it by ICMP"),
        Limit::Told(None) => format!("{size}, a true limit: ICMP told it"),
        Limit::BlackHole => format!("{size}, and beyond is a black hole: no ICMP tells"),
        Limit::Unknown => "unknown: ICMP told of a limit, but no datagram was answered".into(),
        Limit::Silent => {
            "unknown: nobody answered a datagram of any size, which says nothing; name \
            a port where a service answers (--port)"
                .into()
        }
        Limit::Lossy => format!("unknown: {payload} bytes came through, then nothing did"),
        Limit::Unreachable(errno, Some(by)) => {
            format!("unreachable: {}, says {by}", describe_errno(errno))
        }
        Limit::Filtered(errno, Some(by)) => {
            format!("filtered: {}, says {by}", describe_errno(errno))
        }
        Limit::Filtered(errno, None) => format!(
            "filtered: {}, says this machine (nft list ruleset, ip route get)",
            describe_errno(errno)
        ),
        Limit::Unreachable(errno, None) => {
            format!(
                "unreachable: {}, says this machine (ip route get)",
                describe_errno(errno)
            )
        }
        _ => size,
    }
}

/// The sizes by their fates; what was lost by chance and answered later counts as answered.
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
        _ => "something else".to_owned(),
    };
    if trial.may_fragment {
        format!("{outcome} in fragments")
    } else {
        outcome
    }
}

/// What becomes of a datagram above the limit: what fragments and what EMSGSIZE means.
fn larger(found: &Found) -> String {
    let fragments = match found.fragments {
        Some(true) => {
            "; fragments do arrive (IP_MTU_DISCOVER dont), at the price that one lost \
            fragment loses the datagram"
        }
        Some(false) => {
            "; nor did fragments arrive: the path drops them, or the service takes no \
            more"
        }
        None => "",
    };
    if found.payload == Some(Family::of(found.local).largest_payload()) {
        return "is no datagram of UDP: send(2) fails with EMSGSIZE, whatever the path".into();
    }
    match found.limit {
        Limit::BlackHole => format!(
            "vanishes: the kernel goes on to believe {} bytes, so EMSGSIZE comes above that \
             alone{fragments}",
            found.kernel.1
        ),
        _ => {
            "is sent in fragments where IP_MTU_DISCOVER is dont, or want and the kernel knows the \
            limit; where it is do, send(2) fails with EMSGSIZE"
                .into()
        }
    }
}

fn answers(answers: Option<Answers>) -> Option<&'static str> {
    answers.map(|answers| match answers {
        Answers::Echo => "an echo: the way back carries as much",
        Answers::Length => "a server that tells the length",
        Answers::Reply => "replies of another kind",
        Answers::Icmp => "ICMP port unreachable from the host",
        _ => "answers of another kind",
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sizes_are_told_by_their_fates() {
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
