//! The texts of a trace in any language. `english.rs` and `chinese.rs` have the sentences.

use super::call::Call;
use super::chinese::{self, Chinese};
use super::event::Note;
use super::statement::Statement;
use crate::language::Language;

impl Statement {
    /// The sentence in a language; its `Display` is the English one.
    pub fn in_language(&self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::Chinese => Chinese(self).to_string(),
        }
    }
}

impl Note {
    /// The sentence in a language; its `Display` is the English one.
    pub fn in_language(&self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::Chinese => chinese::note(self),
        }
    }
}

impl Call {
    /// Describes what the call did in a language ([`Call::explain`] is the English one).
    ///
    /// ```
    /// # use udpraw::{language::Language, trace::Call};
    /// let sentence = Call::default().explain_in(Language::Chinese);
    /// assert_eq!(sentence, "程序在这个调用中结束，或者 udpraw 停止了跟踪。");
    /// ```
    pub fn explain_in(&self, language: Language) -> String {
        let statements = self.statements();
        let sentences = statements.iter().map(|it| it.in_language(language));
        let sentences: Vec<String> = sentences.collect();
        sentences.join(match language {
            Language::English => " ",
            Language::Chinese => "",
        })
    }
}
