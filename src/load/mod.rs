//! Puts a load on a path or a server, and measures what becomes of it.
//!
//! The load is an open loop: datagrams are sent on a schedule ([`Plan`]), whatever comes back, and latency
//! counts from when a datagram was due. A server that stands still for 200 ms then shows in every datagram
//! that was due meanwhile, as its users would see it; a closed loop ([`Config::closed`]) shows it in one,
//! since it stops asking (coordinated omission).
//!
//! Any echo answers, or a service of another protocol ([`Payload::Template`]). With a server that consents
//! ([`Config::session`]) losses, reordering and delays are measured in each direction.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use std::time::Duration;
//! use udpraw::load::{Config, Event, Load};
//! use udpraw::protocol::load::Plan;
//! # use udpraw::socket::{Endpoint, ReceiveBuffer};
//! # let echo = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
//! # let address = echo.local_address()?;
//! # std::thread::spawn(move || {
//! #     let mut buffer = ReceiveBuffer::new();
//! #     while let Ok(datagram) = echo.receive(&mut buffer) {
//! #         let _ = echo.send_to(datagram.bytes(), datagram.source());
//! #     }
//! # });
//!
//! // `address` is that of an echo.
//! let mut config = Config::new(address, "1kpps".parse::<Plan>()?);
//! config.time = Some(Duration::from_millis(100));
//! let report = Load::new(config)?
//!     .run(&AtomicBool::new(false), |_: &Event<'_>| Ok::<(), udpraw::error::Error>(()))?
//!     .expect("it was not stopped before the start");
//! let trip = report.total.round_trip.expect("a round trip");
//! assert_eq!(trip.sending.scheduled, 100);
//! assert!(report.total.is_balanced());
//! println!("p99 {} ns", report.total.times.latency.value_at_quantile(0.99));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod collector;
mod config;
mod figures;
mod flow;
mod objective;
mod saturation;
mod session;
mod sockets;
mod worker;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, SystemTime};

use self::collector::Collector;
use self::session::Peer;
use self::sockets::Sockets;
use self::worker::{Shared, Worker};
use crate::clock;
use crate::error::{Error, Result, no_thread};
use crate::io::Backend;
#[cfg(doc)]
use crate::protocol::load::Plan;
use crate::protocol::load::{Clocks, Schedule};
use crate::socket::pause;

pub use config::{Config, Direction, IdField, Payload, Template, Timestamps};
pub use figures::{ClockState, Figures, Sending, Stream, Times};
pub use flow::{FlowFigures, FlowTimes};
pub use objective::{Objective, Verdict};
pub use saturation::{Limit, Saturated, Saturation, Trial};

/// How long before a time of its own the sockets and the session are made, in nanoseconds.
const PREPARATION: u64 = 2_000_000_000;

/// How long after that the load starts if it has no time of its own: the threads are there by then.
const LEAD: u64 = 20_000_000;

/// How many intervals of each worker may wait to be read.
const WAITING: usize = 4;

/// What happens while a load runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It starts: with this backend, and with these clocks of a session's server.
    Started {
        /// How datagrams are moved.
        backend: Backend,
        /// The clocks of the peer, if there is a session.
        peer: Option<Clocks>,
    },
    /// An interval is over.
    Interval(&'a Figures),
}

/// The result of a load.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// When it started, by the wall clock.
    pub started: SystemTime,
    /// The backend that moved the datagrams.
    pub backend: Backend,
    /// The figures of the whole time.
    pub total: Figures,
    /// The figures of each flow, the worst one first; empty if only the peer has them.
    pub flows: Vec<FlowFigures>,
    /// Whether it ran to its end: `false` if it was stopped, or ended since the session was lost.
    pub is_complete: bool,
    /// Whether it ended since the server did not know the session any more.
    pub is_session_lost: bool,
}

/// A load that can be run.
#[derive(Debug)]
pub struct Load {
    config: Config,
}

impl Load {
    /// Checks the configuration.
    ///
    /// # Errors
    /// The errors of [`Config::check`], and if the limit of open files is too low for the flows.
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        sockets::allow(config.flows)?;
        Ok(Self { config })
    }

    /// Runs it until its end or until `stop` is raised; `None` if that was before the start. What was
    /// measured until then is kept.
    ///
    /// # Errors
    /// The error of `on_event`; the errors of the sockets; of kind `PermissionDenied` if a session's
    /// server does not consent.
    pub fn run<E: From<Error>>(
        &self,
        stop: &AtomicBool,
        mut on_event: impl FnMut(&Event<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<Option<Report>, E> {
        let config = &self.config;
        let begin = config.start_at.map(monotonic);
        if let Some(begin) = begin {
            while clock::monotonic() + PREPARATION < begin && !stop.load(Ordering::Relaxed) {
                let left = (begin - PREPARATION).saturating_sub(clock::monotonic());
                pause(Duration::from_nanos(left), stop)?;
            }
        }
        let mut sockets = Vec::new();
        for worker in 0..config.workers {
            let flows = (worker..config.flows).step_by(config.workers);
            sockets.push(Sockets::open(config, flows)?);
        }
        let session = session::number()?;
        let mut peer = config.session.then(|| Peer {
            session,
            ..Peer::default()
        });
        for sockets in &mut sockets {
            if let Some(peer) = &mut peer
                && session::start(config, sockets, peer, stop)?.is_none()
            {
                return Ok(None);
            }
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let backend = sockets.first().map_or(Backend::Single, Sockets::backend);
        on_event(&Event::Started {
            backend,
            peer: peer.as_ref().map(|peer| peer.clocks),
        })?;
        let shared = Shared {
            config,
            stop,
            is_session_lost: AtomicBool::new(false),
            sending: AtomicUsize::new(config.workers),
        };
        let mut collector = Collector::new(config, peer.as_ref());
        let start = self.work(
            &shared,
            (sockets, peer, session),
            begin,
            &mut collector,
            &mut on_event,
        )?;
        let started =
            SystemTime::UNIX_EPOCH + Duration::from_nanos(start.wrapping_add(clock::wall_base()));
        let is_session_lost = shared.is_session_lost.into_inner();
        Ok(Some(Report {
            started,
            backend,
            is_complete: !stop.load(Ordering::Relaxed) && !is_session_lost,
            is_session_lost,
            flows: collector.take_flows(),
            total: collector.finish(),
        }))
    }

    /// Runs the workers, and collects what they say; when they started.
    fn work<E: From<Error>>(
        &self,
        shared: &Shared<'_>,
        (sockets, peer, session): (Vec<Sockets>, Option<Peer>, u64),
        begin: Option<u64>,
        collector: &mut Collector<'_>,
        on_event: &mut impl FnMut(&Event<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<u64, E> {
        let config = &self.config;
        let curve = config.plan.curve(config.payload_bytes());
        let schedule = Schedule::new(curve, config.arrivals.clone(), config.nanos());
        let (shards, arrived) = sync_channel(WAITING * config.workers);
        let (mut workers, mut spares) = (Vec::new(), Vec::new());
        for (number, sockets) in sockets.into_iter().enumerate() {
            let (returned, spare) = sync_channel(2);
            spares.push(returned);
            let ends = (shards.clone(), spare);
            workers.push(Worker::new(
                shared,
                number,
                sockets,
                schedule.clone(),
                peer.clone(),
                session,
                ends,
            ));
        }
        // Once all is there that takes time to be made.
        let soon = clock::monotonic() + LEAD;
        let start = begin.map_or(soon, |begin| begin.max(soon));
        thread::scope(|scope| {
            let mut running = Vec::new();
            for worker in workers {
                let spawned = thread::Builder::new().spawn_scoped(scope, move || worker.run(start));
                match spawned {
                    Ok(thread) => running.push(thread),
                    Err(source) => {
                        shared.stop.store(true, Ordering::Relaxed);
                        return Err(no_thread("for each worker", source).into());
                    }
                }
            }
            drop(shards);
            let mut result = Ok(());
            // It ends when the last worker is gone.
            for shard in arrived {
                if result.is_err() {
                    continue;
                }
                collector.take(shard);
                while let (Some(figures), Ok(())) = (collector.next_interval(), &result) {
                    result = on_event(&Event::Interval(&figures));
                    collector.add(figures);
                    if result.is_err() {
                        shared.stop.store(true, Ordering::Relaxed);
                    }
                }
                for (worker, times) in collector.used() {
                    let _ = spares[worker].try_send(times);
                }
            }
            for thread in running {
                let done = thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result = result.and(done.map_err(E::from));
            }
            result.map(|()| start)
        })
    }
}

/// A time of the wall clock, by the monotonic one.
fn monotonic(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    nanos.saturating_sub(clock::wall_base())
}
