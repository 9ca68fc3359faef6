//! The client's side of a session: its start, over all flows.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::config::Config;
use super::sockets::Sockets;
use crate::clock;
use crate::error::{Error, Result};
use crate::protocol::load::{
    Arrivals, ClockFilter, Clocks, Control, Header, Kind, Limits, Refusal, Reverse, Start,
};

/// How long an answer is waited for before a question is repeated; doubled each time.
const PATIENCE: u64 = 250_000_000;

/// After this number of questions without an answer the server does not consent.
const TRIES: u32 = 4;

/// How many flows ask at once.
const AT_ONCE: usize = 32;

/// What is known of the peer when the load starts.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// The session's number.
    pub(super) session: u64,
    /// The peer's clocks as they were told the last.
    pub(super) clocks: Clocks,
    /// Whether the peer has our clock.
    pub(super) is_same_clock: bool,
    /// By how much its clock was ahead at the start, in nanoseconds.
    pub(super) offset: i64,
    pub(super) filter: ClockFilter,
}

/// A session's number that nobody can guess.
pub(super) fn number() -> Result<u64> {
    getrandom::u64()
        .map_err(|error| Error::os("read", "random bytes", std::io::Error::other(error)))
}

/// How far a flow is.
#[derive(Clone, Copy)]
enum Stage {
    Hello,
    Start([u8; 16]),
    Done,
}

/// Starts a session with each flow of `sockets`; `None` if it was stopped.
pub(super) fn start(
    config: &Config,
    sockets: &mut Sockets,
    peer: &mut Peer,
    stop: &AtomicBool,
) -> Result<Option<()>> {
    let mut stages = vec![Stage::Hello; sockets.len()];
    let (mut tries, mut refusal, mut first_error) = (0, None, None);
    loop {
        let waiting = stages
            .iter()
            .enumerate()
            .filter(|(_, stage)| !matches!(stage, Stage::Done));
        let waiting: Vec<usize> = waiting.map(|(flow, _)| flow).take(AT_ONCE).collect();
        if waiting.is_empty() {
            return Ok(Some(()));
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if tries == TRIES {
            return Err(no_consent(config.target, first_error));
        }
        let now = clock::monotonic();
        for &flow in &waiting {
            let control = match stages[flow] {
                Stage::Hello => Control::Hello,
                Stage::Start(token) => Control::Start(request(config, token)),
                Stage::Done => continue,
            };
            sockets.queue(flow, &control.encode(&header(peer.session, flow, now)))?;
            sockets.flush();
        }
        let (until, mut progress) = (now + (PATIENCE << tries), 0);
        while progress < waiting.len()
            && clock::monotonic() < until
            && !stop.load(Ordering::Relaxed)
        {
            let left = until.saturating_sub(clock::monotonic());
            let wait = Duration::from_nanos(left.clamp(1000, 100_000_000));
            let visit = |flow: usize, message: &crate::io::Received<'_>| {
                for datagram in message.datagrams() {
                    let Some((header, control)) = Control::decode(datagram) else {
                        continue;
                    };
                    if header.session != peer.session {
                        continue;
                    }
                    match (stages[flow], control) {
                        (Stage::Hello, Control::Challenge(token, _, clocks)) => {
                            peer.handle(&header, clocks, clock::monotonic());
                            stages[flow] = Stage::Start(token);
                            progress += 1;
                        }
                        (Stage::Start(_), Control::Started(clocks)) => {
                            peer.handle(&header, clocks, clock::monotonic());
                            stages[flow] = Stage::Done;
                            progress += 1;
                        }
                        (Stage::Start(_), Control::Refused(Refusal::Token, _)) => {
                            stages[flow] = Stage::Hello;
                        }
                        (Stage::Start(_), Control::Refused(why, limits)) => {
                            refusal = Some((why, limits));
                        }
                        _ => {}
                    }
                }
            };
            sockets.receive(wait, visit, |error| {
                first_error.get_or_insert(error);
            })?;
            if let Some((why, limits)) = refusal {
                return Err(refused(config, why, limits));
            }
        }
        tries = if progress > 0 { 0 } else { tries + 1 };
    }
}

impl Peer {
    /// Learns from the answer to a question whose head has the time when it was sent.
    pub(super) fn handle(&mut self, header: &Header, clocks: Clocks, now: u64) {
        self.clocks = clocks;
        let there = clocks.now.wrapping_sub(header.sent).cast_signed();
        let back = now.wrapping_sub(clocks.now).cast_signed();
        self.filter.handle_there(header.sent, there);
        self.filter.handle_back(now, back);
        let own = clock::kernel_id();
        // In a time namespace the same kernel has another monotonic clock, and a way a negative time.
        self.is_same_clock = clocks.kernel == own && own != 0 && there >= 0 && back >= 0;
        self.offset = match self.filter.estimate() {
            Ok(estimate) if !self.is_same_clock => estimate.offset as i64,
            _ => 0,
        };
    }
}

fn header(session: u64, flow: usize, now: u64) -> Header {
    Header {
        kind: Kind::Hello,
        is_last: false,
        session,
        number: flow as u64,
        due: now,
        sent: now,
    }
}

fn request(config: &Config, token: [u8; 16]) -> Start {
    let size = config.payload_bytes();
    let highest = match (&config.arrivals, config.closed) {
        _ if !config.direction.has_up() => 0.0,
        // They know no rate.
        (Arrivals::Replay(_), _) | (_, Some(_)) => 0.0,
        _ => config.plan.curve(size).highest(),
    };
    let seed = match config.arrivals {
        Arrivals::Poisson { seed } => Some(seed),
        _ => None,
    };
    let reverse = config.direction.has_reverse().then(|| Reverse {
        plan: config.plan.to_string(),
        size: size as u16,
        seed,
    });
    Start {
        token,
        rate: highest.ceil() as u64,
        // A session without an end ends by itself once nothing is heard.
        time: config.nanos().unwrap_or(u64::MAX),
        flows: config.flows as u64,
        reverse,
    }
}

fn no_consent(target: SocketAddr, error: Option<Error>) -> Error {
    let reason = match error.and_then(|error| error.errno()) {
        Some(errno) => crate::error::describe_errno(errno),
        None => "it does not consent to a load session".into(),
    };
    let refusal = std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason);
    Error::os("load", format_args!("the server at {target}"), refusal).with_remedy(
        "without --session any echo will do; for one start there: udpraw server --allow-load",
    )
}

fn refused(config: &Config, why: Refusal, limits: Limits) -> Error {
    let Limits { rate, time, flows } = limits;
    let reason = match why {
        Refusal::Rate => {
            format!("it allows at most {rate} datagrams per second (--max-load-rate there)")
        }
        Refusal::Time => {
            let time = Duration::from_nanos(time);
            let unlimited = match config.time {
                Some(_) => "",
                None => ", and 0 there for a load without an end",
            };
            format!("it allows at most {time:?} (--max-load-time there{unlimited})")
        }
        Refusal::Flows => format!("it allows at most {flows} flows"),
        Refusal::Session => "it does not know the session".into(),
        Refusal::Sessions => "it has as many sessions as it serves at once".into(),
        _ => "it does not understand what it is to send".into(),
    };
    let refusal = std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason);
    Error::os(
        "load",
        format_args!("the server at {}", config.target),
        refusal,
    )
}
