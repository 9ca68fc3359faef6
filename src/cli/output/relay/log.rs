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

const SCHEMA: &str = "udpraw.relay-log/1";

/// One datagram's outcome. Times are in nanoseconds; what is not there did not happen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    schema: String,
    at_ns: u64,
    direction: Way,
    flow: u32,
    number: u64,
    length: u32,
    #[serde(flatten)]
    outcome: Written,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Up,
    Down,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum Written {
    Passes {
        #[serde(default)]
        delay_ns: u64,
        #[serde(default, skip_serializing_if = "Order::is_kept")]
        order: Order,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        truncated: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        corrupted: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copy_ns: Option<u64>,
    },
    Lost {
        cause: String,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
                cause: cause.name().to_owned(),
            },
            Outcome::Passes(delivery) => Written::Passes {
                delay_ns: nanoseconds(delivery.delay),
                order: match delivery.order {
                    impairment::Order::Kept => Order::Kept,
                    impairment::Order::Ahead => Order::Ahead,
                    impairment::Order::HeldBack => Order::HeldBack,
                },
                truncated: delivery.truncated,
                corrupted: delivery.corrupted,
                copy_ns: delivery.copy.map(nanoseconds),
            },
        };
        Self {
            schema: SCHEMA.to_owned(),
            at_ns: nanoseconds(decided.at),
            direction: match decided.direction {
                Direction::Up => Way::Up,
                Direction::Down => Way::Down,
            },
            flow: decided.flow,
            number: decided.number,
            // No datagram is longer than 65,535 bytes.
            length: u32::try_from(decided.length).unwrap_or(u32::MAX),
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
        if let Written::Lost { cause } = &line.outcome
            && find(cause).is_none()
        {
            let known = Cause::ALL.map(Cause::name).join(", ");
            return Err(format!("its cause is none of {known}"));
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
            Written::Lost { cause } => Outcome::Lost(find(cause).unwrap_or(Cause::Loss)),
            Written::Passes {
                delay_ns,
                order,
                truncated,
                corrupted,
                copy_ns,
            } => Outcome::Passes(Delivery {
                delay: Duration::from_nanos(*delay_ns),
                order: match order {
                    Order::Kept => impairment::Order::Kept,
                    Order::Ahead => impairment::Order::Ahead,
                    Order::HeldBack => impairment::Order::HeldBack,
                },
                truncated: *truncated,
                corrupted: *corrupted,
                copy: copy_ns.map(Duration::from_nanos),
            }),
        };
        (direction, self.flow, self.number, self.length, outcome)
    }
}

fn find(cause: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|known| known.name() == cause)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
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
