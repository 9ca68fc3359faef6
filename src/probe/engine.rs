//! Probes many targets at once on one thread: sends the due questions at a limited rate, and receives
//! the replies.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Config;
use super::pace::Pace;
use super::payload::Nonce;
use super::session::{Next, ProbeSession};
use super::verdict::Finding;
use crate::error::{Error, Result};
use crate::socket::{PollSet, Readiness, ReceiveBuffer};
use crate::units;

/// The maximum number of targets in flight: each has a socket, and the usual limit is 1,024 files.
const MOST_AT_ONCE: usize = 512;

/// A probe of a list of targets.
#[derive(Debug)]
pub struct Probe {
    config: Config,
}

impl Probe {
    /// Makes a probe of the targets in `config`.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Probes all targets and reports each finding when it is known; returns early, without the rest,
    /// once a signal handler sets `stop`.
    ///
    /// # Errors
    /// The errors of `on_event`, socket(2), ppoll(2), and those of sendto(2) that the network did not
    /// cause, such as EMSGSIZE.
    pub fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        on_event: impl FnMut(&Finding) -> Result<(), E>,
    ) -> Result<(), E> {
        run(&self.config, stop, on_event)
    }
}

fn run<E: From<Error>>(
    config: &Config,
    stop: &AtomicBool,
    mut on_event: impl FnMut(&Finding) -> Result<(), E>,
) -> Result<(), E> {
    let mut engine = Engine::new(config);
    while !engine.is_done() && !stop.load(Ordering::Relaxed) {
        engine.launch()?;
        for target in std::mem::take(&mut engine.lacking) {
            on_event(&Finding::unsent(target, libc::EAFNOSUPPORT))?;
        }
        if engine.is_done() {
            break;
        }
        engine.send()?;
        engine.receive()?;
        let mut at = 0;
        while let Some(session) = engine.sessions.get(at) {
            if session.next == Next::Done {
                on_event(&engine.sessions.swap_remove(at).finish())?;
            } else {
                at += 1;
            }
        }
    }
    Ok(())
}

struct Engine<'a> {
    config: &'a Config,
    sessions: Vec<ProbeSession<'a>>,
    /// The number of targets that have been started.
    begun: usize,
    /// The limit of targets in flight: less than [`MOST_AT_ONCE`] if file descriptors are scarce.
    room: usize,
    pace: Pace,
    epoch: Instant,
    buffer: ReceiveBuffer,
    dice: RandomState,
    rolls: u64,
    seen: Vec<(usize, Readiness)>,
    /// Targets of a family for which no socket can be created.
    lacking: Vec<usize>,
}

impl<'a> Engine<'a> {
    fn new(config: &'a Config) -> Self {
        Self {
            config,
            sessions: Vec::new(),
            begun: 0,
            room: MOST_AT_ONCE,
            pace: Pace::new(config.rate),
            epoch: Instant::now(),
            buffer: ReceiveBuffer::new(),
            dice: RandomState::new(),
            rolls: 0,
            seen: Vec::new(),
            lacking: Vec::new(),
        }
    }

    fn is_done(&self) -> bool {
        self.sessions.is_empty() && self.begun == self.config.targets.len()
    }

    /// Starts one more target, if its first question may be sent now.
    fn launch(&mut self) -> Result<()> {
        let now = Instant::now();
        let may_send = self.pace.ready_at() <= now - self.epoch;
        if !may_send || !self.has_room() {
            return Ok(());
        }
        match ProbeSession::begin(self.config, self.begun, now) {
            Ok(session) => {
                self.begun += 1;
                self.sessions.push(session);
            }
            // No file descriptor is left: the targets in flight will release theirs.
            Err(error)
                if matches!(error.errno(), Some(libc::EMFILE | libc::ENFILE))
                    && !self.sessions.is_empty() =>
            {
                self.room = self.sessions.len();
            }
            // A kernel without IPv6: this is the finding for this target only.
            Err(error) if error.errno() == Some(libc::EAFNOSUPPORT) => {
                self.lacking.push(self.begun);
                self.begun += 1;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.begun < self.config.targets.len() && self.sessions.len() < self.room
    }

    /// Ends the waits that have expired, and sends the due questions as the rate allows.
    fn send(&mut self) -> Result<()> {
        for at in 0..self.sessions.len() {
            let now = Instant::now();
            if matches!(self.sessions[at].next, Next::Wait(end) if end <= now) {
                self.sessions[at].expire();
            }
            if matches!(self.sessions[at].next, Next::Send(due) if due <= now)
                && self.pace.take(now - self.epoch)
            {
                let nonce = self.nonce();
                self.sessions[at].send(nonce, &mut self.buffer)?;
            }
        }
        Ok(())
    }

    /// Waits for replies until something is due, and handles them.
    fn receive(&mut self) -> Result<()> {
        let wait = self.due().saturating_duration_since(Instant::now());
        let mut set = PollSet::new(self.sessions.iter().map(|session| &session.endpoint));
        self.seen.clear();
        self.seen.extend(set.wait(Some(wait))?);
        for at in 0..self.seen.len() {
            let (index, traffic) = self.seen[at];
            let session = &mut self.sessions[index];
            match traffic {
                Readiness::Datagram => session.receive_replies(&mut self.buffer)?,
                // A datagram may wait after the error: the next wait reports it.
                Readiness::Error if !session.receive_icmp(&mut self.buffer)? => {
                    session.clear_error()?
                }
                Readiness::Error => {}
            }
        }
        Ok(())
    }

    /// The time of the next action even if nothing arrives.
    fn due(&self) -> Instant {
        let ready = units::after(self.epoch, self.pace.ready_at());
        let mut due = if self.has_room() {
            ready
        } else {
            Instant::now() + Duration::from_secs(3600)
        };
        for session in &self.sessions {
            due = due.min(match session.next {
                Next::Send(at) => at.max(ready),
                Next::Wait(until) => until,
                Next::Done => self.epoch,
            });
        }
        due
    }

    /// Unpredictable bytes: SipHash with a key from the OS, by the standard library.
    fn nonce(&mut self) -> Nonce {
        let mut nonce = [0; 16];
        for half in nonce.chunks_exact_mut(8) {
            self.rolls += 1;
            let mut hasher = self.dice.build_hasher();
            hasher.write_u64(self.rolls);
            half.copy_from_slice(&hasher.finish().to_ne_bytes());
        }
        nonce
    }
}
