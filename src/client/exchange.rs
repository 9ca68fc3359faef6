//! A request as an exchange ([`crate::protocol::exchange`]).

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Answer, Client, Config, Event, Reply, Unasked, is_from};
use crate::error::{Error, Result};
use crate::protocol::Backoff;
use crate::protocol::exchange::{Event as RequesterEvent, Outcome, Requester};
use crate::socket::Readiness;

/// The most versions of a server that are reported.
const MAX_VERSIONS: usize = 16;

/// Checks that exchanges are possible with this configuration, and enabled if they are needed.
pub(super) fn check(config: &Config) -> Result<()> {
    if config.backoff == Backoff::Rfc9002 && !config.exchange {
        let reason = "its timeout needs replies that name the attempt they answer";
        return Err(Error::invalid("use", "backoff rfc9002", reason)
            .with_remedy("add --exchange, or use rfc8085"));
    }
    let reason = match (config.exchange, config.group, config.promiscuous) {
        (true, true, _) => "a group has many servers, and an exchange has one",
        (true, _, true) => "an exchange does not accept a reply from anyone",
        _ => return Ok(()),
    };
    let subject = format!("an exchange with {}", config.server);
    Err(Error::invalid("open", subject, reason).with_remedy("ask without it"))
}

/// 64 unpredictable bits from getrandom(2).
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
    /// [`Client::ask`] with an exchange.
    pub(super) fn exchange<E: From<Error>>(
        &mut self,
        message: &[u8],
        stop: &AtomicBool,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Answer, E> {
        // Queued datagrams were sent before the request: they cannot answer it, and their ids
        // differ.
        while self.asked && !stop.load(Ordering::Relaxed) {
            if !self.receive(on_event)?.0 {
                break;
            }
        }
        self.forget_refusals()?;
        let id = random_id()?;
        let (tries, limit, now) = (self.config.tries, self.config.timeout, self.now());
        if let Some(requester) = &mut self.requester {
            requester.start(now, id, message, tries, limit)?;
        }
        let answer = loop {
            if let Some(answer) = self.transmit(on_event)? {
                break answer;
            }
            if stop.load(Ordering::Relaxed) {
                break Answer::Stopped;
            }
            if let Some(answer) = self.await_answer(on_event)? {
                break answer;
            }
            let now = self.now();
            let Some(requester) = &mut self.requester else {
                break Answer::Silence;
            };
            requester.handle_timeout(now);
            if let Some(RequesterEvent::TimedOut { .. }) = requester.poll_event() {
                break Answer::Silence;
            }
        };
        // A reply that arrives from now on is stale.
        if let Some(requester) = &mut self.requester {
            requester.abandon();
        }
        Ok(answer)
    }

    /// Sends the attempt that is due, if any, or handles an ICMP error about the previous one.
    fn transmit<E: From<Error>>(
        &mut self,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer>, E> {
        let now = self.now();
        let mut requester = self.requester.take();
        let sent = requester
            .as_mut()
            .and_then(|requester| requester.poll_transmit(now))
            .map(|transmit| {
                let refusal = self.send(transmit.bytes, transmit.attempt);
                (refusal, transmit.attempt, transmit.timeout)
            });
        self.requester = requester;
        let Some((refusal, attempt, timeout)) = sent else {
            return Ok(None);
        };
        if let Some(refusal) = refusal? {
            return Ok(Some(refusal));
        }
        if !self.asked && !self.config.connect {
            on_event(&Event::Assigned(self.endpoint.local_address()?))?;
        }
        self.asked = true;
        on_event(&Event::Sent(attempt, timeout))?;
        Ok(None)
    }

    /// Waits for one datagram or error, at most until the deadline.
    pub(super) fn await_answer<E: From<Error>>(
        &mut self,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer>, E> {
        let deadline = self.requester.as_ref().and_then(Requester::poll_timeout);
        let Some(deadline) = deadline else {
            return Ok(None);
        };
        let left = deadline.saturating_sub(self.now());
        match self.endpoint.wait(Some(left))? {
            Some(Readiness::Datagram) => Ok(self.receive(on_event)?.1),
            Some(Readiness::Error) => Ok(self.take_queued_error()?.map(Answer::Refused)),
            None => Ok(None),
        }
    }

    /// Receives one datagram: whether one was queued, and the result if it ended the exchange.
    pub(super) fn receive<E: From<Error>>(
        &mut self,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(bool, Option<Answer>), E> {
        let now = self.now();
        let datagram = match self.endpoint.try_receive(&mut self.buffer) {
            Ok(Some(datagram)) => datagram,
            Ok(None) => return Ok((false, None)),
            // ICMP reported an earlier request; the error queue shows whether it was this one.
            Err(error) if error.is_about_the_network() => return Ok((true, None)),
            Err(error) => return Err(error.into()),
        };
        let Some(requester) = &mut self.requester else {
            return Ok((true, None));
        };
        let matches = is_from(&self.config, datagram.source());
        let id = requester.id();
        let why = match requester.handle_datagram(now, matches, datagram.bytes()) {
            Outcome::Reply {
                payload,
                elapsed,
                attempts,
                attempt,
                round_trip,
            } => {
                on_event(&Event::Replied(Reply {
                    datagram,
                    payload,
                    exchange: id,
                    elapsed,
                    tries: attempts,
                    attempt: Some(attempt),
                    round_trip,
                }))?;
                return Ok((true, Some(Answer::Replies(1))));
            }
            Outcome::TooLong { length, .. } => return Ok((true, Some(Answer::TooLong(length)))),
            Outcome::Unsupported(versions) => {
                let versions = versions[..versions.len().min(MAX_VERSIONS)].to_vec();
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
