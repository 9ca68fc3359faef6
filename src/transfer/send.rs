//! The sending end on a real socket.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::event::Observer;
use super::{Input, PROGRESS, Progress, SendConfig, SendEvent, Sent};
use crate::error::{Error, Result};
use crate::io::{Transport, TransportConfig, Wait};
use crate::protocol::congestion::Cubic;
use crate::protocol::transfer::{Code, Failure, Run, Sender, SenderConfig};
use crate::socket::option::PathMtuDiscovery;
use crate::socket::{Endpoint, Family, PollSet};
use crate::units;

/// The most runs to send before checking for acknowledgements.
const BURST: usize = 4;
/// How often to check for the digest, once everything is sent.
const TICK: Duration = Duration::from_millis(1);
/// How many times the network may report that nobody listens any more, before it is believed.
const REFUSALS: u32 = 3;
/// The most system calls to read the last frames of a receiver that is gone.
const MAX_DRAINED: u32 = 16;

/// A stream that is ready to send.
#[derive(Debug)]
pub struct Sending {
    config: SendConfig,
}

impl Sending {
    /// Prepares to send the stream of `config`. [`Self::run`] makes the sockets, one for each
    /// address that it tries.
    ///
    /// # Errors
    /// `InvalidInput` if there is no address to send to.
    pub fn new(config: SendConfig) -> Result<Self> {
        if config.destinations.is_empty() {
            let reason = "the list of addresses is empty";
            return Err(Error::invalid("send to", "the receiver", reason));
        }
        Ok(Self { config })
    }

    /// The configuration.
    pub fn config(&self) -> &SendConfig {
        &self.config
    }

    /// Sends the stream, and waits until the receiver has stored it.
    ///
    /// `on_event` is called ten times a second. When a signal handler raises `stop`, or `on_event`
    /// returns an error, the receiver is notified and the transfer ends.
    ///
    /// # Errors
    /// The error of `on_event`; the errors of this end: of the socket, and of the input. Errors of
    /// the network or the other end are in [`Sent::outcome`].
    pub fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        on_event: impl FnMut(&SendEvent) -> Result<(), E>,
    ) -> Result<Sent, E> {
        let mut observer = Observer::new(on_event);
        let sent = send(&mut self.config, stop, &mut |event| observer.report(event));
        observer.finish(sent)
    }
}

/// `on_event` returns whether to continue.
fn send(
    config: &mut SendConfig,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(&SendEvent) -> bool,
) -> Result<Sent> {
    let mut refused = None;
    for destination in config.destinations.clone() {
        let mut session = match Session::open(config, destination) {
            Ok(session) => session,
            Err(error) if error.is_about_the_network() => {
                refused = Some(error);
                continue;
            }
            // Without IPv6 in the kernel: the result of another address says more.
            Err(error)
                if matches!(
                    error.errno(),
                    Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
                ) =>
            {
                refused.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let is_last = config.destinations.last() == Some(&destination);
        match session.run(&mut config.input, stop, on_event) {
            // No answer at all: another address may answer.
            Ok(()) if session.is_unanswered() && !is_last => {}
            Err(error) if error.is_about_the_network() && !session.sender.is_open() => {
                refused = Some(error.with_remedy("is udpraw recv running there?"));
            }
            // What was sent until then is reported.
            Err(error) if error.is_about_the_network() => {
                let errno = error.errno().unwrap_or_default();
                session.peer_lost = Some(Failure::Unreachable(errno));
                return session.end();
            }
            Err(error) => return Err(error),
            Ok(()) => return session.end(),
        }
    }
    Err(refused.unwrap_or_else(|| {
        Error::invalid("send to", "the receiver", "the list of addresses is empty")
    }))
}

/// The transfer to one address.
struct Session {
    sender: Sender,
    transport: Transport,
    destination: SocketAddr,
    size: Option<u64>,
    start: Instant,
    /// When the receiver agreed.
    opened: Option<Instant>,
    reported: Duration,
    refusals: u32,
    /// The receiver was there, and is gone.
    peer_lost: Option<Failure>,
}

impl Session {
    fn open(config: &SendConfig, destination: SocketAddr) -> Result<Self> {
        let family = Family::of(destination);
        let endpoint = Endpoint::builder()
            .path_mtu_discovery(PathMtuDiscovery::Probe)
            .options(config.options.iter().cloned())
            .unbound(family)?;
        endpoint.connect(destination)?;
        let max_datagram = config
            .max_datagram
            .map_or_else(|| first_hop(&endpoint, destination), Ok)?;
        let mut sender = SenderConfig::default();
        sender.max_datagram = max_datagram;
        sender.timeout = config.timeout;
        sender.ecn = false;
        // Acknowledgements are few and short.
        let settings = TransportConfig {
            batch: 8,
            ..TransportConfig::bulk()
        };
        let congestion = Box::new(Cubic::new(max_datagram.into()));
        Ok(Self {
            sender: Sender::new(Duration::ZERO, super::random()?, sender, congestion),
            transport: Transport::open(endpoint, config.choice, settings)?,
            destination,
            size: config.input.size(),
            start: Instant::now(),
            opened: None,
            reported: Duration::ZERO,
            refusals: 0,
            peer_lost: None,
        })
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn run(
        &mut self,
        input: &mut Input,
        stop: &AtomicBool,
        on_event: &mut dyn FnMut(&SendEvent) -> bool,
    ) -> Result<()> {
        let never = AtomicBool::new(false);
        let (mut is_stopping, mut is_ahead, mut is_cancelled) = (false, false, false);
        let mut failed = None;
        while self.sender.result().is_none() {
            input.sent(self.sender.sent());
            let runs = self.transmit(input)?;
            if let Some(error) = input.take_error() {
                self.sender.abandon(Code::Source, &error.to_string());
                failed = Some(error);
            }
            if self.sender.result().is_some() {
                break;
            }
            let wait = match (runs == BURST, self.sender.awaits_digest()) {
                (true, _) => Duration::ZERO,
                (false, true) => TICK,
                (false, false) => Duration::MAX,
            };
            let ready = self.receive(input, wait, if is_stopping { &never } else { stop })?;
            if ready && let Err(error) = input.fill() {
                self.sender.abandon(Code::Source, &error.to_string());
                failed = Some(error);
            }
            let now = self.now();
            self.sender.handle_timeout(now);
            input.release(self.sender.released());
            let is_open = self.sender.is_open() && self.sender.result().is_none();
            if self.opened.is_none() && is_open {
                self.opened = Some(Instant::now());
            }
            if !is_ahead && self.sender.is_open() {
                is_ahead = true;
                input.run_ahead(self.sender.digest());
            }
            if now.saturating_sub(self.reported) >= PROGRESS {
                self.reported = now;
                is_cancelled |= !on_event(&SendEvent::Progress(self.progress()));
            }
            if (is_cancelled || stop.load(Ordering::Relaxed)) && !is_stopping {
                is_stopping = true;
                self.sender
                    .abandon(Code::Interrupted, "the sender was interrupted");
            }
        }
        on_event(&SendEvent::Progress(self.progress()));
        failed.map_or(Ok(()), Err)
    }

    /// Sends what may leave, up to a few runs; returns how many.
    fn transmit(&mut self, input: &Input) -> Result<usize> {
        for runs in 0..BURST {
            let now = self.now();
            let Some(run) = self.sender.poll_transmit(now, input) else {
                return Ok(runs);
            };
            let mut parts = [IoSlice::new(&[]); Run::MAX_PARTS];
            let count = run.gather(input, &mut parts);
            let size = run.segment_size();
            let mut send_queue = self.transport.send_queue();
            send_queue.send_parts(None, &parts[..count], size);
            match send_queue.flush().error {
                Some(error) => self.on_send_error(error, size)?,
                None => self.sender.on_send_succeeded(),
            }
        }
        Ok(BURST)
    }

    /// Handles the kernel's error about a datagram, or about an earlier one.
    fn on_send_error(&mut self, error: Error, size: usize) -> Result<()> {
        match error.errno() {
            Some(libc::EMSGSIZE) => {
                self.sender.on_packet_too_big(self.now(), size);
                Ok(())
            }
            // Lost on this machine, as others are elsewhere.
            Some(libc::ENOBUFS | libc::EPERM) => {
                self.sender.on_send_failed(self.now());
                Ok(())
            }
            _ if error.is_about_the_network() => self.refused(error),
            _ => Err(error),
        }
    }

    /// Nobody listens there, or there is no route.
    fn refused(&mut self, error: Error) -> Result<()> {
        // It does not matter what a finished receiver no longer receives.
        if matches!(self.sender.result(), Some(Ok(()))) || self.sender.is_done() {
            return Ok(());
        }
        self.refusals += 1;
        if self.sender.is_open() && self.refusals < REFUSALS {
            return Ok(());
        }
        // The receiver's last frame may have arrived before it was gone, and waits behind the
        // error.
        self.drain();
        match self.sender.result() {
            Some(_) => Ok(()),
            None => Err(error),
        }
    }

    /// Handles the datagrams that have already arrived.
    fn drain(&mut self) {
        for _ in 0..MAX_DRAINED {
            let (start, sender) = (self.start, &mut self.sender);
            let received = self.transport.receive(Wait::Never, |message, _| {
                for datagram in message.datagrams() {
                    let _ = sender.handle_datagram(start.elapsed(), datagram);
                }
            });
            if let Ok(0) = received {
                return;
            }
        }
    }

    /// Waits for an answer, for more of the stream, or until something is due, and at most `most`;
    /// returns whether there is more of the stream to read.
    fn receive(&mut self, input: &Input, most: Duration, stop: &AtomicBool) -> Result<bool> {
        let deadline = self.sender.poll_timeout().unwrap_or_default();
        let deadline = deadline.min(self.now().saturating_add(most));
        // A signal that arrived since the last wait does not end this one.
        let mut wait = if most.is_zero() || stop.load(Ordering::Relaxed) {
            Wait::Never
        } else {
            Wait::Until(units::after(self.start, deadline))
        };
        let mut is_readable = false;
        if let Some(fd) = input.wanted() {
            use std::os::fd::AsFd;
            let sockets = [self.transport.endpoint().as_fd(), fd];
            let left = match wait {
                Wait::Never => Duration::ZERO,
                _ => units::after(self.start, deadline).saturating_duration_since(Instant::now()),
            };
            is_readable = PollSet::new(&sockets)
                .wait(Some(left))?
                .any(|(index, _)| index == 1);
            wait = Wait::Never;
        }
        let (start, sender) = (self.start, &mut self.sender);
        let received = self.transport.receive(wait, |message, _| {
            let now = start.elapsed();
            for datagram in message.datagrams() {
                // Datagrams that are not frames of this transfer are counted there.
                let _ = sender.handle_datagram(now, datagram);
            }
        });
        match received {
            Ok(count) => {
                if count > 0 {
                    self.refusals = 0;
                }
            }
            Err(error) if error.is_about_the_network() => self.refused(error)?,
            Err(error) => return Err(error),
        }
        Ok(is_readable)
    }

    /// Whether this address has never answered.
    fn is_unanswered(&self) -> bool {
        let is_silent = matches!(self.sender.result(), Some(Err(Failure::Silent(_))));
        is_silent && self.sender.round_trip().is_none()
    }

    fn progress(&self) -> Progress {
        let counts = self.sender.counts();
        Progress {
            // The confirmation that everything is stored may arrive before the last
            // acknowledgement.
            bytes: if self.sender.is_done() {
                self.sender.sent()
            } else {
                self.sender.released()
            },
            // The part that it skipped without sending it.
            resumed: self
                .sender
                .sent()
                .saturating_sub(counts.bytes - counts.repeated),
            total: self.size,
            elapsed: self.opened.unwrap_or(self.start).elapsed(),
        }
    }

    fn end(self) -> Result<Sent> {
        let outcome = match (&self.peer_lost, self.sender.result()) {
            (Some(failure), _) | (_, Some(Err(failure))) => Err(failure.clone()),
            _ => Ok(()),
        };
        let counters = self.transport.counters();
        Ok(Sent {
            outcome,
            destination: self.destination,
            local: self.transport.endpoint().local_address()?,
            progress: self.progress(),
            counts: self.sender.counts(),
            round_trip: self.sender.round_trip(),
            datagram_size: self.sender.datagram_size(),
            limit: self.sender.limits().dominant(),
            backend: self.transport.backend(),
            syscalls: counters.syscalls,
        })
    }
}

/// The longest datagram that the first hop carries, in bytes of UDP payload.
fn first_hop(endpoint: &Endpoint, destination: SocketAddr) -> Result<u16> {
    let mtu = endpoint.path_mtu()? as usize;
    let max_datagram = mtu.saturating_sub(Family::on_the_wire(destination).headers());
    // Runs are limited by the size of an IPv4 datagram.
    Ok(u16::try_from(max_datagram.min(65_507)).unwrap_or(u16::MAX))
}
