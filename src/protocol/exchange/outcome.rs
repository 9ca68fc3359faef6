//! What a [`Requester`](super::Requester) sends and reports.

use std::time::Duration;

use super::frame::Defect;

/// An attempt at a request, to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// The datagram.
    pub bytes: &'a [u8],
    /// Which attempt at the request it is, from 1 on.
    pub attempt: u32,
    /// How long this attempt waits for a reply.
    pub timeout: Duration,
}

/// What happened to a requester other than by a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The request was abandoned: its attempts or its time are used up. A late reply to it is
    /// stale.
    TimedOut {
        /// How many times it was sent.
        attempts: u32,
    },
}

/// The meaning of a datagram for a requester.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The reply. The exchange is over.
    Reply {
        /// The payload.
        payload: &'a [u8],
        /// Time since the request was first sent.
        elapsed: Duration,
        /// How many times it was sent.
        attempts: u32,
        /// Which attempt the reply answers, from 1 on.
        attempt: u32,
        /// Time since that attempt was sent: a sample of the round trip. `None` if 32 more were
        /// sent since.
        round_trip: Option<Duration>,
    },
    /// The request was executed, but its reply is more than three times its size. The exchange is
    /// over.
    TooLong {
        /// The length of the reply in bytes.
        length: u32,
        /// As in [`Self::Reply`].
        round_trip: Option<Duration>,
    },
    /// The server does not support this version, only these. The exchange is over.
    Unsupported(&'a [u8]),
    /// An answer to an earlier request, or a duplicate.
    Stale,
    /// From another address than the server's, or an answer to a request that was never sent.
    Forged,
    /// A damaged frame.
    Corrupt(Defect),
    /// Not an answer, or one of an unknown version or kind.
    Other(Defect),
}

/// How many datagrams a requester ignored, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Answers to earlier requests, and duplicates.
    pub stale: u64,
    /// Datagrams from other addresses, and answers to requests that were never sent. An answer to a
    /// request whose id is forgotten (more than 64 requests ago) counts as such.
    pub forged: u64,
    /// Damaged frames.
    pub corrupt: u64,
    /// Datagrams that are not answers of an exchange.
    pub other: u64,
}

impl Ignored {
    /// The sum.
    pub fn total(&self) -> u64 {
        self.stale + self.forged + self.corrupt + self.other
    }

    /// The difference to `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            stale: self.stale - earlier.stale,
            forged: self.forged - earlier.forged,
            corrupt: self.corrupt - earlier.corrupt,
            other: self.other - earlier.other,
        }
    }
}
