//! The texts around the lessons: headings, questions and notes.

use super::super::Chapter;

/// The texts around the lessons.
pub(crate) trait Frame {
    fn chapter(&self, chapter: Chapter) -> &'static str;
    /// How many lessons have been taken.
    fn progress(&self, done: usize, all: usize) -> String;
    fn how_to_go_on(&self, next: &str) -> String;
    fn all_done(&self) -> &'static str;
    fn claim(&self) -> &'static str;
    fn predict(&self) -> &'static str;
    fn choose(&self) -> &'static str;
    fn right(&self) -> &'static str;
    /// The prediction was wrong; the right choice.
    fn wrong(&self, right: &str) -> String;
    fn run(&self) -> &'static str;
    /// What hides the right choice of a page.
    fn the_answer(&self) -> &'static str;
    fn happened(&self) -> &'static str;
    fn attempt(&self) -> &'static str;
    fn read_on(&self) -> &'static str;
    /// The lines of the calls cannot be shown.
    fn untraced(&self, reason: &str) -> String;
    fn reset(&self, file: &str) -> String;
    /// LANG names a language without a translation.
    fn no_such_language(&self, locale: &str) -> String;
    /// The file of the progress is of another version, or broken; it was kept under another name.
    fn state_set_aside(&self, file: &str, kept: &str) -> String;
    fn state_not_saved(&self, reason: &str) -> String;
    fn shown(&self, lessons: usize) -> String;
}
