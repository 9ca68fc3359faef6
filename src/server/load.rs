//! Serves load sessions, if the server allows them ([`crate::protocol::load`]).

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Request, Summary};
use crate::clock::{self, Moment};
use crate::error::{Error, Result};
use crate::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig};
use crate::protocol::load::{
    Arrivals, Clocks, Departure, Header, Incoming, Kind, Limits, Pace, Responder, ReverseLoad,
    Schedule, Served, Visit, answer,
};
use crate::socket::{Endpoint, SourceAddress, option, pause};

/// Closer to the next datagram it does not sleep: waking up takes as long.
const SPIN: u64 = 70_000;

/// The longest sleep: it looks whether the client is still there.
const LONGEST_SLEEP: u64 = 100_000_000;

/// The most datagrams of a batch.
const BATCH: usize = 64;

/// What a server allows a load session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadLimits {
    /// The most datagrams per second, of each session and direction.
    pub rate: u64,
    /// The longest session; [`Duration::MAX`] for no limit.
    pub time: Duration,
    /// The most sessions at once.
    pub sessions: usize,
    /// The most flows of a session.
    pub flows: u32,
}

impl Default for LoadLimits {
    /// 100,000 datagrams per second for ten minutes, 64 sessions, and 4,096 flows of each.
    fn default() -> Self {
        Self {
            rate: 100_000,
            time: Duration::from_secs(600),
            sessions: 64,
            flows: 4096,
        }
    }
}

/// The load sessions of a server; all its workers share them.
#[derive(Debug)]
pub(super) struct LoadSessions {
    responder: Mutex<Responder>,
    kernel: u64,
    /// Whether sessions are over that were not told of yet.
    has_ended: AtomicBool,
    /// The threads that send what clients asked for.
    senders: Mutex<Vec<JoinHandle<()>>>,
}

/// What is sent back for a datagram.
pub(super) enum Answered {
    /// It has nothing to do with load.
    Foreign,
    /// Nothing.
    Nothing,
    /// What was written.
    Bytes,
}

impl LoadSessions {
    pub(super) fn new(limits: LoadLimits) -> Result<Self> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)
            .map_err(|error| Error::os("read", "random bytes", std::io::Error::other(error)))?;
        let of_protocol = Limits {
            rate: limits.rate,
            time: u64::try_from(limits.time.as_nanos()).unwrap_or(u64::MAX),
            flows: limits.flows.into(),
        };
        Ok(Self {
            responder: Mutex::new(Responder::new(key, of_protocol, limits.sessions)),
            kernel: clock::kernel_id(),
            has_ended: AtomicBool::new(false),
            senders: Mutex::default(),
        })
    }

    /// Whether a datagram, or a run of them, may be of a session.
    pub(super) fn may_be(bytes: &[u8]) -> bool {
        bytes.starts_with(b"uLd")
    }

    /// Handles a datagram that arrived over `endpoint` and was read at `now`; what is to be sent back is
    /// written to `out`.
    pub(super) fn handle(
        &self,
        now: Moment,
        request: &Request<'_>,
        endpoint: &Endpoint,
        endpoints: &[Endpoint],
        out: &mut Vec<u8>,
    ) -> Answered {
        let mut clocks = Clocks {
            now: now.monotonic,
            wall: 0,
            kernel: self.kernel,
        };
        let is_control = Header::read(request.bytes)
            .is_some_and(|header| !matches!(header.kind, Kind::Load | Kind::OneWay));
        if is_control {
            clocks.wall = clock::wall_base();
        } else {
            clocks.now = now.time_of(request.control.timestamp());
        }
        let drops = || Summary::drops_of(endpoints).unwrap_or_default();
        let incoming = {
            let mut responder = lock(&self.responder);
            let incoming = responder.handle_datagram(&clocks, request.client, request.bytes, drops);
            if is_control && responder.has_ended() {
                self.has_ended.store(true, Ordering::Relaxed);
            }
            incoming
        };
        match incoming {
            Incoming::Foreign => return Answered::Foreign,
            Incoming::Answer { number } => {
                out.clear();
                out.extend_from_slice(request.bytes);
                let (arrived, left) = (clocks.now, now.monotonic);
                answer(
                    out,
                    &Visit {
                        arrived,
                        left,
                        number,
                    },
                );
            }
            Incoming::Reply(control, header) => {
                out.clear();
                out.extend_from_slice(&control.encode(&header));
            }
            Incoming::Reverse(control, header, load) => {
                out.clear();
                out.extend_from_slice(&control.encode(&header));
                let source = request.control.packet_info();
                self.start(*load, endpoint, source.and_then(|info| info.reply_source()));
            }
            _ => return Answered::Nothing,
        }
        Answered::Bytes
    }

    /// The sessions that are over since the last call.
    pub(super) fn take_ended(&self) -> Vec<Served> {
        // Mostly there is none, and the lock is left to the others.
        if !self.has_ended.swap(false, Ordering::Relaxed) {
            return Vec::new();
        }
        lock(&self.responder).take_ended()
    }

    /// The sessions that are not over.
    pub(super) fn open(&self) -> Vec<Served> {
        lock(&self.responder).open()
    }

    /// Starts to send a load. If that fails, the client sees that nothing is sent.
    fn start(&self, load: ReverseLoad, endpoint: &Endpoint, source: Option<SourceAddress>) {
        let progress = load.progress.clone();
        let copy = endpoint.as_fd().try_clone_to_owned();
        let transport = copy.ok().and_then(|fd| {
            let endpoint = Endpoint::from(fd);
            // It sets no option on the socket, which the server receives with.
            let choice = BackendChoice::Only(Backend::Batch);
            Transport::open(
                endpoint,
                choice,
                TransportConfig {
                    capacity: 0,
                    ..TransportConfig::default()
                },
            )
            .ok()
        });
        let spawned = transport.and_then(|transport| {
            let work = move || send(&load, transport, source);
            thread::Builder::new().name("load".into()).spawn(work).ok()
        });
        match spawned {
            Some(thread) => {
                let mut senders = lock(&self.senders);
                senders.retain(|sender| !sender.is_finished());
                senders.push(thread);
            }
            None => progress.is_done.store(true, Ordering::Release),
        }
    }
}

impl Drop for LoadSessions {
    fn drop(&mut self) {
        lock(&self.responder).stop();
        for sender in lock(&self.senders).drain(..) {
            // A panic of it was reported where it happened.
            let _ = sender.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a load on schedule, until its end or that of its client.
fn send(load: &ReverseLoad, mut transport: Transport, source: Option<SourceAddress>) {
    let _ = nix::sys::prctl::set_timerslack(1);
    let arrivals = match load.seed {
        Some(seed) => Arrivals::Poisson { seed },
        None => Arrivals::Constant,
    };
    let mut schedule = Schedule::new(load.plan.curve(load.size), arrivals, Some(load.nanos));
    let (start, progress) = (clock::monotonic(), &load.progress);
    let mut pace = Pace::new(start.saturating_add(load.nanos));
    let mut numbers = vec![0; load.flows.len()];
    let mut datagram = vec![0; load.size];
    let mut next = schedule.next();
    while next.is_some() {
        let now = clock::monotonic();
        if progress.must_stop(now) {
            break;
        }
        let (mut batch, mut until) = (0, now);
        while let Some(due) = next
            && batch < BATCH
        {
            let departure = pace.handle_next(start.saturating_add(due.at), now);
            if let Departure::Later(soonest) = departure {
                until = soonest;
                break;
            }
            batch += 1;
            next = schedule.next();
            progress.scheduled.fetch_add(1, Ordering::Relaxed);
            if departure == Departure::TooLate {
                progress.unsent.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let flow = (due.index % load.flows.len() as u64) as usize;
            let header = Header {
                kind: Kind::Reverse,
                is_last: false,
                session: load.session,
                number: numbers[flow],
                due: start + due.at,
                sent: now,
            };
            numbers[flow] += 1;
            header.write(&mut datagram);
            let to: SocketAddr = load.flows[flow];
            transport
                .send_queue()
                .queue(&Transmit::new(&datagram).to(to).from(source));
        }
        if batch > 0 {
            let sent = transport.flush();
            progress
                .sent
                .fetch_add(sent.datagrams as u64, Ordering::Relaxed);
            progress
                .refused
                .fetch_add(sent.refused as u64, Ordering::Relaxed);
        }
        let left = until.saturating_sub(clock::monotonic()).min(LONGEST_SLEEP);
        if left > SPIN {
            let never = std::sync::atomic::AtomicBool::new(false);
            let _ = pause(Duration::from_nanos(left - SPIN / 2), &never);
        }
    }
    progress.is_done.store(true, Ordering::Release);
}

/// Lets the kernel say when a datagram arrived, however late it is read.
pub(super) fn prepare(endpoint: &mut Endpoint) -> Result<()> {
    endpoint.set(option::SO_TIMESTAMPNS, true)
}

/// The sessions of a server, if it allows any.
pub(super) fn sessions(limits: Option<LoadLimits>) -> Result<Option<Arc<LoadSessions>>> {
    limits
        .map(|limits| LoadSessions::new(limits).map(Arc::new))
        .transpose()
}
