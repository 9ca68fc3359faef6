//! The textbook's client, which sends a request, waits, retransmits, and gives up in time.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::client::{Answer, Client, Config, Event};
//! use udpraw::error::Error;
//! use udpraw::socket::{Endpoint, Family};
//!
//! // A port that nobody listens at: bound once, and released.
//! let port = Endpoint::builder().bind("127.0.0.1:0".parse()?)?.local_address()?;
//! let mut client = Client::new(Config::new(port))?;
//! let stop = AtomicBool::new(false);
//! let answer = client.ask(b"hello", &stop, |_: &Event<'_>| Ok::<(), Error>(()))?;
//! assert!(matches!(answer, Answer::Refused(error) if error.errno == libc::ECONNREFUSED));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod exchange;
mod pace;

pub use self::config::Config;
pub use self::pace::{Pace, Rate, Slow};

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::protocol::exchange::{Defect, Ignored, Requester};
use crate::protocol::{RttEstimator, Schedule};
use crate::socket::{Endpoint, Family, QueuedError, Readiness, ReceiveBuffer, Received};

/// The most ICMP messages about earlier requests that are read before the next.
const MOST_FORGOTTEN: u32 = 1000;

/// The events of a request, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The kernel gave the socket its address, at the first send.
    Assigned(SocketAddr),
    /// The request was sent: the attempt number, and how long this attempt waits for a reply.
    Sent(u32, Duration),
    /// A reply arrived.
    Replied(Reply<'a>),
    /// A datagram arrived from another address than the server's, and is ignored.
    UnexpectedSource(Received<'a>),
    /// A datagram was waiting before the request was sent, so it cannot answer it.
    LateReply(Received<'a>),
    /// A datagram that does not answer the exchange, and is ignored.
    Unasked(Received<'a>, Unasked),
}

/// A reply, and how long it took.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Reply<'a> {
    /// The datagram.
    pub datagram: Received<'a>,
    /// The payload: its bytes, or their content in an exchange.
    pub payload: &'a [u8],
    /// The id of the exchange that it answers.
    pub exchange: Option<u64>,
    /// Time since the request was first sent.
    pub elapsed: Duration,
    /// How many times the request had been sent.
    pub tries: u32,
    /// Which attempt the reply answers, if known: in an exchange it is.
    pub attempt: Option<u32>,
    /// The round trip, if it is known: the time since the attempt that the reply names was sent. A
    /// reply without an attempt is a sample only if the request was sent once (Karn's rule).
    pub round_trip: Option<Duration>,
}

/// Why a datagram is not an answer to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unasked {
    /// It answers an earlier request, or is a duplicate.
    Stale,
    /// It answers no request, or comes from another address than the server's.
    Forged,
    /// It is damaged, or not an answer at all.
    Defect(Defect),
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// With this many replies: one, or more from a group.
    Replies(u32),
    /// With an ICMP message: nobody listens there, or there is no route.
    Refused(QueuedError),
    /// Without a reply in time.
    Silence,
    /// With the server's report that the reply, of this many bytes, is more than three times the
    /// request.
    TooLong(u32),
    /// With the server's report that it supports only these versions of the exchange, at most 16.
    Unsupported(Vec<u8>),
    /// It was stopped.
    Stopped,
}

/// A client.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    config: Config,
    estimate: RttEstimator,
    requester: Option<Requester>,
    buffer: ReceiveBuffer,
    /// The requester's times are since this moment.
    epoch: Instant,
    asked: bool,
}

impl Client {
    /// Makes the client's socket: IP_RECVERR (so that ICMP messages are received at once), the
    /// requested options, bind if a local address is requested, connect if requested.
    ///
    /// # Errors
    /// The errors of socket(2), setsockopt(2), bind(2) and connect(2); `InvalidInput` for exchanges
    /// with a group, or with a reply from anyone.
    pub fn new(config: Config) -> Result<Self> {
        exchange::check(&config)?;
        let family = Family::of(config.server);
        let builder = Endpoint::builder()
            .receive_errors()
            .options(config.settings.iter().cloned());
        let endpoint = match config.local {
            Some(local) => builder.bind(local)?,
            None => builder.unbound(family)?,
        };
        if config.connect {
            endpoint.connect(config.server)?;
        }
        let buffer = ReceiveBuffer::new();
        Ok(Self {
            endpoint,
            estimate: RttEstimator::default(),
            requester: config.exchange.then(|| Requester::new(config.backoff)),
            config,
            buffer,
            epoch: Instant::now(),
            asked: false,
        })
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The round-trip estimate so far.
    pub fn estimate(&self) -> &RttEstimator {
        let requester = self.requester.as_ref();
        requester.map_or(&self.estimate, Requester::estimate)
    }

    /// How long the first attempt at the next request waits: in an exchange the probe timeout
    /// (PTO), otherwise the retransmission timeout (RTO).
    pub fn timeout(&self) -> Duration {
        let requester = self.requester.as_ref();
        requester.map_or_else(|| self.estimate.timeout(), Requester::timeout)
    }

    /// The time since the client was made.
    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// How many datagrams were ignored so far, and why, with exchanges.
    pub fn ignored(&self) -> Option<Ignored> {
        self.requester.as_ref().map(Requester::ignored)
    }

    /// Sends `message` until a reply arrives, an ICMP error rules one out, the tries are used up,
    /// or a signal handler raises `stop`.
    ///
    /// # Errors
    /// The error of `on_event`; the errors of sendto(2) and recvfrom(2), such as EMSGSIZE; for an
    /// exchange, also of getrandom(2).
    pub fn ask<E: From<Error>>(
        &mut self,
        message: &[u8],
        stop: &AtomicBool,
        mut on_event: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Answer, E> {
        if self.requester.is_some() {
            return self.exchange(message, stop, &mut on_event);
        }
        // Datagrams that are queued now were sent before the request: they answer an earlier one.
        while self.asked && !stop.load(Ordering::Relaxed) {
            match self.endpoint.try_receive(&mut self.buffer) {
                Ok(Some(datagram)) => on_event(&Event::LateReply(datagram))?,
                Ok(None) => break,
                Err(error) if error.is_about_the_network() => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.forget_refusals()?;
        let first = Instant::now();
        for (number, wait) in (1..).zip(self.schedule()) {
            if let Some(refusal) = self.send(message, number)? {
                return Ok(refusal);
            }
            let deadline = Instant::now().checked_add(wait);
            if !self.asked && !self.config.connect {
                on_event(&Event::Assigned(self.endpoint.local_address()?))?;
            }
            self.asked = true;
            on_event(&Event::Sent(number, wait))?;
            let answer = self.await_reply(deadline, (first, number), stop, &mut on_event)?;
            if answer != Answer::Silence {
                return Ok(answer);
            }
        }
        Ok(Answer::Silence)
    }

    fn schedule(&self) -> Schedule {
        let Config {
            backoff,
            tries,
            timeout,
            ..
        } = self.config;
        if self.config.group {
            return Schedule::once(timeout.unwrap_or(RttEstimator::MIN_TIMEOUT));
        }
        backoff.schedule(&self.estimate, tries, timeout)
    }

    /// Sends a request, its first attempt or a later one, or handles an ICMP error about the
    /// earlier attempts.
    fn send(&mut self, message: &[u8], attempt: u32) -> Result<Option<Answer>> {
        match self.try_send(message) {
            Ok(()) => Ok(None),
            // The error may be an ICMP error about an earlier datagram. Then it replaced this send,
            // which is repeated once.
            Err(error) if error.is_about_the_network() => {
                if attempt > 1
                    && let Some(refusal) = self.refusal()?
                {
                    return Ok(Some(Answer::Refused(refusal)));
                }
                self.try_send(message).map(|()| None)
            }
            Err(error) => Err(error),
        }
    }

    fn try_send(&self, message: &[u8]) -> Result<()> {
        if self.config.connect {
            self.endpoint.send(message)
        } else {
            self.endpoint.send_to(message, self.config.server)
        }
    }

    /// Waits until `deadline`, without a limit if there is none; `since` is when the request was
    /// first sent, with the number of attempts. Queued datagrams are accepted in any case.
    fn await_reply<E: From<Error>>(
        &mut self,
        deadline: Option<Instant>,
        since: (Instant, u32),
        stop: &AtomicBool,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Answer, E> {
        let mut replies = 0;
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(Answer::Stopped);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match self.endpoint.wait(left)? {
                Some(Readiness::Datagram) => {
                    let (taken, refusal) = self.take_reply(since, on_event)?;
                    if let Some(refusal) = refusal {
                        return Ok(Answer::Refused(refusal));
                    }
                    replies += u32::from(taken);
                    if replies > 0 && !self.config.group {
                        break;
                    }
                }
                Some(Readiness::Error) => {
                    if let Some(refusal) = self.take_queued_error()? {
                        return Ok(Answer::Refused(refusal));
                    }
                }
                None => {}
            }
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
        }
        Ok(if replies > 0 {
            Answer::Replies(replies)
        } else {
            Answer::Silence
        })
    }

    /// Receives one datagram; returns whether it is a reply, or the ICMP error in its place.
    fn take_reply<E: From<Error>>(
        &mut self,
        (first, tries): (Instant, u32),
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(bool, Option<QueuedError>), E> {
        let elapsed = first.elapsed();
        let datagram = match self.endpoint.try_receive(&mut self.buffer) {
            Ok(Some(datagram)) => datagram,
            Ok(None) => return Ok((false, None)),
            // ICMP arrived since the wait ended.
            Err(error) if error.is_about_the_network() => {
                return Ok((false, self.refusal()?));
            }
            Err(error) => return Err(error.into()),
        };
        if !is_from(&self.config, datagram.source()) {
            on_event(&Event::UnexpectedSource(datagram))?;
            return Ok((false, None));
        }
        let round_trip = (tries == 1).then_some(elapsed);
        if let Some(round_trip) = round_trip {
            self.estimate.sample(round_trip);
        }
        on_event(&Event::Replied(Reply {
            datagram,
            payload: datagram.bytes(),
            exchange: None,
            elapsed,
            tries,
            attempt: None,
            round_trip,
        }))?;
        Ok((true, None))
    }

    /// Handles an error reported by poll(2): an ICMP error about a datagram to the server, if it is
    /// one.
    fn take_queued_error(&mut self) -> Result<Option<QueuedError>> {
        if let Some(refusal) = self.refusal()? {
            return Ok(Some(refusal));
        }
        // An error without an entry in the queue: cleared, so that the next wait blocks.
        match self.endpoint.take_error()? {
            Some(error) if !error.is_about_the_network() => Err(error),
            _ => Ok(None),
        }
    }

    /// Reads ICMP errors about earlier requests: they do not concern the next one.
    fn forget_refusals(&mut self) -> Result<()> {
        // A bound for a host that sends ICMP without end.
        for _ in 0..MOST_FORGOTTEN {
            if !self.asked || self.endpoint.queued_error(&mut self.buffer)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Reads an ICMP error about a datagram that went to the server, if any.
    fn refusal(&mut self) -> Result<Option<QueuedError>> {
        while let Some(error) = self.endpoint.queued_error(&mut self.buffer)? {
            // An error that does not concern the port, such as a path MTU, refuses nothing: the
            // kernel knows the new value, and the next try uses it.
            let is_mine = error.destination == self.config.server || self.config.connect;
            if is_mine && error.refusal().is_some() {
                return Ok(Some(error));
            }
        }
        Ok(None)
    }
}

/// Whether a datagram from `source` can be a reply.
fn is_from(config: &Config, source: SocketAddr) -> bool {
    let server = config.server;
    config.promiscuous
        || source.port() == server.port()
            && (config.group || source.ip().to_canonical() == server.ip().to_canonical())
}

#[cfg(test)]
mod tests;
