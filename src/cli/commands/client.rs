//! `udpraw client`.

use crate::cli::args::client::ClientArguments;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;

pub(crate) fn run(_: ClientArguments, _: &mut Output) -> Outcome {
    Ok(Exit::Yes)
}
