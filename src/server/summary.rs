//! The counters of a server.

use std::ops::AddAssign;
use std::time::Duration;

use super::handler::Refusal;
use crate::protocol::exchange::Served;
use crate::socket::Endpoint;

/// The counters of a server since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Datagrams received, including those that were dropped as simulated loss.
    pub datagrams: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Replies sent.
    pub replies: u64,
    /// Bytes of payload in those.
    pub reply_bytes: u64,
    /// Datagrams longer than the buffer.
    pub truncated: u64,
    /// Datagrams dropped as simulated loss.
    pub dropped: u64,
    /// Datagrams not answered, since their senders would have answered the answer.
    pub loops: u64,
    /// Datagrams not answered, since no host can have sent them: from port 0, or from a multicast,
    /// broadcast or wildcard address.
    pub impossible: u64,
    /// Datagrams not answered, since the reply would be more than three times as long.
    pub amplifying: u64,
    /// Errors after which the server continued.
    pub failed: u64,
    /// Datagrams that the kernel dropped before the server received them, mostly because the
    /// receive buffer was full (`SO_MEMINFO`); `None` if this kernel does not report it.
    pub kernel_drops: Option<u64>,
    /// The counters of exchanges, if it serves them.
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

    /// The kernel's drops on all `endpoints`; unknown if one counter is missing.
    pub(super) fn drops_of(endpoints: &[Endpoint]) -> Option<u64> {
        endpoints
            .iter()
            .map(|endpoint| endpoint.kernel_drops().ok().map(u64::from))
            .sum()
    }
}

/// The sum of two workers' counters; without the kernel's drops, which are read separately, and the
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

/// The counters of a server in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// Its length.
    pub time: Duration,
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Datagrams that the kernel dropped; `None` if this kernel does not report it.
    pub kernel_drops: Option<u64>,
    /// CPU time that the process used, in user and kernel mode.
    pub cpu: Duration,
    /// System calls that received, sent or waited.
    pub syscalls: u64,
}
