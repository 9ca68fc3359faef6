//! `udpraw bench`.

use udpraw::bench::{Bench, Event};

use super::report::Files;
use crate::cli::args::bench::BenchArguments;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::bench::Report;

pub(crate) fn run(arguments: BenchArguments, output: &mut Output) -> Outcome {
    let (config, missing) = arguments.config()?;
    let files = Files::create(arguments.report.as_deref(), arguments.svg.as_deref())?;
    let stop = interrupt::handle()?.stop;
    interrupt::end_with_reader();
    let mut report = Report::new(output, &config, arguments.markdown, arguments.is_named());
    for error in missing {
        report.left_out(&error);
    }
    let (mut sound, mut unsound) = (0, 0);
    let mut bench = Bench::new(config.clone())?;
    let found = unread(bench.run(stop, |event: &Event<'_>| {
        if let Event::Tried(trial) = event {
            if trial.is_sound() {
                sound += 1
            } else {
                unsound += 1
            }
        }
        report.event(event).map_err(Failure::from)
    }))?;
    if let Some(found) = found {
        unread(report.found(&found))?;
        let page = report.page(&found);
        files.put(|| page.html(), || page.pictures())?;
    }
    Ok(Exit::from(
        sound > 0 && unsound == 0 && !report.has_failed(),
    ))
}
