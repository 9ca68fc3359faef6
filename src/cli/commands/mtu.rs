//! `udpraw mtu`.

use std::sync::atomic::Ordering;

use udpraw::mtu::{PathMtu, Trial};

use crate::cli::args::mtu::MtuArguments;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::mtu::Report;

pub(crate) fn run(arguments: MtuArguments, output: &mut Output) -> Outcome {
    let configs = arguments.configs()?;
    let stop = interrupt::handle()?.stop;
    interrupt::end_with_reader();
    let mut is_known = false;
    for config in configs {
        let mut report = Report::new(output, arguments.host(), config.address);
        let found = unread(PathMtu::new(config.clone()).run(stop, |trial: &Trial| {
            report.trial(trial).map_err(Failure::from)
        }))?;
        is_known |= found.as_ref().is_some_and(|found| found.limit.is_known());
        let reported = match &found {
            Some(found) => unread(report.found(found))?,
            None => None,
        };
        if reported.is_none() || interrupt::reader_left() {
            break;
        }
        if stop.load(Ordering::Relaxed) {
            output.note("stopped: these are the results so far");
            break;
        }
    }
    Ok(Exit::from(is_known))
}
