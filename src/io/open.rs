//! Opens a transport: which backend works here, and the memory it needs.

use std::io::ErrorKind;

use nix::errno::Errno;

use super::backend::{Backend, TransportConfig};
use super::batch::Batch;
use super::engine::Engine;
use super::offload::Offload;
use super::outlet::Calls;
use super::single::Single;
#[cfg(feature = "uring")]
use super::uring::Uring;
use crate::error::{Error, Result};
use crate::socket::Endpoint;
use crate::socket::option::TypedOption;

/// Bytes of datagrams that wait to be sent: four of the largest.
pub(super) const QUEUE: usize = 4 * 65_536;

/// Bytes that must remain for everything else.
const HEADROOM: usize = 1 << 20;

/// The most messages per system call (`UIO_MAXIOV`).
const LARGEST_BATCH: usize = 1024;

/// Refuses settings out of range.
pub(super) fn check(settings: &TransportConfig) -> Result<()> {
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

/// Requests a socket buffer of at least `bytes`; the kernel may grant less.
pub(super) fn raise(endpoint: &Endpoint, option: TypedOption<usize>, bytes: usize) -> Result<()> {
    // The kernel shows twice the requested size (socket(7)).
    if endpoint.get(option)? / 2 < bytes {
        option.set(endpoint, bytes)?;
    }
    Ok(())
}

/// The two sides of a backend.
pub(super) struct Engines {
    pub(super) engine: Box<dyn Engine>,
    pub(super) calls: Calls,
}

/// The backend's two sides for an endpoint.
pub(super) fn engines(
    backend: Backend,
    endpoint: &mut Endpoint,
    settings: &TransportConfig,
) -> Result<Engines> {
    afford(backend, settings)?;
    if backend != Backend::Offload {
        Offload::undo(endpoint)?;
    }
    let calls = Calls::new(settings.batch, settings.force_no_gso);
    Ok(match backend {
        Backend::Single => Engines {
            engine: Box::new(Single::new(endpoint, settings)),
            calls: Calls::new(1, false),
        },
        Backend::Batch => Engines {
            engine: Box::new(Batch::open(endpoint, settings)?),
            calls,
        },
        Backend::Offload => Engines {
            engine: Box::new(Offload::open(endpoint, settings)?),
            calls,
        },
        #[cfg(feature = "uring")]
        Backend::Uring => Engines {
            engine: Box::new(Uring::open(endpoint, settings)?),
            calls: calls.through(Uring::send_ring(settings)?),
        },
        #[cfg(not(feature = "uring"))]
        Backend::Uring => {
            let missing = std::io::Error::new(ErrorKind::Unsupported, "not built in");
            return Err(Error::unsupported("use", "backend uring", missing)
                .with_remedy("build udpraw with the feature 'uring'"));
        }
    })
}

/// Checks that the address space (`ulimit -v`) has room for a backend's buffers, and for what else
/// is needed: an allocation that fails later ends the process.
fn afford(backend: Backend, settings: &TransportConfig) -> Result<()> {
    let buffers = match backend {
        Backend::Single => 1,
        Backend::Batch | Backend::Offload => settings.batch,
        // A ring rounds it up, and has its queues in addition.
        Backend::Uring => 2 * settings.batch,
    };
    let bytes = buffers * settings.capacity + QUEUE + HEADROOM;
    let tried = Vec::<u8>::new().try_reserve_exact(bytes);
    tried.map_err(|_| super::unsupported(backend, Errno::ENOMEM.into()))
}

/// The best backend that works here; the errors of better ones go to `passed_over`.
pub(super) fn best(
    endpoint: &mut Endpoint,
    settings: &TransportConfig,
    passed_over: &mut Vec<Error>,
) -> Result<(Backend, Engines)> {
    for backend in [Backend::Offload, Backend::Batch] {
        match engines(backend, endpoint, settings) {
            Ok(engines) => return Ok((backend, engines)),
            Err(error) if error.kind() == ErrorKind::Unsupported => passed_over.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok((
        Backend::Single,
        engines(Backend::Single, endpoint, settings)?,
    ))
}
