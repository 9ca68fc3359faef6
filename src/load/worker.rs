//! The loop of a worker: sends on schedule, whatever comes back.

mod arrivals;
mod finish;
mod intervals;
mod send;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use self::arrivals::{control, measure};
pub(super) use self::intervals::Shard;
use super::answers::Matcher;
use super::config::{Config, Direction, Timestamps};
use super::figures::{Sending, Times};
use super::flow::FlowTimes;
use super::session::Peer;
use super::sockets::Sockets;
use crate::clock::{self, Moment};
use crate::error::{Error, Result};
use crate::protocol::load::{Kind, Pace, Results, Schedule, Scheduled, Tracker};

/// Closer to the next datagram a worker does not sleep: waking up takes as long.
const SPIN: u64 = 70_000;

/// Closer to it than this a worker looks at the clock alone: a receive takes as long.
const CLOSE: u64 = 1_500;

/// How long a worker sleeps at most: it looks whether it was stopped.
const LONGEST_SLEEP: u64 = 100_000_000;

/// How often a server is asked for its figures, at least.
const POLL: u64 = 1_000_000_000;

/// How often it is asked while the end is awaited.
const LAST_POLL: u64 = 100_000_000;

/// The windows of all trackers of a worker.
const WINDOW: usize = 1 << 17;

/// What all workers share.
pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    pub(super) stop: &'a AtomicBool,
    /// Whether the server does not know the session any more.
    pub(super) is_session_lost: AtomicBool,
    /// The workers that may still send.
    pub(super) sending: AtomicUsize,
}

struct Flow {
    next: u64,
    tracker: Tracker,
    /// Of a server's answers, by their own numbers: those of the questions are in another order already.
    answers: Option<Tracker>,
    /// Of round trips.
    latency: Option<FlowTimes>,
}

/// A worker with its flows.
pub(super) struct Worker<'a> {
    shared: &'a Shared<'a>,
    number: usize,
    sockets: Sockets,
    flows: Vec<Flow>,
    schedule: Schedule,
    next: Option<Scheduled>,
    pace: Pace,
    /// When it starts and when the schedule is over, by the monotonic clock.
    start: u64,
    end: u64,
    peer: Option<Peer>,
    matcher: Matcher,
    buffer: Vec<u8>,
    /// Datagrams that are queued and not sent yet.
    queued: u64,
    sending: Sending,
    /// Datagrams of a closed loop whose send slip was recorded.
    slipped: u64,
    /// Bytes of payload that were sent and are not of the load.
    foreign_bytes: u64,
    /// Datagrams of a closed loop that were given up.
    abandoned: u64,
    results: Option<Results>,
    is_peer_silent: bool,
    foreign: u64,
    errors: u64,
    first_error: Option<Error>,
    unique: u64,
    /// When something was received or sent the last.
    active: u64,
    times: Box<Times>,
    spare: Receiver<Box<Times>>,
    shards: SyncSender<Shard>,
    /// Histograms that are empty.
    fresh: Option<Box<Times>>,
    /// How many intervals are over.
    intervals: u64,
    next_poll: u64,
    /// When the kernel is asked again when it passed a datagram on.
    next_sample: u64,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        number: usize,
        sockets: Sockets,
        schedule: Schedule,
        peer: Option<Peer>,
        session: u64,
        (shards, spare): (SyncSender<Shard>, Receiver<Box<Times>>),
    ) -> Self {
        let config = shared.config;
        let (kind, answer) = match (config.session, config.direction) {
            (false, _) => (Kind::Load, Kind::Load),
            (true, Direction::RoundTrip) => (Kind::Load, Kind::Answer),
            (true, _) => (Kind::OneWay, Kind::Reverse),
        };
        let window = (WINDOW / sockets.len()).clamp(64, 1 << 16);
        let flows = (0..sockets.len()).map(|_| Flow {
            next: 0,
            tracker: Tracker::new(window),
            answers: (answer == Kind::Answer).then(|| Tracker::new(window)),
            latency: (config.direction == Direction::RoundTrip).then(FlowTimes::default),
        });
        let foreign_bytes = sockets.sent_bytes();
        Self {
            shared,
            number,
            flows: flows.collect(),
            matcher: Matcher::new(&config.payload, sockets.len(), session, kind, answer),
            sockets,
            schedule,
            next: None,
            pace: Pace::new(u64::MAX),
            start: 0,
            end: u64::MAX,
            peer,
            buffer: vec![
                0;
                config
                    .payload_bytes()
                    .max(65_507.min(config.payload_bytes() + 1))
            ],
            queued: 0,
            sending: Sending::default(),
            slipped: 0,
            foreign_bytes,
            abandoned: 0,
            results: None,
            is_peer_silent: false,
            foreign: 0,
            errors: 0,
            first_error: None,
            unique: 0,
            active: 0,
            times: Box::default(),
            spare,
            shards,
            fresh: None,
            intervals: 0,
            next_poll: 0,
            next_sample: 0,
        }
    }

    /// Sends and receives from a time of the monotonic clock to the end.
    pub(super) fn run(mut self, start: u64) -> Result<()> {
        if let Some(nanos) = self.shared.config.nanos() {
            self.end = start.saturating_add(nanos);
        }
        (self.start, self.pace) = (start, Pace::new(self.end));
        (self.active, self.next_poll, self.next_sample) = (start, start, start);
        // 50 µs of slack by default would be late at each sleep; a sandbox may forbid it.
        let _ = nix::sys::prctl::set_timerslack(1);
        let result = self.work();
        let ended = clock::monotonic();
        self.shared.sending.fetch_sub(1, Ordering::Release);
        let finished = result.and_then(|()| self.finish());
        self.hand_over(ended.min(self.end), true);
        finished
    }

    fn work(&mut self) -> Result<()> {
        let has_up = self.shared.config.direction.has_up();
        if has_up && self.shared.config.closed.is_none() {
            self.advance();
        }
        let mut next = self.start;
        loop {
            let mut now = clock::monotonic();
            while now < next && next - now < CLOSE {
                std::hint::spin_loop();
                now = clock::monotonic();
            }
            self.tick(now)?;
            if self.shared.stop.load(Ordering::Relaxed) || self.is_session_lost() {
                return Ok(());
            }
            let is_over = match self.shared.config.closed {
                Some(_) => now >= self.end,
                None => self.next.is_none() && (has_up || now >= self.end),
            };
            if is_over {
                return Ok(());
            }
            if now < self.start {
                self.wait(now, self.start)?;
                continue;
            }
            next = match self.shared.config.closed {
                Some(_) => self.send_closed(now)?,
                None => self.send_due(now)?,
            };
            self.wait(now, next.min(self.end))?;
        }
    }

    /// Receives until a time, at most until the next tick.
    fn wait(&mut self, now: u64, until: u64) -> Result<()> {
        let until = until.min(self.next_tick()).min(now + LONGEST_SLEEP);
        let time = match until.saturating_sub(now) {
            ..=SPIN => Duration::ZERO,
            time => Duration::from_nanos(time - SPIN / 2),
        };
        let Self {
            sockets,
            flows,
            matcher,
            times,
            peer,
            results,
            foreign,
            errors,
            first_error,
            unique,
            active,
            shared,
            ..
        } = self;
        let is_open = shared.config.closed.is_none();
        let is_stamped = shared.config.timestamps == Timestamps::Kernel;
        // Read once for all that came over a socket at once.
        let mut read: Option<(usize, Moment)> = None;
        let visit = |flow: usize, message: &crate::io::Received<'_>| {
            let moment = match read {
                Some((of, moment)) if of == flow => moment,
                _ if is_stamped => Moment::now(),
                _ => Moment::without_wall(),
            };
            (read, *active) = (Some((flow, moment)), moment.monotonic);
            let stamp = is_stamped.then(|| message.timestamp()).flatten();
            let arrived = moment.time_of(stamp);
            for datagram in message.datagrams() {
                let Some(answered) = matcher.read(flow, datagram) else {
                    let is_lost = &shared.is_session_lost;
                    if !control(peer.as_mut(), datagram, arrived, results, is_lost) {
                        *foreign += 1;
                    }
                    continue;
                };
                let flow = &mut flows[flow];
                // An echo may change what it returns: a number that was never sent is none of ours.
                if !answered.is_of_peer() && answered.number >= flow.next {
                    *foreign += 1;
                    continue;
                }
                let since = answered.peer.map_or(answered.sent, |visit| visit.left);
                let delay = arrived.wrapping_sub(since).cast_signed();
                if let (Some(tracker), Some(visit)) = (&mut flow.answers, answered.peer) {
                    tracker.handle_datagram(visit.number, delay, datagram.len());
                }
                if flow
                    .tracker
                    .handle_datagram(answered.number, delay, datagram.len())
                {
                    *unique += 1;
                    if let Some(times) = &mut flow.latency {
                        times.add(arrived.saturating_sub(answered.due));
                    }
                    measure(&answered, arrived, is_open, times, peer.as_mut());
                }
            }
        };
        sockets.receive(time, visit, |error| {
            *errors += 1;
            first_error.get_or_insert(error);
        })
    }

    fn is_session_lost(&self) -> bool {
        self.shared.is_session_lost.load(Ordering::Relaxed)
    }

    fn polls(&self) -> bool {
        self.number == 0 && self.peer.is_some()
    }
}
