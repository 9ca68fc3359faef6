//! `udpraw server`.

use std::os::fd::AsRawFd;

use udpraw::error::Result;
use udpraw::server::{Event, Server, listen};
use udpraw::socket::{Endpoint, Family, options::Setting, stop_on_signals};

use crate::cli::args::server::ServerArguments;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::output::server as report;

pub(crate) fn run(mut arguments: ServerArguments, output: &mut Output) -> Outcome {
    let behaviour = arguments.behaviour();
    let mut endpoints = Vec::new();
    for port in arguments.ports()? {
        endpoints.push(bind(&arguments, port, output)?);
    }
    let stop = stop_on_signals()?;
    let mut server = Server::new(endpoints, behaviour)?;
    for (endpoint, address) in server.endpoints().iter().zip(server.addresses()) {
        report::listening(output, endpoint.as_raw_fd(), *address)?;
    }
    let quiet = arguments.quiet;
    let served = server.run(stop, |event: &Event<'_>| {
        report::event(output, event, quiet).map_err(Failure::from)
    });
    // However it ended, what was done is told.
    let told = report::summary(output, &server.summary());
    served?;
    told?;
    Ok(Exit::Yes)
}

fn bind(arguments: &ServerArguments, port: u16, output: &mut Output) -> Result<Endpoint> {
    let mut addresses = arguments.family.resolve(&arguments.host, port)?;
    // A name's first address, as the resolver orders them: one port is one socket.
    let address = addresses.swap_remove(0);
    let settings: Vec<Setting> = arguments.socket.settings(Family::of(address))?;
    let endpoint = listen(address, settings.clone())?;
    if arguments.verbose {
        report::socket(output, &endpoint, &settings);
    }
    Ok(endpoint)
}
