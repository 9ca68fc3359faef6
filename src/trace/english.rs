//! Every sentence of the tracer, in English. A sentence stands here as a whole, with numbers, names and
//! addresses for arguments; which one is said follows from values alone. Another language is another
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
    /// What just happened, in one sentence or two.
    ///
    /// ```
    /// # use udpraw::trace::Call;
    /// assert_eq!(Call::default().explain(), "The program ended, or was let go, inside this call.");
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
            Self::NeverReturned => write!(f, "The program ended, or was let go, inside this call."),
            Self::NothingToReceive(why) => f.write_str(nothing(*why)),
            Self::NobodyListens { peer: Some(peer) } => write!(f, "An ICMP message came back for an earlier datagram: nobody listens at {}.", Place(*peer)),
            Self::NobodyListens { peer: None } => write!(f, "An ICMP message came back for an earlier datagram: nobody listens there."),
            Self::Interrupted => write!(f, "A signal came while the program slept in this call."),
            Self::AddressInUse { address: Some(address) } => write!(f, "Another socket has {} already.", Place(*address)),
            Self::AddressInUse { address: None } => write!(f, "Another socket has that address already."),
            Self::NoDestination => write!(f, "The call names no destination, and the socket is connected to none."),
            Self::TooLong => write!(f, "The datagram is larger than UDP or the path can carry whole."),
            Self::Connecting => write!(f, "The connection is being made meanwhile."),
            Self::Refused { errno } => write!(f, "The kernel refused: {}.", describe_errno(*errno)),
            Self::MadeUdpSocket { fd, is_ipv6: true } => write!(f, "The kernel makes a socket for UDP (SOCK_DGRAM) over IPv6, and calls it {fd}: that number is all the program ever holds of it."),
            Self::MadeUdpSocket { fd, is_ipv6: false } => write!(f, "The kernel makes a socket for UDP (SOCK_DGRAM) over IP, and calls it {fd}: that number is all the program ever holds of it."),
            Self::MadeSocket { fd, kind } => write!(f, "The kernel makes a socket of another kind ({}): {fd}.", word(*kind)),
            Self::MadePair => write!(f, "The kernel makes two sockets that talk to each other alone."),
            Self::BoundToPickedPort { port } => write!(f, "The kernel picked port {port} for this socket, since port 0 asks for any free one."),
            Self::BoundToAnyPort => write!(f, "The socket gets an address to be reached at; port 0 lets the kernel pick a free one."),
            Self::Bound { address: Some(address) } => write!(f, "The socket gets an address to be reached at: {}.", Place(*address)),
            Self::Bound { address: None } => write!(f, "The socket gets an address to be reached at."),
            Self::Connected { peer } => write!(f, "From now on the socket talks to {} alone. Nothing is sent.", Place(*peer)),
            Self::Disconnected => write!(f, "From now on the socket talks to anyone again."),
            Self::ConnectedOther { kind } => write!(f, "The {} socket is connected.", word(*kind)),
            Self::PortPicked { port } => write!(f, "The kernel picked port {port} for this socket, since none was bound."),
            Self::Listening => write!(f, "The socket takes connections from now on."),
            Self::Accepted { fd } => write!(f, "A connection was made; its own socket is {fd}."),
            Self::OwnPort { address } => write!(f, "Which address was that? Port {}; the address stays open until a route is chosen: {}.", address.port(), Place(*address)),
            Self::OwnAddress { address: Some(address) } => write!(f, "Which address was that? It is {}.", Place(*address)),
            Self::OwnAddress { address: None } => write!(f, "Which address was that? It is one of another family than IP."),
            Self::PeerAddress { address: Some(address) } => write!(f, "Whom does the socket talk to? It is {}.", Place(*address)),
            Self::PeerAddress { address: None } => write!(f, "Whom does the socket talk to? It is one of another family than IP."),
            Self::AskedForDrops => write!(f, "How many datagrams did the kernel drop before the program saw them?"),
            Self::OptionRead { option: Some(option), value } => option_read(f, option, value.as_ref()),
            Self::OptionRead { option: None, .. } => write!(f, "The program reads a property of the socket."),
            Self::OptionSet { option: Some(option), value } => option_set(f, option, value.as_ref()),
            Self::OptionSet { option: None, .. } => write!(f, "The program sets a property of the socket before it is used."),
            Self::Sent { bytes: 1, peer: Some(peer) } => write!(f, "1 byte leaves as one datagram for {}. That they arrive, UDP does not promise.", Place(*peer)),
            Self::Sent { bytes: 1, peer: None } => write!(f, "1 byte leaves as one datagram for its peer. That they arrive, UDP does not promise."),
            Self::Sent { bytes, peer: Some(peer) } => write!(f, "{bytes} bytes leave as one datagram for {}. That they arrive, UDP does not promise.", Place(*peer)),
            Self::Sent { bytes, peer: None } => write!(f, "{bytes} bytes leave as one datagram for its peer. That they arrive, UDP does not promise."),
            Self::SentRun { bytes, datagrams: count, segment, peer: Some(peer) } => write!(f, "{bytes} bytes leave as {} of {segment} bytes for {}, cut by the kernel (UDP_SEGMENT).", datagrams(*count), Place(*peer)),
            Self::SentRun { bytes, datagrams: count, segment, peer: None } => write!(f, "{bytes} bytes leave as {} of {segment} bytes for its peer, cut by the kernel (UDP_SEGMENT).", datagrams(*count)),
            Self::SentMany { messages, peer: Some(peer) } => write!(f, "{messages} datagrams leave by one call, the first for {}.", Place(*peer)),
            Self::SentMany { messages, peer: None } => write!(f, "{messages} datagrams leave by one call, the first for its peer."),
            Self::SentNothing => write!(f, "Nothing was sent."),
            Self::Wrote { bytes, kind } => write!(f, "{bytes} bytes go to the {} socket.", word(*kind)),
            Self::Read { bytes, kind } => write!(f, "{bytes} bytes come from the {} socket.", word(*kind)),
            Self::Received { wait, bytes, peer } => received(f, *wait, *bytes, *peer),
            Self::ReceivedRun { datagrams: count, segment, peer: Some(peer) } => write!(f, "A run of {} of {segment} bytes came as one (UDP_GRO), from {}.", datagrams(*count), Place(*peer)),
            Self::ReceivedRun { datagrams: count, segment, peer: None } => write!(f, "A run of {} of {segment} bytes came as one (UDP_GRO).", datagrams(*count)),
            Self::ReceivedMany { messages, peer: Some(peer) } => write!(f, "{messages} datagrams came by one call, the first from {}.", Place(*peer)),
            Self::ReceivedMany { messages, peer: None } => write!(f, "{messages} datagrams came by one call."),
            Self::ReceivedNothing => write!(f, "Nothing was received."),
            Self::ErrorReported { errno, peer, reporter } => reported(f, *errno, *peer, *reporter),
            Self::NothingReady => write!(f, "Nothing is ready, and the program did not want to wait."),
            Self::TimedOut { limit: Some(limit) } => write!(f, "Nothing happened within {}.", InWords(*limit)),
            Self::TimedOut { limit: None } => write!(f, "Nothing happened."),
            Self::Looked { ready } => write!(f, "The program looks without waiting: {}.", events(*ready)),
            Self::Slept { took, ready } => write!(f, "The program slept for {}, until {}.", InWords(*took), events(*ready)),
            Self::WasReady { ready } => write!(f, "The program need not wait, or not for long: {}.", events(*ready)),
            Self::MadeEpoll { fd } => write!(f, "The kernel makes {fd}, which can wait for many sockets at once."),
            Self::WatchChanged => write!(f, "The program says which events of a socket it wants to be told."),
            Self::Spliced { bytes } => write!(f, "{bytes} bytes go from one descriptor to the other inside the kernel, past the program."),
            Self::MadeUring => write!(f, "The program sets up io_uring: what it does through that are no system calls, and are not seen here."),
            Self::UringSubmitted { requests } => write!(f, "The kernel takes {requests} requests from io_uring's queue; what they do is not seen here."),
            Self::Duplicated { fd } => write!(f, "{fd} is the same socket from now on."),
            Self::ModeSet { is_nonblocking: true } => write!(f, "From now on calls on this socket return at once instead of waiting."),
            Self::ModeSet { is_nonblocking: false } => write!(f, "From now on calls on this socket wait until there is something for them."),
            Self::InheritanceSet => write!(f, "The program says whether the descriptor outlives an exec."),
            Self::AskedForMode => write!(f, "The program asks how the descriptor behaves."),
            Self::OldRequest => write!(f, "The program asks or sets a property of the socket the old way."),
            Self::ShutDown => write!(f, "One or both directions of the socket are closed; the descriptor stays."),
            Self::Closed { port: Some(port) } => write!(f, "The program lets go of the socket; unless another holds it, port {port} is free again."),
            Self::Closed { port: None } => write!(f, "The program lets go of the socket."),
            Self::ClosedRange => write!(f, "The program closes a range of descriptors, sockets among them."),
            Self::Other { name } => write!(f, "A call of {name}(2)."),
        }
    }
}

fn word(kind: Option<Kind>) -> &'static str {
    kind.map_or("socket", |kind| kind.word())
}

fn nothing(why: Emptiness) -> &'static str {
    match why {
        Emptiness::ErrorQueue => "The error queue is empty; looking there never waits.",
        Emptiness::TimeOver => "Nothing came in the time that SO_RCVTIMEO lets a receive wait.",
        Emptiness::NoWait => "Nothing has come yet, and the program did not want to wait.",
        Emptiness::Unknown => "Nothing has come yet.",
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
            "The program takes the datagram that is there: {count}, from {peer}."
        ),
        (Waited::Never, None) => {
            write!(f, "The program takes the datagram that is there: {count}.")
        }
        (Waited::Long, Some(peer)) => write!(
            f,
            "The program slept in this call until a datagram came: {count}, from {peer}."
        ),
        (Waited::Long, None) => write!(
            f,
            "The program slept in this call until a datagram came: {count}."
        ),
        (Waited::Perhaps, Some(peer)) => write!(
            f,
            "A datagram was there, or came at once: {count}, from {peer}."
        ),
        (Waited::Perhaps, None) => write!(f, "A datagram was there, or came at once: {count}."),
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
            "The error queue tells what became of an earlier datagram to {peer}: {what}, reported by {by}."
        ),
        (Some(peer), None) => write!(
            f,
            "The error queue tells what became of an earlier datagram to {peer}: {what}."
        ),
        (None, Some(by)) => write!(
            f,
            "The error queue tells what became of an earlier datagram: {what}, reported by {by}."
        ),
        (None, None) => write!(
            f,
            "The error queue tells what became of an earlier datagram: {what}."
        ),
    }
}

/// What poll(2) or its like found, as a clause.
fn events(ready: Events) -> &'static str {
    let [input, output, other] =
        [Events::INPUT, Events::OUTPUT, Events::OTHER].map(|event| ready.has(event));
    match (input, output, other) {
        (false, false, false) => "something is ready",
        (true, false, false) => "there is something to receive",
        (false, true, false) => "there is room to send",
        (true, true, false) => "there is something to receive, and there is room to send",
        (false, false, true) => "an error or an end is reported",
        (true, false, true) => "there is something to receive, and an error or an end is reported",
        (false, true, true) => "there is room to send, and an error or an end is reported",
        (true, true, true) => {
            "there is something to receive, and there is room to send, and an error or an end is reported"
        }
    }
}

/// Whether the clause of an option says what it does when it is on, and it is off.
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
