//! The frames of a transfer, as they stand in a datagram. The table of their fields is in the
//! [module's docs](super).

mod decode;
mod encode;

pub use decode::decode;
pub(super) use encode::{append_data_header, pad};

/// The version that is spoken here.
pub const VERSION: u8 = 1;
/// Bytes before what differs from kind to kind.
pub(super) const COMMON: usize = 16;
/// Bytes of a data frame before its payload.
pub const DATA_HEADER: usize = 32;
/// The least length of an open frame: no answer to one from an unproven address is longer.
pub const OPEN_LENGTH: usize = 64;
/// The most ranges that an acknowledgement tells.
pub const MAX_RANGES: usize = 64;
/// The longest name of a stream, in bytes.
pub const MAX_NAME: usize = 255;
/// The longest words of a close frame, in bytes.
pub const MAX_REASON: usize = 200;

const MAGIC: [u8; 2] = *b"uT";
const RANGES_AT: usize = 40;

/// What a datagram is, and of which transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<'a> {
    /// The transfer's random id.
    pub id: u64,
    /// What it says.
    pub frame: Frame<'a>,
}

/// What a datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Sender: may I send?
    Open(Open<'a>),
    /// Receiver: say that again with this token, so that I know that you are where you say.
    Challenge {
        /// To be repeated in the next open frame.
        token: [u8; 16],
    },
    /// Receiver: you may.
    Accept(Accept),
    /// Sender: bytes of the stream.
    Data(Data<'a>),
    /// Sender: nothing but a length, to be acknowledged: a probe of the path's MTU, or a question
    /// whether the receiver is there.
    Probe {
        /// The datagram's number.
        number: u64,
    },
    /// Sender: the stream ends here.
    End(End),
    /// Receiver: this came.
    Acknowledge(Acknowledge<'a>),
    /// Receiver: the whole of it is where it belongs.
    Done,
    /// Either: it is over.
    Close(Close<'a>),
    /// Receiver: these versions are spoken here.
    Versions(&'a [u8]),
}

/// Asks for a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// What a challenge said; zeros before there was one.
    pub token: [u8; 16],
    /// The stream's length in bytes, where that is known beforehand.
    pub size: Option<u64>,
    /// What the stream is called at the sender: a file's name without its folders; maybe nothing.
    pub name: &'a [u8],
}

/// Agrees to a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The sender may send the stream up to this offset.
    pub credit: u64,
    /// The stream up to here is there already, from an earlier transfer.
    pub resume: u64,
    /// The digest of what is there.
    pub digest: u128,
    /// The longest datagram, in bytes of UDP payload, that the receiver has room for.
    pub max_datagram: u16,
    /// How long an acknowledgement may be held back, in milliseconds.
    pub delay: u16,
    /// How long the sender may be silent before the receiver takes it to be gone, in seconds.
    pub peer_timeout: u16,
}

/// Bytes of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The datagram's number: each is sent once, also when its bytes are sent again.
    pub number: u64,
    /// Where in the stream the bytes stand.
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

/// What came, and how far the sender may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge<'a> {
    /// The stream came whole up to here.
    pub delivered: u64,
    /// The sender may send the stream up to this offset.
    pub credit: u64,
    /// How long the newest datagram waited for this acknowledgement, in microseconds.
    pub delay: u32,
    /// Whether the receiver's time goes into storing what came.
    pub is_storing: bool,
    /// Which datagrams came.
    pub ranges: Ranges<'a>,
}

/// The numbers of datagrams, as ranges from the newest to the oldest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ranges<'a>(&'a [[u8; 16]]);

/// It is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// Why.
    pub code: Code,
    /// Words for a person; foreign bytes.
    pub reason: &'a [u8],
}

/// Why a transfer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// All is well, and both ends know it.
    Finished,
    /// A person or a signal stopped it.
    Interrupted,
    /// The receiver takes no transfer, or not this one.
    Refused,
    /// The sender cannot read on.
    Source,
    /// The receiver cannot store what came.
    Storage,
    /// What the receiver had kept is not the beginning of this stream.
    OtherStream,
    /// All came, and its digest is not the sender's.
    Digest,
    /// A frame that makes no sense.
    Protocol,
    /// The receiver knows no such transfer (any more).
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

/// Why a datagram is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reject {
    /// It does not begin as a frame does.
    Foreign,
    /// It was changed on its way: the checksum does not fit.
    Corrupt,
    /// It is of another version, which a receiver answers by naming its own.
    Version {
        /// The version that it speaks.
        version: u8,
        /// The transfer's id, at the same place in each version.
        id: u64,
    },
    /// Its checksum fits and its fields make no sense.
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
    /// Ranges that stand as a frame has them: each the first and the last number.
    pub fn new(ranges: &'a [[u8; 16]]) -> Self {
        Self(ranges)
    }

    /// A range as it stands in a frame.
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

    /// Whether each begins before it ends, and they go down with a gap between any two.
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
