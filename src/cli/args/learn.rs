//! `udpraw learn`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::language::LanguageArguments;
use crate::cli::learn::Lesson;
use crate::cli::learn::exercises::Exercise;
use crate::cli::learn::exercises::starter::Programming;

const EXAMPLES: &str = "\
Examples:
  udpraw learn              the lessons, and which of them you have taken
  udpraw learn next         the first lesson that you have not taken
  udpraw learn danger       one lesson, by name
  udpraw learn --lang zh    in Chinese

Each lesson makes a statement about UDP happen: real processes, real system calls, on loopback, without
a network and without root. Your progress is kept in $XDG_STATE_HOME/udpraw/learn.json
(~/.local/state/udpraw/learn.json).

Exit status: 0 success, 1 negative result (a lesson did not show what it claims), 2 error.";

const NEXT_HELP: &str = "\
Examples:
  udpraw learn next              the next lesson, with a question on a terminal
  udpraw learn next --lang zh    in Chinese

Exit status: 0 success, 1 negative result (the lesson did not show what it claims), 2 error.";

const ALL_HELP: &str = "\
Examples:
  udpraw learn all            every lesson in a row
  udpraw learn all --json     one object per call and sentence

Exit status: 0 success, 1 negative result (a lesson did not show what it claims), 2 error.";

const EXERCISES_HELP: &str = "\
Examples:
  udpraw learn exercises              the exercises, and which of them you have passed
  udpraw learn exercises --lang zh    in Chinese

Exit status: 0 success, 2 error.";

const START_HELP: &str = "\
Examples:
  udpraw learn start server                    write server.py
  udpraw learn start server --language rust    write server.rs

A file that is there already is not overwritten.

Exit status: 0 success, 2 error.";

const CHECK_HELP: &str = "\
Examples:
  udpraw learn check server -- python3 server.py
  udpraw learn check retry -- ./my_client

The program, in whatever language, is run under the tracer, and gets the port as its last argument. It is
judged by its system calls and by the datagrams that arrive. Afterwards nothing of it runs any more.

Exit status: 0 success (passed), 1 negative result (not yet: a hint says why), 2 error.";

const EXPORT_HELP: &str = "\
Examples:
  udpraw learn export --html course    write course/index.html and the pages of all lessons

The pages need no scripts and no network: read them on a phone, or project them in a class.

Exit status: 0 success, 2 error.";

const RESET_HELP: &str = "\
Examples:
  udpraw learn reset    no lesson counts as taken any more

Exit status: 0 success, 2 error.";

const ACT_HELP: &str = "\
Examples:
  echo socket | udpraw learn act    make one step

Exit status: 0 success, 2 error.";

/// What to learn.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_precedence_over_arg = true)]
pub(crate) struct LearnArguments {
    #[command(subcommand)]
    pub(crate) command: Option<LearnCommand>,

    /// Lesson to take, by name [default: list the lessons]
    #[arg(value_parser = Lesson::find)]
    pub(crate) lesson: Option<&'static Lesson>,

    #[command(flatten)]
    pub(crate) language: LanguageArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum LearnCommand {
    /// Take the first lesson that you have not taken yet
    #[command(after_help = NEXT_HELP)]
    Next,
    /// Show every lesson in a row, without questions
    #[command(after_help = ALL_HELP)]
    All,
    /// List the exercises
    #[command(after_help = EXERCISES_HELP)]
    Exercises,
    /// Write the starter file of an exercise into this folder
    #[command(after_help = START_HELP)]
    Start(StartArguments),
    /// Run your program, and judge by what it does whether it passes an exercise
    #[command(after_help = CHECK_HELP)]
    Check(CheckArguments),
    /// Run every lesson, and write the course as static pages in every language
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArguments),
    /// Forget your progress
    #[command(after_help = RESET_HELP)]
    Reset,
    /// Make the steps of a lesson that standard input names
    #[command(after_help = ACT_HELP, hide = true)]
    Act,
}

/// Which starter file to write.
#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// Exercise, by name
    #[arg(value_parser = Exercise::find)]
    pub(crate) exercise: &'static Exercise,

    /// Language of the file
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value_t)]
    pub(crate) language: Programming,
}

/// Which program to check.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Exercise, by name
    #[arg(value_parser = Exercise::find)]
    pub(crate) exercise: &'static Exercise,

    /// Program to run, with its arguments
    #[arg(trailing_var_arg = true, value_name = "PROGRAM", required = true)]
    pub(crate) program: Vec<OsString>,
}

/// Where to write the course.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Folder for the pages: a new or empty one, or one of an earlier export
    #[arg(long, value_name = "FOLDER")]
    pub(crate) html: PathBuf,
}
