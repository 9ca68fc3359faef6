//! What the tests of the ladder share.
#![allow(dead_code)] // Each test program uses a part of it.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use udpraw::error::Result;
use udpraw::io::{Arrival, Choice, Outbox, Rung, Settings, Transport, Wait};
use udpraw::socket::{Builder, Endpoint};

pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);
pub(crate) const SOON: Wait = Wait::For(Duration::from_secs(2));

pub(crate) fn open(
    rung: Rung,
    builder: Builder,
    ip: &str,
    settings: Settings,
) -> Result<Transport> {
    let endpoint = builder.bind(SocketAddr::new(ip.parse().unwrap(), 0))?;
    Transport::open(endpoint, Choice::Only(rung), settings)
}

pub(crate) fn plain(rung: Rung) -> Transport {
    open(rung, Endpoint::builder(), "127.0.0.1", Settings::default()).unwrap()
}

pub(crate) fn at(transport: &Transport) -> SocketAddr {
    transport.endpoint().local_address().unwrap()
}

/// The rungs that run here; what does not is told, and is an error in CI. `UDPRAW_WITHOUT` names one that
/// a tool cannot follow.
pub(crate) fn rungs() -> impl Iterator<Item = Rung> {
    let without = std::env::var("UDPRAW_WITHOUT").unwrap_or_default();
    let rungs = Rung::ALL.into_iter();
    let rungs = rungs.filter(move |rung| rung.name() != without);
    rungs.filter(|rung| {
        let tried = open(*rung, Endpoint::builder(), "127.0.0.1", Settings::default());
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
        let note = |arrival: &Arrival<'_>, _: &mut Outbox<'_>| {
            got.extend(arrival.datagrams().map(<[u8]>::to_vec));
        };
        let came = transport.receive(SOON, &NEVER, note).unwrap();
        assert_ne!(came, 0, "{} of {want} came", got.len());
    }
    got
}
