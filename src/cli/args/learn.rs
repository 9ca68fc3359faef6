//! `udpraw learn`.

use clap::{Args, Subcommand};

use super::language::LanguageArguments;
use crate::cli::learn::Lesson;

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
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
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
    /// Forget your progress
    #[command(after_help = RESET_HELP)]
    Reset,
    /// Make the steps of a lesson that standard input names
    #[command(after_help = ACT_HELP, hide = true)]
    Act,
}
