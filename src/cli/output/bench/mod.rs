//! What a bench measured: a table, the trials as NDJSON, and advice.

mod advice;
mod page;
pub(super) mod records;
mod table;

use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal};
use std::time::Instant;

use udpraw::bench::{Config, Event, Report as Found, Row, Variant};
use udpraw::error::Error;
use udpraw::report::Benchmark;

use self::advice::advice;
use self::records::{RowRecord, SkippedRecord, TrialRecord};
use self::table::{Page, name};
use super::Output;

/// Reports a bench, while it runs and at its end.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    config: &'a Config,
    markdown: bool,
    /// Whether standard error is a terminal, on which a line is overwritten.
    is_watched: bool,
    start: Instant,
    /// How many trials there will be.
    trials: usize,
    /// Whether the backends were requested by name.
    is_named: bool,
    /// Whether something that was requested could not be measured.
    has_failed: bool,
    /// What was noted, for a page.
    remarks: Vec<String>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        output: &'a mut Output,
        config: &'a Config,
        markdown: bool,
        is_named: bool,
    ) -> Self {
        Self {
            output,
            config,
            markdown,
            is_watched: io::stderr().is_terminal(),
            start: Instant::now(),
            trials: 0,
            is_named,
            has_failed: false,
            remarks: Vec::new(),
        }
    }

    fn note(&mut self, text: impl std::fmt::Display) {
        self.output.note(&text);
        self.remarks.push(text.to_string());
    }

    /// Reports why a backend that was not requested by name is left out.
    pub(crate) fn left_out(&mut self, error: &Error) {
        self.note(format_args!("left out: {error}"));
    }

    /// A backend that was not requested by name may be missing; anything else that was skipped is a
    /// negative result.
    fn skipped(&mut self, variants: &[Variant], error: &Error) -> io::Result<()> {
        self.clear();
        let is_of_backends = error.kind() == ErrorKind::Unsupported;
        self.has_failed |= self.is_named || !is_of_backends;
        self.trials = self
            .trials
            .saturating_sub(variants.len() * self.config.trials);
        let what = match variants {
            [first, ..] if is_of_backends => format!("{} to {}", first.send, first.receive),
            [first] => name(first),
            [first, ..] => first.scenario.to_string(),
            [] => String::new(),
        };
        self.note(format_args!("skipped {what}: {error}"));
        if !self.output.is_json() {
            return Ok(());
        }
        variants.iter().try_for_each(|variant| {
            let record = SkippedRecord::new(variant, error, self.config);
            self.output.record(&record)
        })
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(setting) => {
                self.trials = setting.trials;
                if let Some((sender, receiver)) = setting.cpus
                    && sender == receiver
                    && setting.server.is_none()
                {
                    self.note(format_args!(
                        "both sides share CPU {sender} and take turns: with two CPUs the rates are \
                         higher"
                    ));
                }
            }
            Event::Unpinned(error) => {
                self.note(format_args!(
                    "{error}; the scheduler places both sides, and figures vary more"
                ));
            }
            Event::Skipped(variants, error) => self.skipped(variants, error)?,
            Event::Trying(variant, done) => self.progress(variant, *done),
            Event::Tried(trial) => {
                if !trial.is_sound() {
                    self.clear();
                    self.note(format_args!(
                        "{}, trial {}: {} datagrams are unaccounted for",
                        name(&trial.variant),
                        trial.number,
                        trial.ledger.remainder()
                    ));
                }
                if self.output.is_json() {
                    let record = TrialRecord::new(trial, self.config);
                    self.output.record(&record)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// One line with what is being measured, and the time left.
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
        super::progress(&line);
    }

    /// Whether something that was requested could not be measured.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    fn clear(&self) {
        if self.is_watched {
            super::progress("\r\x1b[K");
        }
    }

    /// The results, for a page.
    pub(crate) fn page(&self, found: &Found) -> Benchmark {
        page::benchmark(found, self.config, &self.remarks)
    }

    /// All results, at the end.
    pub(crate) fn found(&mut self, found: &Found) -> io::Result<()> {
        self.clear();
        if self.output.is_json() {
            return found.rows.iter().try_for_each(|row| {
                let record = RowRecord::new(row, found, self.config);
                self.output.record(&record)
            });
        }
        let page = Page {
            config: self.config,
            markdown: self.markdown,
        };
        let mut text = page.heading(&found.setting);
        for group in groups(&found.rows) {
            page.group(&mut text, group);
        }
        if !found.is_complete {
            let (done, all) = (found.trials.len(), found.setting.trials);
            let _ = writeln!(text, "\nInterrupted after {done} of {all} trials.");
        }
        text.push_str(&advice(&found.rows, self.config, self.markdown));
        self.output.text(&text)
    }
}

/// The rows of each group that is compared, in their order.
fn groups(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(|one, next| one.variant.is_comparable(&next.variant))
}
