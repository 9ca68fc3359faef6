//! Where a stream is read.

/// The bytes to send, as far as they are available.
///
/// Bytes may be read again until they are acknowledged: a datagram may be lost.
pub trait Source {
    /// The stream is available up to this offset.
    fn available(&self) -> u64;

    /// Whether no more bytes will follow: [`Self::available`] is the stream's length.
    fn is_complete(&self) -> bool;

    /// Who computes the digest. A source that can compute it in parallel with the sender, on
    /// another CPU, saves the sender a pass over every byte.
    fn digest(&self) -> Digesting {
        Digesting::Sender
    }

    /// Bytes from `offset` on: at least one and at most `max_length`, where `offset` is below
    /// [`Self::available`] and not yet acknowledged; fewer than that at the end of the available
    /// bytes, or where their contiguous memory ends.
    fn bytes(&self, offset: u64, max_length: usize) -> &[u8];
}

/// Who computes the digest of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digesting {
    /// The sender, as the bytes pass.
    Sender,
    /// The source, which is not finished yet.
    Pending,
    /// The source, with the result.
    Done(u128),
}

/// A stream that is entirely in memory.
impl Source for &[u8] {
    fn available(&self) -> u64 {
        self.len() as u64
    }

    fn is_complete(&self) -> bool {
        true
    }

    fn bytes(&self, offset: u64, max_length: usize) -> &[u8] {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.len());
        &self[start..start.saturating_add(max_length).min(self.len())]
    }
}
