//! What `udpraw recv` prints.

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
use super::envelope::{json_event, nanos};
use super::python::Tuple;
use super::record::Address;
use super::transfer::{Bars, amount, bytes, reason, shown, why};
use crate::cli::exit::{Exit, Outcome};

/// An object of the receiver's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum Record<'a> {
    /// The socket is bound and transfers are accepted.
    Listening {
        /// The socket's file descriptor.
        fd: i32,
        /// The address that the socket is bound to.
        local: Address,
    },
    /// A transfer began.
    Opened {
        /// The sender.
        peer: Address,
        /// The transfer's id in hexadecimal.
        id: String,
        /// The name that the sender gave; empty for a stream without one.
        name: &'a str,
        /// Length of the stream in bytes; null if it is not known yet.
        total_bytes: Option<u64>,
        /// Bytes that an earlier transfer left.
        resumed_bytes: u64,
    },
    /// A transfer makes progress.
    Progress {
        /// The transfer's id in hexadecimal.
        id: String,
        /// Bytes of the stream that the receiver has.
        bytes: u64,
        /// Bytes of these that an earlier transfer left.
        resumed_bytes: u64,
        /// Length of the stream in bytes; null if it is not known yet.
        total_bytes: Option<u64>,
        /// Time since the start of the transfer in nanoseconds.
        elapsed_ns: u64,
    },
    /// A transfer is complete, verified and stored.
    Done(Account<'a>),
    /// A transfer failed, or none was received. The counts are missing in the second case.
    Failed {
        /// Why, in a word: nothing was received for too long (`silent`), an ICMP error
        /// (`unreachable`), another version of the protocol (`version`), or the code by which one end
        /// closed the transfer; null if no transfer was received, or this end failed.
        #[cfg_attr(test, schemars(extend("enum" = [
            "silent", "unreachable", "version", "finished", "interrupted", "refused", "source", "storage",
            "other-stream", "digest", "protocol", "unknown", null
        ])))]
        reason: Option<&'static str>,
        /// Why, for people.
        message: String,
        /// The file that keeps what was received, for `--resume`; null if there is none.
        part: Option<String>,
        #[serde(flatten)]
        account: Option<Account<'a>>,
    },
    /// A sender was refused.
    Refused {
        /// The sender.
        peer: Address,
        /// Why, for people.
        message: &'a str,
    },
}

json_event!("udpraw.recv/1", enum Record<'_> {
    Listening => "listening",
    Opened => "opened",
    Progress => "progress",
    Done => "done",
    Failed => "failed",
    Refused => "refused",
});

/// Counts of a transfer that was received.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Account<'a> {
    /// The sender.
    peer: Address,
    /// The transfer's id in hexadecimal.
    id: String,
    /// The name that the sender gave; empty for a stream without one.
    name: &'a str,
    /// The file that the stream was written to; null if it was written to standard output.
    path: Option<String>,
    /// Bytes of the stream that were received, including those of an earlier transfer.
    bytes: u64,
    /// Bytes of these that an earlier transfer left.
    resumed_bytes: u64,
    /// Duration of the transfer in nanoseconds.
    elapsed_ns: u64,
    /// New bytes of the stream, in bits per second.
    goodput_bits_per_second: f64,
    /// XXH3-128 digest of the stream in hexadecimal.
    xxh3_128: String,
    /// Datagrams received twice.
    duplicates: u64,
    /// Datagrams whose bytes had been received before in another datagram.
    spurious_retransmissions: u64,
    /// Datagrams received before one that was sent earlier.
    reordered: u64,
    /// Acknowledgements sent.
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
            resumed_bytes: arrived.progress.resumed,
            elapsed_ns: nanos(arrived.progress.elapsed),
            goodput_bits_per_second: arrived.goodput(),
            xxh3_128: format!("{:032x}", arrived.digest),
            duplicates: counts.duplicates,
            spurious_retransmissions: counts.repeated,
            reordered: counts.reordered,
            acknowledgements: counts.acknowledgements,
        }
    }
}

/// Reports transfers that are received, to people or to programs.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    quiet: bool,
    bars: Bars,
    running: HashMap<u64, ProgressBar>,
    /// The exit status so far.
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

    /// Where it listens, on standard error: standard output may carry the stream.
    pub(crate) fn listening(&mut self, fd: i32, address: SocketAddr) -> io::Result<()> {
        if self.output.is_json() {
            let local = address.into();
            return self.output.record(&Record::Listening { fd, local });
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
                        total_bytes: *size,
                        resumed_bytes: *kept,
                    };
                    return self.record(&record);
                }
                let bar = self.bars.add(name, *size);
                // What an earlier transfer left does not count for the speed.
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
                        resumed_bytes: progress.resumed,
                        total_bytes: progress.total,
                        elapsed_ns: nanos(progress.elapsed),
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
                let Some(unreported) = self.output.admit("senders that were refused") else {
                    return;
                };
                if self.output.is_json() {
                    let peer = (*peer).into();
                    let record = Record::Refused {
                        peer,
                        message: reason,
                    };
                    if self.failed.is_none() {
                        let written = self.output.record_after(unreported, &record);
                        self.failed = written.err();
                    }
                    return;
                }
                let line = format!("refused {}: {}", Tuple(*peer), shown(reason));
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
                let word = reason(failure);
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
            "datagrams: {} duplicates, {} unneeded, {} out of order; {} acknowledgements",
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

    fn not_stored(&mut self, arrived: &Arrived, reason: &'static str, why: &str) {
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
        // Less than what was received may be on the disk.
        let kept = arrived.part.as_deref().and_then(|part| {
            let length = part.metadata().ok()?.len();
            (length > 0).then_some((part, length))
        });
        if let Some((part, length)) = kept {
            // Writing to a String cannot fail.
            let _ = write!(
                message,
                "; kept {} in {}; udpraw recv --resume continues from there",
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
            let reason = Some(reason);
            self.record(&Record::Failed {
                reason,
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
                // A reader that stopped early, as head does, needs no message.
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
            // A failed transfer matters more.
            Some(error) if self.exit == Exit::Yes => Err(error.into()),
            _ => Ok(self.exit),
        }
    }

    fn nothing(&mut self, message: String) {
        self.exit = Exit::No;
        if self.output.is_json() {
            return self.record(&Record::Failed {
                reason: None,
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
