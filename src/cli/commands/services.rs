//! `udpraw services`.

use crate::cli::args::services::ServicesArguments;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;

pub(crate) fn run(_: ServicesArguments, _: &mut Output) -> Outcome {
    Ok(Exit::Yes)
}
