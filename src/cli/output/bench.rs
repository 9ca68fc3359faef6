//! What a bench measured: a table, the trials as NDJSON, and advice.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use udpraw::bench::{
    Config, Event, Median, Report as Found, Row, Scenario, Setting, Standing, Trial, Variant,
};
use udpraw::error::Error;
use udpraw::io::{Choice, Rung};

use super::Output;
use super::style::{FAINT, HEADING, NOTE, STRONG};

/// Tells of a bench, while it runs and once it is over.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    config: &'a Config,
    markdown: bool,
    /// Whether standard error is a terminal, on which a line is written over again.
    is_watched: bool,
    start: Instant,
    /// How many trials there will be.
    trials: usize,
}

/// A trial, as `udpraw.bench/1`.
#[derive(Serialize)]
struct TrialRecord {
    scenario: &'static str,
    send: &'static str,
    receive: &'static str,
    size: usize,
    outstanding: usize,
    flows: usize,
    trial: usize,
    seconds: f64,
    sent: u64,
    refused: u64,
    received: u64,
    lost_buffer: u64,
    remainder: i64,
    balanced: bool,
    cpu_ns_per_datagram: f64,
    cpu_ns_send: f64,
    cpu_ns_receive: Option<f64>,
    syscalls_per_datagram: f64,
}

/// A row of the table, as `udpraw.bench-summary/1`.
#[derive(Serialize)]
struct RowRecord<'a> {
    scenario: &'static str,
    send: &'static str,
    receive: &'static str,
    size: usize,
    outstanding: usize,
    flows: usize,
    trials: usize,
    datagrams_per_second: f64,
    low: f64,
    high: f64,
    confidence: f64,
    gigabits_per_second: f64,
    loss: f64,
    cpu_ns_per_datagram: f64,
    syscalls_per_datagram: f64,
    unbalanced_trials: usize,
    winner: bool,
    within_the_noise: bool,
    spin: bool,
    flow_control: bool,
    kernel: &'a str,
    cpus: Option<(usize, usize)>,
    receive_buffer: u32,
    send_buffer: u32,
    complete: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output, config: &'a Config, markdown: bool) -> Self {
        Self {
            output,
            config,
            markdown,
            is_watched: io::stderr().is_terminal(),
            start: Instant::now(),
            trials: 0,
        }
    }

    /// Says why a rung is left out that nobody asked for by name.
    pub(crate) fn left_out(&mut self, error: &Error) {
        self.output.note(format_args!("left out: {error}"));
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(setting) => {
                self.trials = setting.trials;
                if let Some((sender, receiver)) = setting.cpus
                    && sender == receiver
                    && setting.server.is_none()
                {
                    self.output.note(format_args!(
                        "both sides share CPU {sender}, and take turns"
                    ));
                }
            }
            Event::Trying(variant, done) => self.progress(variant, *done),
            Event::Tried(trial) => {
                if !trial.is_sound() {
                    self.clear();
                    self.output.note(format_args!(
                        "the books of {}, trial {}, do not balance: {} datagrams are unaccounted for",
                        name(&trial.variant),
                        trial.number,
                        trial.ledger.remainder()
                    ));
                }
                if self.output.is_json() {
                    let record = self.trial(trial);
                    self.output.record("udpraw.bench/1", &record)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// One line that says what is being done, and how long it will take.
    fn progress(&self, variant: &Variant, done: usize) {
        if !self.is_watched {
            return;
        }
        let left = match u32::try_from(done) {
            Ok(0) | Err(_) => self.config.duration(),
            Ok(so_far) => {
                let each = self.start.elapsed() / so_far;
                each * u32::try_from(self.trials - done).unwrap_or(u32::MAX)
            }
        };
        let line = format!(
            "\r\x1b[K{}/{} {}, {} s left",
            done + 1,
            self.trials,
            name(variant),
            left.as_secs() + 1
        );
        let _ = io::stderr().write_all(line.as_bytes());
    }

    fn clear(&self) {
        if self.is_watched {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }

    fn trial(&self, trial: &Trial) -> TrialRecord {
        let Variant {
            scenario,
            send,
            receive,
            size,
            outstanding,
        } = trial.variant;
        let ledger = trial.ledger;
        TrialRecord {
            scenario: scenario.name(),
            send: send.name(),
            receive: receive.name(),
            size,
            outstanding,
            flows: self.flows(scenario),
            trial: trial.number,
            seconds: trial.time.as_secs_f64(),
            sent: ledger.sent,
            refused: ledger.refused,
            received: ledger.received,
            lost_buffer: ledger.lost_buffer,
            remainder: ledger.remainder(),
            balanced: trial.is_sound(),
            cpu_ns_per_datagram: trial.cpu_ns(),
            cpu_ns_send: trial.cpu_ns_send,
            cpu_ns_receive: trial.cpu_ns_receive,
            syscalls_per_datagram: trial.syscalls,
        }
    }

    fn flows(&self, scenario: Scenario) -> usize {
        match scenario {
            Scenario::Sink => 1,
            Scenario::Echo => self.config.flows,
        }
    }

    /// All that was found, once there is no more to come.
    pub(crate) fn found(&mut self, found: &Found) -> io::Result<()> {
        self.clear();
        if self.output.is_json() {
            return found.rows.iter().try_for_each(|row| {
                let record = self.row(row, found);
                self.output.record("udpraw.bench-summary/1", &record)
            });
        }
        let mut text = self.heading(&found.setting);
        for group in groups(&found.rows) {
            self.group(&mut text, group);
        }
        if !found.is_complete {
            let (done, all) = (found.trials.len(), found.setting.trials);
            let _ = writeln!(text, "\nInterrupted: {done} of {all} trials were made.");
        }
        text.push_str(&advice(&found.rows, self.markdown));
        self.output.text(&text)
    }

    fn row<'f>(&self, row: &Row, found: &'f Found) -> RowRecord<'f> {
        let Variant {
            scenario,
            send,
            receive,
            size,
            outstanding,
        } = row.variant;
        let Median {
            median,
            low,
            high,
            confidence,
        } = row.rate;
        let setting = &found.setting;
        RowRecord {
            scenario: scenario.name(),
            send: send.name(),
            receive: receive.name(),
            size,
            outstanding,
            flows: self.flows(scenario),
            trials: row.trials,
            datagrams_per_second: median,
            low,
            high,
            confidence,
            gigabits_per_second: row.bits_per_second() / 1e9,
            loss: row.loss,
            cpu_ns_per_datagram: row.cpu_ns,
            syscalls_per_datagram: row.syscalls,
            unbalanced_trials: row.unsound,
            winner: row.standing == Standing::Winner,
            within_the_noise: row.standing == Standing::Noise,
            spin: self.config.spin,
            flow_control: !self.config.flood,
            kernel: &setting.kernel,
            cpus: setting.cpus,
            receive_buffer: setting.receive_buffer.1,
            send_buffer: setting.send_buffer.1,
            complete: found.is_complete,
        }
    }

    /// What was measured, where, and how.
    fn heading(&self, setting: &Setting) -> String {
        let config = self.config;
        let place = match setting.server {
            Some(server) => format!("to the server at {server}"),
            None => format!(
                "{} loopback (which carries an offloaded run whole: no network card has to cut it)",
                config.family
            ),
        };
        let cpus = match setting.cpus {
            Some((sender, _)) if setting.server.is_some() => format!("sender on CPU {sender}"),
            Some((sender, receiver)) => {
                format!("sender on CPU {sender}, receiver on CPU {receiver}")
            }
            None => "CPUs as the scheduler likes".into(),
        };
        let buffer = |(asked, shown): (Option<usize>, u32)| {
            let asked = asked.map_or("nothing".into(), |bytes| bytes.to_string());
            format!("{asked} bytes asked for, {shown} shown by the kernel")
        };
        let trials = config.trials;
        let confidence = Median::of(&vec![0.0; trials]).map_or(0.0, |one| one.confidence);
        let credit = match config.flood {
            true => "no flow control: what a full buffer has no room for is lost",
            false => "a sink's sender asks how much has arrived before it sends more",
        };
        let spin = if config.spin {
            ", both sides spinning"
        } else {
            ""
        };
        let lines = [
            format!("Linux {}, {place}", setting.kernel),
            format!("{cpus}{spin}; {credit}"),
            format!("receive buffer: {}", buffer(setting.receive_buffer)),
            format!("send buffer: {}", buffer(setting.send_buffer)),
            format!(
                "{trials} interleaved trials of {:?}; median [interval that holds it by {:.1} %]",
                config.time,
                confidence * 100.0
            ),
        ];
        lines
            .map(|line| match self.markdown {
                true => format!("- {line}\n"),
                false => format!("{FAINT}{line}{FAINT:#}\n"),
            })
            .concat()
    }

    /// A table of what does the same thing by other rungs, and who won.
    fn group(&self, text: &mut String, rows: &[Row]) {
        let Some(first) = rows.first() else { return };
        let title = title(&first.variant, self.config.flows);
        let _ = match self.markdown {
            true => writeln!(text, "\n### {title}\n"),
            false => writeln!(text, "\n{HEADING}{title}{HEADING:#}"),
        };
        let mut table = Table::new();
        table.load_style(match self.markdown {
            true => presets::ASCII_MARKDOWN,
            false => presets::NOTHING,
        });
        table.set_content_arrangement(ContentArrangement::Disabled);
        let is_echo = first.variant.scenario == Scenario::Echo;
        let rate = if is_echo {
            "round trips/s"
        } else {
            "datagrams/s"
        };
        let speed = match (is_echo, first.variant.outstanding) {
            (true, 1) if self.config.flows == 1 => "us a round trip",
            _ => "Gbit/s",
        };
        table.set_header([
            "send", "receive", rate, "interval", speed, "lost", "CPU ns", "syscalls", "",
        ]);
        for row in rows {
            table.add_row(self.cells(row, speed));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            if !self.markdown {
                column.set_padding((0, 2));
            }
            if (2..8).contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for (index, line) in table.lines().enumerate() {
            let line = line.trim_end();
            let _ = match (index, self.markdown) {
                (0, false) => writeln!(text, "{STRONG}{line}{STRONG:#}"),
                _ => writeln!(text, "{line}"),
            };
        }
        let verdict = verdict(rows);
        if !verdict.is_empty() {
            let gap = if self.markdown { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{verdict}");
        }
    }

    fn cells(&self, row: &Row, speed: &str) -> [String; 9] {
        let Row { variant, rate, .. } = row;
        let per_second = rate.median.max(1e-9);
        let mark = match (row.unsound, row.standing) {
            (0, Standing::Winner) => "wins".to_owned(),
            (0, Standing::Noise) => "within the noise".to_owned(),
            (0, _) => String::new(),
            (unsound, _) => format!("{unsound} of {} do not balance", row.trials),
        };
        [
            variant.send.to_string(),
            variant.receive.to_string(),
            rounded(rate.median),
            format!("[{} {}]", rounded(rate.low), rounded(rate.high)),
            match speed {
                "Gbit/s" => format!("{:.2}", row.bits_per_second() / 1e9),
                _ => format!("{:.2}", 1e6 / per_second),
            },
            format!("{:.2} %", row.loss * 100.0),
            format!("{:.0}", row.cpu_ns),
            format!("{:.3}", row.syscalls),
            mark,
        ]
    }
}

/// The rows of each group that is compared, in their order.
fn groups(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(|one, next| one.variant.is_comparable(&next.variant))
}

fn title(variant: &Variant, flows: usize) -> String {
    let size = variant.size;
    match (variant.scenario, flows) {
        (Scenario::Sink, _) => format!("sink, {size} B"),
        (Scenario::Echo, 1) => format!("echo, {size} B, {} outstanding", variant.outstanding),
        (Scenario::Echo, _) => format!(
            "echo, {size} B, {flows} flows of {} outstanding each",
            variant.outstanding
        ),
    }
}

fn name(variant: &Variant) -> String {
    let Variant { send, receive, .. } = variant;
    format!("{}, {send} to {receive}", title(variant, 1))
}

/// A rate to four digits: `52.31 M`, `310.2 k`.
fn rounded(rate: f64) -> String {
    let (value, unit) = match rate {
        _ if rate >= 1e6 => (rate / 1e6, " M"),
        _ if rate >= 1e3 => (rate / 1e3, " k"),
        _ => (rate, ""),
    };
    let digits = match value {
        _ if value >= 1000.0 => 0,
        _ if value >= 100.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}{unit}")
}

/// Who won a group, or who may have.
fn verdict(rows: &[Row]) -> String {
    let pair = |row: &Row| match (row.variant.send, row.variant.receive) {
        (send, receive) if send == receive => send.to_string(),
        (send, receive) => format!("{send} to {receive}"),
    };
    if let Some(winner) = rows.iter().find(|row| row.standing == Standing::Winner) {
        let next = rows
            .iter()
            .filter(|row| row.variant != winner.variant)
            .map(|row| row.rate.median)
            .fold(0.0, f64::max);
        let times = winner.rate.median / next.max(1e-9);
        return format!("{} wins: {times:.2} times the next", pair(winner));
    }
    let noise: Vec<String> = rows
        .iter()
        .filter(|row| row.standing == Standing::Noise)
        .map(pair)
        .collect();
    match noise.is_empty() {
        true => String::new(),
        false => format!("within the noise: {}", noise.join(", ")),
    }
}

/// What to use here, and the lines that do it.
fn advice(rows: &[Row], markdown: bool) -> String {
    let Some(rung) = recommended(rows) else {
        return String::new();
    };
    let (choice, code) = match rung {
        Rung::Offload => ("auto, which takes offload here", "Choice::Auto".to_owned()),
        other => (other.name(), format!("Choice::Only(Rung::{other:?})")),
    };
    let _ = Choice::Auto;
    let code = format!(
        "let mut transport = Transport::open(endpoint, {code}, Settings::default())?; \
         transport.outbox().send_run(None, &bytes, size);"
    );
    match markdown {
        true => format!("\nUse {choice}.\n`{code}`\n"),
        false => format!("\n{NOTE}Use{NOTE:#} {STRONG}{choice}{STRONG:#}\n{code}\n"),
    }
}

/// The rung that is never behind in more groups than any other, the plainest of equals.
fn recommended(rows: &[Row]) -> Option<Rung> {
    let score = |rung: Rung| {
        let own = rows
            .iter()
            .filter(|row| row.variant.send == rung && row.variant.receive == rung);
        let good = own.filter(|row| matches!(row.standing, Standing::Winner | Standing::Noise));
        good.count()
    };
    let best = Rung::ALL
        .into_iter()
        .rev()
        .max_by_key(|rung| score(*rung))?;
    (score(best) > 0).then_some(best)
}
