//! `udpraw probe`.

use udpraw::error::{Error, Result};
use udpraw::probe::{self, Finding};
use udpraw::socket::Family;

use super::client::unhex;
use crate::cli::args::probe::ProbeArguments;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::probe::Report;

pub(crate) fn run(arguments: ProbeArguments, output: &mut Output) -> Outcome {
    let resolvers = arguments.resolvers()?;
    let config = arguments.config(resolvers.as_ref(), bytes(&arguments)?)?;
    let stop = interrupt::handle()?.stop;
    let mut report = Report::new(output, &config, arguments.host(), arguments.all);
    if let Some(resolvers) = &resolvers {
        report.resolvers(&arguments.resolv_conf, resolvers);
    }
    probe::run(&config, stop, |finding: &Finding| {
        report.finding(finding).map_err(Failure::from)
    })?;
    let is_open = report.summary()?;
    Ok(Exit::from(is_open))
}

/// The bytes of `--payload`, which must fit into a datagram.
fn bytes(arguments: &ProbeArguments) -> Result<Option<Vec<u8>>> {
    let Some(text) = &arguments.payload else {
        return Ok(None);
    };
    let bytes = match arguments.hex {
        true => unhex(text.as_bytes())?,
        false => text.clone().into_bytes(),
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
