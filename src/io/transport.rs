//! An endpoint and the rung that moves its datagrams.

use std::fmt;
use std::hint;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};

use super::arrival::Arrival;
use super::choice::{Choice, Rung, Settings};
use super::coalesce::{Limits, Queue};
use super::counters::Counters;
use super::open::{QUEUE, best, check, engine, raise};
use super::outbox::Outbox;
use super::rung::{Engine, Patience};
use super::send::Sent;
use crate::error::{Error, Result};
use crate::socket::{Endpoint, Waker, timespec};
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

/// An endpoint and the rung that moves its datagrams. The contract is at the head of [`crate::io`].
pub struct Transport {
    // Before the endpoint, whose descriptor a ring still uses while it is dropped.
    engine: Box<dyn Engine>,
    endpoint: Endpoint,
    rung: Rung,
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
    /// Puts an endpoint on a rung. What its options bring beside each datagram must be set by now.
    ///
    /// # Errors
    /// Of kind `Unsupported`, with the errno, if this kernel lacks the rung or forbids it; of
    /// setsockopt(2); and for settings out of range.
    pub fn open(mut endpoint: Endpoint, choice: Choice, settings: Settings) -> Result<Self> {
        check(&settings)?;
        if let Some(bytes) = settings.socket_buffers {
            for name in ["SO_RCVBUF", "SO_SNDBUF"] {
                raise(&endpoint, name, bytes)?;
            }
        }
        let mut passed_over = Vec::new();
        let (rung, engine) = match choice {
            Choice::Only(rung) => (rung, engine(rung, &mut endpoint, &settings)?),
            Choice::Auto => best(&mut endpoint, &settings, &mut passed_over)?,
        };
        Ok(Self {
            engine,
            rung,
            passed_over,
            spin: settings.spin,
            takes_payload: settings.capacity > 0,
            is_nonblocking: endpoint.is_nonblocking(),
            timeout: None,
            queue: Queue::new(settings.batch, QUEUE),
            limits: match rung {
                Rung::Offload => Limits::MOST,
                _ => Limits::NONE,
            },
            counters: Counters::default(),
            sent: Sent::default(),
            waker: None,
            endpoint,
        })
    }

    /// Has `waker` end a receive that waits, for whoever raises its flag without a signal. Each
    /// receive that waits then costs a poll; on the rung `uring` it looks at the flag ten times a
    /// second instead.
    pub fn wake_by(&mut self, waker: Waker) {
        self.waker = Some(waker);
    }

    /// The rung that it is on.
    pub fn rung(&self) -> Rung {
        self.rung
    }

    /// Why `auto` did not take a better rung: an error for each that it tried before.
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
    /// What the visitor puts into the outbox goes with the next flush.
    ///
    /// # Errors
    /// Of recvmsg(2): ECONNREFUSED and its like tell of datagrams sent earlier
    /// ([`Error::is_about_the_network`]), and the next receive goes on.
    pub fn receive(
        &mut self,
        wait: Wait,
        stop: &AtomicBool,
        mut visit: impl FnMut(&Arrival<'_>, &mut Outbox<'_>),
    ) -> Result<usize> {
        let messages = self.fetch(wait, stop)?;
        if messages == 0 {
            return Ok(0);
        }
        self.counters.batches += 1;
        let mut datagrams = 0;
        for index in 0..messages {
            let (arrival, sender) = self.engine.split(index);
            let Some(arrival) = arrival else {
                break;
            };
            let count = arrival.count();
            datagrams += count;
            self.counters.received_bytes += arrival.length() as u64;
            self.counters.runs += u64::from(count > 1);
            if arrival.is_truncated() && self.takes_payload {
                self.counters.truncated += 1;
            }
            let mut outbox = Outbox {
                endpoint: &self.endpoint,
                sender,
                queue: &mut self.queue,
                limits: &mut self.limits,
                counters: &mut self.counters,
                sent: &mut self.sent,
            };
            visit(&arrival, &mut outbox);
        }
        self.engine.release();
        self.counters.received += datagrams as u64;
        Ok(datagrams)
    }

    /// The sending side.
    pub fn outbox(&mut self) -> Outbox<'_> {
        // Past the last message there is none, but a sender all the same.
        let (_, sender) = self.engine.split(usize::MAX);
        Outbox {
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
    /// `UDP_GRO` where the rung is `offload`. Receive with [`Wait::Never`] or [`Wait::Until`]: a
    /// timeout stays with the socket that it was set on.
    ///
    /// # Errors
    /// Of kind `Unsupported` on the rung `uring`, whose ring belongs to its socket; and if the other
    /// socket needs another space for control messages.
    pub fn exchange(&mut self, endpoint: &mut Endpoint) -> Result<()> {
        if self.engine.is_tied() {
            let tied = std::io::Error::new(ErrorKind::Unsupported, "it belongs to one socket");
            return Err(Error::unsupported(
                "exchange the socket of",
                self.rung,
                tied,
            ));
        }
        if endpoint.control_space() != self.endpoint.control_space() {
            let reason = "its options bring other control messages";
            return Err(Error::invalid("exchange", "a socket", reason));
        }
        self.outbox().send_queue();
        std::mem::swap(&mut self.endpoint, endpoint);
        Ok(())
    }

    /// As [`Outbox::flush`].
    pub fn flush(&mut self) -> Sent {
        self.outbox().flush()
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
            let patience = self.patience(&mut plan);
            let fetched = self
                .engine
                .fetch(self.endpoint.as_fd(), patience, &mut self.counters);
            match fetched {
                Ok(messages) => return Ok(messages),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.counters.would_block += 1;
                    if !self.wait_again(&mut plan, patience)? {
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
    fn patience(&self, plan: &mut Plan) -> Patience {
        match plan.wait {
            _ if self.spin => Patience::None,
            Wait::Never => Patience::None,
            _ if self.waker.is_some() && !self.engine.times_itself() => Patience::None,
            Wait::Forever if self.waker.is_some() => Patience::AtMost(TICK),
            Wait::Forever => Patience::Endless,
            Wait::For(timeout) if self.engine.times_itself() => {
                Patience::AtMost(timeout.min(LONGEST))
            }
            Wait::For(_) => Patience::Endless,
            Wait::Until(end) if self.engine.times_itself() => {
                let left = end.saturating_duration_since(Instant::now());
                Patience::AtMost(left.min(LONGEST))
            }
            Wait::Until(_) => Patience::None,
        }
    }

    /// After a call that found nothing: says whether to call again, once that makes sense.
    fn wait_again(&mut self, plan: &mut Plan, patience: Patience) -> Result<bool> {
        if self.spin {
            plan.spins = plan.spins.wrapping_add(1);
            hint::spin_loop();
            return Ok(plan.wait != Wait::Never
                && (!plan.spins.is_multiple_of(SPINS)
                    || plan.left().is_none_or(|left| !left.is_zero())));
        }
        let timeout = match (plan.wait, patience) {
            (Wait::Never, _) | (Wait::For(_), Patience::AtMost(_)) => return Ok(false),
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
            .field("rung", &self.rung)
            .field("endpoint", &self.endpoint)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
