//! What `udpraw client` prints.

pub(super) mod record;
mod summary;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use udpraw::client::{Answer, Event, Rate, Slow, Unasked};
use udpraw::error::errno_name;
use udpraw::protocol::RttEstimator;
use udpraw::protocol::exchange::{Defect, Ignored};
use udpraw::socket::{QueuedError, Shown};

use self::record::{Record, control, record};
use self::summary::RttSample;
use super::envelope::nanos;
use super::exchange::{self, IgnoredRecord};
use super::python::{Repr, Tuple};
use super::{Output, count, refusal};

/// Reports what the client does, and keeps the round trips for the summary.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    quiet: bool,
    verbose: bool,
    round_trips: RttSample,
    /// The last reply's round trip, and how often its request had been sent; of this request.
    last: Option<(Option<Duration>, u32)>,
    sent: u64,
    /// Whether the server answered an exchange by something else.
    is_plain: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, quiet: bool, verbose: bool) -> Self {
        Self {
            output,
            quiet,
            verbose,
            round_trips: RttSample::default(),
            last: None,
            sent: 0,
            is_plain: false,
        }
    }

    pub(crate) fn output(&mut self) -> &mut Output {
        self.output
    }

    pub(crate) fn is_json(&self) -> bool {
        self.output.is_json()
    }

    /// The name that connect(2) gave the socket.
    pub(crate) fn socket_name(&mut self, local: SocketAddr) -> io::Result<()> {
        match (self.is_json(), self.quiet) {
            (true, _) => self.output.record(&Record::Assigned {
                local: local.into(),
            }),
            (false, true) => Ok(()),
            (false, false) => self.output.socket_name(local),
        }
    }

    /// That a name's next address is tried.
    pub(crate) fn next_address(
        &mut self,
        refused: SocketAddr,
        error: &QueuedError,
        next: SocketAddr,
    ) {
        if !self.quiet {
            let why = refusal::text(refused, error);
            self.output
                .note(format_args!("{why}; trying {}", Shown(next)));
        }
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Replied(reply) => {
                self.last = Some((reply.round_trip, reply.tries));
                if let Some(time) = reply.round_trip {
                    self.round_trips.record(time);
                }
            }
            Event::Sent(attempt, _) => {
                self.sent += 1;
                if *attempt == 1 {
                    (self.last, self.is_plain) = (None, false);
                }
            }
            Event::Unasked(_, Unasked::Defect(Defect::Foreign)) => self.is_plain = true,
            _ => {}
        }
        let kind = match event {
            Event::Unasked(..) => Some("datagrams that answer no request"),
            Event::UnexpectedSource(_) => Some("datagrams from unexpected sources"),
            Event::LateReply(_) => Some("replies that came too late"),
            _ => None,
        };
        let unreported = match kind.map(|kind| self.output.admit(kind)) {
            Some(None) => return Ok(()),
            Some(Some(unreported)) => unreported,
            None => 0,
        };
        if self.is_json() {
            return match record(event) {
                Some(record) => self.output.record_after(unreported, &record),
                None => Ok(()),
            };
        }
        let written = self.text(event, unreported);
        if self.verbose {
            self.options_of(event);
        }
        written
    }

    /// What the socket's options say about a datagram.
    fn options_of(&mut self, event: &Event<'_>) {
        let datagram = match event {
            Event::Replied(reply) => &reply.datagram,
            Event::UnexpectedSource(datagram)
            | Event::LateReply(datagram)
            | Event::Unasked(datagram, _) => datagram,
            _ => return,
        };
        if let Some(line) = control(datagram).line(datagram.source()) {
            self.output.talk(line);
        }
    }

    /// The line about an event.
    fn text(&mut self, event: &Event<'_>, unreported: u64) -> io::Result<()> {
        match event {
            Event::Replied(reply) => {
                let server = reply.datagram.source();
                return self.output.server_replied(server, reply.payload);
            }
            _ if self.quiet => {}
            Event::Unasked(datagram, why) => {
                let (source, text) = (Tuple(datagram.source()), Repr(datagram.bytes()));
                let why = exchange::unasked(*why);
                self.output.note_after(
                    unreported,
                    format_args!("ignored from {source}: {why}: {text}"),
                );
            }
            Event::UnexpectedSource(datagram) => {
                let (source, text) = (Tuple(datagram.source()), Repr(datagram.bytes()));
                self.output.note_after(
                    unreported,
                    format_args!("ignored: {source} was not asked: {text}"),
                );
            }
            Event::Assigned(local) => return self.output.assigned_address(*local),
            Event::Sent(2.., wait) => self.output.waiting(*wait),
            Event::LateReply(datagram) => {
                let (source, text) = (Tuple(datagram.source()), Repr(datagram.bytes()));
                self.output
                    .note_after(unreported, format_args!("late reply from {source}: {text}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// The estimate of the round trip, for `--verbose`.
    pub(crate) fn estimate(&mut self, estimate: &RttEstimator) {
        if let (true, Some(smoothed)) = (self.verbose, estimate.smoothed()) {
            self.output.talk(format_args!(
                "{} (SRTT {smoothed:.1?}, RTTVAR {:.1?}, RTO {:.1?})",
                self.sample(),
                estimate.variation(),
                estimate.timeout()
            ));
        }
    }

    /// `round trip 61.3µs`, or why there is none, and how often the request was sent if more than once.
    fn sample(&self) -> String {
        match self.last {
            Some((Some(time), 1)) => format!("round trip {time:.1?}"),
            Some((Some(time), tries)) => {
                format!("round trip {time:.1?}, after {tries} datagrams")
            }
            Some((None, tries)) => format!("no sample: the request was sent {tries} times"),
            None => "no sample: no reply".into(),
        }
    }

    /// The round trip of an exchange, and what was ignored in it, for `--verbose`.
    pub(crate) fn exchange(
        &mut self,
        estimate: &RttEstimator,
        timeout: Duration,
        ignored: Ignored,
    ) -> io::Result<()> {
        if self.is_json() {
            let record = Record::RttEstimate {
                srtt_ns: estimate.smoothed().map(nanos),
                rttvar_ns: nanos(estimate.variation()),
                rto_ns: nanos(timeout),
                ignored: ignored.into(),
            };
            return self.output.record(&record);
        }
        if !self.verbose {
            return Ok(());
        }
        let sample = self.sample();
        let learnt = match estimate.smoothed() {
            Some(time) => format!("SRTT {time:.1?}, RTTVAR {:.1?}, ", estimate.variation()),
            None => String::new(),
        };
        let ignored = exchange::ignored(&ignored);
        self.output.talk(format_args!(
            "{sample} ({learnt}timeout {timeout:.1?}); {ignored}"
        ));
        Ok(())
    }

    /// How a request ended, if not with a reply.
    pub(crate) fn answer(&mut self, server: SocketAddr, answer: &Answer) -> io::Result<()> {
        let address = Shown(server);
        match answer {
            Answer::Refused(error) if self.is_json() => {
                let record = Record::Refused {
                    server: server.into(),
                    errno: errno_name(error.errno),
                    verdict: refusal::word(error),
                    offender: error.offender.map(|offender| offender.ip().to_string()),
                    icmp_type: error.icmp_type,
                    icmp_code: error.icmp_code,
                };
                self.output.record(&record)
            }
            Answer::Silence if self.is_json() => self.output.record(&Record::Timeout {
                server: server.into(),
            }),
            // The exit status says it.
            _ if self.quiet => Ok(()),
            Answer::Refused(error) => {
                self.output.talk(refusal::text(server, error));
                Ok(())
            }
            Answer::TooLong(length) if self.is_json() => {
                let (server, reply_bytes) = (server.into(), *length);
                let record = Record::TooLong {
                    server,
                    reply_bytes,
                };
                self.output.record(&record)
            }
            Answer::Unsupported(versions) if self.is_json() => {
                let server = server.into();
                let record = Record::UnsupportedVersion { server, versions };
                self.output.record(&record)
            }
            Answer::TooLong(length) => {
                self.output.talk(format_args!(
                    "{address} executed the request, but its reply of {length} bytes is more than \
                     three times the request; send a longer request"
                ));
                Ok(())
            }
            Answer::Unsupported(versions) => {
                let what = exchange::unsupported(versions);
                self.output
                    .talk(format_args!("{address} does not support {what}"));
                Ok(())
            }
            Answer::Silence if self.is_plain => {
                self.output.talk(format_args!(
                    "{address} replies, but not with exchanges: start it with --exchange, or omit \
                     the option here"
                ));
                Ok(())
            }
            Answer::Silence => {
                self.output.gave_up();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The summary of all requests.
    pub(crate) fn summary(
        &mut self,
        requests: u64,
        answered: u64,
        ignored: Option<Ignored>,
        rate: Option<Rate>,
    ) -> io::Result<()> {
        let times = self.round_trips.sum();
        if self.is_json() {
            let record = Record::Summary {
                requests,
                answered,
                sent: self.sent,
                rtt_samples: self.round_trips.samples(),
                rtt_min_ns: times.map(|[least, ..]| nanos(least)),
                rtt_median_ns: times.map(|[_, median, _]| nanos(median)),
                rtt_max_ns: times.map(|[.., most]| nanos(most)),
                target_requests_per_second: rate.map(|rate| rate.asked),
                requests_per_second: rate.map(|rate| rate.reached),
                limited_by: rate.and_then(|rate| rate.slow).map(|slow| match slow {
                    Slow::Replies(_) => "replies",
                    Slow::Elsewhere => "io",
                    Slow::Timer => "timer",
                    _ => "other",
                }),
                ignored: ignored.map(IgnoredRecord::from),
            };
            return self.output.record(&record);
        }
        if self.quiet {
            return Ok(());
        }
        let repeats = self.sent.saturating_sub(requests);
        let requests = count(requests, "request", "requests");
        let mut line = format!("{requests}, {answered} answered");
        if repeats > 0 {
            line = format!("{line}, {}", count(repeats, "repeat", "repeats"));
        }
        if let Some(ignored) = ignored {
            line = format!("{line}, {}", exchange::ignored(&ignored));
        }
        match times {
            Some([least, median, most]) => self.output.talk(format_args!(
                "{line}; round trip min {least:.1?}, median {median:.1?}, max {most:.1?}"
            )),
            None => self.output.talk(line),
        }
        if let Some(short) = rate.and_then(summary::too_slow) {
            self.output.note(short);
        }
        Ok(())
    }
}
