//! The course in English.

mod beyond;
mod exercises;
mod finding;
mod ports;
mod socket;
mod unreliable;

use super::Frame;
use crate::cli::learn::Chapter;

/// English.
pub(super) struct English;

#[rustfmt::skip]
impl Frame for English {
    fn chapter(&self, chapter: Chapter) -> &'static str {
        match chapter {
            Chapter::Finding => "Finding the way",
            Chapter::Ports => "Ports",
            Chapter::Socket => "The socket",
            Chapter::Unreliable => "What UDP leaves to you",
            Chapter::Beyond => "Beyond the book",
        }
    }
    fn progress(&self, done: usize, all: usize) -> String { format!("{done} of {all} lessons taken.") }
    fn how_to_go_on(&self, next: &str) -> String { format!("Go on with: udpraw learn next (that is {next})") }
    fn all_done(&self) -> &'static str { "You have taken every lesson. Now the exercises: udpraw learn exercises" }
    fn claim(&self) -> &'static str { "Claim" }
    fn predict(&self) -> &'static str { "Predict" }
    fn choose(&self) -> &'static str { "Your prediction (1, 2 or 3; Enter to skip): " }
    fn right(&self) -> &'static str { "Right." }
    fn wrong(&self, right: &str) -> String { format!("It is another: {right}") }
    fn run(&self) -> &'static str { "Run" }
    fn the_answer(&self) -> &'static str { "The answer" }
    fn happened(&self) -> &'static str { "What happened" }
    fn attempt(&self) -> &'static str { "Try" }
    fn read_on(&self) -> &'static str { "Read" }
    fn untraced(&self, reason: &str) -> String { format!("the calls cannot be shown: {reason}") }
    fn reset(&self, file: &str) -> String { format!("Your progress in {file} was deleted.") }
    fn no_such_language(&self, locale: &str) -> String { format!("there is no course in the language of {locale} yet; this is the English one (--lang zh is Chinese)") }
    fn state_set_aside(&self, file: &str, kept: &str) -> String { format!("{file} is broken or from another version: your progress starts anew, and the old file is kept as {kept}") }
    fn state_not_saved(&self, reason: &str) -> String { format!("your progress was not saved: {reason}") }
    fn shown(&self, lessons: usize) -> String { format!("{lessons} lessons showed what they claim.") }
}
