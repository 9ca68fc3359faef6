//! The counters of a transport.

/// Counters since a transport was opened; each one only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// System calls that received, sent or waited.
    pub syscalls: u64,
    /// Calls that moved at least one datagram.
    pub batches: u64,
    /// Datagrams received, each segment of a run counted.
    pub received: u64,
    /// Their payload in bytes, with the true length of truncated ones.
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
    /// Datagrams that were longer than the receive buffer; not counted at a capacity of 0.
    pub truncated: u64,
    /// Errors that calls returned, besides EAGAIN and EINTR.
    pub errors: u64,
    /// Datagrams that the kernel refused, and that were given up.
    pub refused: u64,
    /// Runs that the kernel refused as such, and that were sent as single datagrams.
    pub offload_fallbacks: u64,
    /// How many times the multishot receive was re-armed: its buffers were all full, or it ended.
    pub rearmed: u64,
}

impl Counters {
    /// The sum of the counters of two halves.
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
