//! What is measured, and in which ways.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::cpu;
use crate::error::{Error, Result};
use crate::io::{Backend, BackendChoice, Transport, TransportConfig};
use crate::socket::{Endpoint, Family};

/// The most trials: more tell nothing new, and the interval's arithmetic ends there.
const MOST_TRIALS: usize = 1000;

/// The most datagrams on their way in an echo, over all flows.
const MOST_OUTSTANDING: usize = 4096;

/// In which direction datagrams flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scenario {
    /// One way: one side sends as fast as the other receives.
    Sink,
    /// There and back: each reply makes room for the next request.
    Echo,
}

impl Scenario {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sink, Self::Echo];

    /// Its name, as it is written on the command line.
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
            Error::invalid("find scenario", subject, "there are sink and echo")
        })
    }
}

/// One way to do one thing: what a row of the table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    /// In which direction.
    pub scenario: Scenario,
    /// The backend of the side that sends, or asks.
    pub send: Backend,
    /// The backend of the side that receives, or echoes.
    pub receive: Backend,
    /// Bytes of payload.
    pub size: usize,
    /// How many requests of a flow are on their way at once; 0 in a sink, where credit decides.
    pub outstanding: usize,
}

impl Variant {
    /// Whether both do the same thing, and differ in the backends alone.
    pub fn is_comparable(&self, other: &Self) -> bool {
        (self.scenario, self.size, self.outstanding)
            == (other.scenario, other.size, other.outstanding)
    }
}

/// What is to be measured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// In which directions.
    pub scenarios: Vec<Scenario>,
    /// The backends of either side: (the sender's, the receiver's).
    pub backends: Vec<(Backend, Backend)>,
    /// Bytes of payload.
    pub sizes: Vec<usize>,
    /// How many requests of a flow are on their way at once, in an echo.
    pub outstanding: Vec<usize>,
    /// How many flows an echo has, each from an address of its own (127.0.0.1, 127.0.0.2 and so on).
    pub flows: usize,
    /// How long a trial is measured; a tenth of it, 100 ms at most, goes before to warm up.
    pub time: Duration,
    /// How often each variant is measured.
    pub trials: usize,
    /// The CPUs of the sender and of the receiver; `None` leaves them to the scheduler.
    pub cpus: Option<(usize, usize)>,
    /// The family of the loopback address.
    pub family: Family,
    /// Both sides ask again and again instead of sleeping.
    pub spin: bool,
    /// The sender of a sink waits for no credit, and sends what gets lost.
    pub flood: bool,
    /// Bytes of receive and send buffer to ask for on both sides; `None` asks for what
    /// [`TransportConfig::bulk`] does.
    pub buffers: (Option<usize>, Option<usize>),
    /// A consenting `udpraw server` elsewhere, instead of a receiver in this process.
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
    /// How the transports of both sides run.
    pub(super) fn settings(&self) -> TransportConfig {
        let bulk = TransportConfig::bulk();
        TransportConfig {
            spin: self.spin,
            socket_buffers: match self.buffers {
                (None, None) => bulk.socket_buffers,
                // What was asked for is set on the socket itself.
                _ => None,
            },
            ..bulk
        }
    }

    /// What will be measured, in the order of the table.
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

    /// How long all of it takes, about.
    pub fn duration(&self) -> Duration {
        let trials = u32::try_from(self.variants().len() * self.trials).unwrap_or(u32::MAX);
        (self.time + self.warm_up() + Duration::from_millis(5)).saturating_mul(trials)
    }

    pub(super) fn warm_up(&self) -> Duration {
        (self.time / 10).min(Duration::from_millis(100))
    }

    /// Finds what makes no sense, before anything is sent.
    ///
    /// # Errors
    /// If there is nothing to measure, a number is out of its range, or a CPU is not there. A backend
    /// that this kernel lacks is found by its first trial, and skipped.
    pub fn check(&self) -> Result<()> {
        let wrong = |subject: String, reason: &str| Err(Error::invalid("measure", subject, reason));
        if self.variants().is_empty() {
            return wrong("nothing".into(), "name a scenario, a backend, and a size");
        }
        if self.trials == 0 || self.trials > MOST_TRIALS {
            let subject = format!("{} trials", self.trials);
            return wrong(subject, &format!("it takes 1 to {MOST_TRIALS}"));
        }
        if self.time < Duration::from_millis(1) || self.time > Duration::from_secs(3600) {
            let subject = format!("for {:?}", self.time);
            return wrong(subject, "a trial takes 1ms to 1h");
        }
        let family = self.server.map_or(self.family, Family::of);
        let most = family.largest_payload();
        if let Some(size) = self.sizes.iter().find(|size| **size > most) {
            let reason = format!("over {family} a datagram carries at most {most}");
            return wrong(format!("{size} bytes"), &reason);
        }
        let most = MOST_OUTSTANDING / self.flows.max(1);
        if self.flows == 0 || self.flows > 250 {
            return wrong(format!("{} flows", self.flows), "it takes 1 to 250");
        }
        if let Some(count) = self.outstanding.iter().find(|n| !(1..=most).contains(*n)) {
            let subject = format!("{count} outstanding");
            return wrong(
                subject,
                &format!("a flow of {} takes 1 to {most}", self.flows),
            );
        }
        if self.flows > 1 && (self.server.is_some() || self.family == Family::V6) {
            let subject = format!("{} flows", self.flows);
            let reason = "each has an address of its own in 127.0.0.0/8, which only IPv4 \
                          loopback offers";
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

/// The backend that a choice comes to on this machine.
///
/// # Errors
/// Of kind `Unsupported`, with the errno, if this kernel lacks it or forbids it; of socket(2).
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
