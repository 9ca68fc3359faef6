//! `udpraw completions`.

use clap::Args;
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  udpraw completions bash > ~/.local/share/bash-completion/completions/udpraw
  udpraw completions zsh > ~/.zfunc/_udpraw    with fpath+=~/.zfunc before compinit in ~/.zshrc
  udpraw completions fish > ~/.config/fish/completions/udpraw.fish
  eval \"$(udpraw completions bash)\"            for this shell only

Completes commands, options and their values: backends, service names, names of socket options.

Exit status: 0 success (the script was printed), 2 error.";

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArguments {
    /// Shell to print the script for
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
