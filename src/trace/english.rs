//! Every sentence of the tracer, in English. Each sentence is written here as a whole, with numbers,
//! names and addresses as arguments; only values decide which one is used. A translation is another
//! such file.

mod notes;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::call::{Call, Events, Kind};
use super::statement::{Emptiness, Statement, Waited};
use crate::error::describe_errno;
use crate::socket::options::{SocketOption, Value};

impl Call {
    /// Describes what the call did, in one sentence or two.
    ///
    /// ```
    /// # use udpraw::trace::Call;
    /// let sentence = Call::default().explain();
    /// assert_eq!(sentence, "The program ended, or udpraw detached from it, during this call.");
    /// ```
    pub fn explain(&self) -> String {
        let sentences = self.statements();
        let sentences: Vec<String> = sentences.iter().map(ToString::to_string).collect();
        sentences.join(" ")
    }
}

/// An address in words: `127.0.0.1 port 1060`.
struct Place(SocketAddr);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.0.ip(), self.0.port())
    }
}

/// A number and its noun: `1 byte`, `2 bytes`.
struct Count(usize, &'static str, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, one, many) = *self;
        write!(f, "{number} {}", if number == 1 { one } else { many })
    }
}

fn bytes(number: usize) -> Count {
    Count(number, "byte", "bytes")
}

fn datagrams(number: usize) -> Count {
    Count(number, "datagram", "datagrams")
}

/// A time in words: `0.25 s`, `12 ms`, `80 us`.
struct InWords(Duration);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            micros @ ..1000 => write!(f, "{micros} us"),
            micros @ ..1_000_000 => write!(f, "{} ms", micros / 1000),
            _ => write!(f, "{} s", (self.0.as_secs_f64() * 100.0).round() / 100.0),
        }
    }
}

impl fmt::Display for Statement {
    /// The sentence in English.
    #[rustfmt::skip]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverReturned => write!(f, "The program ended, or udpraw detached from it, during this call."),
            Self::NothingToReceive(why) => f.write_str(nothing(*why)),
            Self::NobodyListens { peer: Some(peer) } => write!(f, "An ICMP error arrived for an earlier datagram: nothing listens at {}.", Place(*peer)),
            Self::NobodyListens { peer: None } => write!(f, "An ICMP error arrived for an earlier datagram: nothing listens there."),
            Self::Interrupted => write!(f, "A signal arrived while the program slept in this call."),
            Self::AddressInUse { address: Some(address) } => write!(f, "Another socket already uses {}.", Place(*address)),
            Self::AddressInUse { address: None } => write!(f, "Another socket already uses that address."),
            Self::NoDestination => write!(f, "The call names no destination, and the socket is not connected."),
            Self::TooLong => write!(f, "The datagram is larger than UDP allows or than the path can carry unfragmented."),
            Self::Connecting => write!(f, "The connection is being established in the background."),
            Self::Refused { errno } => write!(f, "The call failed: {}.", describe_errno(*errno)),
            Self::MadeUdpSocket { fd, is_ipv6: true } => write!(f, "The kernel creates a UDP socket (SOCK_DGRAM) over IPv6 and returns descriptor {fd}, by which the program refers to it from now on."),
            Self::MadeUdpSocket { fd, is_ipv6: false } => write!(f, "The kernel creates a UDP socket (SOCK_DGRAM) over IPv4 and returns descriptor {fd}, by which the program refers to it from now on."),
            Self::MadeSocket { fd, kind } => write!(f, "The kernel creates a socket of another kind ({}) and returns descriptor {fd}.", word(*kind)),
            Self::MadePair => write!(f, "The kernel creates two sockets that are connected to each other."),
            Self::BoundToPickedPort { port } => write!(f, "The kernel picked port {port} for this socket: port 0 asks for any free port."),
            Self::BoundToAnyPort => write!(f, "The socket is bound to a local address; port 0 lets the kernel pick a free port."),
            Self::Bound { address: Some(address) } => write!(f, "The socket is bound to the local address {}.", Place(*address)),
            Self::Bound { address: None } => write!(f, "The socket is bound to a local address."),
            Self::Connected { peer } => write!(f, "From now on the socket exchanges datagrams only with {}. Nothing is sent.", Place(*peer)),
            Self::Disconnected => write!(f, "The socket is no longer connected to a peer."),
            Self::ConnectedOther { kind } => write!(f, "The {} socket is connected.", word(*kind)),
            Self::PortPicked { port } => write!(f, "The kernel picked port {port} for this socket because it was not bound."),
            Self::Listening => write!(f, "The socket accepts connections from now on."),
            Self::Accepted { fd } => write!(f, "A connection was accepted; its socket is descriptor {fd}."),
            Self::OwnPort { address } => write!(f, "The program asks for the socket's local address: {}. The IP address stays unspecified until a route is chosen.", Place(*address)),
            Self::OwnAddress { address: Some(address) } => write!(f, "The program asks for the socket's local address: {}.", Place(*address)),
            Self::OwnAddress { address: None } => write!(f, "The program asks for the socket's local address, which is not an IP address."),
            Self::PeerAddress { address: Some(address) } => write!(f, "The program asks for the socket's peer: {}.", Place(*address)),
            Self::PeerAddress { address: None } => write!(f, "The program asks for the socket's peer, which has no IP address."),
            Self::AskedForDrops => write!(f, "The program asks how many datagrams the kernel dropped at this socket."),
            Self::OptionRead { option: Some(option), value } => option_read(f, option, value.as_ref()),
            Self::OptionRead { option: None, .. } => write!(f, "The program reads a socket option."),
            Self::OptionSet { option: Some(option), value } => option_set(f, option, value.as_ref()),
            Self::OptionSet { option: None, .. } => write!(f, "The program sets a socket option."),
            Self::Sent { bytes: 1, peer: Some(peer) } => write!(f, "1 byte leaves as one datagram to {}. UDP does not guarantee delivery.", Place(*peer)),
            Self::Sent { bytes: 1, peer: None } => write!(f, "1 byte leaves as one datagram to the connected peer. UDP does not guarantee delivery."),
            Self::Sent { bytes, peer: Some(peer) } => write!(f, "{bytes} bytes leave as one datagram to {}. UDP does not guarantee delivery.", Place(*peer)),
            Self::Sent { bytes, peer: None } => write!(f, "{bytes} bytes leave as one datagram to the connected peer. UDP does not guarantee delivery."),
            Self::SentRun { bytes, datagrams: count, segment, peer: Some(peer) } => write!(f, "{bytes} bytes leave as {} of up to {segment} bytes to {}; the kernel splits them (UDP_SEGMENT).", datagrams(*count), Place(*peer)),
            Self::SentRun { bytes, datagrams: count, segment, peer: None } => write!(f, "{bytes} bytes leave as {} of up to {segment} bytes to the connected peer; the kernel splits them (UDP_SEGMENT).", datagrams(*count)),
            Self::SentMany { messages, peer: Some(peer) } => write!(f, "One call sends {messages} datagrams, the first to {}.", Place(*peer)),
            Self::SentMany { messages, peer: None } => write!(f, "One call sends {messages} datagrams, the first to the connected peer."),
            Self::SentNothing => write!(f, "Nothing was sent."),
            Self::Wrote { bytes, kind } => write!(f, "{bytes} bytes are written to the {} socket.", word(*kind)),
            Self::Read { bytes, kind } => write!(f, "{bytes} bytes are read from the {} socket.", word(*kind)),
            Self::Received { wait, bytes, peer } => received(f, *wait, *bytes, *peer),
            Self::ReceivedRun { datagrams: count, segment, peer: Some(peer) } => write!(f, "{} of up to {segment} bytes arrived merged into one (UDP_GRO), from {}.", datagrams(*count), Place(*peer)),
            Self::ReceivedRun { datagrams: count, segment, peer: None } => write!(f, "{} of up to {segment} bytes arrived merged into one (UDP_GRO).", datagrams(*count)),
            Self::ReceivedMany { messages, peer: Some(peer) } => write!(f, "One call receives {messages} datagrams, the first from {}.", Place(*peer)),
            Self::ReceivedMany { messages, peer: None } => write!(f, "One call receives {messages} datagrams."),
            Self::ReceivedNothing => write!(f, "Nothing was received."),
            Self::ErrorReported { errno, peer, reporter } => reported(f, *errno, *peer, *reporter),
            Self::NothingReady => write!(f, "Nothing is ready, and the call does not wait."),
            Self::TimedOut { limit: Some(limit) } => write!(f, "Nothing happened within {}.", InWords(*limit)),
            Self::TimedOut { limit: None } => write!(f, "Nothing happened."),
            Self::Looked { ready } => write!(f, "The program checks without waiting: {}.", events(*ready)),
            Self::Slept { took, ready } => write!(f, "The program slept for {}, until {}.", InWords(*took), events(*ready)),
            Self::WasReady { ready } => write!(f, "The call returns at once or almost at once: {}.", events(*ready)),
            Self::MadeEpoll { fd } => write!(f, "The kernel creates epoll descriptor {fd}, which can wait for many sockets at once."),
            Self::WatchChanged => write!(f, "The program chooses which events of a socket epoll reports."),
            Self::Spliced { bytes } => write!(f, "{bytes} bytes move from one descriptor to the other inside the kernel, not through the program's memory."),
            Self::MadeUring => write!(f, "The program sets up io_uring: operations through it are not system calls and are not traced."),
            Self::UringSubmitted { requests } => write!(f, "The kernel takes {requests} requests from io_uring's queue; their operations are not traced."),
            Self::Duplicated { fd } => write!(f, "Descriptor {fd} refers to the same socket from now on."),
            Self::ModeSet { is_nonblocking: true } => write!(f, "From now on calls on this socket return at once instead of waiting."),
            Self::ModeSet { is_nonblocking: false } => write!(f, "From now on calls on this socket wait until they can proceed."),
            Self::InheritanceSet => write!(f, "The program sets whether the descriptor stays open across an exec."),
            Self::AskedForMode => write!(f, "The program asks for the descriptor's flags."),
            Self::OldRequest => write!(f, "The program reads or sets a property of the socket with ioctl(2)."),
            Self::ShutDown => write!(f, "One or both directions of the socket are shut down; the descriptor stays open."),
            Self::Closed { port: Some(port) } => write!(f, "The program closes the socket; port {port} is free again unless another descriptor or socket holds it."),
            Self::Closed { port: None } => write!(f, "The program closes the socket."),
            Self::ClosedRange => write!(f, "The program closes a range of descriptors that includes sockets."),
            Self::Other { name } => write!(f, "The program calls {name}(2)."),
        }
    }
}

fn word(kind: Option<Kind>) -> &'static str {
    kind.map_or("socket", |kind| kind.word())
}

fn nothing(why: Emptiness) -> &'static str {
    match why {
        Emptiness::ErrorQueue => "The error queue is empty; reading it never waits.",
        Emptiness::TimeOver => "Nothing arrived within the time limit of a receive (SO_RCVTIMEO).",
        Emptiness::NoWait => "Nothing has arrived yet, and the call does not wait.",
        Emptiness::Unknown => "Nothing has arrived yet.",
    }
}

fn received(
    f: &mut fmt::Formatter<'_>,
    wait: Waited,
    count: usize,
    peer: Option<SocketAddr>,
) -> fmt::Result {
    let count = bytes(count);
    match (wait, peer.map(Place)) {
        (Waited::Never, Some(peer)) => write!(
            f,
            "The program takes a waiting datagram: {count}, from {peer}."
        ),
        (Waited::Never, None) => {
            write!(f, "The program takes a waiting datagram: {count}.")
        }
        (Waited::Long, Some(peer)) => write!(
            f,
            "The program slept in this call until a datagram arrived: {count}, from {peer}."
        ),
        (Waited::Long, None) => write!(
            f,
            "The program slept in this call until a datagram arrived: {count}."
        ),
        (Waited::Perhaps, Some(peer)) => write!(
            f,
            "A datagram was waiting or arrived at once: {count}, from {peer}."
        ),
        (Waited::Perhaps, None) => write!(f, "A datagram was waiting or arrived at once: {count}."),
    }
}

fn reported(
    f: &mut fmt::Formatter<'_>,
    errno: i32,
    peer: Option<SocketAddr>,
    reporter: Option<IpAddr>,
) -> fmt::Result {
    let what = describe_errno(errno);
    match (peer.map(Place), reporter) {
        (Some(peer), Some(by)) => write!(
            f,
            "The error queue holds an error about an earlier datagram to {peer}: {what}, reported by {by}."
        ),
        (Some(peer), None) => write!(
            f,
            "The error queue holds an error about an earlier datagram to {peer}: {what}."
        ),
        (None, Some(by)) => write!(
            f,
            "The error queue holds an error about an earlier datagram: {what}, reported by {by}."
        ),
        (None, None) => write!(
            f,
            "The error queue holds an error about an earlier datagram: {what}."
        ),
    }
}

/// The result of poll(2), select(2) or epoll_wait(2) as a clause.
fn events(ready: Events) -> &'static str {
    let [input, output, other] =
        [Events::INPUT, Events::OUTPUT, Events::OTHER].map(|event| ready.has(event));
    match (input, output, other) {
        (false, false, false) => "something is ready",
        (true, false, false) => "there is something to receive",
        (false, true, false) => "there is room to send",
        (true, true, false) => "there is something to receive, and there is room to send",
        (false, false, true) => "an error or a hang-up is reported",
        (true, false, true) => {
            "there is something to receive, and an error or a hang-up is reported"
        }
        (false, true, true) => "there is room to send, and an error or a hang-up is reported",
        (true, true, true) => {
            "there is something to receive, and there is room to send, and an error or a hang-up is reported"
        }
    }
}

/// Whether the option is off, and its clause describes its effect when on.
fn is_off(clause: &str, value: &Value) -> bool {
    matches!(value, Value::Flag(false)) && !clause.starts_with("it says ")
}

fn option_read(
    f: &mut fmt::Formatter<'_>,
    option: &SocketOption,
    value: Option<&Value>,
) -> fmt::Result {
    let (name, clause) = (option.name, option.clause());
    match value {
        Some(value) if is_off(&clause, value) => write!(f, "{name} is {value}; when on, {clause}."),
        Some(value) => write!(f, "{name} is {value}; {clause}."),
        None => write!(f, "The program reads {name}; {clause}."),
    }
}

fn option_set(
    f: &mut fmt::Formatter<'_>,
    option: &SocketOption,
    value: Option<&Value>,
) -> fmt::Result {
    let (name, clause) = (option.name, option.clause());
    match value {
        Some(value) if is_off(&clause, value) => {
            write!(f, "The program sets {name} to {value}; when on, {clause}.")
        }
        Some(value) => write!(f, "The program sets {name} to {value}; {clause}."),
        None => write!(f, "The program sets {name}; {clause}."),
    }
}
