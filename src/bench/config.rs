//! The configuration of a benchmark.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::cpu;
use crate::error::{Error, Result};
use crate::io::{Backend, BackendChoice, Transport, TransportConfig};
use crate::socket::{Endpoint, Family};

/// The maximum number of trials: more add no information, and exceed the interval's arithmetic.
const MOST_TRIALS: usize = 1000;

/// The maximum number of datagrams in flight in an echo, over all flows.
const MOST_OUTSTANDING: usize = 4096;

/// The direction in which datagrams flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scenario {
    /// One way: one side sends as fast as the other receives.
    Sink,
    /// Round trip: each reply permits the next request.
    Echo,
}

impl Scenario {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sink, Self::Echo];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sink => "sink",
            Self::Echo => "echo",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scenario {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| {
            let subject = format!("'{}'", text.escape_debug());
            Error::invalid("find scenario", subject, "write sink or echo")
        })
    }
}

/// One combination of settings: one row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    /// The direction.
    pub scenario: Scenario,
    /// The backend of the sender or requester.
    pub send: Backend,
    /// The backend of the receiver or echo.
    pub receive: Backend,
    /// Bytes of payload.
    pub size: usize,
    /// The number of requests in flight per flow; 0 in a sink, where credit limits them.
    pub outstanding: usize,
}

impl Variant {
    /// Whether both are equal except for the backends.
    pub fn is_comparable(&self, other: &Self) -> bool {
        (self.scenario, self.size, self.outstanding)
            == (other.scenario, other.size, other.outstanding)
    }
}

/// The configuration of a benchmark.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The directions.
    pub scenarios: Vec<Scenario>,
    /// The backends of both sides: (the sender's, the receiver's).
    pub backends: Vec<(Backend, Backend)>,
    /// Bytes of payload.
    pub sizes: Vec<usize>,
    /// The number of requests in flight per flow, in an echo.
    pub outstanding: Vec<usize>,
    /// The number of flows of an echo, each from its own address (127.0.0.1, 127.0.0.2 and so on).
    pub flows: usize,
    /// The measured duration of a trial; a warm-up of a tenth of it, at most 100 ms, precedes.
    pub time: Duration,
    /// The number of trials of each variant.
    pub trials: usize,
    /// The CPUs of the sender and of the receiver; `None` leaves them to the scheduler.
    pub cpus: Option<(usize, usize)>,
    /// The family of the loopback address.
    pub family: Family,
    /// Both sides poll instead of sleeping.
    pub spin: bool,
    /// The sender of a sink does not wait for credit; datagrams may be lost.
    pub flood: bool,
    /// The receive and send buffer in bytes to request on both sides; `None` requests the sizes of
    /// [`TransportConfig::bulk`].
    pub buffers: (Option<usize>, Option<usize>),
    /// A consenting `udpraw server` on another host, instead of a receiver in this process.
    pub server: Option<SocketAddr>,
}

impl Default for Config {
    /// Each backend against itself over IPv4, 64 and 1,400 bytes, five trials of half a second each.
    fn default() -> Self {
        Self {
            scenarios: Scenario::ALL.into(),
            backends: Backend::ALL.map(|backend| (backend, backend)).into(),
            sizes: vec![64, 1400],
            outstanding: vec![1, 64],
            flows: 1,
            time: Duration::from_millis(500),
            trials: 5,
            cpus: cpu::two_apart(),
            family: Family::V4,
            spin: false,
            flood: false,
            buffers: (None, None),
            server: None,
        }
    }
}

impl Config {
    /// The configuration of both sides' transports.
    pub(super) fn settings(&self) -> TransportConfig {
        let bulk = TransportConfig::bulk();
        TransportConfig {
            spin: self.spin,
            socket_buffers: match self.buffers {
                (None, None) => bulk.socket_buffers,
                // A requested size is set on the socket itself.
                _ => None,
            },
            ..bulk
        }
    }

    /// The variants to measure, in the order of the table.
    pub fn variants(&self) -> Vec<Variant> {
        let mut variants = Vec::new();
        for &scenario in &self.scenarios {
            for &size in &self.sizes {
                let outstanding: &[usize] = match scenario {
                    Scenario::Sink => &[0],
                    Scenario::Echo => &self.outstanding,
                };
                for &outstanding in outstanding {
                    variants.extend(self.backends.iter().map(|&(send, receive)| Variant {
                        scenario,
                        send,
                        receive,
                        size,
                        outstanding,
                    }));
                }
            }
        }
        let mut seen = Vec::new();
        variants.retain(|variant| {
            !seen.contains(variant) && {
                seen.push(*variant);
                true
            }
        });
        variants
    }

    /// The approximate total duration.
    pub fn duration(&self) -> Duration {
        let trials = u32::try_from(self.variants().len() * self.trials).unwrap_or(u32::MAX);
        (self.time + self.warm_up() + Duration::from_millis(5)).saturating_mul(trials)
    }

    pub(super) fn warm_up(&self) -> Duration {
        (self.time / 10).min(Duration::from_millis(100))
    }

    /// Checks the configuration before anything is sent.
    ///
    /// # Errors
    /// If there is nothing to measure, a number is out of range, or a CPU does not exist. A backend that
    /// this kernel lacks is found by its first trial, and skipped.
    pub fn check(&self) -> Result<()> {
        let wrong = |subject: String, reason: &str| Err(Error::invalid("measure", subject, reason));
        if self.variants().is_empty() {
            return wrong("nothing".into(), "name a scenario, a backend, and a size");
        }
        if self.trials == 0 || self.trials > MOST_TRIALS {
            let subject = format!("{} trials", self.trials);
            return wrong(subject, &format!("must be 1 to {MOST_TRIALS}"));
        }
        if self.time < Duration::from_millis(1) || self.time > Duration::from_secs(3600) {
            let subject = format!("for {:?}", self.time);
            return wrong(subject, "a trial must take 1ms to 1h");
        }
        let family = self.server.map_or(self.family, Family::of);
        let most = family.largest_payload();
        if let Some(size) = self.sizes.iter().find(|size| **size > most) {
            let reason = format!("over {family} a payload is at most {most} bytes");
            return wrong(format!("{size} bytes"), &reason);
        }
        let most = MOST_OUTSTANDING / self.flows.max(1);
        if self.flows == 0 || self.flows > 250 {
            return wrong(format!("{} flows", self.flows), "must be 1 to 250");
        }
        if let Some(count) = self.outstanding.iter().find(|n| !(1..=most).contains(*n)) {
            let subject = format!("{count} outstanding");
            return wrong(
                subject,
                &format!("with {} flows it must be 1 to {most}", self.flows),
            );
        }
        if self.flows > 1 && (self.server.is_some() || self.family == Family::V6) {
            let subject = format!("{} flows", self.flows);
            let reason = "each needs its own address in 127.0.0.0/8, which only IPv4 loopback has";
            return wrong(subject, reason);
        }
        if let Some((sender, receiver)) = self.cpus {
            for cpu in [sender, receiver] {
                cpu::check(cpu)?;
            }
        }
        Ok(())
    }
}

/// The backend that a choice selects on this machine.
///
/// # Errors
/// An error of kind `Unsupported`, with the errno, if this kernel lacks or forbids it; the errors of
/// socket(2).
///
/// ```
/// use udpraw::bench::available;
/// use udpraw::io::{BackendChoice, Backend};
/// assert_eq!(available(BackendChoice::Only(Backend::Single))?, Backend::Single);
/// # Ok::<(), udpraw::error::Error>(())
/// ```
pub fn available(choice: BackendChoice) -> Result<Backend> {
    let endpoint = Endpoint::builder().unbound(Family::V4)?;
    let settings = TransportConfig {
        batch: 1,
        ..TransportConfig::default()
    };
    Ok(Transport::open(endpoint, choice, settings)?.backend())
}
