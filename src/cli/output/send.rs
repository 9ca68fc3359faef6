//! What `udpraw send` tells.

use std::io;
use std::net::SocketAddr;

use indicatif::ProgressBar;
use serde::Serialize;
use udpraw::error::{Error, Result, describe_errno};
use udpraw::protocol::transfer::{Code, Failure, Limit};
use udpraw::transfer::{Progress, SendConfig, SendEvent, Sent};

use super::envelope::JsonEvent;
use super::record::Address;
use super::transfer::{Bars, amount, bytes, cause, seconds, shown, why};
use super::{Output, count};
use crate::cli::exit::{Exit, Outcome};

/// An object of the sender's NDJSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Record {
    Progress {
        bytes: u64,
        resumed: u64,
        total: Option<u64>,
        seconds: f64,
    },
    Done(Account),
    Failed {
        /// One word; missing where this end failed.
        cause: Option<String>,
        message: String,
        #[serde(flatten)]
        account: Option<Account>,
    },
}

impl JsonEvent for Record {
    const SCHEMA: &'static str = "udpraw.send/1";
}

/// What was done, in numbers.
#[derive(Serialize)]
struct Account {
    to: Address,
    local: Address,
    bytes: u64,
    resumed: u64,
    seconds: f64,
    goodput_bits_per_second: f64,
    retransmitted_bytes: u64,
    datagrams: u64,
    lost: u64,
    late: u64,
    timeouts: u64,
    round_trip_us: Option<f64>,
    datagram_size: u16,
    limit: &'static str,
    limit_share: f64,
    backend: &'static str,
    syscalls: u64,
}

impl From<&Sent> for Account {
    fn from(sent: &Sent) -> Self {
        let (limit, limit_share) = sent.limit;
        Self {
            to: sent.destination.into(),
            local: sent.local.into(),
            bytes: sent.progress.bytes,
            resumed: sent.progress.resumed,
            seconds: sent.progress.elapsed.as_secs_f64(),
            goodput_bits_per_second: sent.goodput(),
            retransmitted_bytes: sent.counts.repeated,
            datagrams: sent.counts.datagrams,
            lost: sent.counts.lost,
            late: sent.counts.spurious_losses,
            timeouts: sent.counts.timeouts,
            round_trip_us: sent.round_trip.map(|time| time.as_nanos() as f64 / 1e3),
            datagram_size: sent.datagram_size,
            limit: limit.name(),
            limit_share,
            backend: sent.backend.name(),
            syscalls: sent.syscalls,
        }
    }
}

/// Tells of a transfer that is sent, to people or to programs.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    bar: ProgressBar,
    quiet: bool,
    subject: String,
    destinations: Vec<SocketAddr>,
    /// Standard output failed; the transfer goes on nevertheless.
    failed: Option<io::Error>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, config: &SendConfig, quiet: bool) -> Self {
        let input = &config.input;
        let bars = Bars::new(quiet || output.is_json());
        Self {
            bar: bars.add(input.name(), input.size()),
            output,
            quiet,
            subject: shown(input.name()),
            destinations: config.destinations.clone(),
            failed: None,
        }
    }

    /// What happened.
    pub(crate) fn event(&mut self, event: &SendEvent) {
        if let SendEvent::Progress(progress) = event {
            self.progress(progress);
        }
    }

    fn progress(&mut self, progress: &Progress) {
        self.bar.set_position(progress.bytes);
        if self.output.is_json() {
            self.record(&Record::Progress {
                bytes: progress.bytes,
                resumed: progress.resumed,
                total: progress.total,
                seconds: progress.elapsed.as_secs_f64(),
            });
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
            // A transfer that failed is the greater news.
            Some(error) if exit == Exit::Yes => Err(error.into()),
            _ => Ok(exit),
        }
    }

    fn done(&mut self, sent: &Sent) -> Exit {
        if self.output.is_json() {
            self.record(&Record::Done(sent.into()));
        } else if !self.quiet {
            self.output.talk(format_args!(
                "sent {} to {}: {}",
                self.subject,
                sent.destination,
                amount(&sent.progress, sent.goodput())
            ));
            self.account(sent);
        }
        Exit::Yes
    }

    /// What it took.
    fn account(&mut self, sent: &Sent) {
        let counts = sent.counts;
        let share = counts.repeated as f64 / counts.bytes.max(1) as f64;
        self.output.talk(format_args!(
            "{} sent again ({:.1} %); {}, {} given up as lost, {} of them came late, {}",
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
            "{round_trip}, datagrams of up to {} bytes, backend {}, {}",
            sent.datagram_size,
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

    /// The honest answer is no.
    fn failed(&mut self, sent: &Sent, failure: &Failure) -> Exit {
        let to = sent.destination;
        let is_unheard = sent.round_trip.is_none();
        let message = match failure {
            Failure::Silent(time) if is_unheard => format!(
                "no answer from {to} for {}; is udpraw recv running there, and does a firewall let \
                 UDP pass?",
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
                cause: Some(cause(failure).into()),
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

    /// Nobody is there, or this end failed.
    fn error(&mut self, error: Error) -> Outcome {
        let nobody = match error.errno() {
            Some(errno @ libc::ECONNREFUSED) => Some(("nobody listens at", errno)),
            Some(
                errno @ (libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::ENETDOWN
                | libc::ENONET),
            ) => Some(("no way leads to", errno)),
            _ => None,
        };
        let Some((what, errno)) = nobody else {
            let (cause, message) = (None, error.to_string());
            if self.output.is_json() {
                let account = None;
                self.record(&Record::Failed {
                    cause,
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
            let (cause, account) = (Some("unreachable".into()), None);
            self.record(&Record::Failed {
                cause,
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
            Some("udpraw recv --resume there goes on with what it kept")
        }
        Failure::Closed { code, .. } | Failure::Abandoned { code, .. } => match code {
            Code::Interrupted => Some("udpraw recv --resume there goes on with what it kept"),
            Code::Unknown => Some("was udpraw recv started anew there? send it again"),
            Code::Digest => Some("did the file change while it was sent? send it again"),
            _ => None,
        },
        Failure::Version(_) => Some("use the same version of udpraw at both ends"),
        _ => None,
    }
}

/// What held a transfer back, in a phrase.
fn meaning(limit: Limit) -> &'static str {
    match limit {
        Limit::Path => "the network took no more at a time",
        Limit::Receiver => "the receiver's buffer had no room",
        Limit::Storage => "the receiver's disk, or who reads its output, was slower",
        Limit::Source => "the input came no faster",
        Limit::Machine => "this machine sent as fast as it can",
        _ => "something else was slower",
    }
}
