//! `udpraw ports`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use udpraw::error::Result;
use udpraw::ports::{Change, Snapshot, Socket, changes, read};
use udpraw::socket::pause;

use crate::cli::args::ports::{PortsArguments, Selection};
use crate::cli::exit::{Exit, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::openmetrics::{self, Page, ports::Watched};
use crate::cli::output::Output;
use crate::cli::output::ports::Report;

/// The time between two looks of `--watch`.
const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: PortsArguments, output: &mut Output) -> Outcome {
    output.speak(arguments.language.language());
    let selection = arguments.selection()?;
    if arguments.watch {
        return watch(&arguments, &selection, output);
    }
    let snapshot = look(&selection)?;
    let mut report = Report::new(output);
    report.remarks(&snapshot);
    unread(report.table(&snapshot))?;
    for ports in missing(&selection, &snapshot) {
        report.nobody(ports);
    }
    Ok(Exit::from(
        selection.ports.is_empty() && selection.hosts.is_empty() || !snapshot.sockets.is_empty(),
    ))
}

/// The sockets that were asked for.
fn look(selection: &Selection) -> Result<Snapshot> {
    let mut snapshot = read(&selection.ports)?;
    let is_asked_for = |socket: &Socket| selection.includes(socket.local.ip());
    snapshot.sockets.retain(is_asked_for);
    Ok(snapshot)
}

/// The ports and ranges asked for that nothing holds.
fn missing<'a>(
    selection: &'a Selection,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = &'a [u16]> + 'a {
    let asked = selection.asked.iter().map(Vec::as_slice);
    asked.filter(|ports| {
        let mut sockets = snapshot.sockets.iter();
        !sockets.any(|socket| ports.contains(&socket.local.port()))
    })
}

/// Until Ctrl-C, which is a success, or until the count is reached.
fn watch(arguments: &PortsArguments, selection: &Selection, output: &mut Output) -> Outcome {
    let metrics = openmetrics::bind(arguments.openmetrics.as_deref())?;
    let stop = interrupt::handle()?.stop;
    interrupt::end_with_reader();
    let watched = metrics.as_ref().map(|_| Watched::new(&selection.ports));
    let metrics = match (metrics, watched.clone()) {
        (Some(endpoint), Some(watched)) => {
            let collect = move |page: &mut Page<'_>| watched.write(page);
            Some(openmetrics::start(endpoint, collect)?)
        }
        _ => None,
    };
    let mut report = Report::new(output);
    if unread(report.metrics_at(metrics))?.is_none() {
        return Ok(Exit::Yes);
    }
    let mut before: Option<Vec<Socket>> = None;
    let mut found = selection.ports.is_empty() && selection.hosts.is_empty();
    let mut looks = 0;
    loop {
        let began = Instant::now();
        let snapshot = look(selection)?;
        if let Some(watched) = &watched {
            watched.look(&snapshot.sockets, began.elapsed());
        }
        found |= !snapshot.sockets.is_empty();
        let reported = match &before {
            None => {
                report.remarks(&snapshot);
                let all: Vec<_> = snapshot.sockets.iter().map(|s| (Change::Same, s)).collect();
                report.watched(&all, true)
            }
            Some(before) => report.watched(&changes(before, &snapshot.sockets), false),
        };
        if unread(reported)?.is_none() {
            break;
        }
        before = Some(snapshot.sockets);
        looks += 1;
        if arguments.count == Some(looks) {
            break;
        }
        pause(INTERVAL, stop)?;
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(found.into())
}
