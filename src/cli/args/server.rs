//! `udpraw server`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ServerArguments {}
