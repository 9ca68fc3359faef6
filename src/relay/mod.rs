//! A relay between any two UDP programs, with a simulated network in between.
//!
//! Each client has its own [flow](Config::max_flows): an upstream socket that is connected to the
//! target after its first answer, so that the target sees one port per client, and ICMP errors are
//! received. Until then an answer from another port, as in TFTP, is seen and reported. The module
//! [`crate::protocol::impairment`] decides the outcome of each datagram; this module passes it the
//! time and moves the bytes. It runs in one thread: a loop over epoll(7), which forwards whole runs
//! of datagrams as runs if they are not impaired.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use std::time::Duration;
//! use udpraw::relay::{Config, Event, Relay};
//! use udpraw::socket::{Endpoint, ReceiveBuffer};
//!
//! let target = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
//! let mut config = Config::new("127.0.0.1:0".parse()?, target.local_address()?);
//! config.duration = Some(Duration::from_millis(200));
//! config.up = "duplicate=100%".parse()?;
//! let mut relay = Relay::new(config)?;
//! let client = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
//! client.send_to(b"hello", relay.address())?;
//! relay.run(&AtomicBool::new(false), |_: &Event<'_>| Ok::<(), udpraw::error::Error>(()))?;
//! let mut buffer = ReceiveBuffer::new();
//! for _ in 0..2 {
//!     assert_eq!(target.receive(&mut buffer)?.bytes(), b"hello");
//! }
//! let ledger = relay.ledger();
//! assert_eq!((ledger.up.received, ledger.up.sent, ledger.remainder()), (1, 2, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod flows;
mod forward;
mod forwarder;
mod impairments;
mod ledger;
mod limit;
mod observer;
mod replay;
mod target;
mod wire;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use self::config::{Config, DatagramOutcome, Event, Interval};
pub use self::flows::End;
pub use self::ledger::{Ledger, Side};
pub use self::observer::Observer;
pub use self::replay::Replay;

use self::forwarder::Forwarder;
use crate::error::{Error, Result};
use crate::io::{Backend, Transport, TransportConfig, Wait};
use crate::socket::{Endpoint, EpollSet, Waker, pause};

/// The key of the listening socket in waits; flows have numbers of 32 bits.
const FRONT: u64 = u64::MAX;
/// The key of the waker.
const WAKER: u64 = u64::MAX - 1;

/// A relay that listens.
#[derive(Debug)]
pub struct Relay {
    config: Config,
    address: SocketAddr,
    /// The start of all times.
    start: Instant,
    front: Transport,
    forwarder: Forwarder,
    ready: EpollSet,
    waker: Option<Waker>,
    /// The account for observers.
    shared: Arc<observer::Shared>,
}

impl Relay {
    /// Binds the listening socket, and makes sure that a socket for each possible flow can be
    /// opened.
    ///
    /// `InvalidInput` if the target is the relay itself; an error if the limit of open files is too
    /// low for [`Config::max_flows`] and cannot be raised; the errors of the sockets, and of
    /// [`Transport::open`].
    pub fn new(config: Config) -> Result<Self> {
        config::refuse_group(config.listen)?;
        // Before the bind, since the target itself may hold the port, and after its address is
        // known.
        for to in config.targets() {
            config::refuse_loop(config.listen, to)?;
        }
        let max_flows = limit::allow_flows(config.max_flows)?;
        let endpoint = Endpoint::builder()
            .packet_info(config.listen.ip().is_unspecified())
            .bind(config.listen)?;
        Self::open(endpoint, config, max_flows)
    }

    /// As [`Self::new`], on a socket that is bound already: [`Config::listen`] is ignored.
    ///
    /// # Errors
    /// The errors of [`Self::new`], and of the socket's calls.
    pub fn adopt(fd: OwnedFd, mut config: Config) -> Result<Self> {
        let endpoint = Endpoint::from(fd);
        config.listen = endpoint.local_address()?;
        config::refuse_group(config.listen)?;
        let max_flows = limit::allow_flows(config.max_flows)?;
        let endpoint = Endpoint::builder()
            .packet_info(config.listen.ip().is_unspecified())
            .adopt(endpoint.into())?;
        Self::open(endpoint, config, max_flows)
    }

    fn open(endpoint: Endpoint, config: Config, max_flows: u32) -> Result<Self> {
        let address = endpoint.local_address()?;
        for to in config.targets() {
            config::refuse_loop(address, to)?;
        }
        let front = Transport::open(endpoint, config.choice, TransportConfig::bulk())?;
        let ready = EpollSet::new()?;
        ready.add(front.endpoint(), FRONT)?;
        let forwarder = Forwarder::open(&config, address, max_flows)?;
        Ok(Self {
            config,
            address,
            start: Instant::now(),
            front,
            forwarder,
            ready,
            waker: None,
            shared: Arc::default(),
        })
    }

    /// An observer that reads the account from another thread while [`Self::run`] relays. It costs
    /// nothing until it asks.
    ///
    /// # Errors
    /// The errors of [`Self::waker`].
    pub fn observer(&mut self) -> Result<Observer> {
        Ok(Observer::new(self.waker()?, self.shared.clone()))
    }

    /// A waker that ends a wait of [`Self::run`] from another thread.
    ///
    /// # Errors
    /// The errors of eventfd(2) and epoll_ctl(2).
    pub fn waker(&mut self) -> Result<Waker> {
        let waker = match &self.waker {
            Some(waker) => waker.clone(),
            None => Waker::new()?,
        };
        if self.waker.is_none() {
            self.ready.add(&waker, WAKER)?;
            self.waker = Some(waker.clone());
        }
        Ok(waker)
    }

    /// The address that it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The limit of flows.
    pub fn max_flows(&self) -> u32 {
        self.forwarder.max_flows()
    }

    /// The listening socket.
    pub fn endpoint(&self) -> &Endpoint {
        self.front.endpoint()
    }

    /// The backend that it uses, and why `auto` chose no better one.
    pub fn backend(&self) -> (Backend, &[Error]) {
        (self.front.backend(), self.front.passed_over())
    }

    /// The account of every datagram so far.
    pub fn ledger(&self) -> Ledger {
        self.forwarder.ledger(&self.front)
    }

    /// Relays until `stop` is raised, the time since it was opened is over ([`Config::duration`]),
    /// or enough datagrams have arrived ([`Config::count`]) and the delayed ones have left.
    ///
    /// # Errors
    /// The error of `on_event`, or of a wait or a receive after which it cannot continue.
    pub fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        mut on_event: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let relayed = self.relay(stop, &mut on_event);
        let flushed = self
            .forwarder
            .flush_and_report(&mut self.front, &mut on_event);
        relayed.and(flushed)?;
        self.forwarder.close_all(End::Relay, &mut on_event)
    }

    fn relay<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            config,
            start,
            front,
            forwarder,
            ready,
            waker,
            shared,
            ..
        } = self;
        let end = config.duration;
        let begin = start.elapsed();
        let mut tick = config
            .interval
            .map(|every| (every, begin.saturating_add(every)));
        let mut before = (begin, forwarder.books(front));
        let (mut keys, mut is_woken) = (Vec::new(), false);
        while !stop.load(Ordering::Relaxed) {
            let now = start.elapsed();
            forwarder.depart(now, front);
            forwarder.flush_and_report(front, on_event)?;
            forwarder.expire(now, on_event)?;
            // Now, since nothing is queued.
            if is_woken && shared.is_asked() {
                shared.write(forwarder.bounded_ledger(front));
            }
            is_woken = false;
            if let Some((every, next)) = &mut tick
                && now >= *next
            {
                *next = now.saturating_add(*every);
                let ledger = forwarder.books(front);
                on_event(&Event::Interval(Interval::new(&before, now, &ledger)))?;
                before = (now, ledger);
            }
            if end.is_some_and(|end| now >= end) {
                break;
            }
            let (due, came) = (forwarder.next_due(), forwarder.received(front));
            if config.count.is_some_and(|count| came >= count) {
                // Only held datagrams are still to leave.
                let Some(due) = due else { break };
                let until = end.map_or(due, |end| end.min(due));
                pause(until.saturating_sub(now), stop)?;
                continue;
            }
            let tick = tick.map(|(_, next)| next);
            let until = [due, forwarder.next_look(), end, tick]
                .into_iter()
                .flatten();
            let timeout = until.min().map(|until| until.saturating_sub(now));
            keys.clear();
            keys.extend(ready.wait(timeout)?);
            if keys.is_empty() {
                continue;
            }
            let now = start.elapsed();
            // Datagrams that became due meanwhile leave before those that arrived meanwhile.
            forwarder.depart(now, front);
            for key in &keys {
                if *key == WAKER {
                    waker.iter().for_each(|waker| _ = waker.take());
                    is_woken = true;
                    continue;
                }
                match u32::try_from(*key) {
                    Ok(flow) => forwarder.target_sent(now, flow, front, on_event)?,
                    Err(_) => clients_sent(now, front, forwarder, ready, on_event)?,
                }
            }
        }
        Ok(())
    }
}

/// Handles the datagrams that have arrived from clients.
fn clients_sent<E: From<Error>>(
    now: Duration,
    front: &mut Transport,
    forwarder: &mut Forwarder,
    ready: &EpollSet,
    on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reported = Ok(());
    let received = front.receive(Wait::Never, |message, _| {
        if reported.is_ok() {
            reported = forwarder.client_sent(now, message, ready, on_event);
        }
    });
    reported?;
    match received {
        Err(error) if error.is_about_the_network() => on_event(&Event::Failed(None, &error)),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}
