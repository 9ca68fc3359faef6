//! `udpraw tour`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct TourArguments {}
