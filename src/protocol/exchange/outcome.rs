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
    /// The request was abandoned: its attempts or its time are used up. A reply to it is stale.
    TimedOut {
        /// How often it was sent.
        attempts: u32,
    },
}

/// What a datagram is to a requester.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The reply. The exchange is over.
    Reply {
        /// What it carries.
        payload: &'a [u8],
        /// Time since the request was first sent.
        elapsed: Duration,
        /// How often it was sent.
        attempts: u32,
        /// Which of these the reply answers, from 1 on.
        attempt: u32,
        /// Time since that one was sent: a sample of the round trip. `None` if 32 more were sent since.
        round_trip: Option<Duration>,
    },
    /// The request was done, but its reply is more than three times the request. The exchange is over.
    TooLong {
        /// The length of the reply in bytes.
        length: u32,
        /// As of [`Self::Reply`].
        round_trip: Option<Duration>,
    },
    /// The server does not speak this version, but those. The exchange is over.
    Unsupported(&'a [u8]),
    /// An answer to an earlier request, or a second one to the same.
    Stale,
    /// From somebody else than the server, or an answer to what was never asked.
    Forged,
    /// A frame that is damaged on its way.
    Corrupt(Defect),
    /// No answer at all, or one of a version or kind that is not known.
    Other(Defect),
}

/// How many datagrams a requester ignored, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Answers to earlier requests, and second answers.
    pub stale: u64,
    /// What came from somebody else, and answers to what was never asked. An answer to a request so old that its
    /// id is forgotten (more than 64 requests ago) counts as such.
    pub forged: u64,
    /// Damaged frames.
    pub corrupt: u64,
    /// What is no answer of an exchange.
    pub other: u64,
}

impl Ignored {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.stale + self.forged + self.corrupt + self.other
    }

    /// Those since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            stale: self.stale - earlier.stale,
            forged: self.forged - earlier.forged,
            corrupt: self.corrupt - earlier.corrupt,
            other: self.other - earlier.other,
        }
    }
}
