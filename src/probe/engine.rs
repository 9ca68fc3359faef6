//! Many targets at once, on one thread: what is due is sent at a polite rate, what comes is heard.

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

/// So many targets are asked at once: each has a socket, and 1,024 files are a usual limit.
const MOST_AT_ONCE: usize = 512;

/// Targets to be probed.
#[derive(Debug)]
pub struct Probe {
    config: Config,
}

impl Probe {
    /// Those that `config` names.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Probes all targets and tells each finding as it is made; returns early, and with less than all
    /// told, once `stop` is raised by a signal handler.
    ///
    /// # Errors
    /// That of `on_event`; of socket(2), ppoll(2), and of sendto(2) where the fault is not the network's,
    /// such as EMSGSIZE.
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
    /// How many targets have been begun.
    begun: usize,
    /// How many may be in flight: fewer than [`MOST_AT_ONCE`] where files are short.
    room: usize,
    pace: Pace,
    epoch: Instant,
    buffer: ReceiveBuffer,
    dice: RandomState,
    rolls: u64,
    seen: Vec<(usize, Readiness)>,
    /// Targets of a family for which no socket can be made.
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

    /// Begins one more target, if its first question may leave now.
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
            // No file is left: those in flight will give theirs back.
            Err(error)
                if matches!(error.errno(), Some(libc::EMFILE | libc::ENFILE))
                    && !self.sessions.is_empty() =>
            {
                self.room = self.sessions.len();
            }
            // A kernel without IPv6: that is what there is to say of the target, and of no other.
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

    /// Ends the waits that are over, and sends what is due while the rate allows it.
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

    /// Waits for what comes until something is due, and takes it.
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
                // A datagram may wait behind the error: the next wait tells of it.
                Readiness::Error if !session.receive_icmp(&mut self.buffer)? => {
                    session.clear_error()?
                }
                Readiness::Error => {}
            }
        }
        Ok(())
    }

    /// When something is to be done even if nothing comes.
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

    /// Bytes that nobody can guess: SipHash under a key from the OS, as the standard library has it.
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
