//! What `udpraw relay` prints.

pub(super) mod log;
mod network;
pub(super) mod records;

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use udpraw::error::Error;
use udpraw::protocol::Unanswerable;
use udpraw::protocol::impairment::Cause;
use udpraw::relay::{Config, Event, Interval, Ledger, Relay, Side};

use self::records::Record;
use super::python::Tuple;
use super::{Output, count, metrics_url};

pub(crate) use self::log::{Line, Log};

/// The default limit of flows, if the limit of open files allows them.
const USUAL_FLOWS: u32 = 1024;

/// Reports a relay, while it runs and at its end.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    /// Whether `--stats` was asked for: one line per interval, instead of one that is overwritten.
    keeps_lines: bool,
    verbose: bool,
    is_watched: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, keeps_lines: bool, verbose: bool) -> Self {
        Self {
            output,
            keeps_lines,
            verbose,
            is_watched: io::stderr().is_terminal(),
        }
    }

    /// Where it listens, and what it does.
    pub(crate) fn listening(
        &mut self,
        relay: &Relay,
        config: &Config,
        metrics: Option<SocketAddr>,
    ) -> io::Result<()> {
        let is_random = !(config.up.is_perfect() && config.down.is_perfect());
        let seed = is_random.then_some(config.seed);
        let (backend, passed_over) = relay.backend();
        if self.output.is_json() {
            let record = Record::Listening {
                fd: relay.endpoint().as_raw_fd(),
                local: relay.address().into(),
                target: config.to.into(),
                seed,
                backend: backend.name(),
                max_flows: relay.max_flows(),
                openmetrics: metrics.map(metrics_url),
            };
            self.output.metrics_at(metrics);
            return self.output.record(&record);
        }
        self.output.listening(relay.address())?;
        self.output.metrics_at(metrics);
        let mut line = format!("relaying to {}", Tuple(config.to));
        if let Some(seed) = seed {
            // Writing to a String cannot fail.
            let _ = write!(line, ", seed {seed}");
        }
        self.output.talk(line);
        let does = match &config.replay {
            Some(_) => "each datagram: as recorded; datagrams beyond the record pass".into(),
            None => format!(
                "clients → target: {}; target → clients: {}",
                network::describe(&config.up),
                network::describe(&config.down)
            ),
        };
        self.output.talk(does);
        if config.max_flows.is_none() && relay.max_flows() < USUAL_FLOWS {
            self.output.note(format_args!(
                "the limit of open files allows only {}: raise it with ulimit -n, up to what \
                 ulimit -Hn shows",
                count(relay.max_flows().into(), "flow", "flows")
            ));
        }
        if self.verbose {
            super::server::backend(self.output, backend, passed_over);
        }
        Ok(())
    }

    /// What happened.
    pub(crate) fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let kind = match event {
            Event::Failed(..) => Some("failures"),
            Event::Unanswerable(..) => Some("datagrams that are not relayed"),
            Event::Foreign { .. } => Some("datagrams from another port or host than the target"),
            // Requested, and every client can cause it.
            Event::Opened { .. } | Event::Closed { .. } if !self.output.is_json() => {
                self.verbose.then_some("flows that opened or closed")
            }
            _ => None,
        };
        let unreported = match kind.map(|kind| self.output.admit(kind)) {
            Some(None) => return Ok(()),
            Some(Some(unreported)) => unreported,
            None => 0,
        };
        if self.output.is_json() {
            return match records::record(event) {
                Some(record) => self.output.record_after(unreported, &record),
                None => Ok(()),
            };
        }
        match event {
            Event::Interval(interval) if self.keeps_lines => self.output.line(rates(interval)),
            Event::Interval(interval) => {
                self.live(interval);
                Ok(())
            }
            _ => {
                self.remark(event, unreported);
                Ok(())
            }
        }
    }

    fn remark(&mut self, event: &Event<'_>, unreported: u64) {
        match event {
            Event::Opened {
                flow,
                client,
                upstream,
            } if self.verbose => {
                self.clear();
                self.output.talk(format_args!(
                    "flow {flow} opened: {} is relayed from {}",
                    Tuple(*client),
                    Tuple(*upstream)
                ));
            }
            Event::Closed {
                flow,
                datagrams: [up, down],
                ..
            } if self.verbose => {
                self.clear();
                self.output.talk(format_args!(
                    "flow {flow} closed: {} up, {down} down",
                    count(*up, "datagram", "datagrams")
                ));
            }
            Event::Refused {
                client,
                datagrams,
                error,
            } => {
                self.clear();
                let why = error.map_or("--max-flows is reached".into(), Error::to_string);
                let lost = count(*datagrams, "datagram", "datagrams");
                let client = Tuple(*client);
                self.output.note(format_args!(
                    "no flow for {client} and possibly others, {lost} lost so far: {why}"
                ));
            }
            Event::NextTarget { refused, next } => {
                self.clear();
                self.output.note(format_args!(
                    "nobody listens at {}; trying {}",
                    Tuple(*refused),
                    Tuple(*next)
                ));
            }
            Event::Unanswerable(client, why) => {
                self.clear();
                let why = match why {
                    Unanswerable::Impossible => "impossible source address",
                    _ => "it would answer every reply",
                };
                let client = Tuple(*client);
                self.output.note_after(
                    unreported,
                    format_args!("not relayed: datagram from {client}: {why}"),
                );
            }
            Event::Foreign {
                flow,
                client,
                source,
                target,
            } => self.foreign(*flow, *client, [*source, *target], unreported),
            Event::Failed(flow, error) => {
                self.clear();
                let whose = flow.map_or(String::new(), |(number, client)| {
                    format!("flow {number} of {}: ", Tuple(client))
                });
                self.output
                    .note_after(unreported, format_args!("{whose}{error}"));
            }
            Event::Differs(decided, recorded) => {
                self.clear();
                self.output.note(format_args!(
                    "the traffic does not match the record: datagram {} of flow {} {} has {}, but \
                     {recorded} in the record",
                    decided.number,
                    decided.flow,
                    decided.direction,
                    count(decided.length as u64, "byte", "bytes"),
                ));
            }
            _ => {}
        }
    }

    /// A datagram that a flow's socket received from another address than its target.
    fn foreign(
        &mut self,
        flow: u32,
        client: SocketAddr,
        [source, target]: [SocketAddr; 2],
        unreported: u64,
    ) {
        self.clear();
        let (client, from, to) = (Tuple(client), Tuple(source), Tuple(target));
        if source.ip() == target.ip() {
            self.output.note_after(
                unreported,
                format_args!(
                    "not relayed: a reply to flow {flow} of {client} was sent from {from}, not from {to}; \
                     make a service that changes its port, as TFTP does, keep one port \
                     (tftpd --single-port)"
                ),
            );
        } else {
            self.output.note_after(
                unreported,
                format_args!("not relayed: {from} is not the target of flow {flow}, {to}"),
            );
        }
    }

    /// The line that is overwritten each second.
    fn live(&self, interval: &Interval) {
        if self.is_watched {
            let line = format!("\r\x1b[K{}", rates(interval));
            super::progress(&line);
        }
    }

    fn clear(&self) {
        if self.is_watched && !self.output.is_json() {
            super::progress("\r\x1b[K");
        }
    }

    /// Where every datagram went, at the end.
    pub(crate) fn ledger(&mut self, ledger: &Ledger) -> io::Result<()> {
        self.clear();
        self.output.unreported();
        if self.output.is_json() {
            return self.output.record(&records::ledger(ledger));
        }
        let mut text = books(&ledger.up, &ledger.down);
        let _ = writeln!(
            text,
            "{} served",
            count(ledger.flows_opened, "flow", "flows")
        );
        for (number, what) in [
            (ledger.unreachable, "reported unreachable by ICMP"),
            (ledger.beyond_record, "passed as beyond the record"),
            (ledger.unlike_record, "of another length than in the record"),
        ] {
            if number > 0 {
                let datagrams = count(number, "datagram", "datagrams");
                let _ = writeln!(text, "{datagrams} {what}");
            }
        }
        self.output.text(&text)?;
        if ledger.remainder() != 0 {
            self.output.note(format_args!(
                "{} up and {} down are unaccounted for",
                ledger.up.remainder(),
                ledger.down.remainder()
            ));
        }
        Ok(())
    }
}

/// `12 s  2 flows  up: 100 in, 80 out, 20 lost (0.001 Gbit/s)  down: …`
fn rates(interval: &Interval) -> String {
    let seconds = interval.time.as_secs_f64();
    let mut line = format!(
        "{:.0} s  {}",
        interval.at.as_secs_f64(),
        count(interval.flows, "flow", "flows")
    );
    for (way, name) in ["up", "down"].into_iter().enumerate() {
        let bits = interval.sent_bytes[way] as f64 * 8.0;
        let _ = write!(
            line,
            "  {name}: {} in, {} out, {} lost, {:.3} Mbit/s",
            interval.received[way],
            interval.sent[way],
            interval.lost[way],
            bits / seconds / 1e6
        );
    }
    if interval.refused > 0 {
        let _ = write!(line, "  {} without a flow", interval.refused);
    }
    line
}

/// The counts as a table, without the rows that are 0.
fn books(up: &Side, down: &Side) -> String {
    let lost = |cause: Cause| (up.link.lost_to(cause), down.link.lost_to(cause));
    let drops = |side: &Side| side.kernel_drops.unwrap_or_default();
    let rows = [
        ("in", (up.received, down.received)),
        ("copied", (up.link.copies, down.link.copies)),
        ("out", (up.sent, down.sent)),
        ("lost by blackhole", lost(Cause::Blackhole)),
        ("lost by mtu", lost(Cause::Mtu)),
        ("lost by loss", lost(Cause::Loss)),
        ("lost by queue", lost(Cause::Queue)),
        ("lost, too many held", lost(Cause::Overflow)),
        ("lost, refused by kernel", (up.refused, down.refused)),
        ("lost, no flow", (up.flowless, down.flowless)),
        ("lost, wrong sender", (up.unrelayed, down.unrelayed)),
        ("lost, flow was closed", (up.orphans, down.orphans)),
        ("held at the end", (up.held, down.held)),
        ("corrupted", (up.link.corrupted, down.link.corrupted)),
        ("truncated", (up.link.truncated, down.link.truncated)),
        ("reordered", (up.link.reordered, down.link.reordered)),
        ("delayed", (up.link.delayed, down.link.delayed)),
        ("dropped by the kernel before", (drops(up), drops(down))),
    ];
    let mut text = format!("{:<28} {:>12} {:>12}\n", "datagrams", "up", "down");
    for (name, (up, down)) in rows {
        if up > 0 || down > 0 || name == "in" || name == "out" {
            let _ = writeln!(text, "{name:<28} {up:>12} {down:>12}");
        }
    }
    text
}
