//! A request by an exchange ([`crate::protocol::exchange`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::{Answer, Client, Config, Event, Reply, Unasked, is_from};
use crate::error::{Error, Result};
use crate::protocol::Backoff;
use crate::protocol::exchange::{Outcome, Step};
use crate::socket::Readiness;

/// The most versions of a server that are told.
const VERSIONS: usize = 16;

/// Whether exchanges are possible that way, and whether they are there where they are needed.
pub(super) fn check(config: &Config) -> Result<()> {
    if config.backoff == Backoff::Rfc9002 && !config.exchange {
        let reason = "its timeout needs replies that name the attempt they answer";
        return Err(Error::invalid("use", "backoff rfc9002", reason)
            .with_remedy("add --exchange, or take rfc8085"));
    }
    let reason = match (config.exchange, config.group, config.promiscuous) {
        (true, true, _) => "a group is many servers, and an exchange has one",
        (true, _, true) => "a reply from anyone is not accepted in one",
        _ => return Ok(()),
    };
    let subject = format!("an exchange with {}", config.server);
    Err(Error::invalid("open", subject, reason).with_remedy("ask without it"))
}

/// 64 bits that nobody can guess: from getrandom(2).
fn random_id() -> Result<u64> {
    getrandom::u64().map_err(|error| {
        let source = match error.raw_os_error() {
            Some(errno) => std::io::Error::from_raw_os_error(errno),
            None => std::io::Error::other("no source of randomness"),
        };
        Error::os("get", "a random id", source)
    })
}

impl Client {
    /// [`Client::ask`] by an exchange.
    pub(super) fn exchange<E: From<Error>>(
        &mut self,
        message: &[u8],
        stop: &AtomicBool,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Answer, E> {
        // What waits now was sent before the question. It could not answer it, but is told apart.
        while self.asked && !stop.load(Ordering::Relaxed) {
            match self.take(on_event) {
                Ok((true, _)) => {}
                Ok((false, _)) => break,
                Err(failure) => return Err(failure),
            }
        }
        self.forget_refusals()?;
        let id = random_id()?;
        let (tries, limit) = (self.config.tries, self.config.timeout);
        let Some(requester) = &mut self.requester else {
            return Ok(Answer::Silence);
        };
        let mut step = requester.start(id, message, tries, limit, Instant::now())?;
        let answer = loop {
            match step {
                Step::Send(wait) => {
                    if let Some(refusal) = self.send_frame()? {
                        break refusal;
                    }
                    if !self.asked && !self.config.connect {
                        on_event(&Event::Assigned(self.endpoint.local_address()?))?;
                    }
                    self.asked = true;
                    let tries = self
                        .requester
                        .as_ref()
                        .map_or(0, |requester| requester.tries());
                    on_event(&Event::Sent(tries, wait))?;
                }
                Step::Wait => {}
                Step::GiveUp => break Answer::Silence,
            }
            if stop.load(Ordering::Relaxed) {
                break Answer::Stopped;
            }
            if let Some(answer) = self.await_answer(on_event)? {
                break answer;
            }
            let Some(requester) = &mut self.requester else {
                break Answer::Silence;
            };
            step = requester.handle_timeout(Instant::now());
        };
        // Whatever comes for it now is stale.
        if let Some(requester) = &mut self.requester {
            requester.end();
        }
        Ok(answer)
    }

    /// Sends the request, or takes what ICMP said of the attempt before.
    fn send_frame(&mut self) -> Result<Option<Answer>> {
        let Some(requester) = self.requester.take() else {
            return Ok(None);
        };
        let sent = self.send(requester.frame(), requester.tries());
        self.requester = Some(requester);
        sent
    }

    /// Waits for one thing to come, at most until the deadline.
    pub(super) fn await_answer<E: From<Error>>(
        &mut self,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer>, E> {
        let deadline = self
            .requester
            .as_ref()
            .and_then(|requester| requester.poll_timeout());
        let Some(deadline) = deadline else {
            return Ok(None);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        match self.endpoint.wait(Some(left))? {
            Some(Readiness::Datagram) => Ok(self.take(on_event)?.1),
            Some(Readiness::Error) => Ok(self.hear_error()?.map(Answer::Refused)),
            None => Ok(None),
        }
    }

    /// Takes one datagram: whether one was there, and how the exchange ended if that ended it.
    pub(super) fn take<E: From<Error>>(
        &mut self,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(bool, Option<Answer>), E> {
        let now = Instant::now();
        let datagram = match self.endpoint.try_receive(&mut self.buffer) {
            Ok(Some(datagram)) => datagram,
            Ok(None) => return Ok((false, None)),
            // ICMP spoke of an earlier request; whether of this one, the error queue tells.
            Err(error) if error.is_about_the_network() => return Ok((true, None)),
            Err(error) => return Err(error.into()),
        };
        let Some(requester) = &mut self.requester else {
            return Ok((true, None));
        };
        let matches = is_from(&self.config, datagram.source());
        let id = requester.id();
        let why = match requester.handle_datagram(matches, datagram.bytes(), now) {
            Outcome::Reply {
                payload,
                elapsed,
                tries,
                attempt,
                round_trip,
            } => {
                on_event(&Event::Replied(Reply {
                    datagram,
                    payload,
                    exchange: id,
                    elapsed,
                    tries,
                    attempt: Some(attempt),
                    round_trip,
                }))?;
                return Ok((true, Some(Answer::Replies(1))));
            }
            Outcome::TooLong { length, .. } => return Ok((true, Some(Answer::TooLong(length)))),
            Outcome::Unsupported(versions) => {
                let versions = versions[..versions.len().min(VERSIONS)].to_vec();
                return Ok((true, Some(Answer::Unsupported(versions))));
            }
            Outcome::Stale => Unasked::Stale,
            Outcome::Forged => Unasked::Forged,
            Outcome::Corrupt(defect) | Outcome::Other(defect) => Unasked::Defect(defect),
        };
        on_event(&Event::Unasked(datagram, why))?;
        Ok((true, None))
    }
}
