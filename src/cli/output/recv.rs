//! What `udpraw recv` prints.

pub(super) mod records;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use indicatif::ProgressBar;
use udpraw::error::{Error, Result};
use udpraw::transfer::{Arrived, Progress, ReceiveEvent, StoreEvent, Tally};

use self::records::Record;
use super::Output;
use super::python::Tuple;
use super::transfer::{Bars, SignOfLife, amount, bytes, kept, reason, shown, why};
use crate::cli::args::code::ReceiverCode;
use crate::cli::exit::{Exit, Outcome};

/// Reports transfers that are received, to people or to programs.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    quiet: bool,
    bars: Bars,
    running: HashMap<u64, (ProgressBar, SignOfLife)>,
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
    pub(crate) fn listening(
        &mut self,
        fd: i32,
        address: SocketAddr,
        code: Option<&ReceiverCode>,
    ) -> io::Result<()> {
        let new = code.filter(|code| code.is_new);
        let new = new.map(|code| code.code.reveal());
        if code.is_none() && !address.ip().to_canonical().is_loopback() {
            self.output.note(format_args!(
                "--open at {}: whoever reaches the port may send, and nothing is encrypted",
                Tuple(address)
            ));
        }
        if self.output.is_json() {
            let record = Record::Listening {
                fd,
                local: address.into(),
                code: new,
                encrypted: code.is_some(),
            };
            return self.output.record(&record);
        }
        if !self.quiet {
            self.output
                .talk(format_args!("Listening at {}", Tuple(address)));
        }
        // Without it nobody can send: even a quiet receiver prints it.
        if let Some(code) = new {
            self.output.talk(format_args!("Code: {code}"));
        }
        Ok(())
    }

    /// What happened.
    pub(crate) fn event(&mut self, event: &ReceiveEvent<'_>) {
        match event {
            ReceiveEvent::Opened { peer, id, is_keyed } => {
                if self.output.is_json() {
                    let record = Record::Opened {
                        peer: (*peer).into(),
                        id: hex(*id),
                        encrypted: *is_keyed,
                    };
                    return self.record(&record);
                }
                let bar = self.bars.add();
                self.running.insert(*id, (bar, SignOfLife::new()));
            }
            ReceiveEvent::Progress { id, progress } => self.progress(*id, progress),
            ReceiveEvent::Entry { id, event } => self.entry(*id, event),
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

    fn progress(&mut self, id: u64, progress: &Progress) {
        if self.output.is_json() {
            let progress = progress.into();
            return self.record(&Record::Progress {
                id: hex(id),
                progress,
            });
        }
        let Some((bar, life)) = self.running.get_mut(&id) else {
            return;
        };
        Bars::update(bar, progress, "receiving");
        if bar.is_hidden()
            && !self.quiet
            && let Some(line) = life.line(progress)
        {
            self.output.talk(line);
        }
    }

    /// Something about one file.
    fn entry(&mut self, id: u64, event: &StoreEvent) {
        let mut left = None;
        let (path, what, message) = match event {
            StoreEvent::Failed { path, error, part } => {
                left = part.as_ref();
                let what = left.map_or(String::new(), |part| format!("; {}", kept(part)));
                (path, "failed", format!("{error}{what}"))
            }
            StoreEvent::Incomplete { path, status } => (path, "incomplete", status.to_string()),
            StoreEvent::Renamed { path, placed } => {
                (path, "renamed", format!("stored as {}", text(placed)))
            }
            StoreEvent::Resumed { path, from: 0 } => {
                let message = "what was kept is of another file: from the beginning";
                (path, "resumed", message.to_owned())
            }
            StoreEvent::Resumed { path, from } => {
                let message = format!("going on after the {} that were there", bytes(*from));
                (path, "resumed", message)
            }
            StoreEvent::Note(message) => return self.note(shown(message)),
            StoreEvent::More(count) => {
                return self.note(format!("not shown: {count} more messages about files"));
            }
            _ => return,
        };
        let path = String::from_utf8_lossy(path).into_owned();
        if self.output.is_json() {
            return self.record(&Record::Entry {
                id: hex(id),
                path,
                what,
                message,
                part: left.map(|part| lossy(&part.path)),
            });
        }
        if self.quiet && what == "resumed" {
            return;
        }
        let line = match what {
            "failed" | "incomplete" => format!("not stored: {}: {message}", shown(&path)),
            _ => format!("{}: {message}", shown(&path)),
        };
        let Self { bars, output, .. } = self;
        bars.pause(|| output.note(line));
    }

    fn note(&mut self, message: String) {
        if self.output.is_json() {
            return self.record(&Record::Note { message });
        }
        let Self { bars, output, .. } = self;
        bars.pause(|| output.note(message));
    }

    fn ended(&mut self, arrived: &Arrived) {
        if !arrived.is_whole() && self.exit == Exit::Yes {
            self.exit = Exit::No;
        }
        if let Some((bar, _)) = self.running.remove(&arrived.id) {
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
        let files = arrived.files;
        let what = match files.stored + files.equal + files.failed {
            0 | 1 => named(&arrived.name),
            entries => format!("{entries} entries"),
        };
        let into = match &arrived.path {
            Some(path) if files.stored + files.equal == 1 => format!(" into {}", text(path)),
            _ => String::new(),
        };
        let open = if arrived.is_keyed {
            ""
        } else {
            ", not encrypted"
        };
        let first = format!(
            "received {what} from {}{into}: {}{open}",
            Tuple(arrived.peer),
            amount(&arrived.progress, arrived.goodput())
        );
        let second = format!(
            "datagrams: {} duplicates, {} unneeded, {} out of order, {} marked by ECN; {} acknowledgements",
            counts.duplicates,
            counts.repeated,
            counts.reordered,
            counts.marked,
            counts.acknowledgements
        );
        let third = match files.failed {
            0 => String::new(),
            failed => {
                let failed = super::count(failed, "file or folder is", "files or folders are");
                format!("{failed} not stored")
            }
        };
        let Self { bars, output, .. } = self;
        bars.pause(|| {
            [first, second, third]
                .iter()
                .filter(|line| !line.is_empty())
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
                let name = match &arrived.name[..] {
                    b"" => String::new(),
                    name => format!("{} ", named(name)),
                };
                format!("cannot receive {name}from {peer}: {why}")
            }
        };
        if let Some(part) = &arrived.part {
            message = format!("{message}; {}", kept(part));
        }
        self.exit = match (is_ours, self.exit) {
            (true, _) | (_, Exit::Error) => Exit::Error,
            _ => Exit::No,
        };
        if self.output.is_json() {
            let part = arrived.part.as_ref().map(|part| lossy(&part.path));
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
fn named(name: &[u8]) -> String {
    match name {
        b"" => "nothing".into(),
        name => shown(&String::from_utf8_lossy(name)),
    }
}
