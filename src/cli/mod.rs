//! Floor 5: the binary's face. Text of the arguments, then a config of the library, then the call,
//! then its output.

mod args;
mod commands;
mod exit;
mod output;
mod tour;

use std::process::ExitCode;

use clap::Parser;

use self::args::Arguments;
use self::exit::Exit;
use self::output::Output;

/// Runs the program that the process's arguments describe.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(arguments.json);
    match commands::run(arguments.command, &mut output) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_closed_pipe() => Exit::Yes.into(),
        Err(failure) => {
            output.error(&failure);
            Exit::Error.into()
        }
    }
}
