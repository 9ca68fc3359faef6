//! `udpraw trace`.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use udpraw::error::Error;
use udpraw::trace::{End, Program, Tracer};

use crate::cli::args::trace::TraceArguments;
use crate::cli::exit::{Exit, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::trace::Report;

pub(crate) fn run(arguments: TraceArguments, output: &mut Output) -> Outcome {
    let explains = arguments.explains(std::io::stdout().is_terminal());
    let config = arguments.config(explains, output.is_json());
    let mut tracer = Tracer::new(config);
    let mut report = Report::new(output, &arguments, explains)?;
    let signals = interrupt::handle()?;
    match arguments.pid {
        Some(pid) => tracer.attach(pid)?,
        None => {
            tracer.start(&program(&arguments)?)?;
            tracer.pass_signals_on(signals.sent);
        }
    }
    // A reader that went away ends the output, and not the program: its filter needs a tracer.
    let mut broken = None;
    while let Some(event) = tracer.next_event(Some(signals.stop))? {
        if broken.is_none() {
            broken = report.event(&event).err();
        }
    }
    let finished = report.finish();
    // That nobody reads any more is no failure of the program.
    unread(broken.map_or(finished, Err))?;
    Ok(match tracer.root() {
        Some((_, Some(End::Exited(code)))) if arguments.pid.is_none() => Exit::Passed(code as u8),
        Some((_, Some(End::Killed(signal)))) if arguments.pid.is_none() => {
            Exit::Passed(128 + signal as u8)
        }
        _ => Exit::Yes,
    })
}

fn program(arguments: &TraceArguments) -> Result<Program, Error> {
    let mut words = arguments.program.iter();
    let name = words.next().cloned().unwrap_or_default();
    let program = Program::new(name, words);
    if arguments.output.is_some() {
        return Ok(program);
    }
    // Standard output is the trace's alone.
    let stderr = std::io::stderr();
    let duplicate = stderr.as_fd().try_clone_to_owned();
    let duplicate = duplicate.map_err(|source| Error::os("duplicate", "standard error", source))?;
    Ok(program.stdout(duplicate))
}
