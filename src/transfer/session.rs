//! One transfer to one receiver, on a real socket.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::feed::{self, Feed};
use super::tree::{Tree, TreeCounts};
use super::{Activity, PROGRESS, Progress, SendConfig, SendEvent, Sent};
use crate::error::{Error, Result};
use crate::io::{Transport, TransportConfig, Wait};
use crate::protocol::transfer::{
    Code, Digesting, Failure, Run, Security, Sender, SenderConfig, Source, Status,
};
use crate::socket::option::{self, PathMtuDiscovery};
use crate::socket::{Ecn, Endpoint, Family, Waker};
use crate::units;

/// The most runs to send before checking for acknowledgements.
const BURST: usize = 4;
/// How many times the network may report that nobody listens any more, before it is believed.
const REFUSALS: u32 = 3;
/// The most system calls to read the last frames of a receiver that is gone.
const MAX_DRAINED: u32 = 16;
/// How often another socket is tried while the network takes nothing: this end's address may have
/// changed.
const REBIND: Duration = Duration::from_millis(500);
/// How long the reader is waited for once the transfer is over, for its last reports.
const CLOSING: Duration = Duration::from_millis(250);

/// How a session ended.
pub(super) enum Ended {
    /// See [`Session::end`].
    Over,
    /// Nobody listens there, or there is no way.
    NobodyThere(Error),
}

pub(super) struct Session<'a> {
    config: &'a SendConfig,
    sender: Sender,
    transport: Transport,
    waker: Waker,
    destination: SocketAddr,
    tree: Tree,
    counts: Arc<TreeCounts>,
    feed: Option<Feed>,
    start: Instant,
    /// When the receiver agreed.
    opened: Option<Instant>,
    reported: Duration,
    refusals: u32,
    /// It goes on after a restart of the receiver: nobody need be there yet.
    is_again: bool,
    /// The receiver was there, and is gone.
    peer_lost: Option<Failure>,
    /// The error of the socket since anything was last received, and when another was tried.
    trouble: Option<(i32, Duration)>,
    is_marking: bool,
    /// Things that could not be listed or sent.
    failed: Option<Error>,
    unlisted: u64,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        config: &'a SendConfig,
        destination: SocketAddr,
        is_again: bool,
    ) -> Result<Self> {
        let endpoint = endpoint(config, destination)?;
        let max_datagram = config
            .max_datagram
            .map_or_else(|| first_hop(&endpoint, destination), Ok)?;
        let mut sender = SenderConfig::default();
        if let Some(key) = &config.key {
            let ephemerals = [super::random_bytes()?, super::random_bytes()?];
            sender.security = Some(Security::new(key.clone(), ephemerals));
        }
        sender.max_datagram = max_datagram;
        sender.timeout = config.timeout;
        sender.max_rate = config.max_rate.map(|bits| (bits / 8).max(1));
        // Acknowledgements are few and short.
        let settings = TransportConfig {
            batch: 8,
            ..TransportConfig::bulk()
        };
        let congestion = (config.controller).build(max_datagram.into(), super::random()?);
        let mut transport = Transport::open(endpoint, config.choice, settings)?;
        let waker = Waker::new()?;
        transport.wake_by(waker.clone());
        let tree = config.tree.again();
        Ok(Self {
            config,
            sender: Sender::new(Duration::ZERO, super::random()?, sender, congestion),
            transport,
            waker,
            destination,
            counts: tree.counts(),
            tree,
            feed: None,
            start: Instant::now(),
            opened: None,
            reported: Duration::ZERO,
            refusals: 0,
            is_again,
            peer_lost: None,
            trouble: None,
            is_marking: false,
            failed: None,
            unlisted: 0,
        })
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn run(
        &mut self,
        stop: &AtomicBool,
        on_event: &mut dyn FnMut(&SendEvent<'_>) -> bool,
    ) -> Result<Ended> {
        let never = AtomicBool::new(false);
        let (mut is_stopping, mut is_cancelled) = (false, false);
        let mut answers = Vec::new();
        while self.sender.result().is_none() {
            self.mark()?;
            if let Some(error) = self.exchange(&mut answers)? {
                let reason = "the sender cannot read what it is to send";
                self.sender.abandon(Code::Source, reason);
                self.failed = Some(error);
            }
            let runs = match self.transmit() {
                Ok(runs) => runs,
                Err(error) if error.is_about_the_network() => return Ok(self.lost(error)),
                Err(error) => return Err(error),
            };
            if self.sender.result().is_some() {
                break;
            }
            let has_news = match &mut self.feed {
                Some(feed) => feed.has_news(self.sender.sent()),
                None => false,
            };
            let wait = if runs == BURST || has_news {
                Duration::ZERO
            } else {
                Duration::MAX
            };
            match self.receive(wait, if is_stopping { &never } else { stop }) {
                Ok(()) => {}
                Err(error) if error.is_about_the_network() => return Ok(self.lost(error)),
                Err(error) => return Err(error),
            }
            let now = self.now();
            self.sender.handle_timeout(now);
            if now.saturating_sub(self.reported) >= PROGRESS {
                self.reported = now;
                is_cancelled |= !self.report(on_event);
            }
            if (is_cancelled || stop.load(Ordering::Relaxed)) && !is_stopping {
                is_stopping = true;
                self.sender
                    .abandon(Code::Interrupted, "the sender was interrupted");
            }
        }
        self.close(&mut answers);
        self.report(on_event);
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(Ended::Over),
        }
    }

    /// Exchanges chunks, answers and reports with the reader; returns the error that ended it.
    fn exchange(&mut self, answers: &mut Vec<u8>) -> Result<Option<Error>> {
        if self.feed.is_none() {
            // Nothing is read before the receiver has agreed.
            if !self.sender.is_open() || self.sender.result().is_some() {
                return Ok(None);
            }
            self.opened = Some(Instant::now());
            let (tree, is_digested) = (self.tree_to_read(), !self.sender.is_keyed());
            self.feed = Some(feed::read(tree, is_digested, self.waker.clone())?);
        }
        let Some(feed) = &mut self.feed else {
            return Ok(None);
        };
        self.sender.take_answers(answers);
        feed.answer(answers);
        feed.exchange(self.sender.sent(), self.sender.released());
        Ok(feed.take_error())
    }

    /// The tree, whose counts stay here.
    fn tree_to_read(&mut self) -> Tree {
        let next = self.tree.again();
        std::mem::replace(&mut self.tree, next)
    }

    /// Ends the reader, once it has had the last answers.
    fn close(&mut self, answers: &mut Vec<u8>) {
        if let Some(feed) = &mut self.feed {
            self.sender.take_answers(answers);
            feed.answer(answers);
            let is_success = matches!(self.sender.result(), Some(Ok(())));
            feed.close(if is_success { CLOSING } else { Duration::ZERO });
        }
    }

    /// Reports progress, and what the reader has reported; returns whether to continue.
    fn report(&mut self, on_event: &mut dyn FnMut(&SendEvent<'_>) -> bool) -> bool {
        let mut goes_on = true;
        if let Some(feed) = &mut self.feed {
            let (events, unreported) = feed.take_events();
            for event in &events {
                if let super::tree::TreeEvent::Finished(finished) = event {
                    self.unlisted = finished.unlisted;
                    continue;
                }
                goes_on &= on_event(&SendEvent::Entry(event));
            }
            if unreported > 0 {
                goes_on &= on_event(&SendEvent::More(unreported));
            }
        }
        goes_on & on_event(&SendEvent::Progress(&self.progress()))
    }

    /// Sends what may leave, up to a few runs; returns how many.
    fn transmit(&mut self) -> Result<usize> {
        for runs in 0..BURST {
            let now = self.now();
            let source: &dyn Source = match &self.feed {
                Some(feed) => feed,
                None => &NotYet,
            };
            let Some(run) = self.sender.poll_transmit(now, source) else {
                return Ok(runs);
            };
            let mut parts = [IoSlice::new(&[]); Run::MAX_PARTS];
            let count = run.gather(source, &mut parts);
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
            _ => self.on_error(error),
        }
    }

    /// An error that may pass, or not.
    fn on_error(&mut self, error: Error) -> Result<()> {
        // It does not matter what a finished receiver no longer receives.
        if self.sender.result().is_some() || self.sender.is_done() {
            return Ok(());
        }
        let errno = error.errno().unwrap_or_default();
        let is_local = matches!(
            errno,
            libc::EPERM | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL | libc::EINVAL
        );
        if !is_local && !error.is_about_the_network() {
            return Err(error);
        }
        let is_open = self.sender.is_open() || self.is_again;
        let is_patient = match errno {
            libc::ECONNREFUSED => self.is_again || is_open && self.config.resume,
            libc::EINVAL | libc::EADDRNOTAVAIL => is_open,
            _ => is_open || is_local,
        };
        if !is_patient {
            self.refusals += 1;
            if is_local || self.refusals >= REFUSALS || !is_open {
                // The receiver's last frame may have arrived before it was gone, and waits behind
                // the error.
                self.drain();
                return match self.sender.result() {
                    Some(_) => Ok(()),
                    None => Err(error),
                };
            }
        }
        let now = self.now();
        self.sender.on_send_failed(now);
        let tried = self.trouble.map(|(_, tried)| tried);
        if tried.is_none_or(|tried| now.saturating_sub(tried) >= REBIND) {
            self.trouble = Some((errno, now));
            if errno != libc::ECONNREFUSED {
                self.rebind();
            }
        }
        Ok(())
    }

    /// Makes another socket: the address of this one may no longer exist.
    fn rebind(&mut self) {
        let Ok(mut other) = endpoint(self.config, self.destination) else {
            return;
        };
        let local = |endpoint: &Endpoint| endpoint.local_address().map(|address| address.ip());
        let is_other = match (local(&other), local(self.transport.endpoint())) {
            (Ok(new), Ok(old)) => new != old,
            _ => false,
        };
        // One that cannot be exchanged goes on as it is.
        if is_other && self.transport.swap_socket(&mut other).is_ok() {
            self.is_marking = false;
        }
    }

    /// Marks datagrams with ECT(0), or no longer.
    fn mark(&mut self) -> Result<()> {
        let is_marking = self.sender.ecn() == Ecn::Ect0;
        if is_marking == self.is_marking {
            return Ok(());
        }
        self.is_marking = is_marking;
        if !set_ecn(&mut self.transport, self.destination, is_marking) {
            self.sender.disable_ecn();
            self.is_marking = false;
        }
        Ok(())
    }

    /// Nobody is there any more, or never was.
    fn lost(&mut self, error: Error) -> Ended {
        if self.sender.is_open() {
            // What was sent until then is reported.
            let errno = error.errno().unwrap_or_default();
            self.peer_lost = Some(Failure::Unreachable(errno));
            return Ended::Over;
        }
        Ended::NobodyThere(error)
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

    /// Waits for an answer, for more of the stream, or until something is due, and at most `most`.
    fn receive(&mut self, most: Duration, stop: &AtomicBool) -> Result<()> {
        let now = self.now();
        let deadline = self.sender.poll_timeout().unwrap_or_default();
        // A sign of life is due even if nothing is.
        let deadline = deadline.min(now.saturating_add(most.min(SIGN_OF_LIFE)));
        // A signal that arrived since the last wait does not end this one.
        let wait = if most.is_zero() || stop.load(Ordering::Relaxed) {
            Wait::Never
        } else {
            Wait::Until(units::after(self.start, deadline))
        };
        let (start, sender) = (self.start, &mut self.sender);
        let mut is_valid = false;
        let received = self.transport.receive(wait, |message, _| {
            let now = start.elapsed();
            for datagram in message.datagrams() {
                // Datagrams that are not of this transfer are counted there.
                is_valid |= sender.handle_datagram(now, datagram).is_ok();
            }
        });
        if is_valid {
            (self.refusals, self.trouble) = (0, None);
        }
        match received {
            Ok(_) => Ok(()),
            Err(error) if error.errno() == Some(libc::EMSGSIZE) => Ok(()),
            Err(error) => self.on_error(error),
        }
    }

    /// Whether this address has never answered.
    pub(super) fn is_unanswered(&self) -> bool {
        let is_silent = matches!(self.sender.result(), Some(Err(Failure::Silent(_))));
        is_silent && self.sender.round_trip().is_none()
    }

    /// Bytes of the stream that have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.sender.released()
    }

    fn progress(&self) -> Progress {
        let is_done = self.sender.is_done();
        // What was read has not all arrived.
        let read = self.feed.as_ref().map_or(0, Feed::end);
        let under_way = read.saturating_sub(self.sender.released());
        let bytes = self.counts.bytes();
        let totals = self.counts.totals();
        let total = totals.filter(|totals| *totals != (1, 0));
        Progress {
            bytes: if is_done {
                bytes
            } else {
                bytes.saturating_sub(under_way)
            },
            resumed: self.counts.kept(),
            total: total.map(|(_, bytes)| bytes).or(self.tree.roots().size()),
            entries: self.counts.done(),
            total_entries: totals.map(|(entries, _)| entries),
            file: None,
            activity: match self.sender.status() {
                Status::Checking { done, total } => Activity::Checking { done, total },
                Status::Storing if self.sender.released() == read => Activity::Finishing,
                Status::Storing => Activity::Storing,
                _ => Activity::Transferring,
            },
            elapsed: self.opened.unwrap_or(self.start).elapsed(),
        }
    }

    pub(super) fn end(self) -> Result<Sent> {
        let outcome = match (&self.peer_lost, self.sender.result(), self.trouble) {
            (Some(failure), ..) => Err(failure.clone()),
            (_, Some(Err(Failure::Silent(_))), Some((errno, _))) => {
                Err(Failure::Unreachable(errno))
            }
            (_, Some(Err(failure)), _) => Err(failure.clone()),
            _ => Ok(()),
        };
        let counters = self.transport.counters();
        Ok(Sent {
            outcome,
            destination: self.destination,
            local: self.transport.endpoint().local_address()?,
            progress: self.progress(),
            failed: self.counts.failed() + self.unlisted,
            equal: self.counts.equal(),
            is_keyed: self.sender.is_keyed(),
            counts: self.sender.counts(),
            round_trip: self.sender.round_trip(),
            datagram_size: self.sender.datagram_size(),
            limit: self.sender.limits().dominant(),
            backend: self.transport.backend(),
            syscalls: counters.syscalls,
        })
    }
}

/// A socket that is connected to the receiver.
fn endpoint(config: &SendConfig, destination: SocketAddr) -> Result<Endpoint> {
    let endpoint = Endpoint::builder()
        .path_mtu_discovery(PathMtuDiscovery::Probe)
        .options(config.options.iter().cloned())
        .unbound(Family::of(destination))?;
    endpoint.connect(destination)?;
    Ok(endpoint)
}

/// Sets the two bits of ECN in the TOS byte of what is sent; returns whether that is possible.
fn set_ecn(transport: &mut Transport, destination: SocketAddr, is_marking: bool) -> bool {
    let bits = if is_marking { 0b10 } else { 0 };
    let endpoint = transport.endpoint();
    let is_v4 = destination.ip().to_canonical().is_ipv4();
    if is_v4 {
        let set = option::IP_TOS.get(endpoint);
        set.is_ok_and(|tos| option::IP_TOS.set(endpoint, tos & !3 | bits).is_ok())
    } else {
        let set = option::IPV6_TCLASS.get(endpoint);
        let bits = i32::from(bits);
        set.is_ok_and(|tos| option::IPV6_TCLASS.set(endpoint, tos & !3 | bits).is_ok())
    }
}

/// The longest datagram that the first hop carries, in bytes of UDP payload.
fn first_hop(endpoint: &Endpoint, destination: SocketAddr) -> Result<u16> {
    let mtu = endpoint.path_mtu()? as usize;
    let max_datagram = mtu.saturating_sub(Family::on_the_wire(destination).headers());
    // Runs are limited by the size of an IPv4 datagram.
    Ok(u16::try_from(max_datagram.min(65_507)).unwrap_or(u16::MAX))
}

/// What is sent before the receiver has agreed: nothing is read.
struct NotYet;

impl Source for NotYet {
    fn available(&self) -> u64 {
        0
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn digest(&self) -> Digesting {
        Digesting::Pending
    }

    fn bytes(&self, _: u64, _: usize) -> &[u8] {
        &[]
    }
}

/// How often progress is reported while nothing happens.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
