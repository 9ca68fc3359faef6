//! `udpraw mtu`.

use std::sync::atomic::Ordering;

use udpraw::mtu::{self, Trial};
use udpraw::socket::stop_on_signals;

use crate::cli::args::mtu::MtuArguments;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::output::mtu::Report;

pub(crate) fn run(arguments: MtuArguments, output: &mut Output) -> Outcome {
    let configs = arguments.configs()?;
    let stop = stop_on_signals()?;
    let mut is_known = false;
    for config in configs {
        let mut report = Report::new(output, arguments.host(), config.address);
        let found = mtu::run(&config, stop, |trial: &Trial| {
            report.trial(trial).map_err(Failure::from)
        })?;
        is_known |= found.limit.is_known();
        report.found(&found)?;
        if stop.load(Ordering::Relaxed) {
            output.note("stopped: what is told is what was known by then");
            break;
        }
    }
    Ok(Exit::from(is_known))
}
