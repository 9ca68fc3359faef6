//! The client's side of an exchange.

use std::time::Duration;

use super::frame::{Defect, Frame, Kind, MAX_PAYLOAD};
use super::outcome::{Event, Ignored, Outcome, Transmit};
use crate::error::{Error, Result};
use crate::protocol::{Backoff, RttEstimator, Schedule};

/// How many earlier ids are remembered, so that a reply to one of them is recognised as stale.
const MAX_EARLIER_IDS: usize = 64;
/// For how many attempts at a request the send time is remembered, so that a reply is an RTT sample.
const MAX_SEND_TIMES: usize = 32;

/// Sends one request after another and recognises the reply to each.
///
/// [`Self::start`] a request, send what [`Self::poll_transmit`] returns, and pass each datagram that
/// arrives to [`Self::handle_datagram`]. At [`Self::poll_timeout`] call [`Self::handle_timeout`], after
/// which there is either another attempt to transmit or the event [`Event::TimedOut`].
///
/// ```
/// use std::time::Duration;
/// use udpraw::protocol::Backoff;
/// use udpraw::protocol::exchange::{Event, Requester};
///
/// let mut requester = Requester::new(Backoff::Book);
/// let mut now = Duration::ZERO;
/// requester.start(now, 7, b"hello", None, None)?;
/// let mut attempts = 0;
/// while let Some(deadline) = requester.poll_timeout() {
///     now = deadline;
///     requester.handle_timeout(now);
///     while let Some(transmit) = requester.poll_transmit(now) {
///         attempts = transmit.attempt; // send transmit.bytes here
///     }
/// }
/// assert_eq!(requester.poll_event(), Some(Event::TimedOut { attempts: 5 }));
/// assert_eq!((attempts, now), (5, Duration::from_millis(3_100)));
/// # Ok::<(), udpraw::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Requester {
    backoff: Backoff,
    estimate: RttEstimator,
    frame: Vec<u8>,
    pending: Option<Pending>,
    event: Option<Event>,
    /// A ring of earlier ids, the newest before `next_earlier`.
    earlier: Vec<u64>,
    next_earlier: usize,
    ignored: Ignored,
}

/// The request that has no reply yet.
#[derive(Debug)]
struct Pending {
    id: u64,
    /// The wait of the attempt that is due but not transmitted yet.
    due: Option<Duration>,
    deadline: Duration,
    schedule: Schedule,
    attempts: u32,
    /// When the first attempt was sent.
    started: Duration,
    /// When attempt `n` was sent, at index `n % MAX_SEND_TIMES`.
    sent: [Duration; MAX_SEND_TIMES],
}

impl Pending {
    /// How long the reply to that attempt took; `None` if its send time was overwritten.
    fn round_trip(&self, attempt: u32, now: Duration) -> Option<Duration> {
        let age = self.attempts.checked_sub(attempt)?;
        let sent = self.sent[attempt as usize % MAX_SEND_TIMES];
        ((age as usize) < MAX_SEND_TIMES).then(|| now.saturating_sub(sent))
    }
}

impl Requester {
    /// A requester that retransmits by this rule.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            estimate: RttEstimator::default(),
            frame: Vec::new(),
            pending: None,
            event: None,
            earlier: Vec::with_capacity(MAX_EARLIER_IDS),
            next_earlier: 0,
            ignored: Ignored::default(),
        }
    }

    /// Starts the exchange `id`, which must be random and hard to guess; a previous exchange that
    /// is not over is abandoned. `tries` and `limit` are those of [`Backoff::schedule`]. The first
    /// attempt is due at once: call [`Self::poll_transmit`].
    ///
    /// # Errors
    /// An error of the kind `InvalidInput` if the payload is longer than [`MAX_PAYLOAD`].
    pub fn start(
        &mut self,
        now: Duration,
        id: u64,
        payload: &[u8],
        tries: Option<u32>,
        limit: Option<Duration>,
    ) -> Result<()> {
        if payload.len() > MAX_PAYLOAD {
            let what = format!("{} bytes", payload.len());
            let reason = format!("an exchange carries at most {MAX_PAYLOAD} bytes");
            return Err(Error::invalid("send", what, reason));
        }
        self.abandon();
        Frame {
            kind: Kind::Request,
            id,
            attempt: 1,
            payload,
        }
        .encode(&mut self.frame);
        let mut schedule = self.backoff.schedule(&self.estimate, tries, limit);
        self.pending = Some(Pending {
            id,
            due: schedule.next(),
            deadline: now,
            schedule,
            attempts: 0,
            started: now,
            sent: [now; MAX_SEND_TIMES],
        });
        Ok(())
    }

    /// The attempt to send now, if one is due. It counts as sent at `now`.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<Transmit<'_>> {
        let pending = self.pending.as_mut()?;
        let timeout = pending.due.take()?;
        pending.attempts = pending.attempts.saturating_add(1);
        if pending.attempts == 1 {
            pending.started = now;
        }
        pending.sent[pending.attempts as usize % MAX_SEND_TIMES] = now;
        pending.deadline = now.saturating_add(timeout);
        if pending.attempts > 1 {
            Frame::renumber(&mut self.frame, pending.attempts);
        }
        Some(Transmit {
            bytes: &self.frame,
            attempt: pending.attempts,
            timeout,
        })
    }

    /// When to call [`Self::handle_timeout`]; `None` if no exchange is under way.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.pending.as_ref().map(|pending| pending.deadline)
    }

    /// Makes the next attempt due, or abandons the request, if its deadline has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        let Some(pending) = &mut self.pending else {
            return;
        };
        if pending.due.is_some() || now < pending.deadline {
            return;
        }
        pending.due = pending.schedule.next();
        if pending.due.is_none() {
            let attempts = pending.attempts;
            self.abandon();
            self.event = Some(Event::TimedOut { attempts });
        }
    }

    /// What happened since the last call and was not returned by [`Self::handle_datagram`].
    pub fn poll_event(&mut self) -> Option<Event> {
        self.event.take()
    }

    /// The id of the exchange that is under way.
    pub fn id(&self) -> Option<u64> {
        self.pending.as_ref().map(|pending| pending.id)
    }

    /// How many times the current request was sent; 0 without one.
    pub fn attempts(&self) -> u32 {
        self.pending.as_ref().map_or(0, |pending| pending.attempts)
    }

    /// Processes a datagram; `source_matches` says whether the source is the server. The outcome is
    /// returned rather than queued as an event, because it borrows the datagram.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Duration,
        source_matches: bool,
        bytes: &'a [u8],
    ) -> Outcome<'a> {
        let outcome = self.classify(now, source_matches, bytes);
        match outcome {
            Outcome::Reply { round_trip, .. } | Outcome::TooLong { round_trip, .. } => {
                if let Some(round_trip) = round_trip {
                    self.estimate.sample(round_trip);
                }
                self.abandon();
            }
            Outcome::Unsupported(_) => self.abandon(),
            Outcome::Stale => self.ignored.stale += 1,
            Outcome::Forged => self.ignored.forged += 1,
            Outcome::Corrupt(_) => self.ignored.corrupt += 1,
            Outcome::Other(_) => self.ignored.other += 1,
        }
        outcome
    }

    fn classify<'a>(&self, now: Duration, source_matches: bool, bytes: &'a [u8]) -> Outcome<'a> {
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
        let Some(pending) = self.pending.as_ref().filter(|it| it.id == frame.id) else {
            return if self.earlier.contains(&frame.id) {
                Outcome::Stale
            } else {
                Outcome::Forged
            };
        };
        if frame.kind == Kind::Unsupported {
            return Outcome::Unsupported(frame.payload);
        }
        // An attempt that was not sent has no reply.
        if !(1..=pending.attempts).contains(&frame.attempt) {
            return Outcome::Forged;
        }
        let round_trip = pending.round_trip(frame.attempt, now);
        match frame.kind {
            Kind::Reply => Outcome::Reply {
                payload: frame.payload,
                elapsed: now.saturating_sub(pending.started),
                attempts: pending.attempts,
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

    /// Abandons the current exchange: a later reply to it is stale.
    pub fn abandon(&mut self) {
        self.event = None;
        let Some(pending) = self.pending.take() else {
            return;
        };
        match self.earlier.get_mut(self.next_earlier) {
            Some(oldest) => *oldest = pending.id,
            None => self.earlier.push(pending.id),
        }
        self.next_earlier = (self.next_earlier + 1) % MAX_EARLIER_IDS;
    }

    /// The round-trip estimate so far.
    pub fn estimate(&self) -> &RttEstimator {
        &self.estimate
    }

    /// The timeout of the first attempt at the next request.
    pub fn timeout(&self) -> Duration {
        let schedule = self.backoff.schedule(&self.estimate, None, None);
        schedule.into_iter().next().unwrap_or_default()
    }

    /// Counts of ignored datagrams so far.
    pub fn ignored(&self) -> Ignored {
        self.ignored
    }
}

#[cfg(test)]
#[path = "requester_tests.rs"]
mod tests;
