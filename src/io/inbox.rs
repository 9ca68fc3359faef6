//! The receiving side: a backend's engine, and how it waits.

use std::hint;
use std::io::ErrorKind;
use std::io::IoSliceMut;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};

use super::backend::TransportConfig;
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use super::wait::{Wait, Waiting};
use crate::error::{Error, Result};
use crate::socket::{Endpoint, Received, Waker, timespec};
use crate::units::LONGEST;

/// How often a ring looks at its waker, and how long a receive spins before its caller may look
/// around.
const TICK: Duration = Duration::from_millis(100);

/// While it spins, a receive reads the clock once in this many turns.
const SPINS: u32 = 64;

/// All that receiving needs but the socket.
pub(super) struct Inbox {
    engine: Box<dyn Engine>,
    is_spinning: bool,
    takes_payload: bool,
    is_nonblocking: bool,
    /// `SO_RCVTIMEO` as it was set last.
    timeout: Option<Duration>,
    pub(super) waker: Option<Waker>,
    pub(super) counters: Counters,
}

impl Inbox {
    pub(super) fn new(
        engine: Box<dyn Engine>,
        endpoint: &Endpoint,
        settings: &TransportConfig,
    ) -> Self {
        Self {
            engine,
            is_spinning: settings.spin,
            takes_payload: settings.capacity > 0,
            is_nonblocking: endpoint.is_nonblocking(),
            timeout: None,
            waker: None,
            counters: Counters::default(),
        }
    }

    /// Whether the engine serves only the socket that it was opened for.
    pub(super) fn is_tied(&self) -> bool {
        self.engine.is_tied()
    }

    /// Whether the last fetch left nothing in the socket, as far as the engine knows.
    #[cfg(feature = "tokio")]
    pub(super) fn has_drained(&self) -> bool {
        self.engine.has_drained()
    }

    /// The contract is [`super::Transport::receive`]'s.
    pub(super) fn receive(
        &mut self,
        endpoint: &Endpoint,
        wait: Wait,
        mut visit: impl FnMut(&Received<'_>),
    ) -> Result<usize> {
        let messages = self.fetch(endpoint, wait, |engine, block_for, counters| {
            engine.fetch(endpoint.as_fd(), block_for, counters)
        })?;
        Ok(self.visit(messages, &mut visit))
    }

    /// The contract is [`super::Transport::receive_into`]'s.
    pub(super) fn receive_into(
        &mut self,
        endpoint: &Endpoint,
        wait: Wait,
        buffers: &mut [IoSliceMut<'_>],
        mut visit: impl FnMut(&Received<'_>),
    ) -> Result<usize> {
        let messages = self.fetch(endpoint, wait, |engine, block_for, counters| {
            engine.fetch_into(endpoint.as_fd(), buffers, block_for, counters)
        })?;
        self.visit_in(messages, buffers, &mut visit);
        Ok(messages)
    }

    /// As [`Self::receive`], of what has come already; `None` if nothing has.
    pub(super) fn try_receive(
        &mut self,
        endpoint: &Endpoint,
        mut visit: impl FnMut(&Received<'_>),
    ) -> Result<Option<usize>> {
        let fetched = self.try_fetch(endpoint, |engine, counters| {
            engine.fetch(endpoint.as_fd(), BlockFor::None, counters)
        })?;
        Ok(fetched.map(|messages| self.visit(messages, &mut visit)))
    }

    /// As [`Self::try_receive`], into buffers of the caller: each message is in the buffer of its
    /// number. Returns how many messages these are.
    #[cfg(feature = "tokio")]
    pub(super) fn try_receive_into(
        &mut self,
        endpoint: &Endpoint,
        buffers: &mut [IoSliceMut<'_>],
        mut visit: impl FnMut(&Received<'_>),
    ) -> Result<Option<usize>> {
        let fetched = self.try_fetch(endpoint, |engine, counters| {
            engine.fetch_into(endpoint.as_fd(), buffers, BlockFor::None, counters)
        })?;
        if let Some(messages) = fetched {
            self.visit_in(messages, buffers, &mut visit);
        }
        Ok(fetched)
    }

    /// Hands over the messages of the last fetch into buffers of the caller.
    fn visit_in(
        &mut self,
        messages: usize,
        buffers: &[IoSliceMut<'_>],
        visit: &mut impl FnMut(&Received<'_>),
    ) {
        if messages == 0 {
            return;
        }
        self.counters.batches += 1;
        for (index, buffer) in buffers.iter().take(messages).enumerate() {
            if let Some(message) = self.engine.message_in(index, buffer) {
                self.counters.count_received(&message, true);
                visit(&message);
            }
        }
    }

    /// One fetch that does not wait; `None` if it would have to.
    fn try_fetch(
        &mut self,
        endpoint: &Endpoint,
        mut fetch: impl FnMut(&mut dyn Engine, &mut Counters) -> std::io::Result<usize>,
    ) -> Result<Option<usize>> {
        loop {
            match fetch(self.engine.as_mut(), &mut self.counters) {
                Ok(messages) => return Ok(Some(messages)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.counters.would_block += 1;
                    return Ok(None);
                }
                Err(error) => {
                    self.counters.errors += 1;
                    return Err(endpoint.receive_failure(error));
                }
            }
        }
    }

    /// Hands over the messages of the last fetch; returns how many datagrams they were.
    fn visit(&mut self, messages: usize, visit: &mut impl FnMut(&Received<'_>)) -> usize {
        if messages == 0 {
            return 0;
        }
        self.counters.batches += 1;
        let mut datagrams = 0;
        for index in 0..messages {
            let Some(message) = self.engine.message(index) else {
                break;
            };
            datagrams += self.counters.count_received(&message, self.takes_payload);
            visit(&message);
        }
        self.engine.release();
        datagrams
    }

    /// The next batch: how many messages it has, or 0 if the wait ended without one.
    fn fetch(
        &mut self,
        endpoint: &Endpoint,
        wait: Wait,
        mut fetch: impl FnMut(&mut dyn Engine, BlockFor, &mut Counters) -> std::io::Result<usize>,
    ) -> Result<usize> {
        let mut waiting = Waiting::new(wait);
        self.set_timeout(endpoint, waiting.wait)?;
        let mut spinning = Spinning::default();
        loop {
            let block_for = self.block_for(waiting.wait);
            let fetched = fetch(self.engine.as_mut(), block_for, &mut self.counters);
            match fetched {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.counters.would_block += 1;
                    let is_over = if self.is_spinning {
                        waiting.wait == Wait::Never || spinning.is_over(&mut waiting)
                    } else {
                        !self.wait_again(endpoint, &mut waiting, block_for)?
                    };
                    if is_over {
                        return Ok(0);
                    }
                }
                // A signal: the caller may want to look at what its handler changed.
                Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(0),
                Err(error) => {
                    self.counters.errors += 1;
                    return Err(endpoint.receive_failure(error));
                }
                Ok(messages) => return Ok(messages),
            }
        }
    }

    /// Has the socket keep the time, where the calls block and take no time of their own.
    fn set_timeout(&mut self, endpoint: &Endpoint, wait: Wait) -> Result<()> {
        if self.is_spinning || self.engine.times_itself() {
            return Ok(());
        }
        let timeout = match wait {
            Wait::Forever => None,
            Wait::For(_) if self.is_nonblocking => None,
            Wait::For(timeout) => Some(timeout),
            Wait::Until(_) | Wait::Never => return Ok(()),
        };
        if timeout != self.timeout {
            endpoint.set_receive_timeout(timeout)?;
            self.counters.syscalls += 1;
            self.timeout = timeout;
        }
        Ok(())
    }

    /// How long the next call may wait by itself.
    fn block_for(&self, wait: Wait) -> BlockFor {
        match wait {
            _ if self.is_spinning => BlockFor::None,
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

    /// After a call that found nothing: waits until it makes sense to call again; false if the time
    /// is over or the waker was used.
    fn wait_again(
        &mut self,
        endpoint: &Endpoint,
        waiting: &mut Waiting,
        block_for: BlockFor,
    ) -> Result<bool> {
        let timeout = match (waiting.wait, block_for) {
            (Wait::Never, _) | (Wait::For(_), BlockFor::AtMost(_)) => return Ok(false),
            // The call itself waited for that time.
            (Wait::For(_), _) if !self.is_nonblocking && self.waker.is_none() => return Ok(false),
            _ => waiting.left(),
        };
        if timeout.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        if self.engine.times_itself() {
            // A ring cannot wait for the waker: it looks at it ten times a second.
            return Ok(!self.waker.as_ref().is_some_and(Waker::take));
        }
        self.counters.syscalls += 1;
        let socket = PollFd::new(endpoint.as_fd(), PollFlags::POLLIN);
        let waker = match &self.waker {
            Some(waker) => PollFd::new(waker.as_fd(), PollFlags::POLLIN),
            None => socket.clone(),
        };
        let mut polled = [socket, waker];
        let polled = &mut polled[..1 + usize::from(self.waker.is_some())];
        match ppoll(polled, timeout.map(timespec), None) {
            Ok(0) => Ok(false),
            Ok(_) => {
                let is_woken = matches!(&*polled, [_, woken] if woken.any() == Some(true));
                Ok(!is_woken || !self.waker.as_ref().is_some_and(Waker::take))
            }
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(Error::os("wait for", "a datagram", errno.into())),
        }
    }
}

/// A receive that asks again and again.
#[derive(Default)]
struct Spinning {
    turns: u32,
    since: Option<Instant>,
}

impl Spinning {
    /// One turn; says whether it is to end.
    fn is_over(&mut self, waiting: &mut Waiting) -> bool {
        hint::spin_loop();
        self.turns = self.turns.wrapping_add(1);
        self.turns.is_multiple_of(SPINS)
            && (waiting.left().is_some_and(|left| left.is_zero())
                || self.since.get_or_insert_with(Instant::now).elapsed() >= TICK)
    }
}
