//! Sends a stream reliably, complete and in order: real sockets, files and pipes around the state
//! machines of [`protocol::transfer`](crate::protocol::transfer).
//!
//! A [`Sending`] sends an [`Input`] to one receiver; a [`Receiving`] receives streams of any number
//! of senders through one socket. Each runs in one thread, and uses any backend of [`crate::io`]:
//! with `offload`, up to 64 KiB of datagrams per system call.
//!
//! ```
//! use std::fs::File;
//! use std::sync::atomic::AtomicBool;
//! use std::thread;
//! use udpraw::error::Error;
//! use udpraw::transfer::{Input, ReceiveConfig, Receiving, SendConfig, Sending, Target};
//!
//! let folder = tempfile::tempdir()?;
//! let (here, there) = (folder.path().join("here"), folder.path().join("there"));
//! std::fs::write(&here, vec![7; 1_000_000])?;
//!
//! let config = ReceiveConfig::new("127.0.0.1:0".parse()?, Target::File(there.clone()));
//! let mut receiving = Receiving::new(config)?;
//! let address = receiving.address()?;
//! let receiver = thread::spawn(move || {
//!     receiving.run(&AtomicBool::new(false), |_| Ok::<(), Error>(()))
//! });
//!
//! let config = SendConfig::new(Input::open(&here)?, vec![address]);
//! let sent = Sending::new(config)?.run(&AtomicBool::new(false), |_| Ok::<(), Error>(()))?;
//! assert_eq!(sent.outcome, Ok(()));
//! receiver.join().unwrap()?;
//! assert_eq!(std::fs::read(there)?, vec![7; 1_000_000]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod digest_thread;
mod event;
mod input;
mod job;
mod receive;
mod send;
mod sessions;
mod store;
mod target;
pub mod tree;
mod writer;

use std::time::Duration;

pub use config::{ReceiveConfig, SendConfig};
pub use event::{Arrived, ReceiveEvent, SendEvent, Sent, Tally};
pub use input::Input;
pub use receive::Receiving;
pub use send::Sending;
pub use target::Target;

/// The default time that the other end may be silent.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// How often progress is reported.
pub const PROGRESS: Duration = Duration::from_millis(100);

/// The progress of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of the stream that have arrived: at the sender, the acknowledged ones.
    pub bytes: u64,
    /// Bytes of them from an earlier transfer.
    pub resumed: u64,
    /// The stream's length, once it is known.
    pub total: Option<u64>,
    /// Time since the transfer was agreed on.
    pub elapsed: Duration,
}

/// An unpredictable random number: the id of a transfer.
fn random() -> crate::error::Result<u64> {
    getrandom::u64().map_err(|error| crate::error::Error::os("get", "random bytes", error.into()))
}

/// Unpredictable random bytes.
fn random_bytes() -> crate::error::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| crate::error::Error::os("get", "random bytes", error.into()))?;
    Ok(bytes)
}

/// An unpredictable random key.
fn random_key() -> crate::error::Result<[u8; 16]> {
    let mut key = [0; 16];
    getrandom::fill(&mut key)
        .map_err(|error| crate::error::Error::os("get", "random bytes", error.into()))?;
    Ok(key)
}
