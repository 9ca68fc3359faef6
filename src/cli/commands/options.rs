//! `udpraw options`.

use crate::cli::args::options::OptionsArguments;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;

pub(crate) fn run(_: OptionsArguments, _: &mut Output) -> Outcome {
    Ok(Exit::Yes)
}
