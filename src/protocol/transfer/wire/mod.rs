//! The bytes of a transfer. The tables of their fields are in the [module's docs](super).

mod frame;
mod handshake;
mod packet;
mod ranges;
#[cfg(test)]
mod tests;

pub use frame::{Acknowledge, Frame, Frames, Status};
pub use handshake::{
    Accept, Handshake, OPEN_LENGTH, Open, Reject, VERSION, Version, connection_id, decode,
};
pub use packet::{MAX_OVERHEAD, STREAM_HEADER, connection_of};
pub(super) use packet::{begin, open, seal};
pub use ranges::{MAX_RANGES, Ranges};

/// The longest text of a close frame, in bytes.
pub const MAX_REASON: usize = 100;

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
    /// The sender has another code than the receiver.
    WrongCode,
    /// The receiver takes only senders that have its code.
    CodeRequired,
    /// The receiver has no code, and the sender offers only a transfer with one.
    NoCode,
}

impl Code {
    pub(super) const ALL: [Self; 12] = [
        Self::Finished,
        Self::Interrupted,
        Self::Refused,
        Self::Source,
        Self::Storage,
        Self::OtherStream,
        Self::Digest,
        Self::Protocol,
        Self::Unknown,
        Self::WrongCode,
        Self::CodeRequired,
        Self::NoCode,
    ];

    /// The number in frames.
    pub fn number(self) -> u16 {
        self as u16
    }

    fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl<'a> Close<'a> {
    fn append(&self, out: &mut Vec<u8>) {
        let reason = &self.reason[..self.reason.len().min(MAX_REASON)];
        out.extend(self.code.number().to_be_bytes());
        out.push(reason.len() as u8);
        out.extend(reason);
    }

    fn take(fields: &mut Fields<'a>) -> Option<Self> {
        let code = Code::from_number(fields.u16()?)?;
        let length = usize::from(fields.u8()?);
        let reason = fields.bytes(length)?;
        (length <= MAX_REASON).then_some(Self { code, reason })
    }
}

/// Takes fields off the front; `None` if there is too little.
#[derive(Clone, Copy, Debug)]
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(field)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(field)
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().copied().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().copied().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().copied().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().copied().map(u64::from_be_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.take().copied().map(u128::from_be_bytes)
    }

    /// Whether the rest is only padding.
    fn zeros(&self) -> Option<()> {
        self.0.iter().all(|&byte| byte == 0).then_some(())
    }
}
