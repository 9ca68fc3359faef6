//! The language of explanations.

use clap::Args;
use udpraw::language::Language;

/// The language of explanations.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct LanguageArguments {
    /// Language of explanations [default: that of LC_ALL, LC_MESSAGES or LANG, or English]
    #[arg(long = "lang", value_enum, value_name = "LANGUAGE", global = true)]
    lang: Option<Language>,
}

impl LanguageArguments {
    /// The language, and the locale of the environment if there is no translation for it.
    pub(crate) fn choose(self) -> (Language, Option<String>) {
        match self.lang {
            Some(language) => (language, None),
            None => from_environment(|name| std::env::var(name).ok()),
        }
    }

    /// The language.
    pub(crate) fn language(self) -> Language {
        self.choose().0
    }
}

/// As locale(7) has it: the first of the variables that is not empty decides.
fn from_environment(variable: impl Fn(&str) -> Option<String>) -> (Language, Option<String>) {
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let locale = names.into_iter().filter_map(variable);
    let locale = { locale }.find(|locale| !locale.is_empty());
    match locale.as_deref().map(Language::of_locale) {
        None => (Language::English, None),
        Some(Some(language)) => (language, None),
        Some(None) => (Language::English, locale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let chosen = |pairs: &[(&str, &str)]| {
            from_environment(|name| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let (en, zh) = (Language::English, Language::Chinese);
        assert_eq!(chosen(&[]), (en, None));
        assert_eq!(chosen(&[("LANG", "zh_CN.UTF-8")]), (zh, None));
        assert_eq!(chosen(&[("LANG", "zh_CN"), ("LC_ALL", "C")]), (en, None));
        assert_eq!(
            chosen(&[("LC_ALL", ""), ("LC_MESSAGES", "zh_TW")]),
            (zh, None)
        );
        assert_eq!(chosen(&[("LANG", "fr_FR")]), (en, Some("fr_FR".into())));
    }
}
