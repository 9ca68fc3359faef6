//! The bad network of a lesson or an exercise: a relay in a thread of this program.

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
const LIMIT: Duration = Duration::from_secs(40);

/// A relay that runs.
pub(crate) struct Network {
    pub(crate) address: SocketAddr,
    thread: Option<JoinHandle<Result<Ledger>>>,
    stop: Arc<AtomicBool>,
    waker: Waker,
}

/// Starts a relay to `to`, with the impairments in `text` on the way there, for that many datagrams.
pub(crate) fn network(to: SocketAddr, text: &str, seed: u64, count: u64) -> Result<Network> {
    let mut config = Config::new(SocketAddr::from(([127, 0, 0, 1], 0)), to);
    config.up.set_all(text)?;
    config.seed = seed;
    config.count = Some(count);
    start(config)
}

/// As [`network`], with the impairments in both directions, until it is dropped.
pub(crate) fn network_both_ways(to: SocketAddr, text: &str, seed: u64) -> Result<Network> {
    let mut config = Config::new(SocketAddr::from(([127, 0, 0, 1], 0)), to);
    config.up.set_all(text)?;
    config.down.set_all(text)?;
    config.seed = seed;
    start(config)
}

fn start(mut config: Config) -> Result<Network> {
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
    pub(crate) fn finish(mut self) -> Result<Ledger> {
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
