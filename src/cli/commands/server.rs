//! `udpraw server`.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use udpraw::error::Result;
use udpraw::server::{
    Behaviour, Crew, Event, Manner, Server, Summary, listen, listen_group, reply_mark,
};
use udpraw::socket::{Family, options::Setting};

use crate::cli::args::server::ServerArguments;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt;
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
        let (address, settings) = place(arguments, &behaviour, port)?;
        let endpoint = listen(address, settings.clone())?;
        report::unjoined(output, address, &settings);
        if arguments.verbose {
            report::socket(output, &endpoint, &settings);
        }
        endpoints.push(endpoint);
    }
    let stop = interrupt::handle()?.stop;
    let mut server = Server::new(endpoints, behaviour)?;
    for (endpoint, address) in server.endpoints().iter().zip(server.addresses()) {
        report::listening(output, endpoint.as_raw_fd(), *address)?;
    }
    let mut failure = None;
    let served = server.run(stop, |event: &Event<'_>| {
        tell(output, event, stop, &mut failure);
        Ok(())
    });
    end(served, failure, &server.summary(), output)
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
        let (address, settings) = place(arguments, &behaviour, port)?;
        groups.push(listen_group(address, settings.clone(), workers)?);
        report::unjoined(output, address, &settings);
        all_settings.push(settings);
    }
    let stop: &AtomicBool = interrupt::handle()?.stop;
    interrupt::end_with_reader();
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
    if let Some(error) = crew.unpinned() {
        output.note(format_args!("{error}; the scheduler places the workers"));
    }
    // Of each group its first socket stands for all.
    for (endpoint, address) in crew.endpoints().step_by(workers).zip(crew.addresses()) {
        report::listening(output, endpoint.as_raw_fd(), *address)?;
    }
    let mut failure = None;
    let served = crew.run(stop, |event: &Event<'_>| {
        tell(output, event, stop, &mut failure);
        Ok(())
    });
    report::offload_fallbacks(output, crew.offload_fallbacks());
    end(served, failure, &crew.summary(), output)
}

/// Where to listen, and the options to set. Of a name it is the first address, as the resolver
/// orders them: one port is one place.
fn place(
    arguments: &ServerArguments,
    behaviour: &Behaviour,
    port: u16,
) -> Result<(SocketAddr, Vec<Setting>)> {
    let address = arguments
        .family
        .resolve(&arguments.host, port)?
        .swap_remove(0);
    let family = Family::of(address);
    let mut settings = Vec::new();
    if behaviour.reply.needs_mark() && behaviour.exchange.is_none() {
        settings = reply_mark(family)?;
    }
    // Behind the mark, so that what the user sets holds.
    settings.extend(arguments.socket.settings(family)?);
    Ok((address, settings))
}

/// Tells what happened. Where that fails the run ends, but not before the datagram is answered: who
/// sent it knows nothing of the output's reader.
fn tell(
    output: &mut Output,
    event: &Event<'_>,
    stop: &AtomicBool,
    failure: &mut Option<std::io::Error>,
) {
    if failure.is_none()
        && let Err(error) = report::event(output, event)
    {
        *failure = Some(error);
        stop.store(true, Ordering::Relaxed);
    }
}

/// However the run ended, what was done is told.
fn end(
    served: std::result::Result<(), Failure>,
    failure: Option<std::io::Error>,
    summary: &Summary,
    output: &mut Output,
) -> Outcome {
    let told = unread(failure.map_or(Ok(()), Err));
    if matches!(told, Ok(None)) || interrupt::reader_left() {
        output.note("nobody reads the output any more: the server ended");
    }
    let summed = unread(report::summary(output, summary));
    served?;
    told?;
    summed?;
    Ok(Exit::Yes)
}
