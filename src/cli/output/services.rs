//! Services and findings, as aligned lines and as records.

use std::fmt::{self, Write};
use std::io;

use serde::Serialize;
use udpraw::services::{Entry, Finding, Origin, Range, Severity, Text};

use super::envelope::json_event;
use super::{Output, style};

/// The widest that a column is made: a longer name only shifts its own line.
const WIDEST: usize = 32;

/// How much text is written at once.
const BLOCK: usize = 1 << 16;

/// A service of the file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServiceRecord<'a> {
    /// The service's name.
    name: &'a str,
    /// Port.
    port: u16,
    /// Transport protocol, as in the file.
    protocol: &'a str,
    /// Other names of the service.
    aliases: Vec<String>,
    /// The port's range (RFC 6335).
    #[cfg_attr(test, schemars(extend("enum" = ["well-known", "registered", "dynamic"])))]
    range: &'static str,
    /// The comment in the file; null if there is none.
    comment: Option<&'a str>,
    /// Line number in the file, from 1.
    line: usize,
}

json_event!("udpraw.services/1", struct ServiceRecord<'_> => "service");

/// A problem in the file (`services check`).
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProblemRecord<'a> {
    /// The file.
    file: &'a str,
    /// Line number in the file, from 1.
    line: usize,
    /// How serious it is.
    #[cfg_attr(test, schemars(extend("enum" = ["error", "warning"])))]
    severity: &'a str,
    /// The problem, for people.
    message: &'a str,
}

json_event!("udpraw.services/1", struct ProblemRecord<'_> => "problem");

impl Output {
    /// Services, a line or a record each; returns their number.
    pub(crate) fn services<'a>(
        &mut self,
        entries: impl Iterator<Item = Entry<'a>> + Clone,
    ) -> io::Result<usize> {
        if self.is_json() {
            let mut count = 0;
            for entry in entries {
                self.service_record(&entry)?;
                count += 1;
            }
            return Ok(count);
        }
        let mut widths = Widths::default();
        let mut count = 0;
        for entry in entries.clone() {
            widths.widen(&entry);
            count += 1;
        }
        let mut text = String::new();
        for entry in entries {
            // Writing to a String cannot fail.
            let _ = widths.line(&mut text, &entry);
            if text.len() >= BLOCK {
                self.text(&text)?;
                text.clear();
            }
        }
        self.rest(&text)?;
        Ok(count)
    }

    /// The problems of a file, a line or a record each; returns the numbers of errors and warnings.
    pub(crate) fn findings<'a>(
        &mut self,
        file: &Origin,
        findings: impl Iterator<Item = Finding<'a>>,
    ) -> io::Result<(usize, usize)> {
        let file = file.to_string();
        let (mut errors, mut warnings) = (0, 0);
        let mut text = String::new();
        for Finding { line, problem } in findings {
            let severity = problem.severity();
            let colour = match severity {
                Severity::Error => {
                    errors += 1;
                    style::ERROR
                }
                Severity::Warning => {
                    warnings += 1;
                    style::NOTE
                }
            };
            if self.is_json() {
                let record = ProblemRecord {
                    file: &file,
                    line,
                    severity: &severity.to_string(),
                    message: &problem.to_string(),
                };
                self.record(&record)?;
                continue;
            }
            let _ = writeln!(
                text,
                "{file}:{line}: {colour}{severity}:{colour:#} {problem}"
            );
            if text.len() >= BLOCK {
                self.text(&text)?;
                text.clear();
            }
        }
        self.rest(&text)?;
        Ok((errors, warnings))
    }

    /// What is left of a text written in blocks: without any, no `write` at all.
    fn rest(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.text(text)
    }

    fn service_record(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let comment = entry.comment().map(Text::to_string_lossy);
        let record = ServiceRecord {
            name: &entry.name.to_string_lossy(),
            port: entry.port,
            protocol: &entry.protocol.to_string_lossy(),
            aliases: entry
                .aliases()
                .map(|alias| alias.to_string_lossy().into_owned())
                .collect(),
            range: Range::of(entry.port).name(),
            comment: comment.as_deref(),
            line: entry.line,
        };
        self.record(&record)
    }
}

/// The widths of the columns that are aligned.
#[derive(Default)]
struct Widths {
    name: usize,
    port: usize,
    aliases: usize,
}

impl Widths {
    fn widen(&mut self, entry: &Entry<'_>) {
        let widen = |column: &mut usize, text: &dyn fmt::Display| {
            let mut width = Width(0);
            // Counting letters cannot fail.
            let _ = write!(width, "{text}");
            *column = (*column).max(width.0.min(WIDEST));
        };
        widen(&mut self.name, &entry.name);
        widen(&mut self.port, &Port(entry));
        widen(&mut self.aliases, &Joined(entry));
    }

    /// Name, port/protocol, aliases, range, comment. Aliases that are none are a hyphen, so that
    /// the columns keep their numbers for awk and cut.
    fn line(&self, text: &mut String, entry: &Entry<'_>) -> fmt::Result {
        let (name, faint) = (style::STRONG, style::FAINT);
        write!(text, "{name}{:<w$}{name:#}  ", entry.name, w = self.name)?;
        pad(text, &Port(entry), self.port)?;
        pad(text, &Joined(entry), self.aliases)?;
        let range = Range::of(entry.port);
        match entry.comment() {
            Some(comment) => writeln!(text, "{range:<10}  {faint}{comment}{faint:#}"),
            None => writeln!(text, "{range}"),
        }
    }
}

/// A column and the two spaces after it.
fn pad(text: &mut String, column: &dyn fmt::Display, width: usize) -> fmt::Result {
    let mut shown = Width(0);
    write!(shown, "{column}")?;
    let spaces = width.saturating_sub(shown.0) + 2;
    write!(text, "{column}{:spaces$}", "")
}

/// Counts the letters written to it.
struct Width(usize);

impl Write for Width {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.chars().count();
        Ok(())
    }
}

struct Port<'a>(&'a Entry<'a>);

impl fmt::Display for Port<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.port, self.0.protocol)
    }
}

/// The aliases with commas between them.
struct Joined<'a>(&'a Entry<'a>);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut aliases = self.0.aliases();
        match aliases.next() {
            None => f.write_str("-"),
            Some(first) => {
                write!(f, "{first}")?;
                aliases.try_for_each(|alias| write!(f, ",{alias}"))
            }
        }
    }
}
