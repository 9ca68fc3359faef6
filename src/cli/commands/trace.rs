//! `udpraw trace`.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use udpraw::error::Error;
use udpraw::trace::{Background, End, Front, Program, Signals, Tracer, stand_in_front};

use crate::cli::args::trace::TraceArguments;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::trace::Report;

pub(crate) fn run(arguments: TraceArguments, output: &mut Output) -> Outcome {
    let explains = arguments.explains(std::io::stdout().is_terminal());
    let mut tracer = Tracer::new(arguments.config(explains, output.is_json()));
    if let Some(pid) = arguments.pid {
        let mut report = Report::new(output, &arguments, explains)?;
        let signals = handle_signals()?;
        interrupt::end_with_reader();
        tracer.attach(pid, Some(signals))?;
        end_after(arguments.duration)?;
        unread(watch(&mut tracer, &mut report, signals))?;
        return Ok(Exit::Yes);
    }
    let program = program(&arguments)?;
    let background = match stand_in_front()? {
        Front::Ended(status) => return Ok(Exit::Passed(status)),
        Front::Behind(background) => background,
    };
    let mut report = Report::new(output, &arguments, explains)?;
    tracer.start(&program)?;
    drop(program);
    let signals = handle_signals()?;
    end_after(arguments.duration)?;
    let watched = watch(&mut tracer, &mut report, signals);
    drop(report);
    let status = match tracer.root() {
        Some((_, Some(End::Exited(code)))) => code as u8,
        Some((_, Some(End::Killed(signal)))) => 128 + signal as u8,
        _ => 0,
    };
    let rest = tracer.remaining();
    if !rest.is_empty() {
        stay_behind(&mut tracer, &rest, background, status, output)?;
    }
    // A closed output is no failure of the program.
    unread(watched)?;
    Ok(Exit::Passed(status))
}

fn handle_signals() -> Result<Signals<'static>, Failure> {
    let signals = interrupt::handle()?;
    Ok(Signals {
        stop: signals.stop,
        sent: signals.sent,
    })
}

/// Has this process get a SIGTERM after that time, as timeout(1) sends it.
fn end_after(duration: Option<Duration>) -> Result<(), Failure> {
    let Some(duration) = duration else {
        return Ok(());
    };
    let timer = std::thread::Builder::new().name("for".into());
    let timer = timer.spawn(move || {
        // The thread that traces is the one to be interrupted.
        if SigSet::all().thread_block().is_ok() {
            std::thread::sleep(duration);
            let _ = kill(Pid::this(), Signal::SIGTERM);
        }
    });
    timer
        .map(drop)
        .map_err(|source| Error::os("start", "the thread of --for", source).into())
}

/// Reports what happens, to the end of the trace.
fn watch(
    tracer: &mut Tracer,
    report: &mut Report<'_>,
    signals: Signals<'_>,
) -> Result<(), Failure> {
    let mut broken = None;
    while let Some(event) = tracer.next_event(Some(signals))? {
        if broken.is_some() {
            continue;
        }
        if let Err(error) = report.event(&event) {
            broken = Some(error);
            // A reader that went away ends the output. A program that was started goes on: its
            // filter needs a tracer.
            tracer.detach_attached();
        }
    }
    let finished = report.finish();
    match broken.or(finished.err()) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// What the program left behind has its filter, and cannot do without this tracer.
fn stay_behind(
    tracer: &mut Tracer,
    rest: &[i32],
    background: Background,
    status: u8,
    output: &mut Output,
) -> Result<(), Error> {
    let pids: Vec<String> = rest.iter().map(ToString::to_string).collect();
    let (who, runs, them, end) = match rest {
        [_] => ("process", "runs", "it", "ends with it"),
        _ => ("processes", "run", "them", "ends with the last one"),
    };
    output.note(format_args!(
        "{who} {} {runs} on; udpraw (process {}) stays in the background to serve the filter in {them}, \
         and {end}",
        pids.join(", "),
        std::process::id(),
    ));
    background.enter(status)?;
    tracer.keep();
    Ok(())
}

fn program(arguments: &TraceArguments) -> Result<Program, Error> {
    let mut words = arguments.program.iter();
    let name = words.next().cloned().unwrap_or_default();
    let program = Program::new(name, words);
    if arguments.output.is_some() {
        return Ok(program);
    }
    // Standard output is only for the trace.
    let stderr = std::io::stderr();
    let duplicate = stderr.as_fd().try_clone_to_owned();
    let duplicate = duplicate.map_err(|source| Error::os("duplicate", "standard error", source))?;
    Ok(program.stdout(duplicate))
}
