//! The client's side of an exchange.

use std::time::{Duration, Instant};

use super::frame::{Defect, Frame, Kind, MAX_PAYLOAD};
use super::outcome::{Ignored, Outcome, Step};
use crate::error::{Error, Result};
use crate::protocol::{Backoff, RttEstimator, Schedule};

/// How many earlier ids are remembered, so that an answer to one of them is known as stale.
const REMEMBERED: usize = 64;
/// Of how many attempts at a request the time is remembered, so that an answer is a sample.
const TIMED: usize = 32;
/// What a wait is cut to where the clock could not count to its end.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Asks one request after another, and knows the reply to each.
///
/// It is handed the time, the ids and the datagrams, and tells what to send and when:
/// [`Self::start`] a request and send its [`frame`](Self::frame); hand what comes to
/// [`Self::handle_datagram`]; at its [timeout](Self::poll_timeout), ask [`Self::handle_timeout`].
#[derive(Debug)]
pub struct Requester {
    backoff: Backoff,
    estimate: RttEstimator,
    frame: Vec<u8>,
    waiting: Option<Waiting>,
    /// A ring of earlier ids, the newest before `next_earlier`.
    earlier: Vec<u64>,
    next_earlier: usize,
    ignored: Ignored,
}

#[derive(Debug)]
struct Waiting {
    id: u64,
    deadline: Instant,
    schedule: Schedule,
    tries: u32,
    /// When it was first sent.
    started: Instant,
    /// When each attempt was sent: attempt `n` at `n % TIMED`, of the last of them.
    sent: [Instant; TIMED],
}

impl Waiting {
    fn send(&mut self, wait: Duration, now: Instant) -> Step {
        self.tries = self.tries.saturating_add(1);
        self.sent[self.tries as usize % TIMED] = now;
        self.deadline = after(now, wait);
        Step::Send(wait)
    }

    /// How long the answer to that attempt took, unless it is too long ago to know.
    fn round_trip(&self, attempt: u32, now: Instant) -> Option<Duration> {
        let age = self.tries.checked_sub(attempt)?;
        let sent = self.sent[attempt as usize % TIMED];
        ((age as usize) < TIMED).then(|| now.saturating_duration_since(sent))
    }
}

fn after(now: Instant, wait: Duration) -> Instant {
    let at = now.checked_add(wait);
    at.or_else(|| now.checked_add(DAY)).unwrap_or(now)
}

impl Requester {
    /// One that waits by that rule.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            estimate: RttEstimator::default(),
            frame: Vec::new(),
            waiting: None,
            earlier: Vec::with_capacity(REMEMBERED),
            next_earlier: 0,
            ignored: Ignored::default(),
        }
    }

    /// Starts the exchange `id`, which must be random and hard to guess; one that was going on is
    /// given up. `tries` and `limit` are those of [`Backoff::schedule`].
    ///
    /// # Errors
    /// If the payload is longer than [`MAX_PAYLOAD`].
    pub fn start(
        &mut self,
        id: u64,
        payload: &[u8],
        tries: Option<u32>,
        limit: Option<Duration>,
        now: Instant,
    ) -> Result<Step> {
        if payload.len() > MAX_PAYLOAD {
            let what = format!("{} bytes", payload.len());
            let reason = format!("an exchange carries at most {MAX_PAYLOAD} bytes");
            return Err(Error::invalid("send", what, reason));
        }
        self.end();
        Frame {
            kind: Kind::Request,
            id,
            attempt: 1,
            payload,
        }
        .encode(&mut self.frame);
        let mut schedule = self.backoff.schedule(&self.estimate, tries, limit);
        let Some(wait) = schedule.next() else {
            return Ok(Step::GiveUp);
        };
        let waiting = self.waiting.insert(Waiting {
            id,
            deadline: now,
            schedule,
            tries: 0,
            started: now,
            sent: [now; TIMED],
        });
        Ok(waiting.send(wait, now))
    }

    /// The request as it is to be sent: each [`Step::Send`] makes it anew.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// When [`Self::handle_timeout`] is due; `None` where no exchange is going on.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.deadline)
    }

    /// The id of the exchange that is going on.
    pub fn id(&self) -> Option<u64> {
        self.waiting.as_ref().map(|waiting| waiting.id)
    }

    /// How often the request that is going on was sent; 0 where none is.
    pub fn tries(&self) -> u32 {
        self.waiting.as_ref().map_or(0, |waiting| waiting.tries)
    }

    /// What is to be done at that time.
    pub fn handle_timeout(&mut self, now: Instant) -> Step {
        let Some(waiting) = &mut self.waiting else {
            return Step::Wait;
        };
        if now < waiting.deadline {
            return Step::Wait;
        }
        let Some(wait) = waiting.schedule.next() else {
            self.end();
            return Step::GiveUp;
        };
        let step = waiting.send(wait, now);
        Frame::renumber(&mut self.frame, waiting.tries);
        step
    }

    /// Judges a datagram; `source_matches` says whether it came from the server.
    pub fn handle_datagram<'a>(
        &mut self,
        source_matches: bool,
        bytes: &'a [u8],
        now: Instant,
    ) -> Outcome<'a> {
        let outcome = self.judge(source_matches, bytes, now);
        match outcome {
            Outcome::Reply { round_trip, .. } | Outcome::TooLong { round_trip, .. } => {
                if let Some(round_trip) = round_trip {
                    self.estimate.sample(round_trip);
                }
                self.end();
            }
            Outcome::Unsupported(_) => self.end(),
            Outcome::Stale => self.ignored.stale += 1,
            Outcome::Forged => self.ignored.forged += 1,
            Outcome::Corrupt(_) => self.ignored.corrupt += 1,
            Outcome::Other(_) => self.ignored.other += 1,
        }
        outcome
    }

    fn judge<'a>(&self, source_matches: bool, bytes: &'a [u8], now: Instant) -> Outcome<'a> {
        if !source_matches {
            return Outcome::Forged;
        }
        let frame = match Frame::parse(bytes) {
            Ok(frame) => frame,
            Err(defect @ (Defect::Truncated | Defect::Corrupt)) => return Outcome::Corrupt(defect),
            Err(defect) => return Outcome::Other(defect),
        };
        if frame.kind == Kind::Request {
            return Outcome::Other(Defect::Foreign);
        }
        let Some(waiting) = self.waiting.as_ref().filter(|it| it.id == frame.id) else {
            return if self.earlier.contains(&frame.id) {
                Outcome::Stale
            } else {
                Outcome::Forged
            };
        };
        if frame.kind == Kind::Unsupported {
            return Outcome::Unsupported(frame.payload);
        }
        // An attempt that was not made has no answer.
        if !(1..=waiting.tries).contains(&frame.attempt) {
            return Outcome::Forged;
        }
        let round_trip = waiting.round_trip(frame.attempt, now);
        match frame.kind {
            Kind::Reply => Outcome::Reply {
                payload: frame.payload,
                elapsed: now.saturating_duration_since(waiting.started),
                tries: waiting.tries,
                attempt: frame.attempt,
                round_trip,
            },
            Kind::TooLong => match frame.payload.try_into() {
                Ok(length) => Outcome::TooLong {
                    length: u32::from_be_bytes(length),
                    round_trip,
                },
                Err(_) => Outcome::Corrupt(Defect::Corrupt),
            },
            Kind::Request | Kind::Unsupported => Outcome::Other(Defect::Foreign),
        }
    }

    /// Ends the exchange that is going on: an answer to it is stale from now on.
    pub fn end(&mut self) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        match self.earlier.get_mut(self.next_earlier) {
            Some(oldest) => *oldest = waiting.id,
            None => self.earlier.push(waiting.id),
        }
        self.next_earlier = (self.next_earlier + 1) % REMEMBERED;
    }

    /// What it has learnt of the round trip.
    pub fn estimate(&self) -> &RttEstimator {
        &self.estimate
    }

    /// How long the first attempt at the next request is waited for.
    pub fn timeout(&self) -> Duration {
        let schedule = self.backoff.schedule(&self.estimate, None, None);
        schedule.into_iter().next().unwrap_or_default()
    }

    /// What it ignored so far.
    pub fn ignored(&self) -> Ignored {
        self.ignored
    }
}

#[cfg(test)]
#[path = "requester_tests.rs"]
mod tests;
