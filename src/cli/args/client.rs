//! `udpraw client`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ClientArguments {}
