//! The outcome of each datagram as NDJSON, written and read.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use udpraw::error::{Error, Result};
use udpraw::protocol::impairment::{self, Cause, Delivery, Direction, Outcome};
use udpraw::relay::DatagramOutcome;

use crate::cli::interrupt::Interruptible;
use crate::cli::output::envelope::nanos;

const SCHEMA: &str = "udpraw.relay-log/1";

/// One datagram's outcome in a relay's log (`--log`), a line each.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Line {
    /// Always `udpraw.relay-log/1`.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: String,
    /// When the datagram was received, in nanoseconds since the start of the relay.
    elapsed_ns: u64,
    /// `up` is from the client to the target.
    direction: Way,
    /// Number of the flow.
    flow: u32,
    /// Number of the datagram in its flow and direction.
    number: u64,
    /// Length of the payload in bytes.
    bytes: u32,
    #[serde(flatten)]
    outcome: Written,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Way {
    Up,
    Down,
}

#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum Written {
    /// The datagram was passed on.
    Passes {
        /// How long it was delayed, in nanoseconds.
        #[serde(default)]
        delay_ns: u64,
        /// Its order among the others; missing if it was kept.
        #[serde(default, skip_serializing_if = "Order::is_kept")]
        order: Order,
        /// Length to which it was cut, in bytes; missing if it was not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        truncated_bytes: Option<u32>,
        /// The bit that was flipped: the index of its byte times 8, plus its own, the lowest first; missing if none was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        corrupted_bit: Option<u32>,
        /// Delay of its copy in nanoseconds; missing if it was not duplicated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duplicate_delay_ns: Option<u64>,
    },
    /// The datagram was lost.
    Lost {
        /// Why: `blackhole`, `mtu`, `loss`, `queue` or `overflow`, as in the relay's summary.
        #[cfg_attr(test, schemars(extend("enum" = Cause::ALL.map(Cause::name))))]
        reason: String,
    },
}

/// The order of a datagram: as it was received, ahead of earlier ones, or held back behind later ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum Order {
    #[default]
    Kept,
    Ahead,
    HeldBack,
}

impl Order {
    fn is_kept(&self) -> bool {
        *self == Self::Kept
    }
}

impl Line {
    fn new(decided: &DatagramOutcome) -> Self {
        let outcome = match decided.outcome {
            Outcome::Lost(cause) => Written::Lost {
                reason: cause.name().to_owned(),
            },
            Outcome::Passes(delivery) => Written::Passes {
                delay_ns: nanos(delivery.delay),
                order: match delivery.order {
                    impairment::Order::Kept => Order::Kept,
                    impairment::Order::Ahead => Order::Ahead,
                    impairment::Order::HeldBack => Order::HeldBack,
                },
                truncated_bytes: delivery.truncated,
                corrupted_bit: delivery.corrupted,
                duplicate_delay_ns: delivery.copy.map(nanos),
            },
        };
        Self {
            schema: SCHEMA.to_owned(),
            elapsed_ns: nanos(decided.at),
            direction: match decided.direction {
                Direction::Up => Way::Up,
                Direction::Down => Way::Down,
            },
            flow: decided.flow,
            number: decided.number,
            // No datagram is longer than 65,535 bytes.
            bytes: u32::try_from(decided.length).unwrap_or(u32::MAX),
            outcome,
        }
    }

    /// Reads a line; the error is the reason why it is none.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        let line: Self = serde_json::from_slice(line)
            .map_err(|error| format!("it is not the outcome of a datagram: {error}"))?;
        if line.schema != SCHEMA {
            return Err(format!("its schema is not {SCHEMA}"));
        }
        if let Written::Lost { reason } = &line.outcome
            && find(reason).is_none()
        {
            let known = Cause::ALL.map(Cause::name).join(", ");
            return Err(format!("its reason is none of {known}"));
        }
        Ok(line)
    }

    /// Direction, flow, number, length and outcome.
    pub(crate) fn outcome(&self) -> (Direction, u32, u64, u32, Outcome) {
        let direction = match self.direction {
            Way::Up => Direction::Up,
            Way::Down => Direction::Down,
        };
        let outcome = match &self.outcome {
            // Known since it was read.
            Written::Lost { reason } => Outcome::Lost(find(reason).unwrap_or(Cause::Loss)),
            Written::Passes {
                delay_ns,
                order,
                truncated_bytes,
                corrupted_bit,
                duplicate_delay_ns,
            } => Outcome::Passes(Delivery {
                delay: Duration::from_nanos(*delay_ns),
                order: match order {
                    Order::Kept => impairment::Order::Kept,
                    Order::Ahead => impairment::Order::Ahead,
                    Order::HeldBack => impairment::Order::HeldBack,
                },
                truncated: *truncated_bytes,
                corrupted: *corrupted_bit,
                copy: duplicate_delay_ns.map(Duration::from_nanos),
            }),
        };
        (direction, self.flow, self.number, self.bytes, outcome)
    }
}

fn find(cause: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|known| known.name() == cause)
}

/// A file that takes the outcomes.
#[derive(Debug)]
pub(crate) struct Log {
    file: BufWriter<Interruptible<File>>,
    path: PathBuf,
}

impl Log {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        match File::create(&path) {
            Ok(file) => Ok(Self {
                file: BufWriter::new(Interruptible::new(file)),
                path,
            }),
            Err(source) => Err(Error::os("create", quoted(&path), source)),
        }
    }

    pub(crate) fn write(&mut self, decided: &DatagramOutcome) -> Result<()> {
        serde_json::to_writer(&mut self.file, &Line::new(decided))
            .map_err(io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|source| self.failed(source))
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(|source| self.failed(source))
    }

    #[cold]
    fn failed(&self, source: io::Error) -> Error {
        Error::os("write", quoted(&self.path), source)
    }
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let delivery = Delivery {
            delay: Duration::from_micros(20_123),
            order: impairment::Order::HeldBack,
            truncated: Some(3),
            corrupted: Some(17),
            copy: Some(Duration::ZERO),
        };
        for outcome in [
            Outcome::Passes(Delivery::default()),
            Outcome::Passes(delivery),
            Outcome::Lost(Cause::Queue),
        ] {
            let decided = DatagramOutcome {
                at: Duration::from_secs(1),
                direction: Direction::Down,
                flow: 3,
                number: 7,
                length: 38,
                outcome,
            };
            let text = serde_json::to_vec(&Line::new(&decided)).unwrap();
            let read = Line::parse(&text).unwrap().outcome();
            assert_eq!(read, (Direction::Down, 3, 7, 38, outcome));
        }
    }
}
