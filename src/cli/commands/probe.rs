//! `udpraw probe`.

use udpraw::error::{Error, Result};
use udpraw::probe::{Finding, Probe};
use udpraw::socket::Family;

use crate::cli::args::hex::unhex;
use crate::cli::args::probe::ProbeArguments;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::probe::Report;

pub(crate) fn run(arguments: ProbeArguments, output: &mut Output) -> Outcome {
    output.speak(arguments.language.language());
    let resolvers = arguments.resolvers()?;
    let config = arguments.config(resolvers.as_ref(), bytes(&arguments)?)?;
    let stop = interrupt::handle()?.stop;
    interrupt::end_with_reader();
    let mut report = Report::new(output, &config, arguments.host(), arguments.all);
    if let Some(resolvers) = &resolvers {
        report.resolvers(&arguments.resolv_conf, resolvers);
    }
    let done = unread(Probe::new(config.clone()).run(stop, |finding: &Finding| {
        report.finding(finding).map_err(Failure::from)
    }))?;
    if done.is_some() && !interrupt::reader_left() {
        unread(report.summary())?;
    }
    // A target that was not probed because the output was closed is not known to be open.
    Ok(Exit::from(report.is_open()))
}

/// The bytes of `--payload`, which must fit into a datagram.
fn bytes(arguments: &ProbeArguments) -> Result<Option<Vec<u8>>> {
    let Some(text) = &arguments.payload else {
        return Ok(None);
    };
    let bytes = if arguments.hex {
        unhex(text.as_bytes())?
    } else {
        text.clone().into_bytes()
    };
    let most = Family::V4.largest_payload();
    if bytes.len() > most {
        let subject = format!("a payload of {} bytes", bytes.len());
        return Err(Error::invalid(
            "send",
            subject,
            format!("a datagram carries at most {most}"),
        ));
    }
    Ok(Some(bytes))
}
