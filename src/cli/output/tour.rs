//! What `udpraw tour` prints.

use std::io;

use serde::Serialize;
use udpraw::language::Language;

use super::envelope::json_event;
use super::{Output, style};

/// An object of the tour's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum Record<'a> {
    /// A lesson begins, or is listed (`--list`).
    Lesson {
        /// The lesson's name.
        name: &'a str,
        /// The lesson's title.
        title: &'a str,
    },
    /// An explanation.
    Remark {
        /// The explanation.
        text: &'a str,
    },
    /// A command of this program is run.
    Command {
        /// The arguments of `udpraw`.
        arguments: &'a [&'a str],
    },
    /// A program printed a line.
    Line {
        /// The program: `server` or `client`.
        program: &'a str,
        /// The line.
        text: &'a str,
    },
    /// A program made a system call.
    Call {
        /// The program: `server` or `client`.
        program: &'a str,
        /// The call, as strace(1) prints it.
        text: &'a str,
        /// What the call did, in plain English.
        explanation: &'a str,
    },
}

json_event!("udpraw.tour/1", enum Record<'_> {
    Lesson => "lesson",
    Remark => "remark",
    Command => "command",
    Line => "line",
    Call => "call",
});

impl Output {
    /// A lesson's name and title, in a list of them.
    pub(crate) fn lesson(&mut self, name: &str, title: &str) -> io::Result<()> {
        if self.is_json() {
            return self.record(&Record::Lesson { name, title });
        }
        let strong = style::STRONG;
        self.line(format_args!("{strong}{name:10}{strong:#} {title}"))
    }

    /// A lesson's title, above it.
    pub(crate) fn lesson_heading(
        &mut self,
        number: u32,
        name: &str,
        title: &str,
    ) -> io::Result<()> {
        if self.is_json() {
            return self.record(&Record::Lesson { name, title });
        }
        let (heading, gap) = (style::HEADING, if number > 1 { "\n" } else { "" });
        self.line(format_args!("{gap}{heading}{number}. {title}{heading:#}"))
    }

    /// An explanation.
    pub(crate) fn remark(&mut self, text: &str) -> io::Result<()> {
        if self.is_json() {
            return self.record(&Record::Remark { text });
        }
        self.text(&format!("{}\n\n", wrap(text, "")))
    }

    /// What to try next: commands, each with what it does. Nothing for programs.
    pub(crate) fn next_steps(&mut self, steps: &[(&str, &str)]) -> io::Result<()> {
        if self.is_json() {
            return Ok(());
        }
        let heading = style::HEADING;
        let title = match self.language() {
            Language::English => "Try next",
            Language::Chinese => "接下来可以试试",
        };
        let mut text = format!("\n{heading}{title}{heading:#}\n");
        let width = steps.iter().map(|(command, _)| command.len()).max();
        let width = width.unwrap_or_default();
        for (command, what) in steps {
            text.push_str(&format!("  {command:width$}   {what}\n"));
        }
        self.text(&text)
    }

    /// A command of this program that is run.
    pub(crate) fn command(&mut self, arguments: &[&str]) -> io::Result<()> {
        if self.is_json() {
            return self.record(&Record::Command { arguments });
        }
        let faint = style::FAINT;
        self.line(format_args!(
            "         {faint}$ udpraw {}{faint:#}",
            arguments.join(" ")
        ))
    }

    /// A line that a program printed.
    pub(crate) fn said(&mut self, program: &str, text: &str) -> io::Result<()> {
        if self.is_json() {
            return self.record(&Record::Line { program, text });
        }
        let name = program_style(program);
        self.line(format_args!("{name}{program:>7}{name:#} │ {text}"))
    }

    /// A system call, and what it means.
    pub(crate) fn call(&mut self, program: &str, call: &str, meaning: &str) -> io::Result<()> {
        if self.is_json() {
            return self.record(&Record::Call {
                program,
                text: call,
                explanation: meaning,
            });
        }
        let (name, faint) = (program_style(program), style::FAINT);
        let meaning = wrap(meaning, "        │   ");
        self.text(&format!(
            "{name}{program:>7}{name:#} │ {call}\n{faint}{meaning}{faint:#}\n"
        ))
    }
}

fn program_style(program: &str) -> anstyle::Style {
    match program {
        "server" => style::NAME,
        _ => style::NOTE,
    }
}

/// Breaks a text into lines, each behind `indent`.
pub(super) fn wrap(text: &str, indent: &str) -> String {
    super::wrap::fill_to(text, indent, indent, 92)
}
