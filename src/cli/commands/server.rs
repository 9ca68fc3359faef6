//! `udpraw server`.

use crate::cli::args::server::ServerArguments;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;

pub(crate) fn run(_: ServerArguments, _: &mut Output) -> Outcome {
    Ok(Exit::Yes)
}
