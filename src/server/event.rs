//! What a server tells of.

use std::net::SocketAddr;

use super::Interval;
#[cfg(doc)]
use super::{Behaviour, Reply};
use crate::error::Error;
use crate::io::Received;
use crate::protocol::exchange::{Defect, Kind};
use crate::socket::ControlMessages;

/// A datagram that a server received.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
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
    /// What the kernel says about it, where the socket's options ask for it. All datagrams of an
    /// offloaded run have the same.
    pub control: ControlMessages<'a>,
    /// Whether control messages are missing, since their buffer was too short (`MSG_CTRUNC`).
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

    /// Each datagram of a run. Its end is cut off the last.
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
    /// The sender of the datagram was sent these bytes: the kernel has taken them.
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
#[non_exhaustive]
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
