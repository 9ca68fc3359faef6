//! What to send and to receive, and how.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Input, TIMEOUT, Target};
use crate::io::BackendChoice;
use crate::socket::options::OptionValue;

/// What to send, where to, and how. Made by [`SendConfig::new`]; then its fields are set.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendConfig {
    /// The stream.
    pub input: Input,
    /// The receiver's addresses; the next one is tried where nobody listens at one.
    pub destinations: Vec<SocketAddr>,
    /// What the stream is to be called there; the input's own name if not given.
    pub name: Option<String>,
    /// The longest datagram to try, in bytes of UDP payload; what the route's first hop takes if not
    /// given.
    pub max_datagram: Option<u16>,
    /// How long the receiver may be silent before it counts as gone.
    pub timeout: Duration,
    /// Options of the socket.
    pub options: Vec<OptionValue>,
    /// The backend.
    pub choice: BackendChoice,
}

impl SendConfig {
    /// The defaults, to send `input` to one of `destinations`.
    pub fn new(input: Input, destinations: Vec<SocketAddr>) -> Self {
        Self {
            input,
            destinations,
            name: None,
            max_datagram: None,
            timeout: TIMEOUT,
            options: Vec::new(),
            choice: BackendChoice::Auto,
        }
    }
}

/// What to receive, and how. Made by [`ReceiveConfig::new`]; then its fields are set.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReceiveConfig {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where the stream goes.
    pub target: Target,
    /// Go on where an earlier transfer was cut off.
    pub resume: bool,
    /// End after so many transfers; a file and a stream take one.
    pub count: Option<u64>,
    /// At most so many at a time.
    pub max_transfers: usize,
    /// How long a sender may be silent before it counts as gone.
    pub timeout: Duration,
    /// How long to wait for the first sender; for ever if not given.
    pub patience: Option<Duration>,
    /// Options of the socket.
    pub options: Vec<OptionValue>,
    /// The backend.
    pub choice: BackendChoice,
}

impl ReceiveConfig {
    /// The defaults.
    pub fn new(address: SocketAddr, target: Target) -> Self {
        Self {
            address,
            count: match target {
                Target::Folder { .. } => None,
                _ => Some(1),
            },
            target,
            resume: false,
            max_transfers: 16,
            timeout: TIMEOUT,
            patience: None,
            options: Vec::new(),
            choice: BackendChoice::Auto,
        }
    }
}
