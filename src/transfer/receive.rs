//! The receiving end on a real socket.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::desk::Desk;
use super::target::Place;
use super::{Event, PROGRESS, TIMEOUT, Tally, Target};
use crate::error::{Error, Result};
use crate::io::{Choice, Rung, Settings, Transport, Wait};
use crate::socket::options::{Setting, SocketOption};
use crate::socket::{Endpoint, Waker};
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
    pub most: usize,
    /// How long a sender may be silent before it counts as gone.
    pub timeout: Duration,
    /// How long to wait for the first sender; for ever if not given.
    pub patience: Option<Duration>,
    /// Options of the socket.
    pub options: Vec<Setting>,
    /// The rung.
    pub choice: Choice,
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
            most: 16,
            timeout: TIMEOUT,
            patience: None,
            options: Vec::new(),
            choice: Choice::Auto,
        }
    }
}

/// A socket that streams come to.
pub struct Receiving {
    transport: Transport,
    desk: Desk,
    patience: Option<Duration>,
    start: Instant,
    /// When progress was told last, and whether anything came since.
    told: (Duration, bool),
}

impl Receiving {
    /// Binds a socket, and opens what the stream goes to: what is wrong with it is told before
    /// anybody sends.
    ///
    /// # Errors
    /// Of the socket's calls, and of the file's.
    pub fn open(config: ReceiveConfig) -> Result<Self> {
        let place = Place::open(config.target, config.resume)?;
        let endpoint = Endpoint::builder()
            .packet_info(config.address.ip().is_unspecified())
            .options(config.options)
            .bind(config.address)?;
        let settings = Settings {
            batch: BATCH,
            ..Settings::default()
        };
        let transport = Transport::open(endpoint, config.choice, settings)?;
        let shown = SocketOption::find("SO_RCVBUF")?
            .get(transport.endpoint().as_fd())?
            .to_string();
        // The kernel reckons what a datagram occupies, nearly twice its payload where they come one
        // by one.
        let room = shown.parse::<u64>().unwrap_or(212_992) / 2;
        let mut desk = Desk::new(super::random_key()?, place, room);
        desk.count = config.count;
        desk.most = config.most.max(1);
        desk.timeout = config.timeout;
        Ok(Self {
            transport,
            desk,
            patience: config.patience,
            start: Instant::now(),
            told: (Duration::ZERO, false),
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

    /// The rung that it rides.
    pub fn rung(&self) -> Rung {
        self.transport.rung()
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
    pub fn run(&mut self, stop: &AtomicBool, observe: &mut dyn FnMut(Event<'_>)) -> Result<Tally> {
        let mut drops = self.transport.endpoint().kernel_drops().unwrap_or(0);
        let began = self.start.elapsed();
        loop {
            self.receive(stop, observe)?;
            let now = self.start.elapsed();
            let is_stopped = stop.load(Ordering::Relaxed);
            self.desk.settle(now, is_stopped);
            self.desk.speak(now, &mut self.transport.outbox());
            let is_time = now.saturating_sub(self.told.0) >= PROGRESS;
            if is_time {
                self.told = (now, false);
                let newly = self.transport.endpoint().kernel_drops().unwrap_or(drops);
                if newly != drops {
                    drops = newly;
                    self.desk.overflowed();
                }
            }
            self.desk.tell(is_time, observe);
            if self.desk.jobs.is_empty() && (is_stopped || self.desk.has_enough()) {
                return Ok(self.desk.tally);
            }
            let nobody = self.desk.jobs.is_empty() && self.desk.tally == Tally::default();
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
        if self.desk.is_storing() {
            return Wait::For(TICK);
        }
        let is_idle = self.desk.jobs.is_empty();
        let patience = self.patience.filter(|_| is_idle);
        // Where nothing more comes, what did come is told nevertheless.
        let progress = (self.told.1 && !is_idle).then(|| self.told.0 + PROGRESS);
        match self.desk.deadlines().chain(patience).chain(progress).min() {
            Some(deadline) => Wait::Until(units::after(self.start, deadline)),
            None => Wait::Forever,
        }
    }

    fn receive(&mut self, stop: &AtomicBool, observe: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let wait = self.wait();
        let (start, desk) = (self.start, &mut self.desk);
        let received = self.transport.receive(wait, stop, |arrival, outbox| {
            desk.take(start.elapsed(), arrival, outbox, observe);
        });
        match received {
            Ok(count) => {
                self.told.1 |= count > 0;
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
            .field("transfers", &self.desk.jobs.len())
            .finish_non_exhaustive()
    }
}
