//! The client's side of an exchange.

use std::time::{Duration, Instant};

use super::frame::{Defect, Frame, Kind, MOST_PAYLOAD};
use super::outcome::{Ignored, Outcome, Step};
use crate::error::{Error, Result};
use crate::protocol::{Backoff, RoundTrip, Schedule};

/// How many earlier ids are remembered, so that an answer to one of them is known as stale.
const REMEMBERED: usize = 64;

/// Asks one request after another, and knows the reply to each.
///
/// It is handed the time, the ids and the datagrams, and tells what to send and when:
/// [`Self::start`] a request and send its [`frame`](Self::frame); hand what comes to
/// [`Self::on_datagram`]; at its [`deadline`](Self::deadline), ask [`Self::on_deadline`].
#[derive(Debug)]
pub struct Asker {
    backoff: Backoff,
    estimate: RoundTrip,
    /// What the timeout was doubled to; it holds until there is a sample (RFC 6298 section 5).
    backed_off: Duration,
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
    started: Instant,
    deadline: Instant,
    wait: Duration,
    schedule: Schedule,
    tries: u32,
}

impl Asker {
    /// One that waits by that rule.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            estimate: RoundTrip::default(),
            backed_off: Duration::ZERO,
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
        let kind = Kind::Request;
        Frame { kind, id, payload }.encode(&mut self.frame);
        let schedule = self.backoff.schedule(&self.estimate, tries, limit);
        let mut schedule = schedule.with_first_at_least(self.backed_off);
        let Some(wait) = schedule.next() else {
            return Ok(Step::GiveUp);
        };
        self.waiting = Some(Waiting {
            id,
            started: now,
            deadline: now + wait,
            wait,
            schedule,
            tries: 1,
        });
        Ok(Step::Send(wait))
    }

    /// The request as it is sent, the first time and again.
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
            // A request that follows is a new start: it does not wait for what this one waited.
            self.backed_off = Duration::ZERO;
            self.end();
            return Step::GiveUp;
        };
        // The book's waits are its own. The last wait may be cut by the limit, which shortens no timeout.
        if self.backoff == Backoff::Rfc8085 {
            self.backed_off = wait.max(waiting.wait);
        }
        waiting.wait = wait;
        waiting.deadline = now + wait;
        waiting.tries += 1;
        Step::Send(wait)
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
            Outcome::Reply { elapsed, tries, .. } => {
                if tries == 1 {
                    self.estimate.sample(elapsed);
                    self.backed_off = Duration::ZERO;
                }
                self.end();
            }
            Outcome::TooLong(_) | Outcome::Unsupported(_) => self.end(),
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
        match frame.kind {
            Kind::Reply => Outcome::Reply {
                payload: frame.payload,
                elapsed: now.saturating_duration_since(waiting.started),
                tries: waiting.tries,
            },
            Kind::TooLong => match frame.payload.try_into() {
                Ok(length) => Outcome::TooLong(u32::from_be_bytes(length)),
                Err(_) => Outcome::Corrupt(Defect::Corrupt),
            },
            Kind::Unsupported => Outcome::Unsupported(frame.payload),
            Kind::Request => Outcome::Other(Defect::Foreign),
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

    /// The retransmission timeout (RTO) at present: the estimate's, or what it was doubled to if there
    /// was no sample since.
    pub fn timeout(&self) -> Duration {
        self.estimate.timeout().max(self.backed_off)
    }

    /// What it ignored so far.
    pub fn ignored(&self) -> Ignored {
        self.ignored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, id: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Frame { kind, id, payload }.encode(&mut bytes);
        bytes
    }

    fn started(id: u64) -> (Asker, Instant) {
        let (mut asker, now) = (Asker::new(Backoff::Rfc8085), Instant::now());
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
            (10_000, 0, 10_027)
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
    fn a_timeout_doubles_and_stays_doubled_until_a_sample() {
        let (mut asker, mut now) = started(1);
        let reply = |id| frame(Kind::Reply, id, b"");
        assert_eq!(asker.on_deadline(now), Step::Wait);
        for wait in [2, 4] {
            now = asker.deadline().unwrap();
            assert_eq!(
                asker.on_deadline(now),
                Step::Send(Duration::from_secs(wait))
            );
        }
        let first = reply(1);
        let outcome = asker.on_datagram(true, &first, now);
        assert!(matches!(outcome, Outcome::Reply { tries: 3, .. }));
        assert_eq!(asker.estimate().smoothed(), None, "Karn's rule");
        assert_eq!(asker.timeout(), Duration::from_secs(4));
        let step = asker.start(2, b"", None, None, now).unwrap();
        assert_eq!(step, Step::Send(Duration::from_secs(4)));
        now += Duration::from_millis(300);
        asker.on_datagram(true, &reply(2), now);
        assert_eq!(
            asker.estimate().smoothed(),
            Some(Duration::from_millis(300))
        );
        let step = asker.start(3, b"", None, None, now).unwrap();
        assert_eq!(step, Step::Send(RoundTrip::LEAST));
        // Given up after four, it starts from the estimate again.
        let mut steps = Vec::new();
        while let Some(deadline) = asker.deadline() {
            steps.push(asker.on_deadline(deadline));
        }
        assert_eq!((steps.len(), steps.last()), (4, Some(&Step::GiveUp)));
        assert_eq!(asker.on_datagram(true, &reply(3), now), Outcome::Stale);
        let step = asker.start(4, b"", None, None, now).unwrap();
        assert_eq!(step, Step::Send(RoundTrip::LEAST));
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
        let outcome = asker.on_datagram(true, &good, now);
        assert_eq!((outcome, asker.deadline()), (Outcome::TooLong(258), None));
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
        let step = asker.start(2, b"", Some(0), None, now).unwrap();
        assert_eq!(step, Step::GiveUp);
    }
}
