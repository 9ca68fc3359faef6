//! The effects of a call, as statements with values. This file has no sentences: each language has its
//! own file, so far only `english.rs`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::call::{Events, Kind};
use crate::socket::options::{SocketOption, Value};

/// A statement about a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statement {
    /// The program ended during the call, or the tracer detached from it.
    NeverReturned,
    /// A receive found nothing.
    NothingToReceive(Emptiness),
    /// An ICMP error arrived for a datagram that was sent to `peer`.
    NobodyListens {
        /// The destination, if known.
        peer: Option<SocketAddr>,
    },
    /// A signal arrived while the program slept.
    Interrupted,
    /// Another socket uses the address.
    AddressInUse {
        /// The address, if the call has one.
        address: Option<SocketAddr>,
    },
    /// A send without a destination.
    NoDestination,
    /// A datagram that is too long for UDP or the path.
    TooLong,
    /// A connection that is still being established.
    Connecting,
    /// Any other error.
    Refused {
        /// The errno.
        errno: i32,
    },
    /// A UDP socket was created.
    MadeUdpSocket {
        /// Its file descriptor.
        fd: i64,
        /// Whether it is for IPv6.
        is_ipv6: bool,
    },
    /// A socket of another kind was created.
    MadeSocket {
        /// Its file descriptor.
        fd: i64,
        /// Its kind.
        kind: Option<Kind>,
    },
    /// Two sockets were created that are connected to each other.
    MadePair,
    /// The kernel picked the port for a bind to port 0.
    BoundToPickedPort {
        /// The port.
        port: u16,
    },
    /// A bind to port 0; the picked port is unknown.
    BoundToAnyPort,
    /// A socket was bound.
    Bound {
        /// The address, if it is an IP address.
        address: Option<SocketAddr>,
    },
    /// A UDP socket was connected to one peer.
    Connected {
        /// The peer.
        peer: SocketAddr,
    },
    /// A UDP socket was disconnected from its peer.
    Disconnected,
    /// A socket of another kind was connected.
    ConnectedOther {
        /// Its kind.
        kind: Option<Kind>,
    },
    /// The kernel picked a port because the socket was not bound.
    PortPicked {
        /// The port.
        port: u16,
    },
    /// A socket listens for connections.
    Listening,
    /// A connection was accepted.
    Accepted {
        /// The file descriptor of its socket.
        fd: i64,
    },
    /// The program asked for its own address, which has a port but no IP address yet.
    OwnPort {
        /// The address, which is unspecified.
        address: SocketAddr,
    },
    /// The program asked for its own address.
    OwnAddress {
        /// The address, if it is an IP address.
        address: Option<SocketAddr>,
    },
    /// The program asked for its peer's address.
    PeerAddress {
        /// The address, if it is an IP address.
        address: Option<SocketAddr>,
    },
    /// The program asked for the counter of dropped datagrams.
    AskedForDrops,
    /// An option was read.
    OptionRead {
        /// The option; `None` if it is not in the catalogue.
        option: Option<&'static SocketOption>,
        /// Its value, if it could be read.
        value: Option<Value>,
    },
    /// An option was set.
    OptionSet {
        /// The option; `None` if it is not in the catalogue.
        option: Option<&'static SocketOption>,
        /// Its value, if it could be read.
        value: Option<Value>,
    },
    /// A datagram was sent.
    Sent {
        /// The payload.
        bytes: usize,
        /// The destination, if known.
        peer: Option<SocketAddr>,
    },
    /// A run of datagrams was sent, split by the kernel (UDP_SEGMENT).
    SentRun {
        /// The total payload.
        bytes: usize,
        /// How many datagrams.
        datagrams: usize,
        /// The payload of each except the last.
        segment: usize,
        /// The destination, if known.
        peer: Option<SocketAddr>,
    },
    /// Several messages were sent by one call.
    SentMany {
        /// How many.
        messages: usize,
        /// The destination of the first one, if known.
        peer: Option<SocketAddr>,
    },
    /// A send without a message.
    SentNothing,
    /// Bytes were written to a socket that is not UDP.
    Wrote {
        /// How many.
        bytes: i64,
        /// The kind of socket.
        kind: Option<Kind>,
    },
    /// Bytes were read from a socket that is not UDP.
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
        /// The sender, if known.
        peer: Option<SocketAddr>,
    },
    /// A run of datagrams was received as one (UDP_GRO).
    ReceivedRun {
        /// How many datagrams.
        datagrams: usize,
        /// The payload of each except the last.
        segment: usize,
        /// The sender, if known.
        peer: Option<SocketAddr>,
    },
    /// Several messages were received by one call.
    ReceivedMany {
        /// How many.
        messages: usize,
        /// The sender of the first one, if it is known.
        peer: Option<SocketAddr>,
    },
    /// A receive without a message.
    ReceivedNothing,
    /// The error queue returned an error.
    ErrorReported {
        /// The error of an earlier datagram.
        errno: i32,
        /// The destination of that datagram, if known.
        peer: Option<SocketAddr>,
        /// The host that reported it, if known.
        reporter: Option<IpAddr>,
    },
    /// A poll without waiting found no event.
    NothingReady,
    /// A wait for sockets timed out.
    TimedOut {
        /// The timeout, if it had one.
        limit: Option<Duration>,
    },
    /// A poll without waiting found events.
    Looked {
        /// The events.
        ready: Events,
    },
    /// A wait for sockets ended with an event.
    Slept {
        /// The duration of the wait.
        took: Duration,
        /// The events.
        ready: Events,
    },
    /// A wait for sockets ended at once or almost at once.
    WasReady {
        /// The events.
        ready: Events,
    },
    /// An epoll instance was created.
    MadeEpoll {
        /// Its file descriptor.
        fd: i64,
    },
    /// The events that an epoll instance watches were changed.
    WatchChanged,
    /// Bytes were moved from one descriptor to another inside the kernel.
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
    /// A descriptor refers to the same socket as another.
    Duplicated {
        /// The new file descriptor.
        fd: i64,
    },
    /// The blocking mode of a socket was set.
    ModeSet {
        /// Whether calls do not wait from now on.
        is_nonblocking: bool,
    },
    /// The close-on-exec flag of a descriptor was set.
    InheritanceSet,
    /// The flags of a descriptor were read.
    AskedForMode,
    /// A property was read or set by ioctl(2).
    OldRequest,
    /// One or both directions of a socket were shut down.
    ShutDown,
    /// The socket was closed.
    Closed {
        /// Its port, if it had one.
        port: Option<u16>,
    },
    /// A range of descriptors was closed.
    ClosedRange,
    /// A call of which only the name is known.
    Other {
        /// The name.
        name: &'static str,
    },
}

/// The reason why a receive found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Emptiness {
    /// The error queue is empty; reading it never waits.
    ErrorQueue,
    /// The timeout of `SO_RCVTIMEO` expired.
    TimeOver,
    /// The socket or the call does not wait.
    NoWait,
    /// Nothing had arrived; whether the call waits is unknown.
    Unknown,
}

/// Whether a receive waited for a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waited {
    /// It did not: the socket or the call does not wait.
    Never,
    /// It did.
    Long,
    /// It waited only briefly, if at all.
    Perhaps,
}
