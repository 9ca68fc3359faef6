//! What `udpraw send` prints.

use std::io;
use std::net::SocketAddr;

use indicatif::ProgressBar;
use serde::Serialize;
use udpraw::error::{Error, Result, describe_errno};
use udpraw::protocol::transfer::{Code, Failure, Limit};
use udpraw::transfer::tree::TreeEvent;
use udpraw::transfer::{Progress, SendConfig, SendEvent, Sent};

use super::envelope::{json_event, nanos};
use super::record::Address;
use super::transfer::{
    Bars, ProgressRecord, SignOfLife, amount, bytes, reason, seconds, shown, why,
};
use super::{Output, count};
use crate::cli::exit::{Exit, Outcome};

/// An object of the sender's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum Record {
    /// The transfer makes progress.
    Progress(ProgressRecord),
    /// Something about one file or folder.
    Entry {
        /// Its path; empty if it is no longer known.
        path: String,
        /// What: it is no file (`skipped`), cannot be listed (`unlisted`), the receiver does not store
        /// it (`refused`), it was not sent completely (`failed`), or it goes on after a part that the
        /// receiver kept (`resumed`).
        #[cfg_attr(test, schemars(extend("enum" = ["skipped", "unlisted", "refused", "failed", "resumed"])))]
        what: &'static str,
        /// Why, for people.
        message: String,
    },
    /// Something that passes or changes nothing: the network takes no datagrams, the receiver was
    /// started again, events were left out.
    Note {
        /// What, for people.
        message: String,
    },
    /// Everything was sent, and the receiver has stored it, except `failed_entries`.
    Done(Account),
    /// The transfer failed. Its counts are missing if it never began.
    Failed {
        /// Why, in a word: nothing was received for too long (`silent`), an ICMP error
        /// (`unreachable`), another version of the protocol (`version`), or the code by which one end
        /// closed the transfer; null if this end failed.
        #[cfg_attr(test, schemars(extend("enum" = [
            "silent", "unreachable", "version", "restarted", "challenges", "finished", "interrupted",
            "refused", "source", "storage", "other-stream", "digest", "protocol", "wrong-code",
            "code-required", "no-code", "unknown", null
        ])))]
        reason: Option<&'static str>,
        /// Why, for people.
        message: String,
        #[serde(flatten)]
        account: Option<Account>,
    },
}

json_event!("udpraw.send/1", enum Record {
    Progress => "progress",
    Entry => "entry",
    Note => "note",
    Done => "done",
    Failed => "failed",
});

/// Counts of a transfer that was sent.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Account {
    /// The receiver.
    peer: Address,
    /// The address that was sent from.
    local: Address,
    /// Whether the transfer is encrypted.
    encrypted: bool,
    /// Bytes of files and streams that the receiver has.
    bytes: u64,
    /// Bytes of these that the receiver had before.
    resumed_bytes: u64,
    /// Files, folders and links that were dealt with.
    entries: u64,
    /// Those of them that the receiver had before, or made from the list.
    equal_entries: u64,
    /// Those that are not stored, or could not be read.
    failed_entries: u64,
    /// Duration of the transfer in nanoseconds.
    elapsed_ns: u64,
    /// New bytes of files and streams, in bits per second.
    goodput_bits_per_second: f64,
    /// Bytes of the stream that were sent again.
    retransmitted_bytes: u64,
    /// Datagrams sent, of every kind.
    datagrams: u64,
    /// Datagrams declared lost.
    lost: u64,
    /// Datagrams declared lost that arrived after all.
    spurious_losses: u64,
    /// Probe timeouts (RFC 9002).
    timeouts: u64,
    /// Datagrams that a congested router marked instead of dropping them (RFC 3168).
    ecn_marked: u64,
    /// How often the receiver saw another address of this end.
    migrations: u64,
    /// Smoothed round-trip time in nanoseconds; null without a sample.
    rtt_ns: Option<u64>,
    /// Largest payload of a datagram in bytes.
    datagram_bytes: u16,
    /// What limited the speed most of the time: the network `path`, the `receiver`'s buffer, its
    /// `storage`, the `source` of the stream, or this `machine`.
    #[cfg_attr(test, schemars(extend("enum" = ["path", "receiver", "storage", "source", "machine"])))]
    limited_by: &'static str,
    /// Part of the time that this was the limit, from 0 to 1.
    limited_ratio: f64,
    /// The I/O backend.
    backend: &'static str,
    /// System calls of sending, receiving and waiting.
    syscalls: u64,
}

impl From<&Sent> for Account {
    fn from(sent: &Sent) -> Self {
        let (limit, limited_ratio) = sent.limit;
        Self {
            peer: sent.destination.into(),
            local: sent.local.into(),
            encrypted: sent.is_keyed,
            bytes: sent.progress.bytes,
            resumed_bytes: sent.progress.resumed,
            entries: sent.progress.entries,
            equal_entries: sent.equal,
            failed_entries: sent.failed,
            elapsed_ns: nanos(sent.progress.elapsed),
            goodput_bits_per_second: sent.goodput(),
            retransmitted_bytes: sent.counts.repeated,
            datagrams: sent.counts.datagrams,
            lost: sent.counts.lost,
            spurious_losses: sent.counts.spurious_losses,
            timeouts: sent.counts.timeouts,
            ecn_marked: sent.counts.marked,
            migrations: sent.counts.migrations,
            rtt_ns: sent.round_trip.map(nanos),
            datagram_bytes: sent.datagram_size,
            limited_by: limit.name(),
            limited_ratio,
            backend: sent.backend.name(),
            syscalls: sent.syscalls,
        }
    }
}

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
            SendEvent::Trouble(error) => self.note(error.to_string()),
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
            Some("udpraw recv --resume there continues from what it kept")
        }
        Failure::Closed { code, .. } | Failure::Abandoned { code, .. } => match code {
            Code::Interrupted => Some("udpraw recv --resume there continues from what it kept"),
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
