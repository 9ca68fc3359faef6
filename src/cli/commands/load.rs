//! `udpraw load`.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use udpraw::error::{Error, Result};
use udpraw::load::{Config, Event, Load, Report, Saturation, Trial};
use udpraw::protocol::load::Arrivals;
use udpraw::report::Merged;

use super::report::Files;
use crate::cli::args::load::LoadArguments;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::openmetrics::{self, Page, load::Watched};
use crate::cli::output::Output;
use crate::cli::output::load::{self as output, IntervalLog};

pub(crate) fn run(arguments: LoadArguments, output: &mut Output) -> Outcome {
    let metrics = openmetrics::bind(arguments.openmetrics.as_deref())?;
    let mut config = arguments.config(|path| read(Path::new(path)))?;
    if let Some(path) = &arguments.replay {
        let text = read(path)?;
        let text = std::str::from_utf8(&text)
            .map_err(|_| Error::invalid("read", path.display(), "it is no text"))?;
        config.arrivals = Arrivals::recording(text)?;
        config.check()?;
    }
    let stop = interrupt::handle()?.stop;
    interrupt::end_with_reader();
    if let Some(saturation) = arguments.saturation(&config) {
        return saturate(&saturation, &config, stop, output);
    }
    let mut log = arguments
        .hdr
        .as_deref()
        .map(IntervalLog::create)
        .transpose()?;
    let files = Files::create(arguments.report.as_deref(), arguments.svg.as_deref())?;
    let id = arguments
        .run_id
        .unwrap_or_else(|| format!("{:016x}", fastrand::u64(..)));
    let is_quiet = arguments.quiet;
    let has_screen = !is_quiet && !arguments.no_screen && output::has_screen(output);
    let screen = has_screen.then_some(stop);
    let watched = metrics.as_ref().map(|_| Watched::new(&config));
    let metrics = match metrics.zip(watched.clone()) {
        Some((endpoint, watched)) => {
            let collect = move |page: &mut Page<'_>| watched.write(page);
            Some(openmetrics::start(endpoint, collect)?)
        }
        None => None,
    };
    output.metrics_at(metrics);
    let ends = (metrics, screen);
    let mut report = output::Report::new(output, &config, &id, is_quiet, files.is_wanted(), ends);
    let run = Load::new(config.clone())?.run(stop, |event: &Event<'_>| {
        if let (Event::Interval(figures), Some(log)) = (event, &mut log) {
            log.write(figures)?;
        }
        if let (Event::Interval(figures), Some(watched)) = (event, &watched) {
            watched.interval(figures);
        }
        report.event(event).map_err(Failure::from)
    });
    let Some(found) = unread(run)? else {
        return Ok(Exit::Yes);
    };
    let Some(found) = found else {
        report.note("stopped before the start");
        return Ok(Exit::No);
    };
    let kept = unread(report.result(&found, &arguments.fail_if))?;
    if let Some(recorder) = report.recorded() {
        files.write(&Merged::new(vec![recorder.finish()?])?, None, &[])?;
    }
    let has_worked = has_worked(&found) && !found.is_session_lost;
    Ok(Exit::from(has_worked && kept.unwrap_or(true)))
}

/// Whether something arrived, and all of it is accounted for.
fn has_worked(report: &Report) -> bool {
    let total = &report.total;
    let streams = [total.round_trip, total.up, total.down];
    let arrived = streams
        .into_iter()
        .flatten()
        .any(|stream| stream.counts.unique > 0);
    arrived && total.is_balanced()
}

fn saturate(
    saturation: &Saturation,
    config: &Config,
    stop: &AtomicBool,
    output: &mut Output,
) -> Outcome {
    let found = unread(saturation.search(config, stop, |trial: &Trial| {
        output::trial(output, trial).map_err(Failure::from)
    }))?;
    let Some(found) = found else {
        return Ok(Exit::Yes);
    };
    unread(output::saturated(
        output,
        saturation,
        config,
        found.as_ref(),
    ))?;
    Ok(Exit::from(found.is_some()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::os("read", path.display(), source))
}
