//! The backends: what each does with a datagram, beside the others and beside a plain socket.

mod allocation;
#[path = "../common/allocations.rs"]
mod allocations;
mod buffers;
#[path = "../common/cases.rs"]
mod cases;
mod edges;
mod kernel;
mod oracle;
mod timestamps;
mod transmit;
mod waits;

use std::net::SocketAddr;
use std::time::Duration;

use udpraw::error::Result;
use udpraw::io::{Backend, BackendChoice, Received, SendQueue, Transport, TransportConfig, Wait};
use udpraw::socket::{Builder, Endpoint};

pub(crate) const SOON: Wait = Wait::For(Duration::from_secs(2));

pub(crate) fn open(
    backend: Backend,
    builder: Builder,
    ip: &str,
    settings: TransportConfig,
) -> Result<Transport> {
    let endpoint = builder.bind(SocketAddr::new(ip.parse().unwrap(), 0))?;
    Transport::open(endpoint, BackendChoice::Only(backend), settings)
}

pub(crate) fn plain(backend: Backend) -> Transport {
    open(
        backend,
        Endpoint::builder(),
        "127.0.0.1",
        TransportConfig::bulk(),
    )
    .unwrap()
}

pub(crate) fn at(transport: &Transport) -> SocketAddr {
    transport.endpoint().local_address().unwrap()
}

/// The backends that run here; what does not is told, and is an error in CI. `UDPRAW_WITHOUT` names one that
/// a tool cannot follow.
pub(crate) fn backends() -> impl Iterator<Item = Backend> {
    let without = std::env::var("UDPRAW_WITHOUT").unwrap_or_default();
    let backends = Backend::ALL.into_iter();
    let backends = backends.filter(move |backend| backend.name() != without);
    backends.filter(|backend| {
        let tried = open(
            *backend,
            Endpoint::builder(),
            "127.0.0.1",
            TransportConfig::bulk(),
        );
        if let Err(error) = &tried {
            eprintln!("skipped: {error}");
            assert!(std::env::var("CI").is_err(), "{error}");
        }
        tried.is_ok()
    })
}

pub(crate) fn take(transport: &mut Transport, want: usize) -> Vec<Vec<u8>> {
    let mut got = Vec::new();
    while got.len() < want {
        let note = |message: &Received<'_>, _: &mut SendQueue<'_>| {
            got.extend(message.datagrams().map(<[u8]>::to_vec));
        };
        let came = transport.receive(SOON, note).unwrap();
        assert_ne!(came, 0, "{} of {want} came", got.len());
    }
    got
}
