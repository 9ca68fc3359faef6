//! What `udpraw send` prints.

pub(super) mod records;

use std::io;
use std::net::SocketAddr;

use indicatif::ProgressBar;
use udpraw::error::{Error, Result, describe_errno};
use udpraw::protocol::transfer::{Code, Failure, Limit};
use udpraw::transfer::tree::TreeEvent;
use udpraw::transfer::{Progress, SendConfig, SendEvent, Sent};

use self::records::Record;
use super::transfer::{Bars, SignOfLife, amount, bytes, reason, seconds, shown, why};
use super::{Output, count};
use crate::cli::exit::{Exit, Outcome};

/// Reports a transfer that is sent, to people or to programs.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    bars: Bars,
    bar: ProgressBar,
    life: SignOfLife,
    quiet: bool,
    subject: String,
    destinations: Vec<SocketAddr>,
    /// Standard output failed; the transfer goes on nevertheless.
    failed: Option<io::Error>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, config: &SendConfig, quiet: bool) -> Self {
        let names: Vec<_> = config.tree.roots().names().collect();
        let bars = Bars::new(quiet || output.is_json());
        let is_remote = |to: &SocketAddr| !to.ip().to_canonical().is_loopback();
        if config.key.is_none() && config.destinations.iter().any(is_remote) {
            output.note(
                "--open: nothing is encrypted, and whoever is on the way can read and change it",
            );
        }
        Self {
            bar: bars.add(),
            bars,
            output,
            life: SignOfLife::new(),
            quiet,
            subject: match &names[..] {
                [name] => shown(&String::from_utf8_lossy(name)),
                names => format!("{} files and folders", names.len()),
            },
            destinations: config.destinations.clone(),
            failed: None,
        }
    }

    /// What happened.
    pub(crate) fn event(&mut self, event: &SendEvent<'_>) {
        match event {
            SendEvent::Progress(progress) => self.progress(progress),
            SendEvent::Entry(event) => self.entry(event),
            SendEvent::More(count) => {
                self.note(format!("not shown: {count} more messages about files"));
            }
            SendEvent::Trouble(error) => {
                self.note(format!("{error}; trying until --timeout is over"));
            }
            SendEvent::Restarted => {
                self.note("the receiver was started again; going on with it".into());
            }
            _ => {}
        }
    }

    fn progress(&mut self, progress: &Progress) {
        if self.output.is_json() {
            return self.record(&Record::Progress(progress.into()));
        }
        Bars::update(&self.bar, progress, &self.subject);
        if self.bar.is_hidden()
            && !self.quiet
            && let Some(line) = self.life.line(progress)
        {
            self.output.talk(line);
        }
    }

    fn note(&mut self, message: String) {
        if self.output.is_json() {
            return self.record(&Record::Note { message });
        }
        let Self { bars, output, .. } = self;
        bars.pause(|| output.note(message));
    }

    /// Something about one file.
    fn entry(&mut self, event: &TreeEvent) {
        let (path, what, message) = match event {
            TreeEvent::Skipped { path, what } => (path, "skipped", (*what).to_owned()),
            TreeEvent::Unlisted { path, error } => (path, "unlisted", error.to_string()),
            TreeEvent::Refused { path, reason, .. } => (path, "refused", reason.to_string()),
            TreeEvent::Failed {
                path,
                status,
                error,
            } => {
                let message = error
                    .as_ref()
                    .map_or(status.to_string(), ToString::to_string);
                (path, "failed", message)
            }
            TreeEvent::Resumed { path, from: 0 } => {
                let message =
                    "the part that the receiver kept is of another file: from the beginning";
                (path, "resumed", message.to_owned())
            }
            TreeEvent::Resumed { path, from } => {
                let message = format!("going on after the {} that were there", bytes(*from));
                (path, "resumed", message)
            }
            _ => return,
        };
        let path = String::from_utf8_lossy(path).into_owned();
        if self.output.is_json() {
            return self.record(&Record::Entry {
                path,
                what,
                message,
            });
        }
        let line = match (what, path.as_str()) {
            (_, "") => format!("a file that was sent before: {message}"),
            ("skipped", _) => format!("not sent: {} is {message}", shown(&path)),
            ("resumed", _) => format!("{}: {message}", shown(&path)),
            _ => format!("not stored: {}: {message}", shown(&path)),
        };
        let quiet = self.quiet && what == "resumed";
        let Self { bars, output, .. } = self;
        if !quiet {
            bars.pause(|| output.note(line));
        }
    }

    fn record(&mut self, record: &Record) {
        if self.failed.is_none() {
            self.failed = self.output.record(record).err();
        }
    }

    /// How it ended.
    pub(crate) fn end(mut self, sent: Result<Sent>) -> Outcome {
        self.bar.finish_and_clear();
        let exit = match sent {
            Ok(sent) => match &sent.outcome {
                Ok(()) => self.done(&sent),
                Err(failure) => self.failed(&sent, failure),
            },
            Err(error) => self.error(error)?,
        };
        match self.failed.take() {
            // A failed transfer matters more.
            Some(error) if exit == Exit::Yes => Err(error.into()),
            _ => Ok(exit),
        }
    }

    fn done(&mut self, sent: &Sent) -> Exit {
        if self.output.is_json() {
            self.record(&Record::Done(sent.into()));
        } else if !self.quiet {
            let files = match sent.progress.entries {
                0 | 1 => String::new(),
                entries => format!(" ({entries} entries)"),
            };
            let open = if sent.is_keyed { "" } else { ", not encrypted" };
            self.output.talk(format_args!(
                "sent {}{files} to {}: {}{open}",
                self.subject,
                sent.destination,
                amount(&sent.progress, sent.goodput())
            ));
            self.account(sent);
        }
        match sent.failed {
            0 => Exit::Yes,
            failed => {
                if !self.output.is_json() {
                    let failed = count(failed, "file or folder is", "files or folders are");
                    self.output.talk(format_args!("{failed} not stored"));
                }
                Exit::No
            }
        }
    }

    /// The counts of the transfer.
    fn account(&mut self, sent: &Sent) {
        let counts = sent.counts;
        let share = counts.repeated as f64 / counts.bytes.max(1) as f64;
        self.output.talk(format_args!(
            "{} retransmitted ({:.1} %); {}, {} declared lost, {} of them arrived late, {}",
            bytes(counts.repeated),
            share * 100.0,
            count(counts.datagrams, "datagram", "datagrams"),
            counts.lost,
            counts.spurious_losses,
            count(counts.timeouts, "timeout", "timeouts"),
        ));
        let round_trip = match sent.round_trip {
            Some(time) => format!("round trip {time:.1?}"),
            None => "round trip unknown".into(),
        };
        self.output.talk(format_args!(
            "{round_trip}, datagrams of up to {} bytes, {} marked by ECN, backend {}, {}",
            sent.datagram_size,
            counts.marked,
            sent.backend,
            count(sent.syscalls, "system call", "system calls")
        ));
        let (limit, share) = sent.limit;
        self.output.talk(format_args!(
            "limited by the {} for {:.0} % of the time: {}",
            limit.name(),
            share * 100.0,
            meaning(limit)
        ));
    }

    /// A negative result.
    fn failed(&mut self, sent: &Sent, failure: &Failure) -> Exit {
        let to = sent.destination;
        let is_unheard = sent.round_trip.is_none();
        let message = match failure {
            Failure::Silent(time) if is_unheard => format!(
                "no reply from {to} for {}; is udpraw recv running there, and does a firewall let \
                 UDP through?",
                seconds(*time)
            ),
            _ => {
                let subject = &self.subject;
                let mut line = format!(
                    "cannot send {subject} to {to}: {}",
                    why(failure, "receiver")
                );
                if let Some(remedy) = remedy(failure) {
                    line = format!("{line}; {remedy}");
                }
                line
            }
        };
        if self.output.is_json() {
            self.record(&Record::Failed {
                reason: Some(reason(failure)),
                message,
                account: Some(sent.into()),
            });
            return Exit::No;
        }
        self.output.talk(message);
        if !self.quiet && !is_unheard {
            self.output.talk(format_args!(
                "{} had arrived: {}",
                bytes(sent.progress.bytes),
                amount(&sent.progress, sent.goodput())
            ));
        }
        Exit::No
    }

    /// The receiver cannot be reached, or this end failed.
    fn error(&mut self, error: Error) -> Outcome {
        let nobody = match error.errno() {
            Some(errno @ libc::ECONNREFUSED) => Some(("nobody listens at", errno)),
            Some(
                errno @ (libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::ENETDOWN
                | libc::ENONET),
            ) => Some(("no route to", errno)),
            _ => None,
        };
        let Some((what, errno)) = nobody else {
            let (reason, message) = (None, error.to_string());
            if self.output.is_json() {
                let account = None;
                self.record(&Record::Failed {
                    reason,
                    message,
                    account,
                });
            }
            return Err(error.into());
        };
        let places: Vec<_> = self.destinations.iter().map(ToString::to_string).collect();
        let message = format!(
            "{what} {}: {}; is udpraw recv running there?",
            places.join(" or "),
            describe_errno(errno)
        );
        if self.output.is_json() {
            let (reason, account) = (Some("unreachable"), None);
            self.record(&Record::Failed {
                reason,
                message,
                account,
            });
        } else {
            self.output.talk(message);
        }
        Ok(Exit::No)
    }
}

/// What can be done about it.
fn remedy(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::Silent(_) | Failure::Unreachable(_) => {
            Some("udpraw recv --resume there continues from what it kept, if anything")
        }
        Failure::Closed { code, .. } | Failure::Abandoned { code, .. } => match code {
            Code::Interrupted | Code::Storage => {
                Some("udpraw recv --resume there continues from what it kept, if anything")
            }
            Code::Unknown => Some("was udpraw recv restarted there? send it again"),
            Code::WrongCode => Some("compare the code with what udpraw recv printed"),
            Code::CodeRequired => Some("give the code that udpraw recv printed"),
            Code::NoCode => Some("the receiver runs with --open: so must the sender"),
            _ => None,
        },
        Failure::Restarted => Some("send it again; with --resume it goes on by itself"),
        Failure::Version(_) => Some("use the same version of udpraw at both ends"),
        _ => None,
    }
}

/// What limited a transfer, in a phrase.
fn meaning(limit: Limit) -> &'static str {
    match limit {
        Limit::Path => "the network carried no more at a time",
        Limit::Receiver => "the receiver's buffer had no room",
        Limit::Storage => "the receiver's disk, or the reader of its output, was slower",
        Limit::Source => "the input was slower",
        Limit::Machine => "this machine sent as fast as it can",
        _ => "something else was slower",
    }
}
