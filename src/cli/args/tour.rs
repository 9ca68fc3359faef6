//! `udpraw tour`.

use clap::Args;

use crate::cli::tour::Lesson;

/// What to be shown.
#[derive(Debug, Args)]
pub(crate) struct TourArguments {
    /// Lessons to take, by name [default: all, in order]
    #[arg(value_parser = Lesson::find)]
    pub(crate) lessons: Vec<&'static Lesson>,

    /// Name the lessons instead of giving them
    #[arg(long, conflicts_with = "lessons")]
    pub(crate) list: bool,
}
