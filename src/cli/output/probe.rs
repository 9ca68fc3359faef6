//! What `udpraw probe` prints.

mod chinese;
pub(super) mod record;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use udpraw::error::describe_errno;
use udpraw::language::Language;
use udpraw::probe::payload::Fit;
use udpraw::probe::{
    ASKED_BY_LIBC, Config, Evidence, Finding, Payload as Question, Reply, Resolvers, Target,
    Verdict, icmp_name,
};
use udpraw::services::{Protocol, Services};
use udpraw::socket::{QueuedError, Shown};

use self::record::{Record, Verdicts, proof};
use super::envelope::nanos;
use super::python::Repr;
use super::{Output, count};

/// With more targets than this, only those that answer are listed.
const FEW: usize = 20;

/// Prints each finding when it is made, and counts them.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    config: &'a Config,
    host: String,
    is_whole: bool,
    services: HashMap<u16, String>,
    verdicts: BTreeMap<Verdict, usize>,
    reported: usize,
    open: BTreeSet<u16>,
    closed_at: BTreeSet<IpAddr>,
    silent_at: BTreeSet<IpAddr>,
    begun: Instant,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, config: &'a Config, host: String, all: bool) -> Self {
        Self {
            output,
            config,
            host,
            is_whole: all || config.targets.len() <= FEW,
            services: services(),
            verdicts: BTreeMap::new(),
            reported: 0,
            open: BTreeSet::new(),
            closed_at: BTreeSet::new(),
            silent_at: BTreeSet::new(),
            begun: Instant::now(),
        }
    }

    /// Problems of a resolv.conf.
    pub(crate) fn resolvers(&mut self, path: &Path, resolvers: &Resolvers) {
        let path = path.display().to_string().escape_debug().to_string();
        for (line, reason) in &resolvers.faults {
            self.output.note(format_args!("{path}:{line}: {reason}"));
        }
        let (all, asked) = (resolvers.servers.len(), resolvers.asked);
        if asked < all {
            self.output.note(format_args!(
                "{path} lists {all} servers: the C library reads {ASKED_BY_LIBC} lines, and asks \
                 only the first {asked} of them"
            ));
        }
    }

    pub(crate) fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let config = self.config;
        let Some(target) = config.targets.get(finding.target) else {
            return Ok(());
        };
        self.reported += 1;
        *self.verdicts.entry(finding.verdict).or_default() += 1;
        let (ip, port) = (target.address.ip(), target.address.port());
        match finding.verdict {
            Verdict::Open => drop(self.open.insert(port)),
            Verdict::Closed => drop(self.closed_at.insert(ip)),
            Verdict::Silent => drop(self.silent_at.insert(ip)),
            _ => {}
        }
        if self.output.is_json() {
            return self.record(target, finding);
        }
        if !self.is_whole && !matches!(finding.verdict, Verdict::Open | Verdict::WrongSource) {
            return Ok(());
        }
        let name = match self.services.get(&port) {
            Some(name) => format!("{} ({name})", Shown(target.address)),
            None => Shown(target.address).to_string(),
        };
        let mut text = match self.output.language() {
            Language::English => format!("{name} {}\n", sentence(target, finding)),
            Language::Chinese => format!("{name} {}\n", chinese::sentence(target, finding)),
        };
        if self.config.rounds > 1 {
            text += &match self.output.language() {
                Language::English => rounds(finding),
                Language::Chinese => chinese::rounds(finding, round_trips(finding)),
            };
        }
        self.output.text(&text)
    }

    fn record(&mut self, target: &Target, finding: &Finding) -> io::Result<()> {
        let rtt = round_trips(finding).map(|times| times.map(nanos));
        let record = Record::Result {
            host: &self.host,
            target: target.address.into(),
            service: self
                .services
                .get(&target.address.port())
                .map(String::as_str),
            payload: target.payload.name(),
            verdict: finding.verdict.name(),
            evidence: proof(&finding.evidence, finding.after.map(nanos)),
            attempts: finding.tries,
            elapsed_ns: nanos(finding.elapsed),
            rounds: finding.rounds,
            answered: finding.answered,
            rtt_min_ns: rtt.map(|[min, ..]| min),
            rtt_median_ns: rtt.map(|[_, median, _]| median),
            rtt_max_ns: rtt.map(|[.., max]| max),
        };
        self.output.record(&record)
    }

    /// Whether every port is open somewhere.
    pub(crate) fn is_open(&self) -> bool {
        let is_open = |target: &Target| self.open.contains(&target.address.port());
        self.config.targets.iter().all(is_open)
    }

    /// The summary.
    pub(crate) fn summary(&mut self) -> io::Result<()> {
        let targets = self.config.targets.len();
        let elapsed = self.begun.elapsed();
        if self.output.is_json() {
            let number = |verdict: &Verdict| self.verdicts.get(verdict).copied().unwrap_or(0);
            let verdicts = Verdict::ALL
                .iter()
                .map(|it| (it.name(), number(it)))
                .collect();
            let record = Record::Summary {
                targets,
                reported: self.reported,
                verdicts: Verdicts(verdicts),
                elapsed_ns: nanos(elapsed),
            };
            self.output.record(&record)?;
        } else if targets > 1 {
            let found = Verdict::ALL.iter().filter_map(|verdict| {
                let number = self.verdicts.get(verdict)?;
                Some(format!("{number} {}", verdict.name()))
            });
            let found: Vec<_> = found.collect();
            let hidden = if self.is_whole {
                ""
            } else {
                " (--all lists them)"
            };
            let what = count(targets as u64, "target", "targets");
            let line = format!("{what}: {} in {elapsed:.1?}{hidden}", found.join(", "));
            self.output.talk(line);
        }
        if self.reported < targets {
            let left = targets - self.reported;
            self.output.note(format_args!(
                "stopped: {left} of {targets} targets have no result"
            ));
        }
        if self
            .closed_at
            .intersection(&self.silent_at)
            .next()
            .is_some()
        {
            self.output.note(
                "a host limits its ICMP messages per second (icmp_ratelimit on Linux): silent \
                 ports may be closed; use --rate 1",
            );
        }
        Ok(())
    }
}

/// The first name that each port has over UDP.
fn services() -> HashMap<u16, String> {
    let services = Services::load(None).unwrap_or_else(|_| Services::built_in());
    let mut names = HashMap::new();
    for entry in services
        .entries()
        .filter(|entry| Protocol::Udp.includes(entry.protocol))
    {
        names
            .entry(entry.port)
            .or_insert_with(|| entry.name.to_string());
    }
    names
}

fn sentence(target: &Target, finding: &Finding) -> String {
    let after = match finding.after {
        Some(after) => format!(" after {after:.1?}"),
        None => String::new(),
    };
    match (&finding.evidence, finding.verdict) {
        (Evidence::Reply(reply), Verdict::WrongSource) => format!(
            "is answered from another address: a reply of {} from {}{after}, {}",
            bytes(reply),
            reply.source,
            decoded(reply)
        ),
        (Evidence::Reply(reply), _) => {
            let from = if reply.source.ip() != target.address.ip() {
                format!(" from {}", reply.source)
            } else if reply.source.port() != target.address.port() {
                format!(" from port {}", reply.source.port())
            } else {
                String::new()
            };
            let what = bytes(reply);
            format!(
                "is open: a reply of {what}{from}{after}, {}",
                decoded(reply)
            )
        }
        (Evidence::Icmp { error, is_own }, verdict) => {
            let message = icmp_name(error.origin, error.icmp_type, error.icmp_code);
            let by = offender(error, *is_own, target.address.ip());
            format!("is {}: ICMP {message}{after}{by}", verdict.name())
        }
        (Evidence::Send(errno), verdict) => format!(
            "is {}: this machine cannot send there: {}{}",
            verdict.name(),
            describe_errno(*errno),
            remedy(*errno, target.address.ip())
        ),
        (Evidence::Nothing, _) => silence(target, finding),
        (_, verdict) => format!("is {}{after}", verdict.name()),
    }
}

fn bytes(reply: &Reply) -> String {
    count(reply.length as u64, "byte", "bytes")
}

/// What a reply says; a reply of another protocol is shown as it is.
fn decoded(reply: &Reply) -> String {
    let text = &reply.reading.text;
    match reply.reading.fit {
        Fit::Foreign => {
            let shown = reply.bytes.get(..64).unwrap_or(&reply.bytes);
            let more = if shown.len() < reply.length {
                "..."
            } else {
                ""
            };
            format!("{text}: {}{more}", Repr(shown))
        }
        _ => text.clone(),
    }
}

fn offender(error: &QueuedError, is_own: bool, target: IpAddr) -> String {
    match error.offender {
        Some(offender) if is_own => format!(", from {} (this machine)", offender.ip()),
        Some(offender) if offender.ip() != target => {
            format!(", from {} (not the probed host)", offender.ip())
        }
        Some(offender) => format!(", from {}", offender.ip()),
        None => String::new(),
    }
}

fn remedy(errno: i32, target: IpAddr) -> &'static str {
    match (errno, target) {
        (libc::EPERM, _) => "; a firewall rule forbids it (nft list ruleset)",
        (libc::EACCES, _) => "; a prohibit route (ip route get), or a broadcast address",
        (libc::EINVAL, IpAddr::V6(ip)) if ip.is_unicast_link_local() => {
            "; a link-local address needs its interface, as in fe80::1%eth0"
        }
        (libc::EAFNOSUPPORT, _) => "; this kernel does not support the protocol",
        (libc::EADDRNOTAVAIL, _) => {
            "; this machine has no address to send from (ip address; IPv6 may be disabled)"
        }
        (libc::EINVAL, _) => "; a blackhole route (ip route get)",
        _ => "; there is no route (ip route get)",
    }
}

fn silence(target: &Target, finding: &Finding) -> String {
    let why = match &target.payload {
        question if !question.has_answer() => {
            format!("{question} has no replies, so an open port is silent too")
        }
        Question::Empty | Question::Bytes(_) => "the port may be open to other protocols, \
            closed or filtered, or the datagrams were lost"
            .into(),
        question => format!(
            "no {question} service replied, but the port may be open to other protocols, closed \
             or filtered, or the datagrams were lost"
        ),
    };
    let tries = count(finding.tries.into(), "try", "tries");
    format!(
        "is silent: no reply to {tries} over {:.1?} (inconclusive): {why}",
        finding.elapsed
    )
}

fn rounds(finding: &Finding) -> String {
    let line = format!("  {} of {} answered", finding.answered, finding.rounds);
    match round_trips(finding) {
        Some([min, median, max]) => {
            format!("{line}; round trip min {min:.1?}, median {median:.1?}, max {max:.1?}\n")
        }
        None => format!("{line}\n"),
    }
}

fn round_trips(finding: &Finding) -> Option<[Duration; 3]> {
    let mut times = finding.round_trips.clone();
    times.sort_unstable();
    Some([
        *times.first()?,
        *times.get(times.len() / 2)?,
        *times.last()?,
    ])
}
