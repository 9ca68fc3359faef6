//! `udpraw man`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

const EXAMPLES: &str = "\
Examples:
  udpraw man | man -l -                            read the main page
  udpraw man ~/.local/share/man/man1               install a page for each command
  udpraw man /tmp/pages && man -l /tmp/pages/udpraw-server.1

A page is written under another name first and then renamed: a reader never sees half of one.

Exit status: 0 success (the pages are written), 2 error.";

/// Where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArguments {
    /// Folder to write a page for each command to; it is made if there is none [default: the main page,
    /// to standard output]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
}
