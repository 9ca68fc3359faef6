//! Where a stream goes.

/// Where a stream goes: bytes in order, each once.
///
/// A sink that fails keeps its error to itself until it is asked, and takes no more bytes: the
/// receiver is then told to [abandon](super::Receiver::abandon) the transfer.
pub trait Sink {
    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
