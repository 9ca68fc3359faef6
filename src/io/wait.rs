//! How long a call may wait.

use std::time::{Duration, Instant};

/// How long a receive waits for a datagram, or a send for room in the socket's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Without a limit.
    Forever,
    /// At most this long. A receive leaves the timing to the socket (`SO_RCVTIMEO`, set when the
    /// duration changes), which costs no system call per receive.
    For(Duration),
    /// Until this moment.
    Until(Instant),
    /// Not at all.
    Never,
}

/// A wait that has begun.
pub(super) struct Waiting {
    pub(super) wait: Wait,
    /// When [`Wait::For`] ends, once it was computed.
    end: Option<Instant>,
}

impl Waiting {
    pub(super) fn new(wait: Wait) -> Self {
        // The kernel treats a timeout of 0 as no timeout.
        let wait = match wait {
            Wait::For(Duration::ZERO) => Wait::Never,
            wait => wait,
        };
        Self { wait, end: None }
    }

    /// How much time is left; `None` if there is no limit.
    pub(super) fn left(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let end = match self.wait {
            Wait::Forever => return None,
            Wait::Never => now,
            Wait::Until(end) => end,
            Wait::For(time) => match self.end {
                Some(end) => end,
                None => *self.end.insert(now.checked_add(time)?),
            },
        };
        Some(end.saturating_duration_since(now))
    }
}
