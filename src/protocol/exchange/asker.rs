//! The client's side of an exchange.

use std::time::{Duration, Instant};

use super::frame::{Defect, Frame, Kind, MOST_PAYLOAD};
use super::outcome::{Ignored, Outcome, Step};
use crate::error::{Error, Result};
use crate::protocol::{Backoff, RoundTrip, Schedule};

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
/// [`Self::on_datagram`]; at its [`deadline`](Self::deadline), ask [`Self::on_deadline`].
#[derive(Debug)]
pub struct Asker {
    backoff: Backoff,
    estimate: RoundTrip,
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

impl Asker {
    /// One that waits by that rule.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            estimate: RoundTrip::default(),
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
    /// If the payload is longer than [`MOST_PAYLOAD`].
    pub fn start(
        &mut self,
        id: u64,
        payload: &[u8],
        tries: Option<u32>,
        limit: Option<Duration>,
        now: Instant,
    ) -> Result<Step> {
        if payload.len() > MOST_PAYLOAD {
            let what = format!("{} bytes", payload.len());
            let reason = format!("an exchange carries at most {MOST_PAYLOAD} bytes");
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

    /// When [`Self::on_deadline`] is due; `None` where no exchange is going on.
    pub fn deadline(&self) -> Option<Instant> {
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
    pub fn on_deadline(&mut self, now: Instant) -> Step {
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
    pub fn on_datagram<'a>(
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
    pub fn estimate(&self) -> &RoundTrip {
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
mod tests {
    use super::*;

    fn answer(kind: Kind, id: u64, attempt: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Frame {
            kind,
            id,
            attempt,
            payload,
        }
        .encode(&mut bytes);
        bytes
    }

    fn frame(kind: Kind, id: u64, payload: &[u8]) -> Vec<u8> {
        answer(kind, id, 1, payload)
    }

    fn started(id: u64) -> (Asker, Instant) {
        let (mut asker, now) = (Asker::new(Backoff::Rfc9002), Instant::now());
        let step = asker.start(id, b"x", None, None, now).unwrap();
        assert_eq!(step, Step::Send(RoundTrip::LEAST));
        (asker, now)
    }

    #[test]
    fn forged_replies_are_never_accepted() {
        let (mut asker, now) = started(7);
        let good = frame(Kind::Reply, 7, b"true");
        for id in (0..10_000).filter(|id| *id != 7) {
            let forged = frame(Kind::Reply, id, b"false");
            assert_eq!(asker.on_datagram(true, &forged, now), Outcome::Forged);
        }
        assert_eq!(asker.on_datagram(false, &good, now), Outcome::Forged);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let outcome = asker.on_datagram(true, &bad, now);
            assert!(
                matches!(outcome, Outcome::Corrupt(_) | Outcome::Other(_)),
                "{outcome:?}"
            );
        }
        // Its own request, sent back by an echo, and the plain text.
        let own = asker.frame().to_vec();
        for other in [&own[..], b"true", b""] {
            let outcome = asker.on_datagram(true, other, now);
            assert_eq!(outcome, Outcome::Other(Defect::Foreign));
        }
        let ignored = asker.ignored();
        assert_eq!(
            (ignored.forged, ignored.stale, ignored.total()),
            (10_000, 0, 10_031)
        );
        let outcome = asker.on_datagram(true, &good, now);
        assert!(matches!(
            outcome,
            Outcome::Reply {
                payload: b"true",
                tries: 1,
                ..
            }
        ));
        assert_eq!(asker.on_datagram(true, &good, now), Outcome::Stale);
        assert_eq!(asker.deadline(), None);
    }

    #[test]
    fn an_id_is_remembered_for_64_requests() {
        let (mut asker, now) = started(0);
        for id in 1..=65 {
            asker.start(id, b"", None, None, now).unwrap();
        }
        for (id, want) in [
            (1, Outcome::Stale),
            (64, Outcome::Stale),
            (0, Outcome::Forged),
        ] {
            let late = frame(Kind::Reply, id, b"");
            assert_eq!(asker.on_datagram(true, &late, now), want, "{id}");
        }
    }

    #[test]
    fn every_reply_is_a_sample_and_ends_the_backoff() {
        let (mut asker, start) = started(1);
        let mut now = start;
        assert_eq!(asker.on_deadline(now), Step::Wait);
        for (attempt, wait) in [(2, 2), (3, 3), (4, 3)] {
            now = asker.deadline().unwrap();
            let step = asker.on_deadline(now);
            assert_eq!(step, Step::Send(Duration::from_secs(wait)));
            let sent = Frame::parse(asker.frame()).unwrap();
            assert_eq!(
                (sent.id, sent.attempt, sent.payload),
                (1, attempt, &b"x"[..])
            );
        }
        assert_eq!(now - start, Duration::from_secs(6));
        // Attempts that were not made.
        for attempt in [0, 5, u32::MAX] {
            let forged = answer(Kind::Reply, 1, attempt, b"");
            assert_eq!(asker.on_datagram(true, &forged, now), Outcome::Forged);
        }
        // The answer to the third, of 3 s ago, comes after the fourth was sent.
        now += Duration::from_millis(50);
        let bytes = answer(Kind::Reply, 1, 3, b"r");
        let outcome = asker.on_datagram(true, &bytes, now);
        let want = Outcome::Reply {
            payload: b"r",
            elapsed: Duration::from_millis(6050),
            tries: 4,
            attempt: 3,
            round_trip: Some(Duration::from_millis(3050)),
        };
        assert_eq!(outcome, want);
        let smoothed = asker.estimate().smoothed();
        assert_eq!(smoothed, Some(Duration::from_millis(3050)));
        assert_eq!(asker.timeout(), Duration::from_millis(9150));
        // Given up after a minute, and not after a number of tries.
        let begun = now;
        asker.start(2, b"", None, None, now).unwrap();
        let mut sent = 1;
        while let Some(deadline) = asker.deadline() {
            now = deadline;
            sent += u32::from(matches!(asker.on_deadline(now), Step::Send(_)));
        }
        assert_eq!((now - begun, sent), (Duration::from_secs(60), 10));
        let late = frame(Kind::Reply, 2, b"");
        assert_eq!(asker.on_datagram(true, &late, now), Outcome::Stale);
    }

    #[test]
    fn an_answer_to_a_forgotten_attempt_is_no_sample() {
        let (mut asker, mut now) = started(1);
        asker
            .start(2, b"", None, Some(Duration::from_secs(3600)), now)
            .unwrap();
        for _ in 1..40 {
            now = asker.deadline().unwrap();
            asker.on_deadline(now);
        }
        for (attempt, is_known) in [(8, false), (9, true), (40, true)] {
            let round_trip = asker
                .waiting
                .as_ref()
                .and_then(|it| it.round_trip(attempt, now));
            assert_eq!(round_trip.is_some(), is_known, "{attempt}");
        }
        let bytes = answer(Kind::Reply, 2, 8, b"");
        let outcome = asker.on_datagram(true, &bytes, now);
        assert!(matches!(
            outcome,
            Outcome::Reply {
                round_trip: None,
                ..
            }
        ));
        assert_eq!(asker.timeout(), RoundTrip::LEAST);
    }

    #[test]
    fn no_limit_is_too_long_for_the_clock() {
        let (mut asker, now) = (Asker::new(Backoff::Rfc8085), Instant::now());
        let step = asker.start(1, b"", Some(1), Some(Duration::MAX), now);
        assert_eq!(step.unwrap(), Step::Send(RoundTrip::LEAST));
        assert!(after(now, Duration::MAX) > now);
    }

    #[test]
    fn what_the_server_cannot_do_ends_it() {
        let (mut asker, now) = started(1);
        let bad = frame(Kind::TooLong, 1, b"no");
        assert!(matches!(
            asker.on_datagram(true, &bad, now),
            Outcome::Corrupt(_)
        ));
        let good = frame(Kind::TooLong, 1, &[0, 0, 1, 2]);
        let round_trip = Duration::from_millis(7);
        let outcome = asker.on_datagram(true, &good, now + round_trip);
        let want = Outcome::TooLong {
            length: 258,
            round_trip: Some(round_trip),
        };
        assert_eq!((outcome, asker.deadline()), (want, None));
        assert_eq!(asker.estimate().smoothed(), Some(round_trip));
        let (mut asker, now) = started(1);
        let versions = frame(Kind::Unsupported, 1, &[2, 3]);
        assert_eq!(asker.on_datagram(false, &versions, now), Outcome::Forged);
        let outcome = asker.on_datagram(true, &versions, now);
        assert_eq!(
            (outcome, asker.deadline()),
            (Outcome::Unsupported(&[2, 3]), None)
        );
        asker
            .start(2, &[0; MOST_PAYLOAD + 1], None, None, now)
            .unwrap_err();
        // It is sent once at least: else nothing could be said of the server.
        let none = Some(Duration::ZERO);
        let step = asker.start(2, b"", Some(0), none, now).unwrap();
        assert_eq!(step, Step::Send(Duration::ZERO));
        assert_eq!(asker.on_deadline(now), Step::GiveUp);
    }
}
