//! The receiving end on a real socket.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::sessions::Sessions;
use super::target::Destination;
use super::{Event, PROGRESS, TIMEOUT, Tally, Target};
use crate::error::{Error, Result};
use crate::io::{Backend, BackendChoice, Transport, TransportConfig, Wait};
use crate::socket::options::{OptionValue, SocketOption};
use crate::socket::{Builder, Endpoint, Waker};
use crate::units;

/// How often it is looked whether a file is stored.
const TICK: Duration = Duration::from_millis(2);
/// Messages a system call: whole runs, whose memory should stay in the cache.
const BATCH: usize = 4;

/// What to receive, and how.
#[derive(Debug)]
pub struct ReceiveConfig {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where the stream goes.
    pub target: Target,
    /// Go on where an earlier transfer was cut off.
    pub resume: bool,
    /// End after so many transfers; a file and a stream take one.
    pub count: Option<u64>,
    /// At most so many at a time.
    pub max_transfers: usize,
    /// How long a sender may be silent before it counts as gone.
    pub timeout: Duration,
    /// How long to wait for the first sender; for ever if not given.
    pub patience: Option<Duration>,
    /// Options of the socket.
    pub options: Vec<OptionValue>,
    /// The backend.
    pub choice: BackendChoice,
}

impl ReceiveConfig {
    /// The defaults.
    pub fn new(address: SocketAddr, target: Target) -> Self {
        Self {
            address,
            count: match target {
                Target::Folder { .. } => None,
                _ => Some(1),
            },
            target,
            resume: false,
            max_transfers: 16,
            timeout: TIMEOUT,
            patience: None,
            options: Vec::new(),
            choice: BackendChoice::Auto,
        }
    }
}

/// A socket that streams come to.
pub struct Receiving {
    transport: Transport,
    sessions: Sessions,
    patience: Option<Duration>,
    start: Instant,
    /// When progress was told last, and whether anything came since.
    reported: (Duration, bool),
}

impl Receiving {
    /// Binds a socket, and opens what the stream goes to: what is wrong with it is told before
    /// anybody sends.
    ///
    /// # Errors
    /// Of the socket's calls, and of the file's.
    pub fn new(config: ReceiveConfig) -> Result<Self> {
        Self::open(config, |builder, address| builder.bind(address))
    }

    /// As [`Self::new`], on a socket that is bound to [`ReceiveConfig::address`] already.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn adopt(fd: OwnedFd, config: ReceiveConfig) -> Result<Self> {
        Self::open(config, |builder, _| builder.adopt(fd))
    }

    fn open(
        config: ReceiveConfig,
        socket: impl FnOnce(Builder, SocketAddr) -> Result<Endpoint>,
    ) -> Result<Self> {
        let destination = Destination::open(config.target, config.resume)?;
        let builder = Endpoint::builder()
            .packet_info(config.address.ip().is_unspecified())
            .options(config.options);
        let endpoint = socket(builder, config.address)?;
        let settings = TransportConfig {
            batch: BATCH,
            ..TransportConfig::default()
        };
        let transport = Transport::open(endpoint, config.choice, settings)?;
        let shown = SocketOption::find("SO_RCVBUF")?
            .get(transport.endpoint().as_fd())?
            .to_string();
        // The kernel reckons what a datagram occupies, nearly twice its payload where they come one
        // by one.
        let room = shown.parse::<u64>().unwrap_or(212_992) / 2;
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

    /// Where it listens.
    ///
    /// # Errors
    /// Of getsockname(2).
    pub fn address(&self) -> Result<SocketAddr> {
        self.transport.endpoint().local_address()
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        self.transport.endpoint()
    }

    /// The backend that it rides.
    pub fn backend(&self) -> Backend {
        self.transport.backend()
    }

    /// What ends a wait of [`Self::run`] from another thread.
    ///
    /// # Errors
    /// Of eventfd(2).
    pub fn waker(&mut self) -> Result<Waker> {
        let waker = Waker::new()?;
        self.transport.wake_by(waker.clone());
        Ok(waker)
    }

    /// Receives until as many transfers ended as it was to, or `stop` is raised by a signal.
    ///
    /// # Errors
    /// Of the socket's calls; `TimedOut` if nobody came for as long as
    /// [`ReceiveConfig::patience`] says.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        on_event: &mut dyn FnMut(&Event<'_>),
    ) -> Result<Tally> {
        let mut drops = self.transport.endpoint().kernel_drops().unwrap_or(0);
        let began = self.start.elapsed();
        loop {
            self.receive(stop, on_event)?;
            let now = self.start.elapsed();
            let is_stopped = stop.load(Ordering::Relaxed);
            self.sessions.settle(now, is_stopped);
            self.sessions
                .transmit(now, &mut self.transport.send_queue());
            let is_time = now.saturating_sub(self.reported.0) >= PROGRESS;
            if is_time {
                self.reported = (now, false);
                let newly = self.transport.endpoint().kernel_drops().unwrap_or(drops);
                if newly != drops {
                    drops = newly;
                    self.sessions.overflowed();
                }
            }
            self.sessions.tell(is_time, on_event);
            if self.sessions.jobs.is_empty() && (is_stopped || self.sessions.has_enough()) {
                return Ok(self.sessions.tally);
            }
            let nobody = self.sessions.jobs.is_empty() && self.sessions.tally == Tally::default();
            if let (true, Some(patience)) = (nobody, self.patience)
                && now.saturating_sub(began) >= patience
            {
                let late = std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    format!("nobody sent anything for {patience:?}"),
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
        // Where nothing more comes, what did come is told nevertheless.
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

    fn receive(&mut self, stop: &AtomicBool, on_event: &mut dyn FnMut(&Event<'_>)) -> Result<()> {
        let wait = self.wait();
        let (start, sessions) = (self.start, &mut self.sessions);
        let received = self.transport.receive(wait, stop, |message, send_queue| {
            sessions.take(start.elapsed(), message, send_queue, on_event);
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
