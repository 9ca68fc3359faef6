//! `udpraw send`.

use std::io::{self, IsTerminal};

use udpraw::transfer::{SendEvent, Sending};

use crate::cli::args::send::SendArguments;
use crate::cli::exit::Outcome;
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::send::Report;

pub(crate) fn run(arguments: SendArguments, output: &mut Output) -> Outcome {
    let mut sending = Sending::new(arguments.config()?)?;
    let stop = interrupt::handle()?.stop;
    let is_typed = arguments.is_stdin() && io::stdin().is_terminal();
    if is_typed && !arguments.quiet {
        output.note("what you type is sent; Ctrl-D ends it");
    }
    let mut report = Report::new(output, sending.config(), arguments.quiet);
    let sent = sending.run(stop, |event: &SendEvent<'_>| {
        report.event(event);
        Ok(())
    });
    report.end(sent)
}
