//! What `udpraw send` prints.

use std::io;
use std::net::SocketAddr;

use indicatif::ProgressBar;
use serde::Serialize;
use udpraw::error::{Error, Result, describe_errno};
use udpraw::protocol::transfer::{Code, Failure, Limit};
use udpraw::transfer::{Progress, SendConfig, SendEvent, Sent};

use super::envelope::{json_event, nanos};
use super::record::Address;
use super::transfer::{Bars, amount, bytes, reason, seconds, shown, why};
use super::{Output, count};
use crate::cli::exit::{Exit, Outcome};

/// An object of the sender's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum Record {
    /// The transfer makes progress.
    Progress {
        /// Bytes of the stream that the receiver has.
        bytes: u64,
        /// Bytes of these that an earlier transfer left.
        resumed_bytes: u64,
        /// Length of the stream in bytes; null if it is not known yet.
        total_bytes: Option<u64>,
        /// Time since the start of the transfer in nanoseconds.
        elapsed_ns: u64,
    },
    /// The transfer is complete, and the receiver has verified it.
    Done(Account),
    /// The transfer failed. Its counts are missing if it never began.
    Failed {
        /// Why, in a word: nothing was received for too long (`silent`), an ICMP error
        /// (`unreachable`), another version of the protocol (`version`), or the code by which one end
        /// closed the transfer; null if this end failed.
        #[cfg_attr(test, schemars(extend("enum" = [
            "silent", "unreachable", "version", "finished", "interrupted", "refused", "source", "storage",
            "other-stream", "digest", "protocol", "unknown", null
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
    /// Bytes of the stream that the receiver has, including those of an earlier transfer.
    bytes: u64,
    /// Bytes of these that an earlier transfer left.
    resumed_bytes: u64,
    /// Duration of the transfer in nanoseconds.
    elapsed_ns: u64,
    /// New bytes of the stream, in bits per second.
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
            bytes: sent.progress.bytes,
            resumed_bytes: sent.progress.resumed,
            elapsed_ns: nanos(sent.progress.elapsed),
            goodput_bits_per_second: sent.goodput(),
            retransmitted_bytes: sent.counts.repeated,
            datagrams: sent.counts.datagrams,
            lost: sent.counts.lost,
            spurious_losses: sent.counts.spurious_losses,
            timeouts: sent.counts.timeouts,
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
                resumed_bytes: progress.resumed,
                total_bytes: progress.total,
                elapsed_ns: nanos(progress.elapsed),
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
            // A failed transfer matters more.
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
            Code::Digest => Some("did the file change while it was sent? send it again"),
            _ => None,
        },
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
