//! `udpraw bench`.

use udpraw::bench::{self, Event};
use udpraw::socket::stop_on_signals;

use crate::cli::args::bench::BenchArguments;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::output::bench::Report;

pub(crate) fn run(arguments: BenchArguments, output: &mut Output) -> Outcome {
    let (config, missing) = arguments.config()?;
    let stop = stop_on_signals()?;
    let mut report = Report::new(output, &config, arguments.markdown, arguments.is_named());
    for error in missing {
        report.left_out(&error);
    }
    let found = bench::run(&config, stop, |event: Event<'_>| {
        report.event(&event).map_err(Failure::from)
    })?;
    report.found(&found)?;
    let is_sound = found.trials.iter().all(bench::Trial::is_sound);
    Ok(Exit::from(is_sound && !report.has_failed()))
}
