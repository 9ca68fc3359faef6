//! `udpraw server`.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use udpraw::error::{Error, Result};
use udpraw::server::{Behaviour, Event, Server, Summary, adopt, listen_group, reply_mark};
use udpraw::socket::{Family, options::OptionValue};

use crate::cli::activation;
use crate::cli::args::server::ServerArguments;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt;
use crate::cli::openmetrics::{self, Page};
use crate::cli::output::Output;
use crate::cli::output::server as report;

/// Where the server listens, unless told otherwise.
const HOST: &str = "127.0.0.1";
/// The textbook's port.
const PORT: u16 = 1060;

pub(crate) fn run(mut arguments: ServerArguments, output: &mut Output) -> Outcome {
    let config = arguments.config()?;
    let metrics = openmetrics::bind(arguments.openmetrics.as_deref())?;
    let workers = usize::from(arguments.backend.workers);
    // Counting the CPUs takes some twenty system calls.
    if workers > 1 {
        report::too_many_workers(output, workers);
    }
    let (host, named) = arguments.place()?;
    let ports = named.clone().unwrap_or_else(|| vec![PORT]);
    let mut passed = activation::sockets(ports.len())?.map(Vec::into_iter);
    if passed.is_some() && workers > 1 {
        let reason = "each worker needs its own socket, and only one per port is passed";
        return Err(Error::invalid("use", "--workers with LISTEN_FDS", reason)
            .with_remedy("omit one of them")
            .into());
    }
    let (mut endpoints, mut all_settings) = (Vec::new(), Vec::new());
    for port in ports {
        let passed = passed.as_mut().and_then(Iterator::next);
        let address = match &passed {
            Some(passed) => {
                let port = named.as_ref().map(|_| port);
                arguments
                    .family
                    .check(passed.address, host.as_deref(), port)?;
                passed.address
            }
            None => first_address(&arguments, host.as_deref().unwrap_or(HOST), port)?,
        };
        let settings = settings(&arguments, &config.behaviour, address)?;
        match passed {
            Some(passed) => endpoints.push(adopt(passed.fd, address, settings.clone())?),
            None => endpoints.extend(listen_group(address, settings.clone(), workers)?),
        }
        report::unjoined(output, address, &settings);
        all_settings.push(settings);
    }
    let stop: &AtomicBool = interrupt::handle()?.stop;
    let mut server = Server::new(endpoints, config)?;
    let metrics = match metrics {
        Some(endpoint) => {
            let observer = server.observer()?;
            let sockets = sockets(&server, workers);
            let collect =
                move |page: &mut Page<'_>| openmetrics::server::write(page, &observer, &sockets);
            Some(openmetrics::start(endpoint, collect)?)
        }
        None => None,
    };
    // The plain loop makes no unneeded system call.
    if !server.is_plain() {
        interrupt::end_with_reader();
    }
    if arguments.verbose {
        let each = all_settings
            .iter()
            .flat_map(|settings| std::iter::repeat_n(settings, workers));
        for (endpoint, settings) in server.endpoints().zip(each) {
            report::socket(output, endpoint, settings);
        }
    }
    if arguments.is_auto() || (arguments.verbose && !server.is_plain()) {
        let (backend, passed_over) = server.backend();
        report::backend(output, backend, passed_over);
    }
    if let Some(error) = server.unpinned() {
        output.note(format_args!("{error}; the scheduler places the workers"));
    }
    // Of the sockets that share a port, the first stands for all.
    for (endpoint, address) in server.endpoints().step_by(workers).zip(server.addresses()) {
        report::listening(output, endpoint.as_raw_fd(), *address, metrics)?;
    }
    output.metrics_at(metrics);
    activation::ready();
    // If the output fails the run ends, but only after the datagram is answered: its sender does
    // not know about the output.
    let mut failure = None;
    let served = server.run(stop, |event: &Event<'_>| {
        // Who wants no transcript has the summary.
        if arguments.quiet && !output.is_json() && matches!(event, Event::LoadEnded(_)) {
            return Ok(());
        }
        if failure.is_none()
            && let Err(error) = report::event(output, event, arguments.verbose)
        {
            failure = Some(error);
            stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    });
    report::offload_fallbacks(output, server.offload_fallbacks());
    let opened = report::open_loads(output, &server.open_loads());
    let failure = failure.or(opened.err());
    end(served, failure, &server.summary(), output)
}

/// The number of each worker, and where its socket is bound. Without workers, one serves all sockets.
fn sockets(server: &Server, workers: usize) -> Vec<(usize, SocketAddr)> {
    let addresses = server.addresses().iter().copied();
    if server.is_plain() {
        return addresses.map(|address| (0, address)).collect();
    }
    let each = addresses.flat_map(|address| std::iter::repeat_n(address, workers));
    each.enumerate().collect()
}

/// Where to listen. For a name it is the first address in the resolver's order: one port, one
/// address.
fn first_address(arguments: &ServerArguments, host: &str, port: u16) -> Result<SocketAddr> {
    let mut all = arguments.family.resolve(host, port)?;
    Ok(all.swap_remove(0))
}

/// The options to set on the socket of `address`.
fn settings(
    arguments: &ServerArguments,
    behaviour: &Behaviour,
    address: SocketAddr,
) -> Result<Vec<OptionValue>> {
    let family = Family::of(address);
    let mut settings = Vec::new();
    if behaviour.reply.needs_mark() && behaviour.exchange.is_none() {
        settings = reply_mark(family);
    }
    // After the mark, so that what the user sets holds.
    settings.extend(arguments.socket.settings(family)?);
    Ok(settings)
}

/// However the run ended, the summary is printed.
fn end(
    served: std::result::Result<(), Failure>,
    failure: Option<std::io::Error>,
    summary: &Summary,
    output: &mut Output,
) -> Outcome {
    let reported = unread(failure.map_or(Ok(()), Err));
    if matches!(reported, Ok(None)) || interrupt::reader_left() {
        output.note("the output was closed: the server ended");
    }
    let summed = unread(report::summary(output, summary));
    served?;
    reported?;
    summed?;
    Ok(Exit::Yes)
}
