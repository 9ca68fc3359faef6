//! The lessons of `udpraw tour`, one file each. A lesson runs real processes of this binary on a
//! free port of 127.0.0.1, and shows what they print and do.

mod exchange;
mod process;
mod syscalls;

use udpraw::error::{Error, Result};
use udpraw::language::Language;

pub(crate) use self::process::this_program;

use super::exit::Failure;
use super::output::Output;

/// A lesson.
#[derive(Debug)]
pub(crate) struct Lesson {
    pub(crate) name: &'static str,
    pub(crate) title: fn(Language) -> &'static str,
    pub(crate) give: fn(&mut Output) -> std::result::Result<(), Failure>,
}

/// Every lesson, in the order in which they are best taken.
pub(crate) const LESSONS: &[Lesson] = &[exchange::LESSON, syscalls::LESSON];

impl Lesson {
    /// The lesson of that name.
    pub(crate) fn find(name: &str) -> Result<&'static Self> {
        LESSONS
            .iter()
            .find(|lesson| lesson.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = LESSONS.iter().map(|lesson| lesson.name).collect();
                Error::invalid("find", "lesson", format!("no '{}'", name.escape_debug()))
                    .with_remedy(format!("the lessons are: {}", names.join(", ")))
            })
    }
}
