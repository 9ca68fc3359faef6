//! The receiving end on a real socket.

use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::disk::{Compare, Options};
use super::event::Observer;
use super::message::Message;
use super::sessions::{OnEvent, Sessions};
use super::{PROGRESS, ReceiveConfig, ReceiveEvent, Tally};
use crate::error::{Error, Result};
use crate::io::{Backend, Transport, TransportConfig, Wait};
use crate::socket::{Builder, Endpoint, ReceiveBuffer, Waker, option};
use crate::units;

/// How often to look at a disk that is slow to keep what there is of a failed transfer.
const TICK: Duration = Duration::from_millis(10);
/// How often the progress of a transfer is reported while nothing arrives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// Messages per system call: whole runs, whose memory should stay in the cache.
const BATCH: usize = 4;

/// A socket that receives streams.
pub struct Receiving {
    transport: Transport,
    waker: Waker,
    sessions: Sessions,
    /// One for each message of a batch. A transfer may keep a full one, and leave another.
    buffers: [Vec<u8>; BATCH],
    messages: Vec<Message>,
    patience: Option<Duration>,
    start: Instant,
    /// When progress was last reported, and whether anything arrived since.
    reported: (Duration, bool),
}

impl Receiving {
    /// Binds a socket, and opens the target of the stream, so that errors are reported before
    /// anybody sends.
    ///
    /// # Errors
    /// The errors of the socket's calls, and of the file's.
    pub fn new(config: ReceiveConfig) -> Result<Self> {
        Self::open(config, |builder, address| builder.bind(address))
    }

    /// As [`Self::new`], on a socket that is bound to [`ReceiveConfig::address`] already.
    ///
    /// # Errors
    /// The errors of [`Self::new`].
    pub fn adopt(fd: OwnedFd, config: ReceiveConfig) -> Result<Self> {
        Self::open(config, |builder, _| builder.adopt(fd))
    }

    fn open(
        config: ReceiveConfig,
        socket: impl FnOnce(Builder, SocketAddr) -> Result<Endpoint>,
    ) -> Result<Self> {
        let waker = Waker::new()?;
        let options = Options {
            overwrite: config.overwrite,
            resume: config.resume,
            compare: if config.checksum {
                Compare::Digest
            } else {
                Compare::SizeAndTime
            },
            ..Options::default()
        };
        let (key, max_transfers) = (config.key, config.max_transfers);
        let mut sessions =
            Sessions::new(key, config.target, options, max_transfers, waker.clone())?;
        let builder = Endpoint::builder()
            .packet_info(config.address.ip().is_unspecified())
            .receive_tos()
            .options(config.options);
        let endpoint = socket(builder, config.address)?;
        let settings = TransportConfig {
            batch: BATCH,
            ..TransportConfig::bulk()
        };
        let mut transport = Transport::open(endpoint, config.choice, settings)?;
        transport.wake_by(waker.clone());
        let shown = transport.endpoint().get(option::SO_RCVBUF)?;
        // The kernel counts the memory of a datagram, nearly twice its payload for single
        // datagrams.
        sessions.room = shown as u64 / 2;
        sessions.count = config.count;
        sessions.timeout = config.timeout;
        if let Some(bytes) = config.max_window {
            sessions.max_window = bytes;
        }
        sessions.from = config.from;
        Ok(Self {
            transport,
            waker,
            sessions,
            buffers: std::array::from_fn(|_| vec![0; ReceiveBuffer::DEFAULT_CAPACITY]),
            messages: Vec::with_capacity(BATCH),
            patience: config.patience,
            start: Instant::now(),
            reported: (Duration::ZERO, false),
        })
    }

    /// The address that it listens at.
    ///
    /// # Errors
    /// The errors of getsockname(2).
    pub fn address(&self) -> Result<SocketAddr> {
        self.transport.endpoint().local_address()
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        self.transport.endpoint()
    }

    /// The backend that it uses.
    pub fn backend(&self) -> Backend {
        self.transport.backend()
    }

    /// A waker that ends a wait of [`Self::run`] from another thread.
    ///
    /// # Errors
    /// None at present.
    pub fn waker(&mut self) -> Result<Waker> {
        Ok(self.waker.clone())
    }

    /// Receives until [`ReceiveConfig::count`] transfers have ended, or a signal handler raises
    /// `stop`. Then, and when `on_event` returns an error, the senders are notified that their
    /// transfers end.
    ///
    /// The error of `on_event`; the errors of the socket's calls; `TimedOut` if no sender appeared
    /// within [`ReceiveConfig::patience`].
    pub fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        on_event: impl FnMut(&ReceiveEvent<'_>) -> Result<(), E>,
    ) -> Result<Tally, E> {
        let mut observer = Observer::new(on_event);
        let received = self.receive_all(stop, &mut |event| {
            observer.report_with(|on_event| on_event(event))
        });
        observer.finish(received)
    }

    /// `on_event` returns whether to continue.
    fn receive_all(
        &mut self,
        stop: &AtomicBool,
        on_event: &mut dyn FnMut(&ReceiveEvent<'_>) -> bool,
    ) -> Result<Tally> {
        let mut drops = self.transport.endpoint().kernel_drops().unwrap_or(0);
        let deadline = self
            .patience
            .map(|wait| self.start.elapsed().saturating_add(wait));
        let mut has_failed = false;
        loop {
            // A signal that arrived since the last wait does not end this one.
            let wait = if has_failed || stop.load(Ordering::Relaxed) {
                Wait::For(TICK)
            } else {
                self.wait(deadline)
            };
            self.receive(wait, &mut |event| has_failed |= !on_event(event))?;
            let now = self.start.elapsed();
            let is_stopped = has_failed || stop.load(Ordering::Relaxed);
            self.sessions.advance(now, is_stopped);
            self.sessions
                .transmit(now, &mut self.transport.send_queue());
            let is_time = now.saturating_sub(self.reported.0) >= PROGRESS;
            if is_time {
                self.reported = (now, false);
                let newly = self.transport.endpoint().kernel_drops().unwrap_or(drops);
                if newly != drops {
                    drops = newly;
                    self.sessions.on_buffer_overflow();
                }
            }
            self.sessions
                .report(is_time, &mut |event| has_failed |= !on_event(event));
            let is_done = is_stopped && self.sessions.jobs.is_empty();
            if is_done || self.sessions.has_enough() && self.sessions.is_left(now) {
                return Ok(self.sessions.tally);
            }
            if self.sessions.is_unused() && deadline.is_some_and(|deadline| now >= deadline) {
                let patience = self.patience.unwrap_or_default();
                let late = std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    format!("no sender for {patience:?}"),
                );
                return Err(Error::os("receive on", self.address()?, late));
            }
        }
    }

    fn wait(&self, deadline: Option<Duration>) -> Wait {
        let patience = deadline.filter(|_| self.sessions.is_unused());
        // Even if nothing more arrives, progress is reported.
        let has_jobs = !self.sessions.is_unused() && !self.sessions.jobs.is_empty();
        let interval = if self.reported.1 {
            PROGRESS
        } else {
            SIGN_OF_LIFE
        };
        let progress = has_jobs.then(|| self.reported.0 + interval);
        let deadlines = self.sessions.deadlines();
        match deadlines.chain(patience).chain(progress).min() {
            Some(Duration::ZERO) => Wait::For(TICK),
            Some(deadline) => Wait::Until(units::after(self.start, deadline)),
            None => Wait::Forever,
        }
    }

    fn receive(&mut self, wait: Wait, on_event: OnEvent<'_>) -> Result<()> {
        let received = if self.transport.backend() == Backend::Uring {
            self.receive_from_ring(wait, on_event)
        } else {
            self.receive_batch(wait, on_event)
        };
        match received {
            Ok(count) => {
                self.reported.1 |= count > 0;
                Ok(())
            }
            Err(error) if error.is_about_the_network() => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn receive_batch(&mut self, wait: Wait, on_event: OnEvent<'_>) -> Result<usize> {
        let (messages, transport) = (&mut self.messages, &mut self.transport);
        messages.clear();
        let mut buffers = self
            .buffers
            .each_mut()
            .map(|buffer| IoSliceMut::new(buffer));
        let count = transport.receive_into(wait, &mut buffers, |received| {
            messages.push(Message::of(received));
        })?;
        let now = self.start.elapsed();
        let send_queue = &mut transport.send_queue();
        for (message, buffer) in messages.iter().zip(&mut self.buffers) {
            (self.sessions).handle_message(now, message, buffer, send_queue, on_event);
        }
        Ok(count)
    }

    /// Its buffers belong to the kernel.
    fn receive_from_ring(&mut self, wait: Wait, on_event: OnEvent<'_>) -> Result<usize> {
        let (start, sessions) = (self.start, &mut self.sessions);
        let [buffer, ..] = &mut self.buffers;
        self.transport.receive(wait, |received, send_queue| {
            let bytes = received.bytes();
            // Not longer than any datagram can be.
            buffer.resize(buffer.len().max(bytes.len()), 0);
            buffer[..bytes.len()].copy_from_slice(bytes);
            let message = Message::of(received);
            sessions.handle_message(start.elapsed(), &message, buffer, send_queue, on_event);
        })
    }
}

impl std::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiving")
            .field("transport", &self.transport)
            .field("transfers", &self.sessions.jobs.len())
            .finish_non_exhaustive()
    }
}
