//! One target in flight: its socket, the sent datagrams, and the best finding so far.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use super::payload::{Asked, Fit, Nonce, Reading};
use super::verdict::{Evidence, Finding, Reply, Verdict};
use super::{Config, Target};
use crate::error::Result;
use crate::protocol::{Backoff, RttEstimator, Schedule};
use crate::socket::{Endpoint, Family, QueuedError, ReceiveBuffer, option};
use crate::units;

/// The minimum total wait of a round.
const SHORTEST: Duration = Duration::from_millis(1);

/// A datagram that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    nonce: Nonce,
    at: Instant,
    wall: SystemTime,
    round: u32,
    /// Whether an answer with its id arrived: a second one is a duplicate.
    is_answered: bool,
}

/// What a target does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It sends at this time or later.
    Send(Instant),
    /// It gives up waiting at this time.
    Wait(Instant),
    /// It is done.
    Done,
}

/// A target that is being asked.
#[derive(Debug)]
pub(super) struct ProbeSession<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) next: Next,
    config: &'a Config,
    target: &'a Target,
    schedule: Schedule,
    /// How long to wait for the answer to the next question.
    wait: Duration,
    estimate: RttEstimator,
    sent: Vec<Sent>,
    first: Instant,
    round_begun: Instant,
    /// A reply from another address, while the right one may still arrive.
    stranger: Option<(Reply, Option<Duration>)>,
    after: Option<Duration>,
    finding: Finding,
}

impl<'a> ProbeSession<'a> {
    /// The number of questions that are remembered for late replies.
    const REMEMBERED: usize = 64;

    pub(super) fn begin(config: &'a Config, index: usize, now: Instant) -> Result<Self> {
        let target = &config.targets[index];
        let family = Family::of(target.address);
        let mut builder = Endpoint::builder().receive_errors();
        if target.is_group() && family == Family::V4 {
            builder = builder.option(option::SO_BROADCAST, true);
        }
        let endpoint = builder.unbound(family)?;
        let mut session = Self {
            endpoint,
            next: Next::Send(now),
            config,
            target,
            schedule: Schedule::once(Duration::ZERO),
            wait: Duration::ZERO,
            estimate: RttEstimator::default(),
            sent: Vec::new(),
            first: now,
            round_begun: now,
            stranger: None,
            after: None,
            finding: Finding {
                target: index,
                verdict: Verdict::Silent,
                evidence: Evidence::Nothing,
                after: None,
                tries: 0,
                rounds: 0,
                answered: 0,
                elapsed: Duration::ZERO,
                round_trips: Vec::new(),
            },
        };
        session.begin_round(now);
        Ok(session)
    }

    fn begin_round(&mut self, at: Instant) {
        let is_near = self.target.address.ip().is_loopback();
        let backoff = self.config.backoff.unwrap_or(if is_near {
            Backoff::Book
        } else {
            Backoff::Rfc8085
        });
        // Each available question is asked at least once, unless the configuration sets fewer tries.
        let least = self.target.payload.variants();
        // A round has at least one try, so that it has a result.
        let timeout = self.config.timeout.map(|limit| limit.max(SHORTEST));
        let tries = match (self.config.tries, timeout) {
            (None, Some(_)) => None,
            (tries, _) => Some(
                tries
                    .unwrap_or(self.config.default_tries().max(least))
                    .max(1),
            ),
        };
        self.schedule = backoff.schedule(&self.estimate, tries, timeout);
        self.round_begun = at;
        self.finding.rounds += 1;
        self.wait = self.schedule.next().unwrap_or_default();
        self.next = Next::Send(at);
    }

    /// Sends a question.
    pub(super) fn send(&mut self, nonce: Nonce, buffer: &mut ReceiveBuffer) -> Result<()> {
        let attempt = self.finding.tries;
        let question = self
            .target
            .payload
            .question(self.target.address, attempt, &nonce);
        // The clock is read before the call: on loopback, the answer may arrive before it returns.
        let (at, wall) = (Instant::now(), SystemTime::now());
        if attempt == 0 {
            self.first = at;
        }
        let failure = match self.endpoint.send_to(&question, self.target.address) {
            Ok(()) => None,
            // A send returns the ICMP error of an earlier question. If that ends the round, nothing
            // more is sent; if not, the question is sent again.
            Err(_) if attempt > 0 && self.receive_icmp(buffer)? => return Ok(()),
            Err(_) if attempt > 0 => self.endpoint.send_to(&question, self.target.address).err(),
            Err(error) => Some(error),
        };
        self.finding.tries += 1;
        self.next = Next::Wait(units::after(at, self.wait));
        let Some(error) = failure else {
            if self.sent.len() == Self::REMEMBERED {
                self.sent.remove(0);
            }
            let round = self.finding.rounds;
            self.sent.push(Sent {
                nonce,
                at,
                wall,
                round,
                is_answered: false,
            });
            return Ok(());
        };
        match error.errno() {
            // The send queue is full: this try is lost.
            Some(libc::ENOBUFS | libc::EAGAIN) => Ok(()),
            errno => match errno.and_then(|errno| Some((errno, Verdict::of_send(errno)?))) {
                Some((errno, verdict)) => {
                    self.end_round(verdict, Evidence::Send(errno), None);
                    Ok(())
                }
                None => Err(error),
            },
        }
    }

    /// The wait of a try has expired.
    pub(super) fn expire(&mut self) {
        match (self.stranger.take(), self.schedule.next()) {
            (Some((reply, after)), _) => {
                self.end_round(Verdict::WrongSource, Evidence::Reply(reply), after);
            }
            (None, Some(wait)) => {
                self.wait = wait;
                self.next = Next::Send(Instant::now());
            }
            (None, None) => self.end_round(Verdict::Silent, Evidence::Nothing, None),
        }
    }

    /// Takes the datagrams that have arrived, but at most N at once, so that a flood does not block
    /// other targets.
    pub(super) fn receive_replies(&mut self, buffer: &mut ReceiveBuffer) -> Result<()> {
        for _ in 0..Self::REMEMBERED {
            if self.next == Next::Done {
                break;
            }
            let (now, received) = (Instant::now(), SystemTime::now());
            let datagram = match self.endpoint.try_receive(buffer) {
                Ok(Some(datagram)) => datagram,
                Ok(None) => return Ok(()),
                // An ICMP error precedes the datagram: it is in the error queue too.
                Err(error) if error.is_about_the_network() => continue,
                Err(error) => return Err(error),
            };
            let (source, bytes) = (datagram.source(), datagram.bytes());
            let (reading, which) = self.reading(bytes, received);
            let sent = which.and_then(|which| self.sent.get_mut(which));
            let is_from_id = reading.fit == Fit::Answer;
            let is_twice = sent
                .as_ref()
                .is_some_and(|sent| sent.is_answered && is_from_id);
            let after = sent
                .as_ref()
                .map(|sent| now.saturating_duration_since(sent.at));
            let round = sent.map(|sent| {
                sent.is_answered |= is_from_id;
                sent.round
            });
            let kept = bytes.get(..Reply::KEPT).unwrap_or(bytes).to_vec();
            let reply = Reply {
                source,
                bytes: kept,
                length: datagram.length(),
                reading,
            };
            if !self.is_from_target(source) {
                self.stranger.get_or_insert((reply, after));
                continue;
            }
            // An answer to a question of an earlier round does not end this one, nor does one that
            // arrives before this round's first question.
            let is_of_this = match round {
                Some(round) => round == self.finding.rounds,
                None => self.has_asked(),
            };
            let evidence = Evidence::Reply(reply);
            if is_of_this && !is_twice {
                self.end_round(Verdict::Open, evidence, after);
            } else {
                self.learn(Verdict::Open, evidence, after.filter(|_| !is_twice));
            }
        }
        Ok(())
    }

    /// Reads a datagram and finds the question that it answers: the one whose id it repeats, or the
    /// only one of this round (Karn's rule: with several, it is unknown).
    fn reading(&self, bytes: &[u8], received: SystemTime) -> (Reading, Option<usize>) {
        let payload = &self.target.payload;
        let read = |sent: &Sent| {
            payload.read(
                bytes,
                &Asked {
                    nonce: sent.nonce,
                    sent: sent.wall,
                    received,
                },
            )
        };
        let mut newest = None;
        for (which, sent) in self.sent.iter().enumerate().rev() {
            let reading = read(sent);
            match reading.fit {
                Fit::Answer => return (reading, Some(which)),
                _ => newest = newest.or(Some(reading)),
            }
        }
        let unasked = || {
            payload.read(
                bytes,
                &Asked {
                    nonce: [0; 16],
                    sent: received,
                    received,
                },
            )
        };
        (newest.unwrap_or_else(unasked), self.only())
    }

    /// The only question of this round, if there is just one.
    fn only(&self) -> Option<usize> {
        let is_own = |sent: &Sent| sent.round == self.finding.rounds;
        let last = self.sent.len().checked_sub(1)?;
        let before = self.sent[..last].last().is_some_and(is_own);
        (is_own(&self.sent[last]) && !before).then_some(last)
    }

    /// Whether this round has sent a question.
    fn has_asked(&self) -> bool {
        let last = self.sent.last();
        last.is_some_and(|sent| sent.round == self.finding.rounds)
    }

    fn is_from_target(&self, source: SocketAddr) -> bool {
        let target = self.target.address;
        self.target.is_group()
            || source.ip() == target.ip()
                && (source.port() == target.port()
                    || self.target.payload.answers_from_another_port())
    }

    /// Takes all entries of the error queue; returns whether one of them ended the round.
    pub(super) fn receive_icmp(&mut self, buffer: &mut ReceiveBuffer) -> Result<bool> {
        while let Some(error) = self.endpoint.queued_error(buffer)? {
            let Some(verdict) = Verdict::of_icmp(&error) else {
                continue;
            };
            if error.destination != self.target.address && !self.target.is_group() {
                continue;
            }
            let after = self.only().map(|which| self.sent[which].at.elapsed());
            let is_own = is_own(&error, self.target.address);
            let evidence = Evidence::Icmp { error, is_own };
            // A late error about an earlier round's question ends no round.
            if !self.has_asked() {
                self.learn(verdict, evidence, None);
                continue;
            }
            self.end_round(verdict, evidence, after);
            return Ok(true);
        }
        Ok(false)
    }

    /// Clears the error of the socket, so that the next wait does not return at once.
    pub(super) fn clear_error(&self) -> Result<()> {
        match self.endpoint.take_error()? {
            Some(error) if !error.is_about_the_network() => Err(error),
            _ => Ok(()),
        }
    }

    fn learn(&mut self, verdict: Verdict, evidence: Evidence, after: Option<Duration>) {
        if matches!(verdict, Verdict::Open | Verdict::Closed)
            && let Some(after) = after
        {
            if self.finding.round_trips.len() < Finding::MOST_ROUND_TRIPS {
                self.finding.round_trips.push(after);
            }
            self.estimate.sample(after);
        }
        if verdict > self.finding.verdict {
            self.finding.verdict = verdict;
            self.finding.evidence = evidence;
            self.after = after;
        }
    }

    fn end_round(&mut self, verdict: Verdict, evidence: Evidence, after: Option<Duration>) {
        self.finding.answered += u32::from(matches!(verdict, Verdict::Open | Verdict::Closed));
        self.learn(verdict, evidence, after);
        self.stranger = None;
        if self.finding.rounds < self.config.rounds {
            let now = Instant::now();
            let next = self.round_begun.checked_add(self.config.interval);
            self.begin_round(next.unwrap_or(now).max(now));
        } else {
            self.next = Next::Done;
        }
    }

    /// The finding, once it is complete.
    pub(super) fn finish(mut self) -> Finding {
        self.finding.after = self.after;
        self.finding.elapsed = self.first.elapsed();
        self.finding
    }
}

/// Whether this machine sent an ICMP message itself: its sender's address can be bound here.
fn is_own(error: &QueuedError, target: SocketAddr) -> bool {
    error.offender.is_some_and(|mut offender| {
        offender.set_port(0);
        offender.ip() != target.ip() && Endpoint::builder().bind(offender).is_ok()
    })
}
