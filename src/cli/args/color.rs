//! `--color`.

use clap::ValueEnum;

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set; always with CLICOLOR_FORCE=1
    #[default]
    Auto,
    /// In files and pipes as well
    Always,
    /// Never
    Never,
}

impl Color {
    /// Has every stream of the program follow it.
    pub(crate) fn apply(self) {
        anstream::ColorChoice::write_global(match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        });
    }

    /// The same for the pages of `--help`.
    pub(crate) fn of_help(self) -> clap::ColorChoice {
        match self {
            Self::Auto => clap::ColorChoice::Auto,
            Self::Always => clap::ColorChoice::Always,
            Self::Never => clap::ColorChoice::Never,
        }
    }

    /// What words of a command line that could not be parsed ask for.
    pub(crate) fn peek(words: impl IntoIterator<Item = String>) -> Self {
        let mut words = words.into_iter().take_while(|word| word != "--");
        let mut found = Self::default();
        while let Some(word) = words.next() {
            let value = match word.strip_prefix("--color") {
                Some("") => words.next(),
                Some(rest) => rest.strip_prefix('=').map(str::to_owned),
                None => None,
            };
            if let Some(color) = value.and_then(|value| Self::from_str(&value, false).ok()) {
                found = color;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_in_a_line_that_is_wrong() {
        let peek = |line: &str| Color::peek(line.split(' ').map(str::to_owned));
        assert_eq!(peek("--color always server --wrong"), Color::Always);
        assert_eq!(peek("server --wrong --color=never"), Color::Never);
        assert_eq!(peek("server --colors=never"), Color::Auto);
        assert_eq!(peek("server --color"), Color::Auto);
        assert_eq!(peek("trace -- ls --color always"), Color::Auto);
    }
}
