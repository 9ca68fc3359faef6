//! What a bench measured, as tables for people: on a terminal or in Markdown.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use udpraw::bench::{Config, Environment, Median, Row, Scenario, Standing, Variant};

use super::records::far;
use crate::cli::output::style::{FAINT, HEADING, STRONG};

/// How it is written.
pub(super) struct Page<'a> {
    pub(super) config: &'a Config,
    pub(super) markdown: bool,
}

impl Page<'_> {
    /// What was measured, where, and how: a sentence each.
    pub(super) fn conditions(&self, setting: &Environment) -> [String; 5] {
        let config = self.config;
        let place = match setting.server {
            Some(server) => format!("to the server at {server}"),
            None => format!(
                "{} loopback (an offloaded run stays whole: no network card has to split it)",
                config.family
            ),
        };
        let cpus = match setting.cpus {
            Some((sender, _)) if setting.server.is_some() => format!("sender on CPU {sender}"),
            Some((sender, receiver)) => {
                format!("sender on CPU {sender}, receiver on CPU {receiver}")
            }
            None => "not pinned to CPUs".into(),
        };
        let trials = match config.trials {
            1 => format!("1 trial of {:?}; its rate", config.time),
            number => {
                let confidence = Median::of(&vec![0.0; number]).map_or(0.0, |one| one.confidence);
                format!(
                    "{number} interleaved trials of {:?}; median [{:.1} % confidence interval]",
                    config.time,
                    confidence * 100.0
                )
            }
        };
        let credit = if config.flood {
            "no flow control: datagrams are lost when the buffer is full"
        } else {
            "sink with flow control: no more is sent than the receive buffer holds"
        };
        let spin = if config.spin {
            ", both sides polling"
        } else {
            ""
        };
        [
            format!("Linux {}, {place}", setting.kernel),
            format!("{cpus}{spin}; {credit}"),
            format!(
                "receive buffer: {}",
                buffer(setting.receive_buffer, "rmem_max")
            ),
            format!("send buffer: {}", buffer(setting.send_buffer, "wmem_max")),
            trials,
        ]
    }

    /// The same as lines.
    pub(super) fn heading(&self, setting: &Environment) -> String {
        self.conditions(setting)
            .map(|line| {
                if self.markdown {
                    format!("- {line}\n")
                } else {
                    format!("{FAINT}{line}{FAINT:#}\n")
                }
            })
            .concat()
    }

    /// A table of the backends that do the same work, and the fastest.
    pub(super) fn group(&self, text: &mut String, rows: &[Row]) {
        let Some(first) = rows.first() else { return };
        let title = title(&first.variant, self.config.flows);
        let _ = if self.markdown {
            writeln!(text, "\n### {title}\n")
        } else {
            writeln!(text, "\n{HEADING}{title}{HEADING:#}")
        };
        let mut table = Table::new();
        table.load_style(if self.markdown {
            presets::ASCII_MARKDOWN
        } else {
            presets::NOTHING
        });
        table.set_content_arrangement(ContentArrangement::Disabled);
        let is_echo = first.variant.scenario == Scenario::Echo;
        let rate = if is_echo {
            "round trips/s"
        } else {
            "datagrams/s"
        };
        let speed = match (is_echo, first.variant.outstanding) {
            (true, 1) if self.config.flows == 1 => "us per round trip",
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
        let verdict = verdict(rows, self.config);
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
            (unsound, _) => format!("{unsound} of {} unsound", row.trials),
        };
        [
            variant.send.to_string(),
            far(variant.receive, self.config).to_owned(),
            rounded(rate.median),
            match row.trials {
                1 => "-".to_owned(),
                _ => format!("[{} {}]", rounded(rate.low), rounded(rate.high)),
            },
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

/// The requested buffer size, and the effective one.
fn buffer((requested, effective): (Option<usize>, u32), limit: &str) -> String {
    let Some(requested) = requested else {
        return format!("{effective} bytes");
    };
    // The kernel stores twice what it grants (socket(7)).
    let granted = effective as usize / 2;
    let cut = if granted < requested {
        format!(" (limited to {granted} by net.core.{limit}, then doubled)")
    } else {
        " (the kernel doubles it)".into()
    };
    format!("{requested} bytes requested, {effective} effective{cut}")
}

pub(super) fn title(variant: &Variant, flows: usize) -> String {
    let size = variant.size;
    match (variant.scenario, flows) {
        (Scenario::Sink, _) => format!("sink, {size} B"),
        (Scenario::Echo, 1) => format!("echo, {size} B, {} outstanding", variant.outstanding),
        (scenario, _) => format!(
            "{}, {size} B, {flows} flows of {} outstanding each",
            scenario.name(),
            variant.outstanding
        ),
    }
}

pub(super) fn name(variant: &Variant) -> String {
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

/// The backends of a row.
pub(super) fn pair(row: &Row, config: &Config) -> String {
    match (row.variant.send, row.variant.receive) {
        (send, receive) if send == receive || config.server.is_some() => send.to_string(),
        (send, receive) => format!("{send} to {receive}"),
    }
}

/// Who won a group, or who may have.
pub(super) fn verdict(rows: &[Row], config: &Config) -> String {
    let pair = |row: &Row| pair(row, config);
    if let Some(winner) = rows.iter().find(|row| row.standing == Standing::Winner) {
        let next = rows
            .iter()
            .filter(|row| row.variant != winner.variant)
            .map(|row| row.rate.median)
            .fold(0.0, f64::max);
        let times = winner.rate.median / next.max(1e-9);
        return format!("{} wins: {times:.2} times the next", pair(winner));
    }
    if rows.iter().any(|row| row.standing == Standing::TooFew) {
        let fewest = rows.iter().map(|row| row.trials).min().unwrap_or_default();
        let trials = if fewest == 1 { "trial" } else { "trials" };
        return format!("{fewest} {trials} of each: too few to say which is faster (it takes 5)");
    }
    let noise: Vec<String> = rows
        .iter()
        .filter(|row| row.standing == Standing::Noise)
        .map(pair)
        .collect();
    if noise.is_empty() {
        String::new()
    } else {
        format!("within the noise: {}", noise.join(", "))
    }
}
