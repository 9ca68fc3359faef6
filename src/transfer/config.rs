//! Configuration of sending and receiving.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Input, TIMEOUT, Target};
use crate::io::BackendChoice;
use crate::socket::options::OptionValue;

/// Configuration of a [`Sending`](super::Sending). Made by [`SendConfig::new`]; then its fields are
/// set.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendConfig {
    /// The stream.
    pub input: Input,
    /// The receiver's addresses; the next one is tried if nobody listens at one.
    pub destinations: Vec<SocketAddr>,
    /// The name of the stream for the receiver; default: the input's own name.
    pub name: Option<String>,
    /// The longest datagram to try, in bytes of UDP payload; default: what the route's first hop
    /// carries.
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

/// Configuration of a [`Receiving`](super::Receiving). Made by [`ReceiveConfig::new`]; then its
/// fields are set.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReceiveConfig {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where the stream is stored.
    pub target: Target,
    /// Resume an interrupted transfer.
    pub resume: bool,
    /// How many transfers to receive; a file and a stream take one.
    pub count: Option<u64>,
    /// The most transfers at the same time.
    pub max_transfers: usize,
    /// How long a sender may be silent before it counts as gone.
    pub timeout: Duration,
    /// How long to wait for the first sender; default: without a limit.
    pub patience: Option<Duration>,
    /// Options of the socket.
    pub options: Vec<OptionValue>,
    /// The backend.
    pub choice: BackendChoice,
}

impl ReceiveConfig {
    /// A configuration with the defaults.
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
