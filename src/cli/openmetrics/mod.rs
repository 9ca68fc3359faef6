//! `--openmetrics ADDR`: the counters of a running command over HTTP, in the OpenMetrics text format.
//!
//! A command binds an [`Endpoint`] before it does anything else, so that a port in use ends it at once,
//! and starts it with a closure that writes its metrics to a [`Page`]. The closure runs in the
//! exporter's thread, at most ten times per second, and only if somebody asks: it reads atomics, or
//! asks the command's loop for a snapshot. The hot path knows nothing of it.
//!
//! ```ignore
//! let endpoint = openmetrics::bind(arguments.openmetrics.as_deref())?;
//! // … sockets …
//! let start = |endpoint| openmetrics::start(endpoint, move |page| write(page, &observer));
//! output.metrics_at(endpoint.map(start).transpose()?);
//! ```

mod distribution;
mod http;
pub(crate) mod load;
mod page;
pub(crate) mod ports;
pub(crate) mod relay;
mod serve;
pub(crate) mod server;

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use nix::sys::signal::SigSet;
use udpraw::error::{Error, Result};

use self::serve::Exporter;
use crate::cli::args::endpoint::whole_address;

pub(crate) use self::distribution::Distribution;
pub(crate) use self::page::{Family, Page};

/// A socket where metrics will be served.
#[derive(Debug)]
pub(crate) struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

/// Binds the endpoint of `--openmetrics`, if it was given.
///
/// # Errors
/// If the text is no address with a port, and the errors of bind(2) and listen(2).
pub(crate) fn bind(text: Option<&str>) -> Result<Option<Endpoint>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let address = whole_address(&[text.to_owned()])?;
    let open = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Endpoint { listener, address })
    };
    open().map(Some).map_err(|source| {
        // Not "bind": that means a UDP port, whose holder is looked for.
        Error::os("serve metrics at", address, source)
            .with_remedy("name another address, or port 0 for one that the OS picks")
    })
}

/// Serves what `collect` writes, in a thread, until the process ends: the address.
///
/// # Errors
/// If no thread can be started.
pub(crate) fn start(
    endpoint: Endpoint,
    collect: impl Fn(&mut Page<'_>) -> fmt::Result + Send + Sync + 'static,
) -> Result<SocketAddr> {
    let Endpoint { listener, address } = endpoint;
    let exporter = Exporter::new(listener, collect);
    let serve = move || {
        // Signals are for the thread that works.
        let _ = SigSet::all().thread_block();
        exporter.run();
    };
    thread::Builder::new()
        .name("openmetrics".into())
        .spawn(serve)
        .map_err(|source| {
            Error::os("start", "a thread for --openmetrics", source)
                .with_remedy("raise the limit of processes (ulimit -u) or of memory (ulimit -v)")
        })?;
    Ok(address)
}
