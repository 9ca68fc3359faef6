//! The only module that prints: text or NDJSON on standard output, remarks on standard error.

pub(crate) mod bench;
pub(crate) mod client;
mod control;
mod envelope;
mod exchange;
mod interface;
mod learn;
mod limit;
pub(crate) mod load;
mod machine;
pub(crate) mod mtu;
pub(crate) mod options;
pub(crate) mod ports;
pub(crate) mod probe;
mod python;
mod record;
pub(crate) mod recv;
mod refusal;
pub(crate) mod relay;
pub(crate) mod report;
#[cfg(test)]
mod schema;
pub(crate) mod send;
pub(crate) mod server;
pub(crate) mod services;
mod tour;
pub(crate) mod trace;
mod transcript;
mod transfer;
pub(crate) mod wrap;

use std::fmt::Display;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Instant;

use anstream::AutoStream;

use udpraw::language::Language;

use self::envelope::JsonEvent;
use self::limit::Limit;
use super::closed;
use super::interrupt::Interruptible;

/// A stream that a signal ends, behind a buffer: so a line is one `write`, colours or not.
type Stream = Box<dyn Write + Send>;

/// Styles of the program's text; they vanish where the stream is no terminal or `NO_COLOR` is set.
pub(crate) mod style {
    use anstyle::{AnsiColor, Style};

    /// A heading.
    pub(crate) const HEADING: Style = Style::new().bold().underline();
    /// The important part of a line.
    pub(crate) const STRONG: Style = Style::new().bold();
    /// The less important part of a line.
    pub(crate) const FAINT: Style = Style::new().dimmed();
    /// The word `error`.
    pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
    /// The word `note`, and warnings.
    pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default().bold();
    /// Names of calls and options.
    pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
}

/// Where a command's results and remarks go.
///
/// Whether it is a terminal is found out once, here: a line costs one `write` and nothing else.
pub(crate) struct Output {
    stdout: AutoStream<Stream>,
    stderr: AutoStream<Stream>,
    json: bool,
    /// The language of explanations; JSON is always English.
    language: Language,
    /// The limit of each kind of note that a stranger's datagram can cause.
    limits: Vec<(&'static str, Limit)>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            stdout: AutoStream::new(standard_output(), AutoStream::choice(&io::stdout())),
            stderr: AutoStream::new(stream(io::stderr()), AutoStream::choice(&io::stderr())),
            json,
            language: Language::English,
            limits: Vec::new(),
        }
    }

    /// Whether `--json` was asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Explains in that language from now on.
    pub(crate) fn speak(&mut self, language: Language) {
        self.language = language;
    }

    /// The language of explanations.
    pub(crate) fn language(&self) -> Language {
        if self.json {
            return Language::English;
        }
        self.language
    }

    /// One line of data, in one `write`.
    pub(crate) fn line(&mut self, line: impl Display) -> io::Result<()> {
        self.text(&format!("{line}\n"))
    }

    /// A block of data that ends in a line feed.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.stdout.write_all(text.as_bytes())?;
        self.stdout.flush()
    }

    /// A block of data that replaces what is on the terminal.
    pub(crate) fn redraw(&mut self, text: &str) -> io::Result<()> {
        // Home, and clear to the end: no colour, so that NO_COLOR does not take it away.
        Interruptible::new(io::stdout()).write_all(b"\x1b[H\x1b[J")?;
        self.text(text)
    }

    /// One object of NDJSON.
    pub(crate) fn record(&mut self, record: &impl JsonEvent) -> io::Result<()> {
        self.record_after(0, record)
    }

    /// As [`Self::record`], and how many of its kind were left out before it ([`Self::admit`]).
    pub(crate) fn record_after(
        &mut self,
        unreported: u64,
        record: &impl JsonEvent,
    ) -> io::Result<()> {
        self.stdout
            .write_all(&envelope::line(unreported, record)?)?;
        self.stdout.flush()
    }

    /// A remark for the user. A failure to write it is ignored.
    pub(crate) fn talk(&mut self, line: impl Display) {
        let line = format!("{line}\n");
        let _ = (self.stderr.write_all(line.as_bytes())).and_then(|()| self.stderr.flush());
    }

    /// A note.
    pub(crate) fn note(&mut self, line: impl Display) {
        let style = style::NOTE;
        self.talk(format_args!("{style}note:{style:#} {line}"));
    }

    /// Whether to report one more of what strangers can cause, and how many were left out before it;
    /// `None` for silence. `kind` says in the plural what they are: the first ones are reported, and
    /// then one per second.
    pub(crate) fn admit(&mut self, kind: &'static str) -> Option<u64> {
        let now = Instant::now();
        if let Some((_, limit)) = self.limits.iter_mut().find(|(known, _)| *known == kind) {
            return limit.pass(now);
        }
        let mut limit = Limit::default();
        let passed = limit.pass(now);
        self.limits.push((kind, limit));
        passed
    }

    /// A remark of a kind that strangers can cause; it is limited ([`Self::admit`]).
    pub(crate) fn limited_note(&mut self, kind: &'static str, line: impl Display) {
        if let Some(unreported) = self.admit(kind) {
            self.note_after(unreported, line);
        }
    }

    /// A note of a kind of which `unreported` were left out.
    pub(crate) fn note_after(&mut self, unreported: u64, line: impl Display) {
        match unreported {
            0 => self.note(line),
            more => self.note(format_args!("{line} (and {more} more like it before)")),
        }
    }

    /// Says at the end what was left out.
    pub(crate) fn unreported(&mut self) {
        for at in 0..self.limits.len() {
            let (kind, limit) = &mut self.limits[at];
            let (kind, more) = (*kind, limit.rest());
            if more > 0 {
                self.note(format_args!("not shown: {more} more {kind}"));
            }
        }
    }

    /// Where metrics are served, if anywhere. With `--json`, a record says it.
    pub(crate) fn metrics_at(&mut self, address: Option<SocketAddr>) {
        let Some(address) = address else {
            return;
        };
        if !self.json {
            self.talk(format_args!("metrics at {}", metrics_url(address)));
        }
        if !address.ip().to_canonical().is_loopback() {
            self.note(format_args!(
                "whoever can reach {address} can read the metrics: without a password or encryption"
            ));
        }
    }

    /// Why the program, or a part of its work, failed.
    pub(crate) fn error(&mut self, error: impl Display) {
        let style = style::ERROR;
        self.talk(format_args!("{style}error:{style:#} {error}"));
    }
}

/// The progress of a run on a terminal, which is overwritten soon.
pub(crate) fn progress(text: &str) {
    let _ = Interruptible::new(io::stderr()).write_all(text.as_bytes());
}

/// Standard output, or what fails in its place.
fn standard_output() -> Stream {
    match closed::check_output() {
        Ok(()) => stream(io::stdout()),
        Err(_) => Box::new(closed::ClosedOutput),
    }
}

/// Where metrics are read.
fn metrics_url(address: SocketAddr) -> String {
    format!("http://{address}/metrics")
}

fn stream(stream: impl AsFd + Send + 'static) -> Stream {
    Box::new(BufWriter::new(Interruptible::new(stream)))
}

/// A number with its noun: `1 datagram`, `2 datagrams`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
