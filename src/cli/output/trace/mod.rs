//! What `udpraw trace` prints.

mod diagram;
pub(super) mod records;

pub(crate) use self::diagram::draw;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use udpraw::error::{Error, Result};
use udpraw::language::Language;
use udpraw::trace::{Call, Diagram, End, Event, signal_name};

use super::envelope::{self, JsonEvent};
use super::{Output, style};
use crate::cli::args::trace::TraceArguments;
use crate::cli::interrupt::Interruptible;
use records::Record;

/// Writes a trace while it runs.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    file: Option<BufWriter<Interruptible<File>>>,
    explains: bool,
    language: Language,
    is_relative: bool,
    /// When the first call began.
    first: Option<Duration>,
    /// The first thread; once there is another, each line names its thread.
    alone: Option<i32>,
    has_many: bool,
    diagram: Option<Diagram>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        output: &'a mut Output,
        arguments: &TraceArguments,
        explains: bool,
    ) -> Result<Self> {
        let file = arguments.output.as_ref().map(|path| {
            let file = File::create(path);
            file.map_err(|source| Error::os("write", path.display(), source))
        });
        let has_diagram = arguments.diagram || (explains && !output.is_json());
        Ok(Self {
            file: file
                .transpose()?
                .map(|file| BufWriter::with_capacity(1 << 16, Interruptible::new(file))),
            output,
            explains,
            language: arguments.language.language(),
            is_relative: arguments.relative,
            first: None,
            alone: None,
            has_many: false,
            diagram: has_diagram.then(Diagram::new),
        })
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let (Event::Call(call), Some(diagram)) = (event, &mut self.diagram) {
            diagram.add(call);
        }
        if self.output.is_json() {
            return match Record::new(event, self.explains) {
                Some(record) => self.record(&record),
                None => Ok(()),
            };
        }
        match event {
            Event::Call(call) => self.call(call),
            Event::Unfinished { thread, call } => self.line(*thread, &call.unfinished_line()),
            Event::Signal { thread, signal } => self.line(*thread, &format!("--- {signal} ---")),
            Event::Ended { thread, end, .. } => {
                let text = match end {
                    End::Exited(code) => format!("+++ exited with {code} +++"),
                    End::Killed(signal) => format!("+++ killed by {} +++", signal_name(*signal)),
                    _ => return Ok(()),
                };
                self.line(*thread, &text)
            }
            Event::Note { note, process } => {
                let note = note.in_language(self.language);
                self.output.note(format_args!("pid {process}: {note}"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn call(&mut self, call: &Call) -> io::Result<()> {
        let mut prefix = self.prefix(call.thread);
        if self.is_relative {
            let first = *self.first.get_or_insert(call.began);
            let since = call.began.saturating_sub(first);
            let (seconds, micros) = (since.as_secs(), since.subsec_micros());
            prefix.push_str(&format!("{seconds:>6}.{micros:06} "));
        }
        let line = call.line_behind(prefix.len());
        self.write(&format!("{prefix}{line}"))?;
        if !self.explains {
            return Ok(());
        }
        let faint = style::FAINT;
        let mut text = super::tour::wrap(&call.explain_in(self.language), "    ");
        if let Some(python) = call.python() {
            text.push_str(&format!("\n    Python: {python}"));
        }
        match &mut self.file {
            Some(file) => writeln!(file, "{text}"),
            None => self.output.line(format_args!("{faint}{text}{faint:#}")),
        }
    }

    /// What strace puts before a line: in a file always the thread, elsewhere once there are two.
    fn prefix(&mut self, thread: i32) -> String {
        if self.file.is_some() {
            return format!("{thread:<5} ");
        }
        self.has_many |= *self.alone.get_or_insert(thread) != thread;
        if self.has_many {
            format!("[pid {thread:>5}] ")
        } else {
            String::new()
        }
    }

    fn line(&mut self, thread: i32, text: &str) -> io::Result<()> {
        let prefix = self.prefix(thread);
        self.write(&format!("{prefix}{text}"))
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        match &mut self.file {
            Some(file) => writeln!(file, "{line}"),
            None => self.output.line(line),
        }
    }

    fn record(&mut self, record: &impl JsonEvent) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(&envelope::line(0, record)?),
            None => self.output.record(record),
        }
    }

    /// The end: the diagram, and what is still in a buffer.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if let Some(diagram) = self.diagram.take() {
            if self.output.is_json() {
                for arrow in diagram.arrows() {
                    self.record(&records::Datagram::new(&arrow))?;
                }
            } else {
                let text = draw(&diagram, self.language, usize::MAX);
                match &mut self.file {
                    Some(file) => file.write_all(text.as_bytes())?,
                    None if !text.is_empty() => self.output.text(&text)?,
                    None => {}
                }
            }
        }
        match &mut self.file {
            Some(file) => file.flush(),
            None => Ok(()),
        }
    }
}
