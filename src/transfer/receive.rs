//! The receiving end on a real socket.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::event::Observer;
use super::sessions::Sessions;
use super::target::Destination;
use super::{PROGRESS, ReceiveConfig, ReceiveEvent, Tally};
use crate::error::{Error, Result};
use crate::io::{Backend, Transport, TransportConfig, Wait};
use crate::socket::{Builder, Endpoint, Waker, option};
use crate::units;

/// How often to check whether a file is stored.
const TICK: Duration = Duration::from_millis(2);
/// Messages per system call: whole runs, whose memory should stay in the cache.
const BATCH: usize = 4;

/// A socket that receives streams.
pub struct Receiving {
    transport: Transport,
    sessions: Sessions,
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
        let destination = Destination::open(config.target, false)?;
        let builder = Endpoint::builder()
            .packet_info(config.address.ip().is_unspecified())
            .options(config.options);
        let endpoint = socket(builder, config.address)?;
        let settings = TransportConfig {
            batch: BATCH,
            ..TransportConfig::bulk()
        };
        let transport = Transport::open(endpoint, config.choice, settings)?;
        let shown = transport.endpoint().get(option::SO_RCVBUF)?;
        // The kernel counts the memory of a datagram, nearly twice its payload for single
        // datagrams.
        let room = shown as u64 / 2;
        let mut sessions = Sessions::new(super::random_key()?, destination, room);
        sessions.count = config.count;
        sessions.max_transfers = config.max_transfers.max(1);
        sessions.timeout = config.timeout;
        Ok(Self {
            transport,
            sessions,
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
    /// The errors of eventfd(2).
    pub fn waker(&mut self) -> Result<Waker> {
        let waker = Waker::new()?;
        self.transport.wake_by(waker.clone());
        Ok(waker)
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
        let received = self.receive_all(stop, &mut observer);
        observer.finish(received)
    }

    fn receive_all<E: From<Error>, F>(
        &mut self,
        stop: &AtomicBool,
        observer: &mut Observer<F, E>,
    ) -> Result<Tally>
    where
        F: FnMut(&ReceiveEvent<'_>) -> Result<(), E>,
    {
        let mut drops = self.transport.endpoint().kernel_drops().unwrap_or(0);
        let began = self.start.elapsed();
        loop {
            // A signal that arrived since the last wait does not end this one.
            let wait = if observer.has_failed() || stop.load(Ordering::Relaxed) {
                Wait::Never
            } else {
                self.wait()
            };
            self.receive(wait, &mut |event| {
                observer.report(event);
            })?;
            let now = self.start.elapsed();
            let is_stopped = observer.has_failed() || stop.load(Ordering::Relaxed);
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
            self.sessions.report(is_time, &mut |event| {
                observer.report(event);
            });
            if self.sessions.jobs.is_empty() && (is_stopped || self.sessions.has_enough()) {
                return Ok(self.sessions.tally);
            }
            let nobody = self.sessions.jobs.is_empty() && self.sessions.tally == Tally::default();
            if let (true, Some(patience)) = (nobody, self.patience)
                && now.saturating_sub(began) >= patience
            {
                let late = std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    format!("no sender for {patience:?}"),
                );
                return Err(Error::os("receive on", self.address()?, late));
            }
        }
    }

    fn wait(&self) -> Wait {
        if self.sessions.is_storing() {
            return Wait::For(TICK);
        }
        let is_idle = self.sessions.jobs.is_empty();
        let patience = self.patience.filter(|_| is_idle);
        // Even if nothing more arrives, earlier progress is reported.
        let progress = (self.reported.1 && !is_idle).then(|| self.reported.0 + PROGRESS);
        match self
            .sessions
            .deadlines()
            .chain(patience)
            .chain(progress)
            .min()
        {
            Some(deadline) => Wait::Until(units::after(self.start, deadline)),
            None => Wait::Forever,
        }
    }

    fn receive(&mut self, wait: Wait, on_event: &mut dyn FnMut(&ReceiveEvent<'_>)) -> Result<()> {
        let (start, sessions) = (self.start, &mut self.sessions);
        let received = self.transport.receive(wait, |message, send_queue| {
            sessions.handle_message(start.elapsed(), message, send_queue, on_event);
        });
        match received {
            Ok(count) => {
                self.reported.1 |= count > 0;
                Ok(())
            }
            Err(error) if error.is_about_the_network() => Ok(()),
            Err(error) => Err(error),
        }
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
