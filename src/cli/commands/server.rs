//! `udpraw server`.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicBool;

use udpraw::error::Result;
use udpraw::server::{Behaviour, Crew, Event, Manner, Server, listen, listen_group};
use udpraw::socket::{Family, options::Setting, stop_on_signals};

use crate::cli::args::server::ServerArguments;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::output::server as report;

pub(crate) fn run(mut arguments: ServerArguments, output: &mut Output) -> Outcome {
    let behaviour = arguments.behaviour()?;
    match arguments.manner() {
        None => run_plain(&arguments, behaviour, output),
        Some(manner) => run_crew(&arguments, behaviour, &manner, output),
    }
}

/// One thread, and not one system call more than the work needs.
fn run_plain(arguments: &ServerArguments, behaviour: Behaviour, output: &mut Output) -> Outcome {
    let mut endpoints = Vec::new();
    for port in arguments.ports()? {
        let (address, settings) = place(arguments, port)?;
        let endpoint = listen(address, settings.clone())?;
        report::unjoined(output, address, &settings);
        if arguments.verbose {
            report::socket(output, &endpoint, &settings);
        }
        endpoints.push(endpoint);
    }
    let stop = stop_on_signals()?;
    let mut server = Server::new(endpoints, behaviour)?;
    for (endpoint, address) in server.endpoints().iter().zip(server.addresses()) {
        report::listening(output, endpoint.as_raw_fd(), *address)?;
    }
    let served = server.run(stop, |event: &Event<'_>| tell(output, event));
    end(served, report::summary(output, &server.summary()))
}

/// Any rung of the ladder, any number of workers.
fn run_crew(
    arguments: &ServerArguments,
    behaviour: Behaviour,
    manner: &Manner,
    output: &mut Output,
) -> Outcome {
    let workers = usize::from(arguments.ladder.workers);
    report::too_many_workers(output, workers);
    let (mut groups, mut all_settings) = (Vec::new(), Vec::new());
    for port in arguments.ports()? {
        let (address, settings) = place(arguments, port)?;
        groups.push(listen_group(address, settings.clone(), workers)?);
        report::unjoined(output, address, &settings);
        all_settings.push(settings);
    }
    let stop: &AtomicBool = stop_on_signals()?;
    let mut crew = Crew::new(groups, behaviour, manner)?;
    if arguments.verbose {
        let each = all_settings
            .iter()
            .flat_map(|settings| std::iter::repeat_n(settings, workers));
        for (endpoint, settings) in crew.endpoints().zip(each) {
            report::socket(output, endpoint, settings);
        }
    }
    if arguments.is_auto() || arguments.verbose {
        let (rung, passed_over) = crew.rung();
        report::rung(output, rung, passed_over);
    }
    // Of each group its first socket stands for all.
    for (endpoint, address) in crew.endpoints().step_by(workers).zip(crew.addresses()) {
        report::listening(output, endpoint.as_raw_fd(), *address)?;
    }
    let served = crew.run(stop, |event: &Event<'_>| tell(output, event));
    report::offload_fallbacks(output, crew.offload_fallbacks());
    end(served, report::summary(output, &crew.summary()))
}

/// Where to listen, and the options to set. Of a name it is the first address, as the resolver
/// orders them: one port is one place.
fn place(arguments: &ServerArguments, port: u16) -> Result<(SocketAddr, Vec<Setting>)> {
    let address = arguments
        .family
        .resolve(&arguments.host, port)?
        .swap_remove(0);
    Ok((address, arguments.socket.settings(Family::of(address))?))
}

fn tell(output: &mut Output, event: &Event<'_>) -> std::result::Result<(), Failure> {
    report::event(output, event).map_err(Failure::from)
}

/// However the run ended, what was done has been told.
fn end(served: std::result::Result<(), Failure>, told: std::io::Result<()>) -> Outcome {
    served?;
    told?;
    Ok(Exit::Yes)
}
