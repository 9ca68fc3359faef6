//! The binary's face. Text of the arguments, then a config of the library, then the call,
//! then its output.

mod activation;
mod args;
mod commands;
mod exit;
mod guess;
mod help;
mod interrupt;
mod manual;
mod openmetrics;
mod output;
mod suggest;
mod tour;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use self::args::Arguments;
use self::args::color::Color;
use self::exit::Exit;
use self::output::Output;

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
            Err(page) => page.exit(),
            Ok(_) => error.exit(),
        },
    };
    arguments.color.apply();
    let mut output = Output::new(arguments.json);
    let has_broadcast = arguments.command.has_flag("broadcast");
    match commands::run(arguments.command, &mut output) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_closed_pipe() => Exit::Yes.into(),
        Err(failure) => {
            if failure.is_blocked() {
                crate::signal::end();
            }
            let failure = if has_broadcast {
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
