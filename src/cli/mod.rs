//! The binary's face. Text of the arguments, then a config of the library, then the call,
//! then its output.

mod activation;
mod args;
mod closed;
mod commands;
mod exit;
mod guess;
mod help;
mod interrupt;
mod learn;
mod manual;
mod openmetrics;
mod output;
mod suggest;
mod tour;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use self::args::Arguments;
use self::args::color::Color;
use self::exit::{Exit, Failure};
use self::output::Output;

/// Prints help or the version. clap's own exit would call a page that could not be written printed.
fn print(page: &clap::Error) -> ExitCode {
    if !page.use_stderr()
        && let Err(error) = closed::check_output()
    {
        Output::new(false).error(error);
        return Exit::Error.into();
    }
    match page.print().and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Output::new(false).error(Failure::from(error));
            Exit::Error.into()
        }
        // As clap has it: help that nobody asked for is an answer to an error of usage.
        _ if page.use_stderr() => Exit::Error.into(),
        _ => Exit::Yes.into(),
    }
}

/// Runs the program that the process's arguments describe.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error)
            if error.use_stderr()
                && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
        {
            peek_color().apply();
            let words: Vec<String> = words().collect();
            Output::new(false).error(guess::explain(&error, &words));
            return Exit::Error.into();
        }
        // Help and version are answers; a page is laid out once somebody wants it.
        Err(error) => match help::command()
            .color(peek_color().of_help())
            .try_get_matches()
        {
            Err(page) => return print(&page),
            Ok(_) => return print(&error),
        },
    };
    arguments.color.apply();
    let mut output = Output::new(arguments.json);
    let name = arguments.command.name();
    match commands::run(arguments.command, &mut output) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_closed_pipe() => Exit::Yes.into(),
        Err(failure) => {
            if failure.is_blocked() {
                crate::signal::end();
            }
            let failure = if args::has_flag(name, "broadcast") {
                failure.with_broadcast_flag()
            } else {
                failure
            };
            output.error(failure.with_holder());
            Exit::Error.into()
        }
    }
}

/// The colour that a command line asks for which is not a command.
fn peek_color() -> Color {
    Color::peek(words())
}

/// The command line as text.
fn words() -> impl Iterator<Item = String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned())
}
