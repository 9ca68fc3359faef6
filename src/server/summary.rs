//! What a server did, in numbers.

use std::ops::AddAssign;
use std::time::Duration;

use super::handler::Refusal;
use crate::protocol::exchange::Served;
use crate::socket::Endpoint;

/// What a server did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Datagrams left unanswered, since nobody can have sent them: from port 0, or from a multicast,
    /// broadcast or wildcard address.
    pub impossible: u64,
    /// Datagrams left unanswered, since the reply would be more than three times as long.
    pub amplifying: u64,
    /// Failures that the server survived.
    pub failed: u64,
    /// Datagrams that the kernel dropped before the server saw them, mostly for a full receive
    /// buffer (`SO_MEMINFO`); `None` if this kernel does not tell.
    pub kernel_drops: Option<u64>,
    /// What became of the exchanges, if those are what is served.
    pub exchange: Option<Served>,
}

impl Summary {
    /// Counts datagrams that were not answered.
    pub(super) fn refused(&mut self, why: Refusal, count: u64) {
        match why {
            Refusal::Loop => self.loops += count,
            Refusal::Impossible => self.impossible += count,
        }
    }

    /// What the kernel dropped on all of `endpoints`; one counter that is missing makes it unknown.
    pub(super) fn drops_of(endpoints: &[Endpoint]) -> Option<u64> {
        endpoints
            .iter()
            .map(|endpoint| endpoint.kernel_drops().ok().map(u64::from))
            .sum()
    }
}

/// The sum of two workers' work; what the kernel dropped is asked for apart, and so are the
/// exchanges, which all workers share.
impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.replies += other.replies;
        self.reply_bytes += other.reply_bytes;
        self.truncated += other.truncated;
        self.dropped += other.dropped;
        self.loops += other.loops;
        self.impossible += other.impossible;
        self.amplifying += other.amplifying;
        self.failed += other.failed;
    }
}

/// What a server did in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// How long it was.
    pub time: Duration,
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Datagrams that the kernel dropped; `None` if this kernel does not tell.
    pub kernel_drops: Option<u64>,
    /// CPU time that the process used, in user and kernel mode.
    pub cpu: Duration,
    /// System calls that received, sent or waited.
    pub syscalls: u64,
}
