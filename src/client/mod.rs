//! Floor 4: the documents' client, which asks, waits, asks again, and gives up in time.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::client::{Answer, Client, Config, Event};
//! use udpraw::error::Error;
//! use udpraw::socket::{Endpoint, Family};
//!
//! // A port that nobody listens at: bound once, and given back.
//! let port = Endpoint::builder().bind("127.0.0.1:0".parse()?)?.local_address()?;
//! let mut client = Client::open(Config::new(port))?;
//! let stop = AtomicBool::new(false);
//! let answer = client.ask(b"hello", &stop, |_: &Event<'_>| Ok::<(), Error>(()))?;
//! assert!(matches!(answer, Answer::Refused(error) if error.errno == libc::ECONNREFUSED));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod exchange;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::protocol::exchange::{Asker, Defect, Ignored};
use crate::protocol::{Backoff, RoundTrip, Schedule};
use crate::socket::options::Setting;
use crate::socket::{Datagram, Endpoint, Family, QueuedError, ReceiveBuffer, Traffic};

/// Whom a client asks, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the requests go.
    pub server: SocketAddr,
    /// The address to bind before sending; `None` leaves it to the kernel.
    pub local: Option<SocketAddr>,
    /// Options to set before anything is sent.
    pub settings: Vec<Setting>,
    /// Whether to fix the server by connect(2).
    pub connect: bool,
    /// Whether to take a reply from anyone, as the documents' program does ("Danger!").
    pub promiscuous: bool,
    /// Whether the server is many: a multicast or broadcast address. Each member answers from an
    /// address of its own, so the port alone is compared, and all replies are taken that come
    /// within the first wait; nothing is sent twice.
    pub group: bool,
    /// Whether to ask by exchanges ([`crate::protocol::exchange`]): each request has a random id,
    /// which the reply must carry, so that no late or forged datagram is taken for it. Not with
    /// `promiscuous` or `group`: an exchange has one server.
    pub exchange: bool,
    /// How the waits grow.
    pub backoff: Backoff,
    /// How many times a request is sent; `None` for [`Backoff::default_tries`].
    pub tries: Option<u32>,
    /// How long a request may take in all.
    pub timeout: Option<Duration>,
}

impl Config {
    /// A client of `server` that does everything as the design has it: by the book on loopback, by
    /// RFC 8085 elsewhere, and as a group where the address is one.
    ///
    /// The wildcard address stands for this host, as it does for the kernel (ip(7)): the replies will
    /// come from loopback, so that is who is asked.
    pub fn new(mut server: SocketAddr) -> Self {
        if server.ip().is_unspecified() {
            server.set_ip(match server.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let address = server.ip().to_canonical();
        Self {
            server,
            local: None,
            settings: Vec::new(),
            connect: false,
            promiscuous: false,
            group: match address {
                IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
                IpAddr::V6(address) => address.is_multicast(),
            },
            exchange: false,
            backoff: if address.is_loopback() {
                Backoff::Book
            } else {
                Backoff::Rfc8085
            },
            tries: None,
            timeout: None,
        }
    }
}

/// What happened, in the order in which it did.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The kernel gave the socket its address, at the first send.
    Assigned(SocketAddr),
    /// The request was sent: for the how-manieth time, and how long a reply is waited for.
    Sent(u32, Duration),
    /// A reply came.
    Replied(Reply<'a>),
    /// A datagram came from somebody who was not asked, and is ignored.
    Stranger(Datagram<'a>),
    /// A datagram was waiting before the request was sent, so it cannot answer it.
    Late(Datagram<'a>),
    /// A datagram that does not answer the exchange, and is ignored.
    Unasked(Datagram<'a>, Unasked),
}

/// A reply, and how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The datagram.
    pub datagram: Datagram<'a>,
    /// What it says: its bytes, or what they carry in an exchange.
    pub payload: &'a [u8],
    /// The id of the exchange that it answers.
    pub exchange: Option<u64>,
    /// From the first time that the request was sent.
    pub elapsed: Duration,
    /// How often the request was sent until then. Above 1 nobody knows which of them was answered
    /// (Karn's rule), and `elapsed` is no sample of the round trip.
    pub tries: u32,
}

/// Why a datagram is no answer to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// It answers an earlier one, or is a second answer.
    Stale,
    /// It answers what was not asked, or comes from somebody who was not.
    Forged,
    /// It is damaged, or no answer at all.
    Defect(Defect),
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With that many replies: one, or more from a group.
    Replies(u32),
    /// With an ICMP message: nobody listens there, or no way leads there.
    Refused(QueuedError),
    /// With nothing within the time.
    Silence,
    /// With the server's word that the reply, of so many bytes, is more than three times the request.
    TooLong(u32),
    /// With the server's word that it speaks other versions of the exchange: those, at most 16.
    Unsupported(Vec<u8>),
    /// It was stopped.
    Stopped,
}

/// A client.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    config: Config,
    estimate: RoundTrip,
    asker: Option<Asker>,
    buffer: ReceiveBuffer,
    asked: bool,
}

impl Client {
    /// Makes the client's socket: IP_RECVERR (so that an ICMP message is heard at once), the options
    /// asked for, bind if an address is asked for, connect if that is.
    ///
    /// # Errors
    /// Of socket(2), setsockopt(2), bind(2) and connect(2); and for exchanges with a group, or with
    /// anyone.
    pub fn open(config: Config) -> Result<Self> {
        exchange::check(&config)?;
        let family = Family::of(config.server);
        let errors: Setting = match family {
            Family::V4 => "IP_RECVERR=1",
            Family::V6 => "IPV6_RECVERR=1",
        }
        .parse()?;
        let builder = Endpoint::builder()
            .option(errors)
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
            estimate: RoundTrip::default(),
            asker: config.exchange.then(|| Asker::new(config.backoff)),
            config,
            buffer,
            asked: false,
        })
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whom it asks, and how.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it has learnt of the round trip so far.
    pub fn estimate(&self) -> &RoundTrip {
        let asker = self.asker.as_ref();
        asker.map_or(&self.estimate, Asker::estimate)
    }

    /// The retransmission timeout (RTO) at present. An exchange keeps what it was doubled to until
    /// there is a sample (RFC 6298 section 5).
    pub fn timeout(&self) -> Duration {
        let asker = self.asker.as_ref();
        asker.map_or_else(|| self.estimate.timeout(), Asker::timeout)
    }

    /// How many datagrams it ignored so far, and why, if it asks by exchanges.
    pub fn ignored(&self) -> Option<Ignored> {
        self.asker.as_ref().map(Asker::ignored)
    }

    /// Sends `message` until a reply comes, ICMP tells that none will, the tries are over, or `stop`
    /// is raised by a signal handler.
    ///
    /// # Errors
    /// That of `observe`, or of sendto(2) and recvfrom(2), such as EMSGSIZE; for an exchange, of
    /// getrandom(2) too.
    pub fn ask<E: From<Error>>(
        &mut self,
        message: &[u8],
        stop: &AtomicBool,
        mut observe: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Answer, E> {
        if self.asker.is_some() {
            return self.exchange(message, stop, &mut observe);
        }
        // What waits now was sent before the question: an answer to an earlier one.
        while self.asked && !stop.load(Ordering::Relaxed) {
            match self.endpoint.try_receive(&mut self.buffer) {
                Ok(Some(datagram)) => observe(&Event::Late(datagram))?,
                Ok(None) => break,
                Err(error) if error.is_about_the_network() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let first = Instant::now();
        for (number, wait) in (1..).zip(self.schedule()) {
            match self.send(message) {
                Ok(()) => {}
                // On a connected socket, a send tells what ICMP said of the one before.
                Err(error) if number > 1 && error.errno() == Some(libc::ECONNREFUSED) => {
                    if let Some(refusal) = self.refusal()? {
                        return Ok(Answer::Refused(refusal));
                    }
                }
                Err(error) => return Err(error.into()),
            }
            let sent = Instant::now();
            if !self.asked && !self.config.connect {
                observe(&Event::Assigned(self.endpoint.local_address()?))?;
            }
            self.asked = true;
            observe(&Event::Sent(number, wait))?;
            let answer = self.await_reply(sent + wait, (first, number), stop, &mut observe)?;
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
            return Schedule::once(timeout.unwrap_or(RoundTrip::LEAST));
        }
        backoff.schedule(&self.estimate, tries, timeout)
    }

    fn send(&self, message: &[u8]) -> Result<()> {
        if self.config.connect {
            self.endpoint.send(message)
        } else {
            self.endpoint.send_to(message, self.config.server)
        }
    }

    /// Waits until `deadline`; `since` is when the request was first sent, and how often it has been.
    fn await_reply<E: From<Error>>(
        &mut self,
        deadline: Instant,
        since: (Instant, u32),
        stop: &AtomicBool,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Answer, E> {
        let mut replies = 0;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if stop.load(Ordering::Relaxed) {
                return Ok(Answer::Stopped);
            }
            match self.endpoint.wait(Some(left))? {
                Some(Traffic::Datagram) => {
                    replies += u32::from(self.take_reply(since, observe)?);
                    if replies > 0 && !self.config.group {
                        break;
                    }
                }
                Some(Traffic::Error) => {
                    if let Some(refusal) = self.refusal()? {
                        return Ok(Answer::Refused(refusal));
                    }
                    self.clear_error()?;
                }
                None => {}
            }
        }
        Ok(if replies > 0 {
            Answer::Replies(replies)
        } else {
            Answer::Silence
        })
    }

    /// Takes one datagram; says whether it is a reply.
    fn take_reply<E: From<Error>>(
        &mut self,
        (first, tries): (Instant, u32),
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let elapsed = first.elapsed();
        let Some(datagram) = self.endpoint.try_receive(&mut self.buffer)? else {
            return Ok(false);
        };
        if !is_from(&self.config, datagram.source()) {
            observe(&Event::Stranger(datagram))?;
            return Ok(false);
        }
        if tries == 1 {
            self.estimate.sample(elapsed);
        }
        observe(&Event::Replied(Reply {
            datagram,
            payload: datagram.bytes(),
            exchange: None,
            elapsed,
            tries,
        }))?;
        Ok(true)
    }

    /// Takes an error of the socket that has no entry in the queue, so that the next wait is one.
    fn clear_error(&self) -> Result<()> {
        match self.endpoint.take_error()? {
            Some(error) if !error.is_about_the_network() => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes what ICMP told of a datagram that went to the server, if anything.
    fn refusal(&mut self) -> Result<Option<QueuedError>> {
        while let Some(error) = self.endpoint.queued_error(&mut self.buffer)? {
            // What says nothing of the port, such as a path MTU, refuses nothing: the kernel has learnt
            // it, and the next try is another.
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
