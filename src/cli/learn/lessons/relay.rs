//! The bad network of a lesson: a relay in a thread of this program.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use udpraw::error::{Error, Result};
use udpraw::relay::{Config, Ledger, Relay};
use udpraw::socket::Waker;

use crate::cli::learn::stage::unexpected;

/// The longest that a relay runs.
const LIMIT: Duration = Duration::from_secs(20);

/// A relay that runs.
pub(super) struct Network {
    pub(super) address: SocketAddr,
    thread: Option<JoinHandle<Result<Ledger>>>,
    stop: Arc<AtomicBool>,
    waker: Waker,
}

/// Starts a relay to `to`, with the impairments in `text`, for that many datagrams.
pub(super) fn network(to: SocketAddr, text: &str, seed: u64, count: u64) -> Result<Network> {
    let mut config = Config::new(SocketAddr::from(([127, 0, 0, 1], 0)), to);
    config.up.set_all(text)?;
    config.seed = seed;
    config.count = Some(count);
    config.duration = Some(LIMIT);
    let mut relay = Relay::new(config)?;
    let (address, waker) = (relay.address(), relay.waker()?);
    let stop = Arc::new(AtomicBool::new(false));
    let is_stopped = Arc::clone(&stop);
    let thread = std::thread::Builder::new().name("relay".into());
    let thread = thread.spawn(move || {
        relay.run(&is_stopped, |_| Ok::<(), Error>(()))?;
        Ok(relay.ledger())
    });
    let failed = |source| Error::os("start", "the relay of the lesson", source);
    let thread = Some(thread.map_err(failed)?);
    Ok(Network {
        address,
        thread,
        stop,
        waker,
    })
}

impl Network {
    /// Waits until it has relayed all datagrams; returns what became of them.
    pub(super) fn finish(mut self) -> Result<Ledger> {
        let joined = self.thread.take().map(JoinHandle::join);
        match joined {
            Some(Ok(ledger)) => ledger,
            _ => Err(unexpected("the relay", "it has ended")),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
