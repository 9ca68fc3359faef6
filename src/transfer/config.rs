//! Configuration of sending and receiving.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use super::TIMEOUT;
use super::network::Network;
use super::tree::Tree;
use crate::io::BackendChoice;
use crate::protocol::congestion::Controller;
use crate::protocol::transfer::crypto::PreSharedKey;
use crate::socket::options::OptionValue;

/// Configuration of a [`Sending`](super::Sending). Made by [`SendConfig::new`]; then its fields are
/// set.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendConfig {
    /// What is sent: files, folders, streams.
    pub tree: Tree,
    /// The receiver's addresses; the next one is tried if nobody listens at one.
    pub destinations: Vec<SocketAddr>,
    /// The key of the receiver's code; `None` sends without encryption, to a receiver that accepts
    /// that.
    pub key: Option<PreSharedKey>,
    /// Go on with a new transfer if the receiver is started again meanwhile.
    pub resume: bool,
    /// The congestion control.
    pub controller: Controller,
    /// The most bits of UDP payload per second.
    pub max_rate: Option<u64>,
    /// The most bytes of memory for what is on its way; default: 256 MiB with a key, 16 MiB without.
    pub max_window: Option<u64>,
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
    /// The defaults, to send `tree` to one of `destinations`.
    pub fn new(tree: Tree, destinations: Vec<SocketAddr>, key: Option<PreSharedKey>) -> Self {
        Self {
            tree,
            destinations,
            key,
            resume: false,
            controller: Controller::default(),
            max_rate: None,
            max_window: None,
            max_datagram: None,
            timeout: TIMEOUT,
            options: Vec::new(),
            choice: BackendChoice::Auto,
        }
    }
}

/// Where transfers are stored.
#[derive(Debug)]
pub enum Target {
    /// One file, which appears when it is complete; anything other than a regular file (a FIFO, a
    /// device) is written as the data arrives.
    File(PathBuf),
    /// One stream, written to a descriptor as it arrives: standard output, a pipe.
    Output(OwnedFd),
    /// Any number of transfers into this folder, with the names that their senders give.
    Folder(PathBuf),
}

/// Configuration of a [`Receiving`](super::Receiving). Made by [`ReceiveConfig::new`]; then its
/// fields are set.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReceiveConfig {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where transfers are stored.
    pub target: Target,
    /// The key of the code that senders must have; `None` accepts anybody, without encryption.
    pub key: Option<PreSharedKey>,
    /// Who may send; default: anybody.
    pub from: Vec<Network>,
    /// Replace files that exist.
    pub overwrite: bool,
    /// Go on with what an interrupted transfer left, and skip files that are there and equal.
    pub resume: bool,
    /// With `resume`: an existing file is equal if its contents are, not its size and time.
    pub checksum: bool,
    /// How many transfers to receive; a file and a stream take one.
    pub count: Option<u64>,
    /// The most transfers at the same time.
    pub max_transfers: usize,
    /// The most bytes of memory for what arrives early or waits for the disk, of a transfer that is
    /// alone; of several at once, each that comes later has its part of it. Default: 256 MiB with a
    /// key, and 16 MiB without, since whoever likes can then take it.
    pub max_window: Option<u64>,
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
    pub fn new(address: SocketAddr, target: Target, key: Option<PreSharedKey>) -> Self {
        Self {
            address,
            count: match target {
                Target::Folder(_) => None,
                _ => Some(1),
            },
            target,
            key,
            from: Vec::new(),
            overwrite: false,
            resume: false,
            checksum: false,
            max_transfers: 16,
            max_window: None,
            timeout: TIMEOUT,
            patience: None,
            options: Vec::new(),
            choice: BackendChoice::Auto,
        }
    }
}
