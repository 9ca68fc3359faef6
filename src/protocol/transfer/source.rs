//! Where a stream comes from.

/// The bytes that are to be sent, as far as they are there.
///
/// What was given out may be asked for again until it is acknowledged: a datagram may be lost.
pub trait Source {
    /// The stream is there up to this offset.
    fn available(&self) -> u64;

    /// Whether nothing more will come: [`Self::available`] is the stream's length.
    fn is_complete(&self) -> bool;

    /// Who takes the digest. A source that can take it beside the sender, on another CPU, spares the
    /// sender a pass over every byte.
    fn digest(&self) -> Digesting {
        Digesting::Sender
    }

    /// Bytes from `offset` on: at least one and at most `max_length`, where `offset` is below
    /// [`Self::available`] and not yet acknowledged; fewer than that at the end of what is there, or
    /// where the memory ends that they lie in.
    fn bytes(&self, offset: u64, max_length: usize) -> &[u8];
}

/// Who takes the digest of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digesting {
    /// The sender, as the bytes pass.
    Sender,
    /// The source, which is not done yet.
    Pending,
    /// The source, and this is it.
    Done(u128),
}

/// A stream that is wholly in memory.
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
