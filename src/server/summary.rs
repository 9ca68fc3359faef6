//! What a server did, in numbers.

use crate::socket::Datagram;

/// What a server did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Datagrams received, those that were dropped on purpose included.
    pub datagrams: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Replies sent.
    pub replies: u64,
    /// Bytes of payload in those.
    pub reply_bytes: u64,
    /// Datagrams longer than the buffer.
    pub truncated: u64,
    /// Datagrams dropped on purpose.
    pub dropped: u64,
    /// Datagrams left unanswered, since their senders would have answered the answer.
    pub loops: u64,
    /// Failures that the server survived.
    pub failed: u64,
    /// Datagrams that the kernel dropped before the server saw them, mostly for a full receive
    /// buffer (`SO_MEMINFO`); `None` if this kernel does not tell.
    pub kernel_drops: Option<u64>,
}

impl Summary {
    pub(super) fn count(&mut self, datagram: &Datagram<'_>) {
        self.datagrams += 1;
        self.bytes += datagram.length() as u64;
        self.truncated += u64::from(datagram.is_truncated());
    }
}
