//! The search: the first hop, a datagram that is answered, the largest, then the sizes between.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::prober::{End, Prober};
use super::search::Search;
use super::{Answers, Config, Found, Limit, ProbeOutcome, Trial};
use crate::error::{Error, Result};
use crate::protocol::RttEstimator;
use crate::socket::option::{self, PathMtuDiscovery};
use crate::socket::{Family, Refusal, pause};

/// Payloads that nearly any path carries: 1,200 bytes (RFC 8899 section 5.1.2), then 548: the 576 bytes
/// that any IPv4 host accepts, minus the headers.
const BASES: [usize; 2] = [1200, 548];
/// A datagram without an answer after a round trip plus this time counts as lost.
const LEAST_WAIT: Duration = Duration::from_millis(100);
/// A size is given up after this many more lost probes: three in all (`MAX_PROBES`, RFC 8899 section
/// 5.1.2). If only ICMP answers it is one, since each costs a second.
const CONFIRMATIONS: u32 = 2;
/// After the first few, hosts send one ICMP message per second (Linux: `icmp_ratelimit`, 1,000 ms).
const ICMP_PAUSE: Duration = Duration::from_millis(1100);
/// The number of times that a burst is repeated if its control datagram is not answered either.
const PATIENCE: u32 = 5;
/// A bound for a path whose answers contradict each other.
const MOST_FLIGHTS: u32 = 200;

pub(super) fn run<E: From<Error>>(
    config: &Config,
    stop: &AtomicBool,
    on_event: impl FnMut(&Trial) -> Result<(), E>,
) -> Result<Found, E> {
    let begun = Instant::now();
    let family = Family::of(config.address);
    let mut found = Found {
        limit: Limit::Silent,
        answers: None,
        local: family.unspecified(),
        first_hop: 0,
        kernel: (0, 0),
        payload: None,
        fragments: None,
        tries: 0,
        elapsed: Duration::ZERO,
    };
    // A failed connect is the result: there is no route.
    let prober = match Prober::open(config.address, PathMtuDiscovery::Probe, None) {
        Ok(prober) => prober,
        Err(error) if is_route(&error) => {
            found.limit = Limit::Unreachable(error.errno().unwrap_or_default(), None);
            return Ok(found);
        }
        Err(error) => return Err(error.into()),
    };
    let mut run = Run {
        config,
        stop,
        on_event,
        prober,
        reported: None,
        refused: None,
        bursts: 0,
    };
    found.local = run.prober.local()?;
    found.kernel.0 = run.prober.kernel_mtu()?;
    run.find(&mut found)?;
    found.kernel.1 = run.prober.kernel_mtu().unwrap_or(found.kernel.0);
    found.answers = run.prober.answers;
    found.tries += run.prober.tries;
    found.elapsed = begun.elapsed();
    Ok(found)
}

fn is_route(error: &Error) -> bool {
    error.is_about_the_network()
        || matches!(
            error.errno(),
            // The last case is a kernel without IPv6.
            Some(libc::EINVAL | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT)
        )
}

/// The error that ended the search is its result.
fn limit((errno, by, refusal): End) -> Limit {
    match refusal {
        Refusal::Filtered => Limit::Filtered(errno, by),
        Refusal::Closed | Refusal::Unreachable => Limit::Unreachable(errno, by),
    }
}

struct Run<'a, F> {
    config: &'a Config,
    stop: &'a AtomicBool,
    on_event: F,
    prober: Prober,
    /// The largest payload that a router's ICMP permits, and the router.
    reported: Option<(usize, Option<IpAddr>)>,
    /// The smallest payload that a router's ICMP refused, and the router, even if it reported no MTU.
    refused: Option<(usize, Option<IpAddr>)>,
    bursts: u32,
}

impl<F> Run<'_, F> {
    fn find<E: From<Error>>(&mut self, found: &mut Found) -> Result<(), E>
    where
        F: FnMut(&Trial) -> Result<(), E>,
    {
        let family = Family::of(self.config.address);
        let most = family.largest_payload();
        // Only loopback carries such a size: the refusal reports the first hop's MTU.
        let largest = self.probe_burst(&[most], LEAST_WAIT)?;
        let top = match largest.first().map(|trial| trial.outcome) {
            Some(ProbeOutcome::Refused { mtu }) => {
                found.first_hop = mtu;
                (mtu as usize)
                    .saturating_sub(family.headers())
                    .clamp(1, most)
            }
            _ => {
                found.first_hop = found.kernel.0;
                most
            }
        };
        if let Some(ProbeOutcome::Answered) = largest.first().map(|trial| trial.outcome) {
            (found.limit, found.payload) = (Limit::FirstHop, Some(most));
            return Ok(());
        }
        let Some(base) = self.base(top)? else {
            found.limit = match self.prober.end {
                Some(end) => limit(end),
                None if self.reported.is_some() => Limit::Unknown,
                None => Limit::Silent,
            };
            return Ok(());
        };
        let mut search = Search::new(base, top);
        let is_done = self.search(&mut search)?;
        found.payload = Some(search.passes());
        let edge = |refused: &(usize, Option<IpAddr>)| refused.0 == search.passes() + 1;
        let reported = |reported: &(usize, Option<IpAddr>)| reported.0 == search.passes();
        let said = self.reported.filter(reported).or(self.refused.filter(edge));
        found.limit = match (said, self.prober.end) {
            (_, Some(end)) => limit(end),
            _ if !is_done => Limit::Lossy,
            _ if search.passes() == top => Limit::FirstHop,
            (Some((_, by)), _) => Limit::ReportedByIcmp(by),
            _ => Limit::BlackHole,
        };
        if found.limit == Limit::BlackHole {
            found.fragments = self.fragments(search.passes(), top, &mut found.tries)?;
        }
        Ok(())
    }

    /// Finds a datagram that is answered; returns its size.
    fn base<E: From<Error>>(&mut self, top: usize) -> Result<Option<usize>, E>
    where
        F: FnMut(&Trial) -> Result<(), E>,
    {
        let schedule = self
            .config
            .backoff
            .schedule(&RttEstimator::default(), Some(2), None);
        for (wait, base) in schedule.zip(BASES) {
            let trials = self.probe_burst(&[base.min(top)], wait)?;
            let answered = trials
                .iter()
                .find(|trial| trial.outcome == ProbeOutcome::Answered);
            let late = Some(self.prober.late).filter(|late| (1..=top).contains(late));
            if let Some(size) = answered.map(|trial| trial.payload).max(late) {
                return Ok(Some(size));
            }
            if self.prober.end.is_some() || self.is_stopped() {
                break;
            }
        }
        Ok(None)
    }

    /// Narrows the range; returns whether it could.
    fn search<E: From<Error>>(&mut self, search: &mut Search) -> Result<bool, E>
    where
        F: FnMut(&Trial) -> Result<(), E>,
    {
        let mut wanted = vec![search.most()];
        while !search.is_over() {
            let before = self.reported;
            let Some(trials) = self.try_sizes(&wanted, search.passes())? else {
                return Ok(false);
            };
            for trial in &trials {
                match trial.outcome {
                    ProbeOutcome::Answered => search.pass(trial.payload),
                    _ => search.fail(trial.payload),
                }
            }
            if self.prober.late <= search.most() {
                search.pass(self.prober.late);
            }
            // The size that a router permits is tried at once.
            wanted = match self.reported {
                Some((payload, _)) if self.reported != before && payload > search.passes() => {
                    search.fail(payload + 1);
                    vec![payload.min(search.most())]
                }
                _ => search.sizes(if self.are_answers_distinct() {
                    Search::FLIGHT
                } else {
                    1
                }),
            };
        }
        Ok(true)
    }

    /// Tries sizes; lost ones are tried again, together with a control datagram of a size that arrives.
    /// While that is lost too, nothing is known, and all are tried again; `None` gives up.
    fn try_sizes<E: From<Error>>(
        &mut self,
        sizes: &[usize],
        control: usize,
    ) -> Result<Option<Vec<Trial>>, E>
    where
        F: FnMut(&Trial) -> Result<(), E>,
    {
        let mut wait = self.wait();
        let mut known = self.probe_burst(sizes, wait)?;
        let (mut confirmed, mut doubtful) = (0, 0);
        loop {
            if self.prober.end.is_some() || self.is_stopped() || self.bursts >= MOST_FLIGHTS {
                return Ok(None);
            }
            let is_lost = |trial: &Trial| trial.outcome == ProbeOutcome::Lost;
            let lost = known.iter().filter(|trial| is_lost(trial));
            let lost: Vec<usize> = lost.map(|trial| trial.payload).collect();
            let enough = match self.prober.answers {
                Some(Answers::Reply) => CONFIRMATIONS,
                _ => 1,
            };
            if lost.is_empty() || confirmed >= enough {
                return Ok(Some(known));
            }
            known.retain(|trial| !is_lost(trial));
            let (trials, is_conclusive) = self.confirm(&lost, control, wait)?;
            known.extend(trials);
            if is_conclusive {
                confirmed += 1;
                continue;
            }
            doubtful += 1;
            if doubtful == PATIENCE {
                return Ok(None);
            }
            wait = wait.saturating_mul(2).max(RttEstimator::MIN_TIMEOUT);
        }
    }

    /// Retries the lost sizes with the control datagram: twice and together with it if answers identify
    /// their datagram, otherwise once, followed by the control.
    fn confirm<E: From<Error>>(
        &mut self,
        lost: &[usize],
        control: usize,
        wait: Duration,
    ) -> Result<(Vec<Trial>, bool), E>
    where
        F: FnMut(&Trial) -> Result<(), E>,
    {
        if self.prober.answers == Some(Answers::Icmp) {
            // Then the host may answer the first that arrives: the size, or the control.
            pause(ICMP_PAUSE, self.stop)?;
        }
        let is_answered = |trial: &Trial| trial.outcome == ProbeOutcome::Answered;
        if self.are_answers_distinct() {
            let round = [lost, &[control]].concat();
            let mut trials = self.probe_burst(&[&round[..], &round[..]].concat(), wait)?;
            let is_control = |trial: &Trial| trial.payload == control;
            let is_conclusive = trials.iter().any(|it| is_control(it) && is_answered(it));
            // One of the two probes of a size is enough.
            let seen: Vec<usize> = trials
                .iter()
                .filter(|it| is_answered(it))
                .map(|it| it.payload)
                .collect();
            trials.retain(|it| !is_control(it) && (is_answered(it) || !seen.contains(&it.payload)));
            trials.sort_by_key(|it| it.payload);
            trials.dedup_by_key(|it| it.payload);
            return Ok((trials, is_conclusive));
        }
        let trials = self.probe_burst(lost, wait)?;
        if trials
            .iter()
            .all(|trial| trial.outcome != ProbeOutcome::Lost)
        {
            return Ok((trials, true));
        }
        let is_conclusive = self.probe_burst(&[control], wait)?.iter().any(is_answered);
        Ok((trials, is_conclusive))
    }

    /// Whether answers identify their datagram.
    fn are_answers_distinct(&self) -> bool {
        matches!(self.prober.answers, Some(Answers::Echo | Answers::Length))
    }

    /// Whether a larger datagram arrives in fragments: then the limit is the path's, not the service's.
    fn fragments<E: From<Error>>(
        &mut self,
        passes: usize,
        top: usize,
        tries: &mut u32,
    ) -> Result<Option<bool>, E>
    where
        F: FnMut(&Trial) -> Result<(), E>,
    {
        let family = Family::of(self.config.address);
        // Routers fragment IPv4 datagrams; over IPv6 only the sender does, above the first hop's limit,
        // and to the MTU that it is given.
        let (size, mtu) = match family {
            Family::V4 => ((passes + 1).min(top), None),
            Family::V6 => {
                let mtu = (passes + family.headers()).max(1280) as u32;
                let mtu = option::IPV6_MTU.with_value(mtu);
                ((top + 1).min(family.largest_payload()), Some(mtu))
            }
        };
        let wait = self.wait();
        let mut prober = Prober::open(self.config.address, PathMtuDiscovery::Dont, mtu)?;
        let answers = self.prober.answers;
        std::mem::swap(&mut self.prober, &mut prober);
        let mut is_answered = false;
        for _ in 0..2 {
            if answers == Some(Answers::Icmp) {
                pause(ICMP_PAUSE, self.stop)?;
            }
            let trials = self.probe_burst(&[size], wait)?;
            is_answered = trials
                .iter()
                .any(|trial| trial.outcome == ProbeOutcome::Answered);
            if is_answered || self.is_stopped() {
                break;
            }
        }
        std::mem::swap(&mut self.prober, &mut prober);
        *tries += prober.tries;
        Ok(Some(is_answered))
    }

    /// Sends one burst, reports it, and stores its ICMP results.
    fn probe_burst<E: From<Error>>(
        &mut self,
        sizes: &[usize],
        wait: Duration,
    ) -> Result<Vec<Trial>, E>
    where
        F: FnMut(&Trial) -> Result<(), E>,
    {
        self.bursts += 1;
        let trials = self.prober.burst(sizes, wait, self.stop)?;
        let headers = Family::of(self.config.address).headers();
        for trial in &trials {
            (self.on_event)(trial)?;
            if let ProbeOutcome::TooBig { mtu, by } = trial.outcome {
                let payload = (mtu as usize).saturating_sub(headers);
                if self.refused.is_none_or(|(known, _)| trial.payload < known) {
                    self.refused = Some((trial.payload, by));
                }
                if self.reported.is_none_or(|(known, _)| payload < known) {
                    self.reported = Some((payload, by));
                }
            }
        }
        Ok(trials)
    }

    /// How long to wait for an answer: the timeout of RFC 6298 without its minimum of 1 s, which is
    /// meant for retransmission.
    fn wait(&self) -> Duration {
        match self.prober.estimate.smoothed() {
            Some(smoothed) => {
                let margin = self.prober.estimate.variation() * 4;
                (smoothed + margin + LEAST_WAIT).min(RttEstimator::MIN_TIMEOUT * 3)
            }
            None => RttEstimator::MIN_TIMEOUT,
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
