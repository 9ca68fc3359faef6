//! `udpraw completions`.

use clap_complete::generate;

use crate::cli::args::completions::CompletionsArguments;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;
use crate::cli::suggest;

pub(crate) fn run(arguments: &CompletionsArguments, output: &mut Output) -> Outcome {
    let mut script = Vec::new();
    generate(
        arguments.shell,
        &mut suggest::command(),
        "udpraw",
        &mut script,
    );
    output.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Yes)
}
