//! An endpoint and the backend that moves its datagrams.

use std::fmt;
use std::hint;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};

use super::backend::{Backend, BackendChoice, TransportConfig};
use super::coalesce::{Limits, Queue};
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use super::open::{QUEUE, best, check, engine, raise};
use super::received::Received;
use super::send::Sent;
use super::send_queue::SendQueue;
use crate::error::{Error, Result};
use crate::socket::{Endpoint, Waker, option, timespec};
use crate::units::LONGEST;

/// How often a receive looks at the flag where nothing wakes it.
const TICK: Duration = Duration::from_millis(100);

/// While it spins, a receive reads the clock and the flag once in so many turns.
const SPINS: u32 = 64;

/// How long a receive waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until something comes, or a signal after `stop` was raised.
    Forever,
    /// So long, counted anew after a signal. The cheap way: the socket keeps the time.
    For(Duration),
    /// Until that moment.
    Until(Instant),
    /// Not at all.
    Never,
}

/// An endpoint and the backend that moves its datagrams. The contract is at the head of [`crate::io`].
pub struct Transport {
    // Before the endpoint, whose descriptor a ring still uses while it is dropped.
    engine: Box<dyn Engine>,
    endpoint: Endpoint,
    backend: Backend,
    passed_over: Vec<Error>,
    spin: bool,
    takes_payload: bool,
    is_nonblocking: bool,
    /// `SO_RCVTIMEO` as it was set last.
    timeout: Option<Duration>,
    queue: Queue,
    limits: Limits,
    counters: Counters,
    sent: Sent,
    waker: Option<Waker>,
}

impl Transport {
    /// Puts an endpoint on a backend. What its options bring beside each datagram must be set by now.
    ///
    /// # Errors
    /// Of kind `Unsupported`, with the errno, if this kernel lacks the backend or forbids it; of
    /// setsockopt(2); and for settings out of range.
    pub fn open(
        mut endpoint: Endpoint,
        choice: BackendChoice,
        settings: TransportConfig,
    ) -> Result<Self> {
        check(&settings)?;
        if let Some(bytes) = settings.socket_buffers {
            for option in [option::SO_RCVBUF, option::SO_SNDBUF] {
                raise(&endpoint, option, bytes)?;
            }
        }
        let mut passed_over = Vec::new();
        let (backend, engine) = match choice {
            BackendChoice::Only(backend) => (backend, engine(backend, &mut endpoint, &settings)?),
            BackendChoice::Auto => best(&mut endpoint, &settings, &mut passed_over)?,
        };
        Ok(Self {
            engine,
            backend,
            passed_over,
            spin: settings.spin,
            takes_payload: settings.capacity > 0,
            is_nonblocking: endpoint.is_nonblocking(),
            timeout: None,
            queue: Queue::new(settings.batch, QUEUE),
            limits: match backend {
                Backend::Offload => Limits::MOST,
                _ => Limits::NONE,
            },
            counters: Counters::default(),
            sent: Sent::default(),
            waker: None,
            endpoint,
        })
    }

    /// Has `waker` end a receive that waits, for whoever raises its flag without a signal. Each
    /// receive that waits then costs a poll; on the backend `uring` it looks at the flag ten times a
    /// second instead.
    pub fn wake_by(&mut self, waker: Waker) {
        self.waker = Some(waker);
    }

    /// The backend that it is on.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Why `auto` did not take a better backend: an error for each that it tried before.
    pub fn passed_over(&self) -> &[Error] {
        &self.passed_over
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Receives what has come, waiting for at least one message, and visits each message in turn.
    /// Returns how many datagrams these were; 0 if the wait ended without one.
    ///
    /// What the visitor puts into the send_queue goes with the next flush.
    ///
    /// # Errors
    /// Of recvmsg(2): ECONNREFUSED and its like tell of datagrams sent earlier
    /// ([`Error::is_about_the_network`]), and the next receive goes on.
    pub fn receive(
        &mut self,
        wait: Wait,
        stop: &AtomicBool,
        mut visit: impl FnMut(&Received<'_>, &mut SendQueue<'_>),
    ) -> Result<usize> {
        let messages = self.fetch(wait, stop)?;
        if messages == 0 {
            return Ok(0);
        }
        self.counters.batches += 1;
        let mut datagrams = 0;
        for index in 0..messages {
            let (message, sender) = self.engine.split(index);
            let Some(message) = message else {
                break;
            };
            let count = message.count();
            datagrams += count;
            self.counters.received_bytes += message.length() as u64;
            self.counters.runs += u64::from(count > 1);
            if message.is_truncated() && self.takes_payload {
                self.counters.truncated += 1;
            }
            let mut send_queue = SendQueue {
                endpoint: &self.endpoint,
                sender,
                queue: &mut self.queue,
                limits: &mut self.limits,
                counters: &mut self.counters,
                sent: &mut self.sent,
            };
            visit(&message, &mut send_queue);
        }
        self.engine.release();
        self.counters.received += datagrams as u64;
        Ok(datagrams)
    }

    /// The sending side.
    pub fn send_queue(&mut self) -> SendQueue<'_> {
        // Past the last message there is none, but a sender all the same.
        let (_, sender) = self.engine.split(usize::MAX);
        SendQueue {
            endpoint: &self.endpoint,
            sender,
            queue: &mut self.queue,
            limits: &mut self.limits,
            counters: &mut self.counters,
            sent: &mut self.sent,
        }
    }

    /// Exchanges the socket for another one, after what is queued has been sent over the first: so
    /// one transport serves many sockets, with one set of buffers.
    ///
    /// The other must have the same options beside each datagram and the same blocking mode, and
    /// `UDP_GRO` where the backend is `offload`. Receive with [`Wait::Never`] or [`Wait::Until`]: a
    /// timeout stays with the socket that it was set on.
    ///
    /// # Errors
    /// Of kind `Unsupported` on the backend `uring`, whose ring belongs to its socket; and if the other
    /// socket needs another space for control messages.
    pub fn swap_socket(&mut self, endpoint: &mut Endpoint) -> Result<()> {
        if self.engine.is_tied() {
            let tied = std::io::Error::new(ErrorKind::Unsupported, "it belongs to one socket");
            return Err(Error::unsupported(
                "exchange the socket of",
                self.backend,
                tied,
            ));
        }
        if endpoint.control_space() != self.endpoint.control_space() {
            let reason = "its options bring other control messages";
            return Err(Error::invalid("exchange", "a socket", reason));
        }
        self.send_queue().send_queued();
        std::mem::swap(&mut self.endpoint, endpoint);
        Ok(())
    }

    /// As [`SendQueue::flush`].
    pub fn flush(&mut self) -> Sent {
        self.send_queue().flush()
    }

    /// The next batch: how many messages it has, or 0 if the wait ended without one.
    fn fetch(&mut self, wait: Wait, stop: &AtomicBool) -> Result<usize> {
        // The kernel takes a timeout of 0 for none.
        let wait = match wait {
            Wait::For(Duration::ZERO) => Wait::Never,
            wait => wait,
        };
        let mut plan = Plan::new(wait);
        if !self.spin && !self.engine.times_itself() {
            let timeout = match wait {
                Wait::For(timeout) if !self.is_nonblocking => Some(timeout),
                _ => None,
            };
            let is_blocking = matches!(wait, Wait::For(_) | Wait::Forever);
            if is_blocking && timeout != self.timeout {
                self.endpoint.set_receive_timeout(timeout)?;
                self.counters.syscalls += 1;
                self.timeout = timeout;
            }
        }
        while !stop.load(Ordering::Relaxed) {
            let block_for = self.block_for(&mut plan);
            let fetched = self
                .engine
                .fetch(self.endpoint.as_fd(), block_for, &mut self.counters);
            match fetched {
                Ok(messages) => return Ok(messages),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.counters.would_block += 1;
                    if !self.wait_again(&mut plan, block_for)? {
                        break;
                    }
                }
                Err(error) => {
                    self.counters.errors += 1;
                    return Err(self.endpoint.receive_failure(error));
                }
            }
        }
        Ok(0)
    }

    /// How long the next call may wait by itself.
    fn block_for(&self, plan: &mut Plan) -> BlockFor {
        match plan.wait {
            _ if self.spin => BlockFor::None,
            Wait::Never => BlockFor::None,
            _ if self.waker.is_some() && !self.engine.times_itself() => BlockFor::None,
            Wait::Forever if self.waker.is_some() => BlockFor::AtMost(TICK),
            Wait::Forever => BlockFor::Endless,
            Wait::For(timeout) if self.engine.times_itself() => {
                BlockFor::AtMost(timeout.min(LONGEST))
            }
            Wait::For(_) => BlockFor::Endless,
            Wait::Until(end) if self.engine.times_itself() => {
                let left = end.saturating_duration_since(Instant::now());
                BlockFor::AtMost(left.min(LONGEST))
            }
            Wait::Until(_) => BlockFor::None,
        }
    }

    /// After a call that found nothing: says whether to call again, once that makes sense.
    fn wait_again(&mut self, plan: &mut Plan, block_for: BlockFor) -> Result<bool> {
        if self.spin {
            plan.spins = plan.spins.wrapping_add(1);
            hint::spin_loop();
            return Ok(plan.wait != Wait::Never
                && (!plan.spins.is_multiple_of(SPINS)
                    || plan.left().is_none_or(|left| !left.is_zero())));
        }
        let timeout = match (plan.wait, block_for) {
            (Wait::Never, _) | (Wait::For(_), BlockFor::AtMost(_)) => return Ok(false),
            // The call itself waited as long as it was to.
            (Wait::For(_), _) if !self.is_nonblocking && self.waker.is_none() => return Ok(false),
            _ => plan.left(),
        };
        if timeout.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        if self.engine.times_itself() {
            return Ok(true);
        }
        self.counters.syscalls += 1;
        let socket = PollFd::new(self.endpoint.as_fd(), PollFlags::POLLIN);
        let waker = match &self.waker {
            Some(waker) => PollFd::new(waker.as_fd(), PollFlags::POLLIN),
            None => socket.clone(),
        };
        let mut polled = [socket, waker];
        let polled = &mut polled[..1 + usize::from(self.waker.is_some())];
        let ready = ppoll(polled, timeout.map(timespec), None);
        if let ([_, woken], Some(waker)) = (&*polled, &self.waker)
            && ready.is_ok()
            && woken.any() == Some(true)
        {
            waker.reset();
        }
        match ready {
            Ok(0) => Ok(false),
            Ok(_) | Err(Errno::EINTR) => Ok(true),
            Err(errno) => Err(Error::os("wait for", "a datagram", errno.into())),
        }
    }
}

/// A wait that has begun.
struct Plan {
    wait: Wait,
    /// When [`Wait::For`] ends, once that is asked for.
    end: Option<Instant>,
    spins: u32,
}

impl Plan {
    fn new(wait: Wait) -> Self {
        Self {
            wait,
            end: None,
            spins: 0,
        }
    }

    /// How much time is left; `None` for all the time in the world.
    fn left(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let end = match self.wait {
            Wait::Forever => return None,
            Wait::Never => now,
            Wait::Until(end) => end,
            Wait::For(time) => match self.end {
                Some(end) => end,
                None => *self.end.insert(now.checked_add(time)?),
            },
        };
        Some(end.saturating_duration_since(now))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("backend", &self.backend)
            .field("endpoint", &self.endpoint)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
