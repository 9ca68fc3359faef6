//! What the lessons say. A trait for each chapter names every text with the types of its values, and each
//! language implements all of them: a text without a translation does not compile. A further language is
//! one more folder beside `english` and `chinese`, and its lines in [`in_language`].

mod beyond;
mod chinese;
mod english;
mod exercises;
mod finding;
mod frame;
mod ports;
mod socket;
mod unreliable;

use udpraw::language::Language;

pub(crate) use beyond::Beyond;
pub(crate) use exercises::{Exercises, Task};
pub(crate) use finding::Finding;
pub(crate) use frame::Frame;
pub(crate) use ports::Ports;
pub(crate) use socket::Socket;
pub(crate) use unreliable::Unreliable;

/// What a lesson says before and after its run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// Its title.
    pub(crate) title: &'static str,
    /// The claim, in one line.
    pub(crate) claim: &'static str,
    /// What to predict.
    pub(crate) question: &'static str,
    /// The possible answers.
    pub(crate) choices: [&'static str; 3],
    /// What the command to try is good for.
    pub(crate) attempt: &'static str,
}

/// Every text of the course.
pub(crate) trait Text:
    Frame + Finding + Ports + Socket + Unreliable + Beyond + Exercises
{
}

impl<T: Frame + Finding + Ports + Socket + Unreliable + Beyond + Exercises> Text for T {}

/// The texts in a language.
pub(crate) fn in_language(language: Language) -> &'static dyn Text {
    match language {
        Language::English => &english::English,
        Language::Chinese => &chinese::Chinese,
    }
}
