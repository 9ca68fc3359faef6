//! The server's side of load sessions.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::control::{Clocks, Control, Limits, Refusal, Results, Reverse, Start};
use super::schedule::Plan;
use super::served::Served;
use super::session::{FlowState, Progress, ReverseLoad, Session};
use super::tracker::Tracker;
use super::wire::{Header, Kind, SHORTEST};
use crate::protocol::cookie::Cookies;

const SECOND: u64 = 1_000_000_000;

/// A session that nothing was heard of for so long makes room for another, in nanoseconds.
const IDLE: u64 = 30 * SECOND;

/// One that its client has ended does so earlier: its last answer may have to be repeated.
const ENDED: u64 = 5 * SECOND;

/// What is allowed beyond a limit of time, in nanoseconds: the last datagrams are on their way.
const GRACE: u64 = 10 * SECOND;

/// The window of a session's trackers, shared by its flows.
const WINDOW: usize = 1 << 17;

/// The widest window of a flow.
const WIDEST: usize = 1 << 16;

/// What is to be done about a datagram.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// It has nothing to do with the sessions here: any server may do with it what it does with others.
    Foreign,
    /// Nothing: it was counted, or is of no session.
    Nothing,
    /// Send it back as [`wire::answer`](super::answer) changes it.
    Answer {
        /// How many answers there were before in this flow.
        number: u64,
    },
    /// Send this back.
    Reply(Box<Control>, Header),
    /// Send this back, and start to send a load.
    Reverse(Box<Control>, Header, Box<ReverseLoad>),
}

/// Answers the datagrams of many load sessions: each has its own figures.
///
/// Nothing is kept for a client before it has shown by a token that it receives what is sent to its
/// address; no answer is longer than what it answers; and what a server sends by itself ends some seconds
/// after the client fell silent.
#[derive(Debug)]
pub struct Responder {
    cookies: Cookies,
    limits: Limits,
    max_sessions: usize,
    sessions: HashMap<u64, Session>,
    /// Sessions that are over and were not told of yet.
    ended: Vec<Served>,
}

impl Responder {
    /// `key` must be random and secret.
    pub fn new(key: [u8; 16], limits: Limits, max_sessions: usize) -> Self {
        Self {
            cookies: Cookies::new(key),
            limits,
            max_sessions,
            sessions: HashMap::new(),
            ended: Vec::new(),
        }
    }

    /// The sessions that are over since the last call: the client ended them, or they made room for others.
    pub fn take_ended(&mut self) -> Vec<Served> {
        std::mem::take(&mut self.ended)
    }

    /// Whether [`Self::take_ended`] has some.
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// The sessions that are not over.
    pub fn open(&self) -> Vec<Served> {
        let all = self.sessions.iter().filter(|(_, one)| !one.is_ended);
        all.map(|(number, one)| Served::of(*number, one)).collect()
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Ends all that it sends.
    pub fn stop(&self) {
        for progress in self
            .sessions
            .values()
            .filter_map(|one| one.progress.as_ref())
        {
            progress.stop.store(true, Ordering::Relaxed);
        }
    }

    /// A datagram arrived when this machine's clocks were `clocks`; its receive buffers have dropped
    /// `kernel_drops` so far, which is asked for only if it is needed.
    pub fn handle_datagram(
        &mut self,
        clocks: &Clocks,
        source: SocketAddr,
        datagram: &[u8],
        kernel_drops: impl FnOnce() -> u64,
    ) -> Incoming {
        let Some(header) = Header::read(datagram) else {
            return Incoming::Foreign;
        };
        if matches!(header.kind, Kind::Load | Kind::OneWay) {
            return self.load(clocks.now, source, &header, datagram.len());
        }
        let Some((header, control)) = Control::decode(datagram) else {
            return Incoming::Nothing;
        };
        match control {
            Control::Hello => {
                let now = Duration::from_nanos(clocks.now);
                let token = self.cookies.token(now, source, header.session);
                let challenge = Control::Challenge(token, self.limits, *clocks);
                Incoming::Reply(Box::new(challenge), header)
            }
            Control::Start(start) => self.start(clocks, source, header, start),
            Control::Poll => self.poll(clocks, source, header, kernel_drops),
            _ => Incoming::Nothing,
        }
    }

    fn load(&mut self, now: u64, source: SocketAddr, header: &Header, length: usize) -> Incoming {
        let limits = self.limits;
        let Some(session) = self.sessions.get_mut(&header.session) else {
            return Incoming::Foreign;
        };
        let Some(flow) = session.flows.get_mut(&source) else {
            return Incoming::Nothing;
        };
        session.heard = now;
        let delay = now.wrapping_sub(header.sent).cast_signed();
        flow.tracker.handle_datagram(header.number, delay, length);
        if header.kind == Kind::OneWay || length < SHORTEST {
            return Incoming::Nothing;
        }
        let (second, count) = session.second;
        session.second = match now / SECOND {
            this if this == second => (second, count + 1),
            this => (this, 1),
        };
        // Bursts are not the client's fault: a tenth more.
        let is_above = session.second.1 > limits.rate.saturating_add(limits.rate / 10);
        let age = now.saturating_sub(session.began);
        if is_above || age > limits.time.saturating_add(GRACE) {
            session.over_limit += 1;
            return Incoming::Nothing;
        }
        let number = flow.answers;
        flow.answers += 1;
        session.answers += 1;
        Incoming::Answer { number }
    }

    fn start(
        &mut self,
        clocks: &Clocks,
        source: SocketAddr,
        header: Header,
        start: Start,
    ) -> Incoming {
        let (limits, now) = (self.limits, clocks.now);
        let refused = |why| Incoming::Reply(Box::new(Control::Refused(why, limits)), header);
        let time = Duration::from_nanos(now);
        if !self
            .cookies
            .is_good(start.token, time, source, header.session)
        {
            return refused(Refusal::Token);
        }
        let plan = match start.reverse.as_ref().map(plan).transpose() {
            Ok(plan) => plan,
            Err(why) => return refused(why),
        };
        let highest = plan.as_ref().zip(start.reverse.as_ref());
        let highest = highest.map_or(0.0, |(plan, reverse)| {
            plan.curve(reverse.size.into()).highest()
        });
        if start.rate > limits.rate || highest > limits.rate as f64 {
            return refused(Refusal::Rate);
        }
        if start.time > limits.time {
            return refused(Refusal::Time);
        }
        if start.flows == 0 || start.flows > limits.flows {
            return refused(Refusal::Flows);
        }
        if !self.sessions.contains_key(&header.session) {
            if self.sessions.len() >= self.max_sessions {
                let ended = &mut self.ended;
                self.sessions.retain(|number, one| {
                    let most = if one.is_ended { ENDED } else { IDLE };
                    let stays = now.saturating_sub(one.heard) < most;
                    if !stays && !one.is_ended {
                        ended.push(Served::of(*number, one));
                    }
                    stays
                });
            }
            if self.sessions.len() >= self.max_sessions {
                return refused(Refusal::Sessions);
            }
        }
        let session = self
            .sessions
            .entry(header.session)
            .or_insert_with(|| Session {
                client: source,
                is_ended: false,
                flows: HashMap::new(),
                start: start.clone(),
                began: now,
                heard: now,
                answers: 0,
                over_limit: 0,
                second: (0, 0),
                pending: None,
                progress: None,
            });
        let started = Box::new(Control::Started(*clocks));
        if session.flows.contains_key(&source) {
            // Its answer was lost.
            return Incoming::Reply(started, header);
        }
        let flows = session.start.flows as usize;
        if session.flows.len() >= flows {
            return refused(Refusal::Flows);
        }
        let window = (WINDOW / flows).min(WIDEST);
        let (tracker, answers) = (Tracker::new(window), 0);
        session.flows.insert(source, FlowState { tracker, answers });
        let (Some(plan), true) = (plan, session.flows.len() == flows) else {
            return Incoming::Reply(started, header);
        };
        let progress: Arc<Progress> = Arc::default();
        progress.heard.store(now, Ordering::Relaxed);
        session.progress = Some(progress.clone());
        let (size, seed) = start.reverse.map_or((0, None), |one| (one.size, one.seed));
        let mut flows: Vec<_> = session.flows.keys().copied().collect();
        flows.sort_unstable();
        let load = ReverseLoad {
            session: header.session,
            flows,
            plan,
            nanos: start.time.min(limits.time),
            size: usize::from(size).max(SHORTEST),
            seed,
            progress,
        };
        session.pending = Some(Box::new(load));
        Incoming::Reply(started, header)
    }

    fn poll(
        &mut self,
        clocks: &Clocks,
        source: SocketAddr,
        header: Header,
        kernel_drops: impl FnOnce() -> u64,
    ) -> Incoming {
        let session = self.sessions.get_mut(&header.session);
        // Of a server that was restarted, or of a client whose address is another one now.
        let Some(session) = session.filter(|session| session.flows.contains_key(&source)) else {
            let refused = Control::Refused(Refusal::Session, self.limits);
            return Incoming::Reply(Box::new(refused), header);
        };
        session.heard = clocks.now;
        let mut results = Results {
            counts: session.counts(),
            answers: session.answers,
            over_limit: session.over_limit,
            kernel_drops: kernel_drops(),
            is_done: true,
            clocks: *clocks,
            ..Results::default()
        };
        if let Some(progress) = &session.progress {
            progress.heard.store(clocks.now, Ordering::Relaxed);
            if header.is_last {
                progress.stop.store(true, Ordering::Relaxed);
            }
            results.is_done = progress.is_done.load(Ordering::Acquire);
            let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
            results.scheduled = read(&progress.scheduled);
            results.sent = read(&progress.sent);
            results.refused = read(&progress.refused);
            results.unsent = read(&progress.unsent);
        }
        // With the same figures as the client has.
        if header.is_last && !session.is_ended {
            session.is_ended = true;
            self.ended.push(Served::of(header.session, session));
        }
        let control = Box::new(Control::Results(Box::new(results)));
        // The session stays for a while, since this answer may be lost.
        match session.pending.take() {
            Some(load) if !header.is_last => Incoming::Reverse(control, header, load),
            _ => Incoming::Reply(control, header),
        }
    }
}

fn plan(reverse: &Reverse) -> Result<Plan, Refusal> {
    reverse.plan.parse().map_err(|_| Refusal::Reverse)
}

#[cfg(test)]
#[path = "responder_tests.rs"]
mod tests;
