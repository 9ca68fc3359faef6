//! `udpraw relay`.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use udpraw::error::{Error, Result};
use udpraw::relay::{Event, Relay, Replay};

use crate::cli::activation;
use crate::cli::args::relay::RelayArguments;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::openmetrics::{self, Page};
use crate::cli::output::Output;
use crate::cli::output::relay::{Line, Log, Report};

/// The longest line of a log, with room to spare.
const LONGEST_LINE: u64 = 4096;

pub(crate) fn run(arguments: &RelayArguments, output: &mut Output) -> Outcome {
    let metrics = openmetrics::bind(arguments.openmetrics.as_deref())?;
    let replay = arguments.replay.as_deref().map(read).transpose()?;
    let is_watched = std::io::stderr().is_terminal() && !output.is_json();
    let passed = activation::socket()?;
    let address = passed.as_ref().map(|passed| passed.address);
    let config = arguments.config(replay, is_watched, address)?;
    let mut relay = match passed {
        Some(passed) => Relay::adopt(passed.fd, config.clone())?,
        None => Relay::new(config.clone())?,
    };
    // After the socket, so that a relay that cannot start leaves the old file alone.
    let mut log = arguments.log.as_deref().map(Log::create).transpose()?;
    let stop = interrupt::handle()?.stop;
    let metrics = match metrics {
        Some(endpoint) => {
            let observer = relay.observer()?;
            let collect = move |page: &mut Page<'_>| openmetrics::relay::write(page, &observer);
            Some(openmetrics::start(endpoint, collect)?)
        }
        None => None,
    };
    interrupt::end_with_reader();
    let mut report = Report::new(output, arguments.stats.is_some(), arguments.verbose);
    let mut relayed = unread(report.listening(&relay, &config, metrics));
    if let Ok(Some(())) = relayed {
        activation::ready();
        relayed = unread(relay.run(stop, |event: &Event<'_>| {
            if let (Event::DatagramOutcome(decided), Some(log)) = (event, &mut log) {
                return log.write(decided).map_err(Failure::from);
            }
            report.event(event).map_err(Failure::from)
        }));
    }
    // However the run ended, the summary is printed.
    let logged = log.map_or(Ok(()), Log::finish);
    let ledger = relay.ledger();
    let reported = unread(report.ledger(&ledger));
    if matches!(relayed, Ok(None)) || interrupt::reader_left() {
        output.note("the output was closed: the relay ended");
    }
    relayed?;
    logged?;
    reported?;
    Ok(Exit::from(
        ledger.remainder() == 0 && ledger.unlike_record == 0,
    ))
}

/// Reads what `--log` wrote.
fn read(path: &Path) -> Result<Replay> {
    let name = path.display().to_string();
    let failed = |operation: &'static str, source| {
        Error::os(operation, format_args!("'{}'", name.escape_debug()), source)
    };
    let file = File::open(path).map_err(|source| failed("open", source))?;
    let (mut reader, mut replay) = (BufReader::new(file), Replay::default());
    let (mut line, mut number) = (Vec::new(), 0_u64);
    loop {
        line.clear();
        number += 1;
        let mut limited = reader.by_ref().take(LONGEST_LINE);
        let length = limited
            .read_until(b'\n', &mut line)
            .map_err(|source| failed("read", source))?;
        if length == 0 {
            break;
        }
        let added = Line::parse(&line).and_then(|line| {
            let (direction, flow, datagram, length, outcome) = line.outcome();
            replay
                .add(direction, flow, datagram, length, outcome)
                .map_err(|error| error.to_string())
        });
        added.map_err(|reason| {
            let subject = format!("'{}', line {number}", name.escape_debug());
            Error::invalid("replay", subject, reason).with_remedy("--log writes such files")
        })?;
    }
    if replay.datagrams() == 0 {
        let subject = format!("'{}'", name.escape_debug());
        return Err(Error::invalid("replay", subject, "it has no datagrams"));
    }
    Ok(replay)
}
