//! What a call did, as statements with values in them. This file has no sentences: a language has its
//! own file, of which there is one so far (`english.rs`).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::call::{Events, Kind};
use crate::socket::options::{SocketOption, Value};

/// Something that can be said of a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statement {
    /// The program ended in the call, or was let go.
    NeverReturned,
    /// A receive found nothing.
    NothingToReceive(Emptiness),
    /// An ICMP error came back for something that was sent to `peer`.
    NobodyListens {
        /// Where to, if that is known.
        peer: Option<SocketAddr>,
    },
    /// A signal came while the program slept.
    Interrupted,
    /// Another socket has the address.
    AddressInUse {
        /// The address, if the call has one.
        address: Option<SocketAddr>,
    },
    /// A send without a destination.
    NoDestination,
    /// A datagram that is too long for UDP or the path.
    TooLong,
    /// A connection that is still being made.
    Connecting,
    /// Any other error.
    Refused {
        /// The errno.
        errno: i32,
    },
    /// A UDP socket was made.
    MadeUdpSocket {
        /// Its file descriptor.
        fd: i64,
        /// Whether it is for IPv6.
        is_ipv6: bool,
    },
    /// A socket of another kind was made.
    MadeSocket {
        /// Its file descriptor.
        fd: i64,
        /// Its kind.
        kind: Option<Kind>,
    },
    /// Two sockets were made that are connected to each other.
    MadePair,
    /// The kernel picked the port for a bind to port 0.
    BoundToPickedPort {
        /// The port.
        port: u16,
    },
    /// A bind to port 0; which port was picked is not known.
    BoundToAnyPort,
    /// A socket got an address.
    Bound {
        /// Which one, if it is one of IP.
        address: Option<SocketAddr>,
    },
    /// A UDP socket talks to one peer from now on.
    Connected {
        /// The peer.
        peer: SocketAddr,
    },
    /// A UDP socket talks to anyone again.
    Disconnected,
    /// A socket of another kind is connected.
    ConnectedOther {
        /// Its kind.
        kind: Option<Kind>,
    },
    /// The kernel picked a port because none was bound.
    PortPicked {
        /// The port.
        port: u16,
    },
    /// A socket takes connections.
    Listening,
    /// A connection was taken.
    Accepted {
        /// The file descriptor of its socket.
        fd: i64,
    },
    /// The program asked for its own address, which has a port and no address yet.
    OwnPort {
        /// The address, which is unspecified.
        address: SocketAddr,
    },
    /// The program asked for its own address.
    OwnAddress {
        /// The address, if it is one of IP.
        address: Option<SocketAddr>,
    },
    /// The program asked for its peer's address.
    PeerAddress {
        /// The address, if it is one of IP.
        address: Option<SocketAddr>,
    },
    /// The program asked for the counter of dropped datagrams.
    AskedForDrops,
    /// An option was read.
    OptionRead {
        /// The option; `None` for one that the catalogue does not have.
        option: Option<&'static SocketOption>,
        /// Its value, if it could be read.
        value: Option<Value>,
    },
    /// An option was set.
    OptionSet {
        /// The option; `None` for one that the catalogue does not have.
        option: Option<&'static SocketOption>,
        /// Its value, if it could be read.
        value: Option<Value>,
    },
    /// A datagram was sent.
    Sent {
        /// The payload.
        bytes: usize,
        /// Where to, if that is known.
        peer: Option<SocketAddr>,
    },
    /// A run of datagrams was sent, cut by the kernel (UDP_SEGMENT).
    SentRun {
        /// The payload of all.
        bytes: usize,
        /// How many datagrams.
        datagrams: usize,
        /// The payload of each but the last.
        segment: usize,
        /// Where to, if that is known.
        peer: Option<SocketAddr>,
    },
    /// Several messages were sent by one call.
    SentMany {
        /// How many.
        messages: usize,
        /// Where the first one went, if that is known.
        peer: Option<SocketAddr>,
    },
    /// A send of no message.
    SentNothing,
    /// Bytes went to a socket that is not UDP's.
    Wrote {
        /// How many.
        bytes: i64,
        /// The kind of socket.
        kind: Option<Kind>,
    },
    /// Bytes came from a socket that is not UDP's.
    Read {
        /// How many.
        bytes: i64,
        /// The kind of socket.
        kind: Option<Kind>,
    },
    /// A datagram was received.
    Received {
        /// Whether the program waited for it.
        wait: Waited,
        /// The payload.
        bytes: usize,
        /// The sender, if it is known.
        peer: Option<SocketAddr>,
    },
    /// A run of datagrams was received as one (UDP_GRO).
    ReceivedRun {
        /// How many datagrams.
        datagrams: usize,
        /// The payload of each but the last.
        segment: usize,
        /// The sender, if it is known.
        peer: Option<SocketAddr>,
    },
    /// Several messages were received by one call.
    ReceivedMany {
        /// How many.
        messages: usize,
        /// The sender of the first one, if it is known.
        peer: Option<SocketAddr>,
    },
    /// A receive of no message.
    ReceivedNothing,
    /// The error queue told of an error.
    ErrorReported {
        /// What became of an earlier datagram.
        errno: i32,
        /// Where that was sent, if it is known.
        peer: Option<SocketAddr>,
        /// Who reported it, if that is known.
        reporter: Option<IpAddr>,
    },
    /// A look at sockets without waiting found nothing.
    NothingReady,
    /// A wait for sockets ended with its time.
    TimedOut {
        /// How long it was, if it was limited.
        limit: Option<Duration>,
    },
    /// A look at sockets without waiting found something.
    Looked {
        /// What it found.
        ready: Events,
    },
    /// A wait for sockets ended with an event.
    Slept {
        /// How long it was.
        took: Duration,
        /// What it found.
        ready: Events,
    },
    /// A wait for sockets ended at once, or soon.
    WasReady {
        /// What it found.
        ready: Events,
    },
    /// An epoll was made.
    MadeEpoll {
        /// Its file descriptor.
        fd: i64,
    },
    /// An epoll was told what to wait for.
    WatchChanged,
    /// Bytes went from one descriptor to another inside the kernel.
    Spliced {
        /// How many.
        bytes: i64,
    },
    /// io_uring was set up.
    MadeUring,
    /// Requests were taken from io_uring's queue.
    UringSubmitted {
        /// How many.
        requests: i64,
    },
    /// A descriptor is another name of a socket.
    Duplicated {
        /// The new file descriptor.
        fd: i64,
    },
    /// Whether calls on the socket wait from now on.
    ModeSet {
        /// Whether they do not.
        is_nonblocking: bool,
    },
    /// Whether a descriptor outlives an exec was set.
    InheritanceSet,
    /// Something about the descriptor was asked for.
    AskedForMode,
    /// A property was asked for or set by ioctl(2).
    OldRequest,
    /// Directions of the socket were closed.
    ShutDown,
    /// The socket was closed.
    Closed {
        /// The port that it had, if it had one.
        port: Option<u16>,
    },
    /// A range of descriptors was closed.
    ClosedRange,
    /// A call of which nothing is known but its name.
    Other {
        /// The name.
        name: &'static str,
    },
}

/// Why a receive found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Emptiness {
    /// The error queue is empty; a look at it never waits.
    ErrorQueue,
    /// The time of `SO_RCVTIMEO` was over.
    TimeOver,
    /// The socket or the call does not wait.
    NoWait,
    /// There was nothing; whether the call waits is not known.
    Unknown,
}

/// Whether a receive waited for a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waited {
    /// It cannot have: the socket or the call does not wait.
    Never,
    /// It did.
    Long,
    /// It need not have, or not for long.
    Perhaps,
}
