//! The datagrams of a load session.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0 to 2 | `uLd` |
//! | 3 | version: 1 |
//! | 4 | kind: [`Kind`] |
//! | 5 | flags of a poll: 1 for the last one |
//! | 6 and 7 | zero |
//! | 8 to 15 | session: 64 random bits of the client |
//! | 16 to 23 | number of the datagram in its flow, from 0 |
//! | 24 to 31 | when it was due, in nanoseconds by its sender's clock |
//! | 32 to 39 | when it was sent, by the same clock |
//! | 40 to 47 | in an answer, when the datagram reached the server, by its clock |
//! | 48 to 55 | in an answer, its own number in its flow: how many answers the server sent there before it |
//! | 56 to 59 | in an answer, how long the datagram waited at the server, in nanoseconds |
//!
//! Numbers are big-endian. A datagram of load has any number of bytes from [`SHORTEST`] on; all others have
//! [`CONTROL`] bytes, so that no answer is longer than what it answers. The first five fields of an answer
//! repeat those of the question. Behind them:
//!
//! | kind | content |
//! | --- | --- |
//! | hello | nothing |
//! | challenge | token (16), [`Limits`], the server's time, wall clock and kernel |
//! | start | token (16), [`Start`] |
//! | started | the server's time, wall clock and kernel |
//! | refused | [`Refusal`], [`Limits`] |
//! | poll | nothing |
//! | results | [`Results`] |

/// The length of a datagram that controls a session.
pub const CONTROL: usize = 272;

/// The shortest payload of a datagram of load: its answer has to hold another time and number, and a wait.
pub const SHORTEST: usize = 60;

const MAGIC: [u8; 4] = *b"uLd\x01";

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A client asks for a token.
    Hello = 1,
    /// The server gives one, and says what it allows.
    Challenge = 2,
    /// A client starts a session, or joins a flow to it.
    Start = 3,
    /// The server does what was asked for.
    Started = 4,
    /// The server does not.
    Refused = 5,
    /// A datagram of load that is to be answered.
    Load = 6,
    /// The answer.
    Answer = 7,
    /// A datagram of load that is not answered.
    OneWay = 8,
    /// A datagram of load from the server.
    Reverse = 9,
    /// A client asks what arrived so far.
    Poll = 10,
    /// The server says it.
    Results = 11,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Hello,
        Self::Challenge,
        Self::Start,
        Self::Started,
        Self::Refused,
        Self::Load,
        Self::Answer,
        Self::OneWay,
        Self::Reverse,
        Self::Poll,
        Self::Results,
    ];

    /// Whether a server sends it: it must not be answered.
    pub fn is_of_a_server(self) -> bool {
        use Kind::{Answer, Challenge, Refused, Results, Reverse, Started};
        matches!(
            self,
            Challenge | Started | Refused | Answer | Reverse | Results
        )
    }
}

/// The head of each datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Whether it is the last poll: the session ends.
    pub is_last: bool,
    /// The session.
    pub session: u64,
    /// Its number in its flow.
    pub number: u64,
    /// When it was due, in nanoseconds by its sender's clock.
    pub due: u64,
    /// When it was sent.
    pub sent: u64,
}

impl Header {
    /// The length of a head in bytes.
    pub const LENGTH: usize = 40;

    /// Writes it to the start of a datagram; `false` if that is too short.
    pub fn write(&self, datagram: &mut [u8]) -> bool {
        let Some(head) = datagram.first_chunk_mut::<{ Self::LENGTH }>() else {
            return false;
        };
        head[..4].copy_from_slice(&MAGIC);
        head[4..8].copy_from_slice(&[self.kind as u8, self.is_last.into(), 0, 0]);
        let numbers = [self.session, self.number, self.due, self.sent];
        for (field, number) in head[8..].chunks_exact_mut(8).zip(numbers) {
            field.copy_from_slice(&number.to_be_bytes());
        }
        true
    }

    /// Reads it; `None` for any other datagram, and for another version.
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let head = datagram.first_chunk::<{ Self::LENGTH }>()?;
        if head[..4] != MAGIC || head[5] > 1 || head[6..8] != [0, 0] {
            return None;
        }
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == head[4])?;
        let number = |at: usize| -> Option<u64> {
            let bytes = head.get(at..at + 8)?;
            Some(u64::from_be_bytes(bytes.try_into().ok()?))
        };
        Some(Self {
            kind,
            is_last: head[5] == 1,
            session: number(8)?,
            number: number(16)?,
            due: number(24)?,
            sent: number(32)?,
        })
    }
}

/// What a server's answer says of the datagram that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// When it reached the server, in nanoseconds by the server's clock.
    pub arrived: u64,
    /// When the answer was written, by the same clock: at most 4.29 s later.
    pub left: u64,
    /// The answer's own number in its flow, from 0.
    pub number: u64,
}

/// Writes the answer to a datagram of load over it. `false` if it is too short.
pub fn answer(datagram: &mut [u8], visit: &Visit) -> bool {
    if datagram.len() < SHORTEST {
        return false;
    }
    let wait = visit.left.saturating_sub(visit.arrived);
    let wait = u32::try_from(wait).unwrap_or(u32::MAX);
    datagram[4] = Kind::Answer as u8;
    datagram[40..48].copy_from_slice(&visit.arrived.to_be_bytes());
    datagram[48..56].copy_from_slice(&visit.number.to_be_bytes());
    datagram[56..60].copy_from_slice(&wait.to_be_bytes());
    true
}

/// What the answer to a datagram of load says of it.
pub fn answered(datagram: &[u8]) -> Option<Visit> {
    let (_, rest) = datagram.split_at_checked(Header::LENGTH)?;
    let (arrived, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (wait, _) = rest.split_first_chunk()?;
    let arrived = u64::from_be_bytes(*arrived);
    Some(Visit {
        arrived,
        left: arrived.wrapping_add(u32::from_be_bytes(*wait).into()),
        number: u64::from_be_bytes(*number),
    })
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
