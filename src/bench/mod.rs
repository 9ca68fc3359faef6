//! Measures which backend is the fastest on this machine.
//!
//! Two threads, each on its own CPU, move datagrams over loopback: one way ([`Scenario::Sink`]), or as
//! round trips ([`Scenario::Echo`]). Trials of all variants are interleaved, each begins with a warm-up
//! that does not count, and each accounts for every datagram ([`Ledger`]): it was received, or dropped
//! by the receive buffer according to the socket's own counter; otherwise the trial is flagged.
//!
//! A sink has flow control: the sender regularly asks the receiver how much has arrived
//! ([`crate::protocol::bench_handshake`]), and continues while the receive buffer has room. So the rate
//! is sustainable, and nothing is lost. [`Config::flood`] switches flow control off.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use std::time::Duration;
//! use udpraw::bench::{self, Bench, Config, Event, Scenario};
//! use udpraw::io::Backend;
//!
//! let mut config = Config::default();
//! config.scenarios = vec![Scenario::Sink];
//! config.backends = vec![(Backend::Single, Backend::Single), (Backend::Batch, Backend::Batch)];
//! config.sizes = vec![64];
//! config.time = Duration::from_millis(2);
//! config.trials = 1;
//! let report = Bench::new(config)?.run(&AtomicBool::new(false), |_: &Event<'_>| {
//!     Ok::<(), udpraw::error::Error>(())
//! })?;
//! for row in &report.rows {
//!     println!("{}: {:.0} datagrams per second", row.variant.send, row.rate.median);
//! }
//! assert!(report.trials.iter().all(bench::Trial::is_sound));
//! # Ok::<(), udpraw::error::Error>(())
//! ```

mod config;
mod ledger;
mod receiver;
mod sender;
mod statistics;
mod summary;
mod trial;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

pub use config::{Config, Scenario, Variant, available};
pub use ledger::Ledger;
pub use statistics::Median;
pub use summary::{Row, Standing};
pub use trial::Trial;

use crate::cpu;
use crate::error::{Error, Result};
use crate::io::{BackendChoice, Transport, TransportConfig};
use crate::socket::{Family, option};

/// The environment of the measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Environment {
    /// The kernel's release, as in `uname -r`.
    pub kernel: String,
    /// The CPUs of the sender and of the receiver, if they are pinned.
    pub cpus: Option<(usize, usize)>,
    /// The requested receive buffer in bytes, and the kernel's value: twice the granted size.
    pub receive_buffer: (Option<usize>, u32),
    /// The same for the send buffer.
    pub send_buffer: (Option<usize>, u32),
    /// The server, if it is not in this process.
    pub server: Option<SocketAddr>,
    /// The total number of trials.
    pub trials: usize,
}

/// The events of a benchmark, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The setup succeeded, and the first trial begins.
    Started(&'a Environment),
    /// A trial of this variant begins, and this many have been made.
    Trying(Variant, usize),
    /// A trial ended.
    Tried(&'a Trial),
    /// Threads cannot be pinned to CPUs here, and the reason: the scheduler places them.
    Unpinned(&'a Error),
    /// A trial failed: these variants are skipped from now on, and have no row. The others continue.
    Skipped(&'a [Variant], &'a Error),
}

/// The result of a benchmark.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The environment.
    pub setting: Environment,
    /// All trials, in the order in which they were made.
    pub trials: Vec<Trial>,
    /// Each variant that was tried at least once and never failed, in the order of
    /// [`Config::variants`].
    pub rows: Vec<Row>,
    /// The variants that were skipped, as reported by [`Event::Skipped`].
    pub skipped: Vec<Variant>,
    /// Whether it ran to the end.
    pub is_complete: bool,
}

/// A benchmark that is ready to run.
#[derive(Debug)]
pub struct Bench {
    config: Config,
}

impl Bench {
    /// Makes a benchmark of `config`.
    ///
    /// # Errors
    /// The errors of [`Config::check`].
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        Ok(Self { config })
    }

    /// Measures all variants until `stop` is set: then the report has the trials so far.
    ///
    /// A variant that fails is skipped, and the others continue: a limit of the machine, such as that
    /// of locked memory for io_uring, ends only the variants that exceed it.
    ///
    /// # Errors
    /// If nothing could be measured, the error of the last trial, for example if a remote server does
    /// not consent; and the errors of `on_event`.
    pub fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        on_event: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Report, E> {
        measure(&self.config, stop, on_event)
    }
}

fn measure<E: From<Error>>(
    config: &Config,
    stop: &AtomicBool,
    mut on_event: impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<Report, E> {
    let variants = config.variants();
    let mut config = config.clone();
    if let Some(Err(error)) = config.cpus.map(|_| cpu::may_pin()) {
        on_event(&Event::Unpinned(&error))?;
        config.cpus = None;
    }
    let config = &config;
    let setting = setting(config, variants.len() * config.trials)?;
    on_event(&Event::Started(&setting))?;
    let mut dice = fastrand::Rng::new();
    let (mut trials, mut skipped) = (Vec::new(), Vec::new());
    let mut is_complete = true;
    let mut failure = None;
    // Every round tries each variant once, in a new order: disturbances of the machine affect all
    // variants alike.
    'rounds: for number in 1..=config.trials {
        let mut order = variants.clone();
        dice.shuffle(&mut order);
        for variant in order {
            if skipped.contains(&variant) {
                continue;
            }
            if stop.load(Ordering::Relaxed) {
                is_complete = false;
                break 'rounds;
            }
            on_event(&Event::Trying(variant, trials.len()))?;
            match trial::run(config, variant, number, stop) {
                Ok(Some(trial)) => {
                    on_event(&Event::Tried(&trial))?;
                    trials.push(trial);
                }
                Ok(None) => {
                    is_complete = false;
                    break 'rounds;
                }
                Err(error) => {
                    let lost = fails_too(config, variant, &error);
                    let given_up = variants.iter().copied().filter(lost);
                    let given_up: Vec<_> = given_up.filter(|one| !skipped.contains(one)).collect();
                    if given_up.len() == variants.len() && trials.is_empty() {
                        return Err(error.into());
                    }
                    on_event(&Event::Skipped(&given_up, &error))?;
                    skipped.extend(given_up);
                    failure = Some(error);
                }
            }
        }
    }
    let mut tried = variants;
    tried.retain(|variant| !skipped.contains(variant));
    match failure {
        Some(error) if tried.is_empty() => Err(error.into()),
        _ => Ok(Report {
            is_complete,
            rows: summary::rows(&tried, &trials),
            skipped,
            setting,
            trials,
        }),
    }
}

/// The variants that would fail in the same way.
fn fails_too(config: &Config, failed: Variant, error: &Error) -> impl Fn(&Variant) -> bool {
    let (kind, is_remote) = (error.kind(), config.server.is_some());
    move |other| match (kind, is_remote) {
        (ErrorKind::Unsupported, _) => (other.send, other.receive) == (failed.send, failed.receive),
        // The server does not do what this scenario needs.
        (ErrorKind::InvalidInput, true) => other.scenario == failed.scenario,
        // It does not consent, or has ended: it is not asked again.
        (_, true) => true,
        _ => *other == failed,
    }
}

/// The environment: creates a socket like those of the trials to read its granted buffers.
fn setting(config: &Config, trials: usize) -> Result<Environment> {
    let (receive, send) = config.buffers;
    let usual = TransportConfig::bulk().socket_buffers;
    let family = config.server.map_or(config.family, Family::of);
    let endpoint = trial::builder(config).unbound(family)?;
    let transport = Transport::open(endpoint, BackendChoice::Auto, config.settings())?;
    let granted = |option| receiver::buffer_of(transport.endpoint(), option);
    Ok(Environment {
        kernel: cpu::kernel(),
        cpus: config.cpus,
        receive_buffer: (receive.or(usual), granted(option::SO_RCVBUF)?),
        send_buffer: (send.or(usual), granted(option::SO_SNDBUF)?),
        server: config.server,
        trials,
    })
}
