//! What a transport counts.

use crate::socket::Received;

/// What a transport has counted since it was opened. No counter ever decreases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// System calls that received, sent or waited.
    pub syscalls: u64,
    /// Calls that received or sent at least one datagram.
    pub batches: u64,
    /// Datagrams received, each segment of a run counted.
    pub received: u64,
    /// Their payload in bytes: the true length, even where it was truncated.
    pub received_bytes: u64,
    /// Messages sent, a run counted as one. Modulo 2^32 this is the identifier that the kernel gives to
    /// the timestamp of the next message, if `SOF_TIMESTAMPING_OPT_ID` was set before the transport was
    /// opened and nothing else sends over the socket.
    pub sent_messages: u64,
    /// Datagrams sent, each segment of a run counted.
    pub sent: u64,
    /// Their payload in bytes.
    pub sent_bytes: u64,
    /// Runs of two or more datagrams that crossed the stack as one, in either direction.
    pub runs: u64,
    /// Calls that found nothing to receive, or no room to send (EAGAIN).
    pub would_block: u64,
    /// Datagrams longer than [`TransportConfig::capacity`](super::TransportConfig::capacity); not counted
    /// if that is 0.
    pub truncated: u64,
    /// Errors that calls returned, other than EAGAIN and EINTR.
    pub errors: u64,
    /// Datagrams dropped because the kernel refused to send them.
    pub refused: u64,
    /// Runs that the device or the path could not offload, sent as single datagrams.
    pub offload_fallbacks: u64,
    /// How often the multishot receive had to be armed again, because all its buffers were full or the
    /// kernel ended it.
    pub rearmed: u64,
}

impl Counters {
    /// Counts a message that was received; returns how many datagrams it is.
    pub(super) fn count_received(&mut self, message: &Received<'_>, takes_payload: bool) -> usize {
        let count = message.count();
        self.received += count as u64;
        self.received_bytes += message.length() as u64;
        self.runs += u64::from(count > 1);
        self.truncated += u64::from(message.is_truncated() && takes_payload);
        count
    }

    /// The figures of two halves together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            syscalls: self.syscalls + other.syscalls,
            batches: self.batches + other.batches,
            received: self.received + other.received,
            received_bytes: self.received_bytes + other.received_bytes,
            sent_messages: self.sent_messages + other.sent_messages,
            sent: self.sent + other.sent,
            sent_bytes: self.sent_bytes + other.sent_bytes,
            runs: self.runs + other.runs,
            would_block: self.would_block + other.would_block,
            truncated: self.truncated + other.truncated,
            errors: self.errors + other.errors,
            refused: self.refused + other.refused,
            offload_fallbacks: self.offload_fallbacks + other.offload_fallbacks,
            rearmed: self.rearmed + other.rearmed,
        }
    }
}
