//! The events of a server.

use std::net::SocketAddr;

use super::Interval;
#[cfg(doc)]
use super::{Behaviour, Reply};
use crate::error::Error;
use crate::io::Received;
use crate::protocol::exchange::{Defect, Kind};
use crate::protocol::load::Served;
use crate::socket::ControlMessages;

/// A datagram that a server received.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The sender.
    pub client: SocketAddr,
    /// The id of its exchange; then the bytes and the length are those of the payload.
    pub exchange: Option<u64>,
    /// Its bytes, or the part that was received.
    pub bytes: &'a [u8],
    /// Its true length.
    pub length: usize,
    /// Whether the buffer was too short for it.
    pub is_truncated: bool,
    /// The hop limit (TTL) on arrival, if the socket's options request it.
    pub hop_limit: Option<u8>,
    /// The kernel's control messages, if the socket's options request them. All datagrams of an
    /// offloaded run have the same.
    pub control: ControlMessages<'a>,
    /// Whether control messages are missing, because their buffer was too short (`MSG_CTRUNC`).
    pub is_control_truncated: bool,
}

impl<'a> Request<'a> {
    pub(super) fn from_datagram(datagram: &Received<'a>) -> Self {
        Self {
            client: datagram.source(),
            exchange: None,
            bytes: datagram.bytes(),
            length: datagram.length(),
            is_truncated: datagram.is_truncated(),
            hop_limit: datagram.ttl(),
            control: datagram.control_messages(),
            is_control_truncated: datagram.is_control_truncated(),
        }
    }

    /// Each datagram of a run. The last one may be truncated.
    pub(super) fn each_of(message: &Received<'a>) -> impl Iterator<Item = Self> + use<'a> {
        let (client, length, segment) =
            (message.source(), message.length(), message.segment_size());
        let control = message.control_messages();
        let (hop_limit, is_control_truncated) = (control.ttl(), message.is_control_truncated());
        message.datagrams().enumerate().map(move |(index, bytes)| {
            let length = segment.min(length - index * segment);
            Self {
                client,
                exchange: None,
                bytes,
                length,
                is_truncated: bytes.len() < length,
                hop_limit,
                control,
                is_control_truncated,
            }
        })
    }
}

/// The events of a server, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A datagram was received, and will be served.
    Received(Request<'a>),
    /// A datagram was received, and is treated as lost.
    Dropped(Request<'a>),
    /// A datagram was received, and is not answered, since its sender would answer the answer.
    Loop(Request<'a>),
    /// A datagram was received, and is not answered, since no host can have sent it.
    Impossible(Request<'a>),
    /// A datagram was received, and is not answered, since the reply, of this many bytes, would be
    /// more than three times as long ([`Behaviour::allow_amplification`]).
    Amplifies(Request<'a>, usize),
    /// These bytes were sent to the sender of the datagram.
    Replied(Request<'a>, &'a [u8]),
    /// A retransmitted request, which is answered from the cache.
    Repeated(Request<'a>),
    /// The reply to a request, of this many bytes, would be more than three times as long: the
    /// answer reports that instead.
    TooLong(Request<'a>, usize),
    /// A datagram that is not a valid request of an exchange.
    Ignored(Request<'a>, Unserved),
    /// An error; the server continues.
    Failed(Error),
    /// A load session is over ([`Behaviour::allow_load`]).
    LoadEnded(Served),
    /// The statistics since the end of the last interval.
    Interval(Interval),
}

/// Why a datagram is not served as an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unserved {
    /// It is not a frame, or a damaged or unknown one.
    Defect(Defect),
    /// It is a request of an unsupported version, which is answered with the supported ones.
    Version(Defect),
    /// It is an answer, and answers are not answered.
    Answer(Kind),
    /// Its id is that of another request of the same sender.
    ReusedId,
}
