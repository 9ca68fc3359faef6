//! Where a stream is written.

/// Where a stream is written: bytes in order, each once.
///
/// A sink that fails stores its error until it is asked, and accepts no more bytes: then the caller
/// must [abandon](super::Receiver::abandon) the transfer.
pub trait Sink {
    /// Writes the next bytes.
    fn write(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
