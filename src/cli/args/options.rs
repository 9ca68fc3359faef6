//! `udpraw options`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct OptionsArguments {}
