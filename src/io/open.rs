//! How a transport is opened: which rung runs here, and what it costs.

use std::io::ErrorKind;
use std::os::fd::AsFd;

use nix::errno::Errno;

use super::batch::Batch;
use super::choice::{Rung, Settings};
use super::offload::Offload;
use super::rung::Engine;
use super::single::Single;
use crate::error::{Error, Result};
use crate::socket::Endpoint;
use crate::socket::options::{Setting, SocketOption};

/// Bytes of datagrams that wait to be sent: four of the largest.
pub(super) const QUEUE: usize = 4 * 65_536;

/// Bytes that must be left for everything else.
const HEADROOM: usize = 1 << 20;

/// The most messages a system call takes (`UIO_MAXIOV`).
const LARGEST_BATCH: usize = 1024;

/// Refuses settings out of range.
pub(super) fn check(settings: &Settings) -> Result<()> {
    if settings.batch == 0 || settings.batch > LARGEST_BATCH {
        return Err(Error::invalid(
            "use",
            format_args!("a batch of {}", settings.batch),
            format!("a call takes 1 to {LARGEST_BATCH} messages"),
        ));
    }
    if settings.capacity > 1 << 20 {
        return Err(Error::invalid(
            "use",
            format_args!("a buffer of {} bytes", settings.capacity),
            "no datagram is larger than 65,535 bytes",
        ));
    }
    Ok(())
}

/// Asks for a socket buffer of at least `bytes`; the kernel may grant less.
pub(super) fn raise(endpoint: &Endpoint, name: &'static str, bytes: usize) -> Result<()> {
    let has = SocketOption::find(name)?.get(endpoint.as_fd())?.to_string();
    // The kernel shows twice what was asked for (socket(7)).
    if has.parse::<usize>().is_ok_and(|has| has / 2 < bytes) {
        format!("{name}={bytes}")
            .parse::<Setting>()?
            .apply(endpoint.as_fd())?;
    }
    Ok(())
}

/// The rung's engine for an endpoint.
pub(super) fn engine(
    rung: Rung,
    endpoint: &mut Endpoint,
    settings: &Settings,
) -> Result<Box<dyn Engine>> {
    afford(rung, settings)?;
    if rung != Rung::Offload {
        Offload::undo(endpoint)?;
    }
    Ok(match rung {
        Rung::Single => Box::new(Single::open(endpoint, settings)?),
        Rung::Batch => Box::new(Batch::open(endpoint, settings)?),
        Rung::Offload => Box::new(Offload::open(endpoint, settings)?),
        #[cfg(feature = "uring")]
        Rung::Uring => Box::new(super::uring::Uring::open(endpoint, settings)?),
        #[cfg(not(feature = "uring"))]
        Rung::Uring => {
            let missing = std::io::Error::new(ErrorKind::Unsupported, "not built in");
            return Err(Error::unsupported("use", "rung uring", missing)
                .with_remedy("build udpraw with the feature 'uring'"));
        }
    })
}

/// Finds out whether there is address space (`ulimit -v`) for a rung's buffers, and for what else will
/// be needed: an allocation that fails later ends the process.
fn afford(rung: Rung, settings: &Settings) -> Result<()> {
    let buffers = match rung {
        Rung::Single => 1,
        Rung::Batch | Rung::Offload => settings.batch,
        // A ring rounds it up, and has its queues beside.
        Rung::Uring => 2 * settings.batch,
    };
    let bytes = buffers * settings.capacity + QUEUE + HEADROOM;
    let tried = Vec::<u8>::new().try_reserve_exact(bytes);
    tried.map_err(|_| super::unsupported(rung, Errno::ENOMEM.into()))
}

/// The best rung that runs here; why better ones do not goes to `passed_over`.
pub(super) fn best(
    endpoint: &mut Endpoint,
    settings: &Settings,
    passed_over: &mut Vec<Error>,
) -> Result<(Rung, Box<dyn Engine>)> {
    for rung in [Rung::Offload, Rung::Batch] {
        match engine(rung, endpoint, settings) {
            Ok(engine) => return Ok((rung, engine)),
            Err(error) if error.kind() == ErrorKind::Unsupported => passed_over.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok((Rung::Single, engine(Rung::Single, endpoint, settings)?))
}
