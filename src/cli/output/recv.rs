//! What `udpraw recv` tells.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use indicatif::ProgressBar;
use serde::Serialize;
use udpraw::error::{Error, Result};
use udpraw::transfer::{Arrived, ReceiveEvent, Tally};

use super::Output;
use super::envelope::JsonEvent;
use super::python::Tuple;
use super::record::Address;
use super::transfer::{Bars, amount, bytes, cause, shown, why};
use crate::cli::exit::{Exit, Outcome};

/// An object of the receiver's NDJSON. An id is written in hexadecimal: it needs all 64 bits.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Record<'a> {
    Listening {
        fd: i32,
        at: Address,
    },
    Opened {
        peer: Address,
        id: String,
        name: &'a str,
        total: Option<u64>,
        resumed: u64,
    },
    Progress {
        id: String,
        bytes: u64,
        resumed: u64,
        total: Option<u64>,
        seconds: f64,
    },
    Done(Account<'a>),
    Failed {
        /// One word; missing where nobody came, or this end failed.
        cause: Option<String>,
        message: String,
        /// Where what came of it is kept.
        part: Option<String>,
        #[serde(flatten)]
        account: Option<Account<'a>>,
    },
    Refused {
        peer: Address,
        reason: &'a str,
    },
}

impl JsonEvent for Record<'_> {
    const SCHEMA: &'static str = "udpraw.recv/1";
}

/// What was done, in numbers.
#[derive(Serialize)]
struct Account<'a> {
    peer: Address,
    id: String,
    name: &'a str,
    path: Option<String>,
    bytes: u64,
    resumed: u64,
    seconds: f64,
    goodput_bits_per_second: f64,
    digest: String,
    duplicates: u64,
    repeated: u64,
    early: u64,
    acknowledgements: u64,
}

impl<'a> From<&'a Arrived> for Account<'a> {
    fn from(arrived: &'a Arrived) -> Self {
        let counts = arrived.counts;
        Self {
            peer: arrived.peer.into(),
            id: hex(arrived.id),
            name: &arrived.name,
            path: arrived.path.as_deref().map(lossy),
            bytes: arrived.progress.bytes,
            resumed: arrived.progress.resumed,
            seconds: arrived.progress.elapsed.as_secs_f64(),
            goodput_bits_per_second: arrived.goodput(),
            digest: format!("{:032x}", arrived.digest),
            duplicates: counts.duplicates,
            repeated: counts.repeated,
            early: counts.reordered,
            acknowledgements: counts.acknowledgements,
        }
    }
}

/// Tells of transfers that are received, to people or to programs.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    quiet: bool,
    bars: Bars,
    running: HashMap<u64, ProgressBar>,
    /// What the exit code is to say.
    exit: Exit,
    /// Standard output failed; the transfers go on nevertheless.
    failed: Option<io::Error>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, quiet: bool) -> Self {
        Self {
            bars: Bars::new(quiet || output.is_json()),
            output,
            quiet,
            running: HashMap::new(),
            exit: Exit::Yes,
            failed: None,
        }
    }

    /// Where it listens. It is talk: standard output may carry the stream.
    pub(crate) fn listening(&mut self, fd: i32, address: SocketAddr) -> io::Result<()> {
        if self.output.is_json() {
            let at = address.into();
            return self.output.record(&Record::Listening { fd, at });
        }
        if !self.quiet {
            self.output
                .talk(format_args!("Listening at {}", Tuple(address)));
        }
        Ok(())
    }

    /// What happened.
    pub(crate) fn event(&mut self, event: &ReceiveEvent<'_>) {
        match event {
            ReceiveEvent::Opened {
                peer,
                id,
                name,
                size,
                kept,
            } => {
                if self.output.is_json() {
                    let record = Record::Opened {
                        peer: (*peer).into(),
                        id: hex(*id),
                        name,
                        total: *size,
                        resumed: *kept,
                    };
                    return self.record(&record);
                }
                let bar = self.bars.add(name, *size);
                // What was there before is no speed.
                bar.set_position(*kept);
                bar.reset_eta();
                self.running.insert(*id, bar);
            }
            ReceiveEvent::Progress { id, progress } => {
                if let Some(bar) = self.running.get(id) {
                    bar.set_position(progress.bytes);
                }
                if self.output.is_json() {
                    self.record(&Record::Progress {
                        id: hex(*id),
                        bytes: progress.bytes,
                        resumed: progress.resumed,
                        total: progress.total,
                        seconds: progress.elapsed.as_secs_f64(),
                    });
                }
            }
            ReceiveEvent::Ended(arrived) => self.ended(arrived),
            ReceiveEvent::Refused {
                peer,
                reason,
                is_busy,
            } => {
                if !is_busy && self.exit == Exit::Yes {
                    self.exit = Exit::No;
                }
                let Some(unreported) = self.output.admit("peers that were turned away") else {
                    return;
                };
                if self.output.is_json() {
                    let peer = (*peer).into();
                    let record = Record::Refused { peer, reason };
                    if self.failed.is_none() {
                        let written = self.output.record_after(unreported, &record);
                        self.failed = written.err();
                    }
                    return;
                }
                let line = format!("turned away {}: {}", Tuple(*peer), shown(reason));
                let Self { bars, output, .. } = self;
                bars.pause(|| output.note_after(unreported, line));
            }
            _ => {}
        }
    }

    fn record(&mut self, record: &Record<'_>) {
        if self.failed.is_none() {
            self.failed = self.output.record(record).err();
        }
    }

    fn ended(&mut self, arrived: &Arrived) {
        if let Some(bar) = self.running.remove(&arrived.id) {
            bar.finish_and_clear();
        }
        match &arrived.outcome {
            Ok(()) if self.output.is_json() => self.record(&Record::Done(arrived.into())),
            Ok(()) if self.quiet => {}
            Ok(()) => self.stored(arrived),
            Err(failure) => {
                let word = cause(failure).into();
                self.not_stored(arrived, word, &why(failure, "sender"));
            }
        }
    }

    fn stored(&mut self, arrived: &Arrived) {
        let counts = arrived.counts;
        let into = match &arrived.path {
            Some(path) => format!(" into {}", text(path)),
            None => String::new(),
        };
        let first = format!(
            "received {} from {}{into}: {}",
            named(&arrived.name),
            Tuple(arrived.peer),
            amount(&arrived.progress, arrived.goodput())
        );
        let second = format!(
            "datagrams: duplicates {}, repeated {}, reordered {}; acknowledgements {}",
            counts.duplicates, counts.repeated, counts.reordered, counts.acknowledgements
        );
        let third = format!("XXH3-128 {:032x}", arrived.digest);
        let Self { bars, output, .. } = self;
        bars.pause(|| {
            [first, second, third]
                .iter()
                .for_each(|line| output.talk(line))
        });
    }

    fn not_stored(&mut self, arrived: &Arrived, cause: String, why: &str) {
        let is_reader_gone = arrived.path.is_none()
            && arrived.error.as_ref().and_then(Error::errno) == Some(libc::EPIPE);
        let is_ours = arrived.error.is_some() && !is_reader_gone;
        let mut message = match &arrived.error {
            Some(error) if is_ours => error.to_string(),
            _ => {
                let peer = Tuple(arrived.peer);
                let name = named(&arrived.name);
                format!("cannot receive {name} from {peer}: {why}")
            }
        };
        // What is on the disk may be less than what came.
        let kept = arrived.part.as_deref().and_then(|part| {
            let length = part.metadata().ok()?.len();
            (length > 0).then_some((part, length))
        });
        if let Some((part, length)) = kept {
            // Writing to a String cannot fail.
            let _ = write!(
                message,
                "; kept {} in {}; udpraw recv --resume goes on from there",
                bytes(length),
                text(part)
            );
        }
        self.exit = match (is_ours, self.exit) {
            (true, _) | (_, Exit::Error) => Exit::Error,
            _ => Exit::No,
        };
        if self.output.is_json() {
            let part = kept.map(|(part, _)| lossy(part));
            let account = Some(arrived.into());
            let cause = Some(cause);
            self.record(&Record::Failed {
                cause,
                message: message.clone(),
                part,
                account,
            });
        }
        let Self { bars, output, .. } = self;
        bars.pause(|| {
            if is_ours {
                output.error(message);
            } else if !is_reader_gone && !output.is_json() {
                // A reader that had enough, as head has, needs no message.
                output.talk(message);
            }
        });
    }

    /// How it all ended.
    pub(crate) fn end(mut self, received: Result<Tally>) -> Outcome {
        self.output.unreported();
        match received {
            Ok(tally) if tally.whole == 0 && tally.failed == 0 => {
                self.nothing("nothing was received".into());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.nothing(error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
        match self.failed.take() {
            // A transfer that failed is the greater news.
            Some(error) if self.exit == Exit::Yes => Err(error.into()),
            _ => Ok(self.exit),
        }
    }

    fn nothing(&mut self, message: String) {
        self.exit = Exit::No;
        if self.output.is_json() {
            return self.record(&Record::Failed {
                cause: None,
                message,
                part: None,
                account: None,
            });
        }
        self.output.talk(message);
    }
}

fn hex(id: u64) -> String {
    format!("{id:016x}")
}

fn lossy(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A path, safe on a terminal.
fn text(path: &Path) -> String {
    shown(&lossy(path))
}

/// What the sender calls a stream, safe on a terminal.
fn named(name: &str) -> String {
    match name {
        "" => "a stream".into(),
        name => shown(name),
    }
}
