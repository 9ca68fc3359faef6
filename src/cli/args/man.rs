//! `udpraw man`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

const EXAMPLES: &str = "\
Examples:
  udpraw man | man -l -                            read the main page
  udpraw man ~/.local/share/man/man1               install a page for each command
  udpraw man /tmp/pages && man -l /tmp/pages/udpraw-server.1

Pages are replaced atomically: a reader never sees half of one.

Exit status: 0 success (the pages were written), 2 error.";

/// Where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArguments {
    /// Folder to write one page per command to; created if missing [default: print the main page]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
}
