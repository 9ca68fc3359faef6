//! `udpraw services`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ServicesArguments {}
