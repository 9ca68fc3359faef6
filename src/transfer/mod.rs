//! Sends files, folders and streams reliably: real sockets and disks around the state machines of
//! [`protocol::transfer`](crate::protocol::transfer).
//!
//! A [`Sending`] sends a [`Tree`](tree::Tree) to one receiver; a [`Receiving`] receives from any
//! number of senders through one socket. Each has a loop in one thread that uses any backend of
//! [`crate::io`], with `offload` up to 64 KiB of datagrams per system call, and never waits for a
//! disk: what reads or writes files has a thread of its own per transfer. A thread that is stuck
//! is abandoned when the transfer ends.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use std::thread;
//! use udpraw::error::Error;
//! use udpraw::protocol::transfer::crypto::SharedCode;
//! use udpraw::transfer::tree::{Exclude, Roots, Tree};
//! use udpraw::transfer::{ReceiveConfig, Receiving, SendConfig, Sending, Target};
//!
//! let folder = tempfile::tempdir()?;
//! let (here, there) = (folder.path().join("here"), folder.path().join("there"));
//! std::fs::write(&here, vec![7; 1_000_000])?;
//! let code = SharedCode::new([3; 16]); // random bytes, in earnest
//! let key = Some(code.pre_shared_key());
//!
//! let target = Target::File(there.clone());
//! let config = ReceiveConfig::new("127.0.0.1:0".parse()?, target, key.clone());
//! let mut receiving = Receiving::new(config)?;
//! let address = receiving.address()?;
//! let receiver = thread::spawn(move || {
//!     receiving.run(&AtomicBool::new(false), |_| Ok::<(), Error>(()))
//! });
//!
//! let mut roots = Roots::new();
//! roots.add(&here)?;
//! let config = SendConfig::new(Tree::new(roots, Exclude::default()), vec![address], key);
//! let sent = Sending::new(config)?.run(&AtomicBool::new(false), |_| Ok::<(), Error>(()))?;
//! assert!(sent.is_whole());
//! receiver.join().unwrap()?;
//! assert_eq!(std::fs::read(there)?, vec![7; 1_000_000]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chunk;
mod config;
mod disk;
mod disk_thread;
mod event;
mod feed;
mod job;
mod message;
mod network;
mod receive;
mod send;
mod session;
mod sessions;
mod store_report;
mod storing;
mod thread;
pub mod tree;

use std::time::Duration;

pub use config::{ReceiveConfig, SendConfig, Target};
pub use event::{Arrived, ReceiveEvent, SendEvent, Sent, Tally};
pub use network::Network;
pub use receive::Receiving;
pub use send::Sending;
pub use store_report::{KeptPart, StoreCounts, StoreEvent};

/// The default time that the other end may be silent.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The most bytes of memory for what is on its way: enough for 10 Gbit/s over 100 ms with a key, and
/// less for those who need none.
fn max_window(is_keyed: bool) -> u64 {
    if is_keyed { 256 << 20 } else { 16 << 20 }
}

/// How often progress is reported.
pub const PROGRESS: Duration = Duration::from_millis(100);

/// The progress of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of files that have arrived, or need not be sent.
    pub bytes: u64,
    /// Bytes of them that the receiver had before.
    pub resumed: u64,
    /// Bytes of them that are holes of sparse files, and were not sent.
    pub holes: u64,
    /// All of the bytes, once they are counted; never for a stream.
    pub total: Option<u64>,
    /// Files, folders and links that are done.
    pub entries: u64,
    /// All of them, once they are counted.
    pub total_entries: Option<u64>,
    /// The file in progress, if this end knows it.
    pub file: Option<FileProgress>,
    /// What takes the time.
    pub activity: Activity,
    /// Time since the transfer was agreed on.
    pub elapsed: Duration,
}

impl Progress {
    /// Bytes of files that were sent: without holes, and what the receiver had before.
    pub fn sent(&self) -> u64 {
        self.bytes
            .saturating_sub(self.resumed)
            .saturating_sub(self.holes)
    }

    /// Bits of files per second; holes and what the receiver had before do not count.
    pub fn goodput(&self) -> f64 {
        self.sent() as f64 * 8.0 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// How long the rest takes at the speed so far, if its size is known and there is a speed.
    pub fn remaining(&self) -> Option<Duration> {
        self.time_for(self.total?.saturating_sub(self.bytes))
    }

    /// How long the rest of [`Self::file`] takes at the speed so far.
    pub fn file_remaining(&self) -> Option<Duration> {
        let file = self.file.as_ref()?;
        self.time_for(file.size?.saturating_sub(file.bytes))
    }

    fn time_for(&self, bytes: u64) -> Option<Duration> {
        let seconds = bytes as f64 * 8.0 / self.goodput();
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// The progress of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileProgress {
    /// Its path, as the sender calls it; untrusted bytes.
    pub path: Vec<u8>,
    /// Its size, unless it is a stream.
    pub size: Option<u64>,
    /// Bytes of it that have arrived.
    pub bytes: u64,
}

/// What takes the time of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// The transfer itself.
    #[default]
    Transferring,
    /// The receiver reads what it kept from before: so many bytes of so many.
    Checking {
        /// Bytes that were read.
        done: u64,
        /// All of them.
        total: u64,
    },
    /// The receiver's disk, or the reader of its output, is slower than the network.
    Storing,
    /// At the sender: its disk, or the writer of its input, is slower than the network.
    Reading,
    /// At the receiver: the sender is there, but nothing new has come for a while.
    Waiting,
    /// Everything has arrived and is being written to the disk.
    Finishing,
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
