//! The receiver's answer stream, in order.

/// Bytes that wait to be read, at most.
const MAX_BUFFERED: usize = 256 << 10;

#[derive(Debug, Default)]
pub(super) struct AnswerStream {
    bytes: Vec<u8>,
    /// It has arrived up to here.
    pub(super) end: u64,
    /// The receiver must be told.
    pub(super) is_due: bool,
}

impl AnswerStream {
    pub(super) fn receive(&mut self, offset: u64, bytes: &[u8]) {
        self.is_due = true;
        let skip = self
            .end
            .checked_sub(offset)
            .and_then(|skip| usize::try_from(skip).ok());
        let Some(new) = skip.and_then(|skip| bytes.get(skip..)) else {
            return;
        };
        let new = &new[..new
            .len()
            .min(MAX_BUFFERED - self.bytes.len().min(MAX_BUFFERED))];
        self.bytes.extend_from_slice(new);
        self.end += new.len() as u64;
    }

    pub(super) fn take(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.bytes);
    }
}
