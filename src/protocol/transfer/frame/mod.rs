//! The frames of a transfer. The table of their fields is in the [module's docs](super).

mod decode;
mod encode;

pub use decode::decode;
pub(super) use encode::{append_data_header, pad};

/// The version of this implementation.
pub const VERSION: u8 = 1;
/// Bytes before the fields that depend on the kind.
pub(super) const COMMON: usize = 16;
/// Bytes of a data frame before its payload.
pub const DATA_HEADER: usize = 32;
/// The shortest open frame: no answer to one from an unproven address is longer.
pub const OPEN_LENGTH: usize = 64;
/// The most ranges in an acknowledgement.
pub const MAX_RANGES: usize = 64;
/// The longest name of a stream, in bytes.
pub const MAX_NAME: usize = 255;
/// The longest text of a close frame, in bytes.
pub const MAX_REASON: usize = 200;

const MAGIC: [u8; 2] = *b"uT";
const RANGES_AT: usize = 40;

/// A decoded datagram: its transfer and its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<'a> {
    /// The transfer's random id.
    pub id: u64,
    /// Its frame.
    pub frame: Frame<'a>,
}

/// The content of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// From the sender: a request for a transfer.
    Open(Open<'a>),
    /// From the receiver: repeat the request with this token, which proves your address.
    Challenge {
        /// To repeat in the next open frame.
        token: [u8; 16],
    },
    /// From the receiver: the transfer may start.
    Accept(Accept),
    /// From the sender: bytes of the stream.
    Data(Data<'a>),
    /// From the sender: only a length, to be acknowledged: a probe of the path MTU, or of the
    /// receiver's presence.
    Probe {
        /// The datagram's number.
        number: u64,
    },
    /// From the sender: the end of the stream.
    End(End),
    /// From the receiver: an acknowledgement.
    Acknowledge(Acknowledge<'a>),
    /// From the receiver: the whole stream is stored.
    Done,
    /// From either: the transfer ends.
    Close(Close<'a>),
    /// From the receiver: the supported versions.
    Versions(&'a [u8]),
}

/// Requests a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// The token of the challenge; zeros before one.
    pub token: [u8; 16],
    /// The stream's length in bytes, if it is known in advance.
    pub size: Option<u64>,
    /// The sender's name of the stream: a file's name without its folders; may be empty.
    pub name: &'a [u8],
}

/// Agrees to a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The sender may send the stream up to this offset.
    pub credit: u64,
    /// The stream is stored up to here, from an earlier transfer.
    pub resume: u64,
    /// The digest of the stored part.
    pub digest: u128,
    /// The longest datagram, in bytes of UDP payload, that the receiver accepts.
    pub max_datagram: u16,
    /// How long an acknowledgement may be delayed, in milliseconds.
    pub delay: u16,
    /// How long the sender may be silent before the receiver considers it gone, in seconds.
    pub peer_timeout: u16,
}

/// Bytes of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The datagram's number: each is used once, also for a retransmission of the same bytes.
    pub number: u64,
    /// The offset of the bytes in the stream.
    pub offset: u64,
    /// The bytes; at least one.
    pub payload: &'a [u8],
}

/// The end of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The datagram's number.
    pub number: u64,
    /// The stream's length in bytes.
    pub total: u64,
    /// Its digest ([`Digest`](super::Digest)).
    pub digest: u128,
}

/// What has arrived, and how much the sender may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge<'a> {
    /// The stream has arrived without gaps up to here.
    pub delivered: u64,
    /// The sender may send the stream up to this offset.
    pub credit: u64,
    /// How long the newest datagram waited for this acknowledgement, in microseconds.
    pub delay: u32,
    /// Whether storing the stream limits the receiver.
    pub is_storing: bool,
    /// Which datagrams have arrived.
    pub ranges: Ranges<'a>,
}

/// The numbers of datagrams, as ranges from the newest to the oldest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ranges<'a>(&'a [[u8; 16]]);

/// The end of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// Why.
    pub code: Code,
    /// A text for people; untrusted bytes.
    pub reason: &'a [u8],
}

/// Why a transfer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Success, known at both ends.
    Finished,
    /// A user or a signal stopped it.
    Interrupted,
    /// The receiver accepts no transfer, or not this one.
    Refused,
    /// The sender cannot read its input.
    Source,
    /// The receiver cannot store the stream.
    Storage,
    /// The part that the receiver kept is not the beginning of this stream.
    OtherStream,
    /// The stream arrived, and its digest is not the sender's.
    Digest,
    /// An invalid frame.
    Protocol,
    /// The receiver does not know the transfer, or no longer.
    Unknown,
}

impl Code {
    const ALL: [Self; 9] = [
        Self::Finished,
        Self::Interrupted,
        Self::Refused,
        Self::Source,
        Self::Storage,
        Self::OtherStream,
        Self::Digest,
        Self::Protocol,
        Self::Unknown,
    ];

    fn number(self) -> u16 {
        self as u16
    }
}

/// Why a datagram is not a valid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reject {
    /// It does not begin as a frame does.
    Foreign,
    /// It was damaged on its way: the checksum is wrong.
    Corrupt,
    /// It is of another version, which a receiver answers with its own.
    Version {
        /// The version of the frame.
        version: u8,
        /// The transfer's id, at the same offset in each version.
        id: u64,
    },
    /// Its checksum is right and its fields are invalid.
    Malformed,
}

mod kind {
    pub(super) const OPEN: u8 = 1;
    pub(super) const CHALLENGE: u8 = 2;
    pub(super) const ACCEPT: u8 = 3;
    pub(super) const DATA: u8 = 4;
    pub(super) const PROBE: u8 = 5;
    pub(super) const END: u8 = 6;
    pub(super) const ACKNOWLEDGE: u8 = 7;
    pub(super) const DONE: u8 = 8;
    pub(super) const CLOSE: u8 = 9;
    pub(super) const VERSIONS: u8 = 10;
}

impl<'a> Ranges<'a> {
    /// Encoded ranges: each the first and the last number.
    pub fn new(ranges: &'a [[u8; 16]]) -> Self {
        Self(ranges)
    }

    /// An encoded range.
    pub fn encode(first: u64, last: u64) -> [u8; 16] {
        (u128::from(first) << 64 | u128::from(last)).to_be_bytes()
    }

    /// The first and the last number of each range, from the newest to the oldest.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = (u64, u64)> + ExactSizeIterator + use<'a> {
        self.0.iter().map(|range| {
            let both = u128::from_be_bytes(*range);
            ((both >> 64) as u64, both as u64)
        })
    }

    /// Whether each begins before it ends, and they descend with a gap between any two.
    fn are_sane(&self) -> bool {
        let mut below = None;
        self.0.len() <= MAX_RANGES
            && self.iter().all(|(first, last)| {
                let fits = below.is_none_or(|below: u64| last < below.saturating_sub(1));
                below = Some(first);
                fits && first <= last
            })
    }
}

impl std::fmt::Debug for Ranges<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
