//! The documents' server.
//!
//! [`Server`] is the plain one: one thread, blocking, one `recvfrom` and one `sendto` a datagram.
//! [`WorkerPool`] is the same server on the backends of [`crate::io`]: on any backend, with any number of workers.
//! Either of them serves exchanges ([`crate::protocol::exchange`]) where [`Behaviour::exchange`] says so.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::error::Error;
//! use udpraw::server::{Behaviour, Event, Server, listen};
//! use udpraw::socket::{Endpoint, Family, ReceiveBuffer};
//!
//! let behaviour = Behaviour { count: Some(1), ..Behaviour::default() };
//! let mut server = Server::new(vec![listen("127.0.0.1:0".parse()?, [])?], behaviour)?;
//! let client = Endpoint::builder().unbound(Family::V4)?;
//! client.send_to(b"hello", server.addresses()[0])?;
//!
//! server.run(&AtomicBool::new(false), |_: &Event<'_>| Ok::<(), Error>(()))?;
//! let mut buffer = ReceiveBuffer::new();
//! assert_eq!(client.receive(&mut buffer)?.bytes(), b"Your data was 5 bytes long");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod bench_handshake;
mod exchange;
mod handler;
mod plain;
mod pool;
mod reply;
mod summary;
mod watch;

use std::net::SocketAddr;

use crate::error::{Error, Result};
use crate::io::Received;
use crate::protocol::REPLY_HOP_LIMIT;
use crate::protocol::exchange::{Defect, Kind, Limits};
use crate::socket::options::OptionValue;
use crate::socket::{Builder, Datagram, Endpoint, Family};

pub use plain::Server;
pub use pool::{PoolConfig, WorkerPool};
pub use reply::{Reply, Template};
pub use summary::{Interval, Summary};

/// What a server does with a datagram.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// What it answers.
    pub reply: Reply,
    /// Which datagrams it pretends never to have received.
    pub drop: Option<SimulatedLoss>,
    /// After how many datagrams it ends; `None` for never.
    pub count: Option<u64>,
    /// Whether to consent to a bench that asks ([`crate::protocol::bench_handshake`]).
    pub allow_bench: bool,
    /// Whether a reply may be more than three times as long as its request, IP and UDP headers counted.
    /// A forged source could then make this server flood a third party. Exchanges never do.
    pub allow_amplification: bool,
    /// Whether to serve exchanges ([`crate::protocol::exchange`]) and nothing else, and how many
    /// answers to remember. What is no request of an exchange is then counted, and not answered;
    /// where the reply is [`Reply::Nothing`], the answer is empty.
    pub exchange: Option<Limits>,
    /// Whether each datagram is an event. Without it, a [`WorkerPool`] serves whole runs at once.
    pub per_datagram_events: bool,
}

impl Default for Behaviour {
    /// The documents' server: it tells the length, drops nothing, does not end, and tells of each.
    fn default() -> Self {
        Self {
            reply: Reply::length(),
            drop: None,
            count: None,
            allow_bench: false,
            allow_amplification: false,
            exchange: None,
            per_datagram_events: true,
        }
    }
}

/// Loss on purpose: each datagram is dropped with a probability, by a seeded sequence.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedLoss {
    /// From 0 to 1.
    pub probability: f64,
    /// The same seed drops the same datagrams of a sequence.
    pub seed: u64,
}

/// A datagram that a server received.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who sent it.
    pub client: SocketAddr,
    /// The id of its exchange; then the bytes and the length are those of the payload.
    pub exchange: Option<u64>,
    /// Its bytes, or as many as were taken.
    pub bytes: &'a [u8],
    /// Its true length.
    pub length: usize,
    /// Whether the buffer was too short for it.
    pub is_truncated: bool,
    /// The hop limit (TTL) that it arrived with, where the socket's options ask for it.
    pub hop_limit: Option<u8>,
}

impl<'a> Request<'a> {
    fn from_datagram(datagram: &Datagram<'a>) -> Self {
        Self {
            client: datagram.source(),
            exchange: None,
            bytes: datagram.bytes(),
            length: datagram.length(),
            is_truncated: datagram.is_truncated(),
            hop_limit: datagram.ttl(),
        }
    }

    /// Each datagram of a run. Its end is cut off the last.
    fn each_of(message: &Received<'a>) -> impl Iterator<Item = Self> + use<'a> {
        let (client, length, segment) =
            (message.source(), message.length(), message.segment_size());
        let hop_limit = message.control_messages().ttl();
        message.datagrams().enumerate().map(move |(index, bytes)| {
            let length = segment.min(length - index * segment);
            Self {
                client,
                exchange: None,
                bytes,
                length,
                is_truncated: bytes.len() < length,
                hop_limit,
            }
        })
    }
}

/// What happened, in the order in which it did.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A datagram came in, and will be served.
    Received(Request<'a>),
    /// A datagram came in, and is treated as lost.
    Dropped(Request<'a>),
    /// A datagram came in, and is not answered, since its sender would answer the answer.
    Loop(Request<'a>),
    /// A datagram came in, and is not answered, since nobody can have sent it.
    Impossible(Request<'a>),
    /// A datagram came in, and is not answered, since the reply, of so many bytes, would be more than
    /// three times as long ([`Behaviour::allow_amplification`]).
    Amplifies(Request<'a>, usize),
    /// The sender of the datagram was sent these bytes.
    Replied(Request<'a>, &'a [u8]),
    /// A request that was done came again, and is answered as it was the first time.
    Repeated(Request<'a>),
    /// The reply to a request, of so many bytes, would be more than three times as long: the answer
    /// says so instead.
    TooLong(Request<'a>, usize),
    /// A datagram is no request of an exchange that could be done.
    Ignored(Request<'a>, Unserved),
    /// Something failed; the server goes on.
    Failed(Error),
    /// What was done since the last interval's end.
    Interval(Interval),
}

/// Why a datagram is not served as an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// It is no frame, or one that is damaged or unknown.
    Defect(Defect),
    /// It is a request of a version that is not spoken, and is answered by those that are.
    Version(Defect),
    /// It is an answer, and answers are not answered.
    Answer(Kind),
    /// Its id is that of another request of the same sender.
    ReusedId,
}

/// The options that have a server's replies known as such by others like it, so that two of them do not
/// answer each other for ever: the hop limit that marks a reply, and that of each datagram received
/// ([`crate::protocol::is_marked_reply`]). For replies whose bytes do not show what they are
/// ([`Reply::needs_mark`]).
///
/// # Errors
/// None: the options are in the catalogue.
pub fn reply_mark(family: Family) -> Result<Vec<OptionValue>> {
    let v4 = ["IP_TTL", "IP_RECVTTL"];
    let v6 = ["IPV6_UNICAST_HOPS", "IPV6_RECVHOPLIMIT"];
    // An IPv6 socket may serve IPv4 too.
    let names = match family {
        Family::V4 => vec![v4],
        Family::V6 => vec![v6, v4],
    };
    let settings = names.into_iter().flat_map(|[limit, receive]| {
        [
            format!("{limit}={REPLY_HOP_LIMIT}"),
            format!("{receive}=on"),
        ]
    });
    settings.map(|text| text.parse()).collect()
}

/// Makes a server's socket: the options are set, then it is bound to `address`.
///
/// On a wildcard address, packet info is asked for too, so that a reply leaves from the address that
/// was asked: left alone, the route would choose it, and the client take the reply for a stranger's.
///
/// # Errors
/// Of socket(2), setsockopt(2) and bind(2).
pub fn listen(
    address: SocketAddr,
    settings: impl IntoIterator<Item = OptionValue>,
) -> Result<Endpoint> {
    place(address, settings).bind(address)
}

/// As [`listen`], for `size` workers that share the port ([`Builder::bind_group`]).
///
/// # Errors
/// As of [`listen`] and [`Builder::bind_group`].
pub fn listen_group(
    address: SocketAddr,
    settings: impl IntoIterator<Item = OptionValue>,
    size: usize,
) -> Result<Vec<Endpoint>> {
    place(address, settings).bind_group(address, size)
}

fn place(address: SocketAddr, settings: impl IntoIterator<Item = OptionValue>) -> Builder {
    Endpoint::builder()
        .options(settings)
        .packet_info(address.ip().is_unspecified())
}
