//! Flags of other programs, and what does the same here. Those that mean exactly the same are hidden
//! aliases at the argument itself.

use super::{look, talk};

/// Commands, the flags that people try there, and what there is instead.
pub(super) type Hint = (
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

/// Every hint.
fn hints() -> impl Iterator<Item = &'static Hint> {
    talk::HINTS.iter().chain(look::HINTS)
}

/// What does here what that flag does elsewhere.
pub(super) fn hint(command: &str, flag: &str) -> Option<&'static str> {
    let flag = flag.split('=').next().unwrap_or(flag);
    let is_here =
        |(commands, flags, _): &&Hint| commands.contains(&command) && flags.contains(&flag);
    hints().find(is_here).map(|(_, _, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Arguments;

    /// Whether a command takes a flag, hidden ones and aliases included.
    fn takes(command: &str, flag: &str) -> bool {
        let mut all = Arguments::command();
        all.build();
        let command = all.find_subcommand(command).unwrap();
        let has = |command: &clap::Command| {
            command.get_arguments().any(|argument| {
                let longs = argument.get_long_and_visible_aliases().unwrap_or_default();
                let hidden = argument.get_all_aliases().unwrap_or_default();
                let shorts = argument.get_short().into_iter();
                let aliases = argument.get_all_short_aliases().unwrap_or_default();
                let is_long = flag
                    .strip_prefix("--")
                    .is_some_and(|name| longs.contains(&name) || hidden.contains(&name));
                let is_short = shorts
                    .chain(aliases)
                    .any(|short| flag == format!("-{short}"));
                is_long || is_short
            })
        };
        has(command)
    }

    #[test]
    fn a_hint_is_for_a_flag_that_there_is_not_and_names_those_that_there_are() {
        for (commands, flags, hint) in hints() {
            for command in *commands {
                for flag in *flags {
                    assert!(!takes(command, flag), "{command} has {flag}: {hint}");
                    let found = super::hint(command, flag);
                    assert_eq!(found, Some(*hint), "{command} {flag} is there twice");
                }
                let mut owner = *command;
                let words: Vec<&str> = hint.split_whitespace().collect();
                for (at, word) in words.iter().enumerate() {
                    let next = words.get(at + 1).copied().unwrap_or_default();
                    if *word == "udpraw" {
                        owner = next.trim_end_matches([';', ',', ':']);
                    } else if *word == "client" || *word == "server" && next.starts_with("--") {
                        owner = word;
                    } else if word.starts_with("--") {
                        let flag = word.trim_end_matches([';', ',', ':']);
                        assert!(takes(owner, flag), "{owner} has no {flag}: {hint}");
                    }
                }
            }
        }
    }
}
