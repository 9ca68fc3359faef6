//! What `udpraw trace` tells.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use udpraw::error::{Error, Result};
use udpraw::trace::{Call, End, Event};

use super::Output;
use crate::cli::args::trace::TraceArguments;

/// Writes a trace as it comes.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    file: Option<BufWriter<File>>,
    first: Option<Duration>,
    relative: bool,
    explains: bool,
    many: bool,
    line: String,
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
        Ok(Self {
            output,
            file: file
                .transpose()?
                .map(|file| BufWriter::with_capacity(1 << 16, file)),
            first: None,
            relative: arguments.relative,
            explains,
            many: false,
            line: String::new(),
        })
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Call(call) => self.call(call),
            Event::Signal { thread, text } => self.mark(*thread, &format!("--- {text} ---")),
            Event::Ended { thread, end, .. } => {
                let text = match end {
                    End::Exited(code) => format!("+++ exited with {code} +++"),
                    End::Killed(signal) => format!("+++ killed by {} +++", udpraw::trace::signal_name(*signal)),
                    End::Detached => return Ok(()),
                };
                self.mark(*thread, &text)
            }
            Event::Note { text, .. } => {
                self.output.note(text);
                Ok(())
            }
            Event::Program { .. } => Ok(()),
        }
    }

    fn call(&mut self, call: &Call) -> io::Result<()> {
        self.mark(call.thread, &call.line())
    }

    fn mark(&mut self, thread: i32, text: &str) -> io::Result<()> {
        match &mut self.file {
            Some(file) => writeln!(file, "{thread} {text}"),
            None => self.output.line(format_args!("[pid {thread}] {text}")),
        }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.flush(),
            None => Ok(()),
        }
    }
}
