//! `udpraw tour`.

use clap::Args;

use crate::cli::tour::Lesson;

const EXAMPLES: &str = "\
Examples:
  udpraw tour           every lesson, in order
  udpraw tour --list    list the lessons

Exit status: 0 success (the lessons were shown), 2 error.";

/// What to be shown.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TourArguments {
    /// Lessons to show, by name [default: all, in order]
    #[arg(value_parser = Lesson::find)]
    pub(crate) lessons: Vec<&'static Lesson>,

    /// List the lessons instead of showing them
    #[arg(long, conflicts_with = "lessons")]
    pub(crate) list: bool,

    #[command(flatten)]
    pub(crate) language: super::language::LanguageArguments,
}
