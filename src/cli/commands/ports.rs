//! `udpraw ports`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use udpraw::ports::{Change, Snapshot, Socket, changes, read};
use udpraw::socket::pause;

use crate::cli::args::ports::PortsArguments;
use crate::cli::exit::{Exit, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::ports::Report;

/// The time between two looks of `--watch`.
const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: PortsArguments, output: &mut Output) -> Outcome {
    let ports = arguments.ports()?;
    if arguments.watch {
        return watch(&arguments, &ports, output);
    }
    let snapshot = read(&ports)?;
    let mut report = Report::new(output);
    report.remarks(&snapshot);
    unread(report.table(&snapshot))?;
    for port in missing(&ports, &snapshot) {
        report.nobody(port);
    }
    Ok(Exit::from(ports.is_empty() || !snapshot.sockets.is_empty()))
}

/// The ports asked for that nothing holds.
fn missing<'a>(ports: &'a [u16], snapshot: &'a Snapshot) -> impl Iterator<Item = u16> + 'a {
    let holds = |port: u16| {
        let mut sockets = snapshot.sockets.iter();
        sockets.any(|socket| socket.local.port() == port)
    };
    ports.iter().copied().filter(move |port| !holds(*port))
}

/// Until Ctrl-C, which ends it well, or until the count is full.
fn watch(arguments: &PortsArguments, ports: &[u16], output: &mut Output) -> Outcome {
    let stop = interrupt::handle()?.stop;
    interrupt::end_with_reader();
    let mut report = Report::new(output);
    let mut before: Option<Vec<Socket>> = None;
    let mut found = ports.is_empty();
    let mut looks = 0;
    loop {
        let snapshot = read(ports)?;
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
