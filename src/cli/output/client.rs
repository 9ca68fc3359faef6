//! What `udpraw client` tells.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use udpraw::client::{Answer, Event, Unasked};
use udpraw::error::errno_name;
use udpraw::protocol::RoundTrip;
use udpraw::protocol::exchange::{Defect, Ignored};
use udpraw::socket::{QueuedError, Shown};

use super::exchange::{self, Id, IgnoredRecord};
use super::python::{Repr, Tuple};
use super::record::{Address, Payload};
use super::{Output, count, refusal};

const SCHEMA: &str = "udpraw.client/1";

/// An object of the client's NDJSON. Times are in microseconds.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Record<'a> {
    Assigned {
        local: Address,
    },
    Sent {
        number: u32,
        wait_us: u128,
    },
    Reply {
        server: Address,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Id>,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
        elapsed_us: f64,
        /// Missing where the request was sent more than once (Karn's rule).
        rtt_us: Option<f64>,
        tries: u32,
    },
    Stranger {
        source: Address,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Late {
        source: Address,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Ignored {
        source: Address,
        why: &'static str,
        bytes: usize,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    /// What an exchange taught of the round trip, and how many datagrams were ignored in it.
    Estimate {
        srtt_us: Option<f64>,
        rttvar_us: f64,
        rto_us: f64,
        ignored: IgnoredRecord,
    },
    #[serde(rename = "too_long")]
    TooLong {
        server: Address,
        reply_bytes: u32,
    },
    Unsupported {
        server: Address,
        versions: &'a [u8],
    },
    Refused {
        server: Address,
        errno: String,
        /// closed, filtered or unreachable, as `udpraw probe` has it.
        verdict: &'static str,
        by: Option<String>,
        icmp_type: u8,
        icmp_code: u8,
    },
    Silence {
        server: Address,
    },
    Summary {
        requests: u64,
        answered: u64,
        rtt_min_us: Option<f64>,
        rtt_median_us: Option<f64>,
        rtt_max_us: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ignored: Option<IgnoredRecord>,
    },
}

/// Tells what the client does as it happens, and keeps the round trips for the end.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    quiet: bool,
    verbose: bool,
    round_trips: Vec<Duration>,
    /// How often the request of the last reply had been sent.
    tries: u32,
    /// Whether the server answered an exchange by something else.
    is_plain: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, quiet: bool, verbose: bool) -> Self {
        Self {
            output,
            quiet,
            verbose,
            round_trips: Vec::new(),
            tries: 0,
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
            (true, _) => self.output.record(
                SCHEMA,
                &Record::Assigned {
                    local: local.into(),
                },
            ),
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
                self.tries = reply.tries;
                if reply.tries == 1 {
                    self.round_trips.push(reply.elapsed);
                }
            }
            Event::Sent(1, _) => (self.tries, self.is_plain) = (0, false),
            Event::Unasked(_, Unasked::Defect(Defect::Foreign)) => self.is_plain = true,
            _ => {}
        }
        let kind = match event {
            Event::Unasked(..) => Some("datagrams that answer nothing"),
            Event::Stranger(_) => Some("datagrams of strangers"),
            Event::Late(_) => Some("replies that came too late"),
            _ => None,
        };
        let unreported = match kind.map(|kind| self.output.admit(kind)) {
            Some(None) => return Ok(()),
            Some(Some(unreported)) => unreported,
            None => 0,
        };
        if self.is_json() {
            return match record(event) {
                Some(record) => self.output.record_after(unreported, SCHEMA, &record),
                None => Ok(()),
            };
        }
        match event {
            Event::Replied(reply) => {
                let server = reply.datagram.source();
                return self.output.server_replied(server, reply.payload);
            }
            Event::Unasked(_, Unasked::Stale) if self.quiet => {}
            Event::Unasked(datagram, why) => {
                let (source, text) = (Tuple(datagram.source()), Repr(datagram.bytes()));
                let why = exchange::unasked(*why);
                self.output.note_after(
                    unreported,
                    format_args!("ignored from {source}, as {why}: {text}"),
                );
            }
            Event::Stranger(datagram) => {
                let (source, text) = (Tuple(datagram.source()), Repr(datagram.bytes()));
                self.output.note_after(
                    unreported,
                    format_args!("ignored, as {source} was not asked: {text}"),
                );
            }
            _ if self.quiet => {}
            Event::Assigned(local) => return self.output.assigned_address(*local),
            Event::Sent(2.., wait) => self.output.waiting(*wait),
            Event::Late(datagram) => {
                let (source, text) = (Tuple(datagram.source()), Repr(datagram.bytes()));
                self.output
                    .note_after(unreported, format_args!("too late, from {source}: {text}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// What is known of the round trip, for `--verbose`.
    pub(crate) fn estimate(&mut self, estimate: &RoundTrip) {
        if let (true, Some(smoothed)) = (self.verbose, estimate.smoothed()) {
            self.output.talk(format_args!(
                "round trip {:.1?} (SRTT {smoothed:.1?}, RTTVAR {:.1?}, RTO {:.1?})",
                self.round_trips.last().copied().unwrap_or_default(),
                estimate.variation(),
                estimate.timeout()
            ));
        }
    }

    /// What an exchange taught of the round trip, and what was ignored in it, for `--verbose`.
    pub(crate) fn exchange(
        &mut self,
        estimate: &RoundTrip,
        timeout: Duration,
        ignored: Ignored,
    ) -> io::Result<()> {
        if self.is_json() {
            let record = Record::Estimate {
                srtt_us: estimate.smoothed().map(micros),
                rttvar_us: micros(estimate.variation()),
                rto_us: micros(timeout),
                ignored: ignored.into(),
            };
            return self.output.record(SCHEMA, &record);
        }
        if !self.verbose {
            return Ok(());
        }
        let sample = match (self.tries, self.round_trips.last()) {
            (1, Some(time)) => format!("round trip {time:.1?}"),
            (2.., _) => format!("no sample, as it was sent {} times", self.tries),
            _ => "no sample, as there was no reply".into(),
        };
        let learnt = match estimate.smoothed() {
            Some(time) => format!("SRTT {time:.1?}, RTTVAR {:.1?}, ", estimate.variation()),
            None => String::new(),
        };
        let ignored = exchange::ignored(&ignored);
        self.output.talk(format_args!(
            "{sample} ({learnt}RTO {timeout:.1?}); {ignored}"
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
                    by: error.offender.map(|offender| offender.ip().to_string()),
                    icmp_type: error.icmp_type,
                    icmp_code: error.icmp_code,
                };
                self.output.record(SCHEMA, &record)
            }
            Answer::Silence if self.is_json() => self.output.record(
                SCHEMA,
                &Record::Silence {
                    server: server.into(),
                },
            ),
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
                self.output.record(SCHEMA, &record)
            }
            Answer::Unsupported(versions) if self.is_json() => {
                let server = server.into();
                let record = Record::Unsupported { server, versions };
                self.output.record(SCHEMA, &record)
            }
            Answer::TooLong(length) => {
                self.output.talk(format_args!(
                    "{address} did it, but its reply of {length} bytes is more than three times the \
                     request; send a longer one"
                ));
                Ok(())
            }
            Answer::Unsupported(versions) => {
                let what = exchange::unsupported(versions);
                self.output
                    .talk(format_args!("{address} does not speak {what}"));
                Ok(())
            }
            Answer::Silence if self.is_plain => {
                self.output.talk(format_args!(
                    "{address} answers, but not by exchanges: start it with --exchange, or leave it \
                     out here"
                ));
                Ok(())
            }
            Answer::Silence => {
                self.output.gave_up();
                Ok(())
            }
            Answer::Replies(_) | Answer::Stopped => Ok(()),
        }
    }

    /// The account of all requests.
    pub(crate) fn summary(
        &mut self,
        requests: u64,
        answered: u64,
        ignored: Option<Ignored>,
    ) -> io::Result<()> {
        self.round_trips.sort_unstable();
        let times = match self.round_trips.as_slice() {
            [] => None,
            sorted @ [least, .., most] | sorted @ [least @ most] => {
                Some((*least, sorted[sorted.len() / 2], *most))
            }
        };
        if self.is_json() {
            let record = Record::Summary {
                requests,
                answered,
                rtt_min_us: times.map(|(least, _, _)| micros(least)),
                rtt_median_us: times.map(|(_, median, _)| micros(median)),
                rtt_max_us: times.map(|(_, _, most)| micros(most)),
                ignored: ignored.map(IgnoredRecord::from),
            };
            return self.output.record(SCHEMA, &record);
        }
        let requests = count(requests, "request", "requests");
        let mut line = format!("{requests}, {answered} answered");
        if let Some(ignored) = ignored {
            line = format!("{line}, {}", exchange::ignored(&ignored));
        }
        match times {
            Some((least, median, most)) => self.output.talk(format_args!(
                "{line}; round trip min {least:.1?}, median {median:.1?}, max {most:.1?}"
            )),
            None => self.output.talk(line),
        }
        Ok(())
    }
}

fn record<'a>(event: &Event<'a>) -> Option<Record<'a>> {
    Some(match event {
        Event::Assigned(local) => Record::Assigned {
            local: (*local).into(),
        },
        Event::Sent(number, wait) => Record::Sent {
            number: *number,
            wait_us: wait.as_micros(),
        },
        Event::Replied(reply) => {
            let elapsed_us = micros(reply.elapsed);
            Record::Reply {
                server: reply.datagram.source().into(),
                id: reply.exchange.map(Id),
                bytes: match reply.exchange {
                    Some(_) => reply.payload.len(),
                    None => reply.datagram.length(),
                },
                payload: reply.payload.into(),
                elapsed_us,
                rtt_us: (reply.tries == 1).then_some(elapsed_us),
                tries: reply.tries,
            }
        }
        Event::Stranger(datagram) => Record::Stranger {
            source: datagram.source().into(),
            bytes: datagram.length(),
            payload: datagram.bytes().into(),
        },
        Event::Late(datagram) => Record::Late {
            source: datagram.source().into(),
            bytes: datagram.length(),
            payload: datagram.bytes().into(),
        },
        Event::Unasked(datagram, why) => Record::Ignored {
            source: datagram.source().into(),
            why: exchange::unasked_word(*why),
            bytes: datagram.length(),
            payload: datagram.bytes().into(),
        },
        _ => return None,
    })
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}
