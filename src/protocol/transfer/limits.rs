//! What limited a transfer.

use std::time::Duration;

/// What limits a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// The network: window and pacing.
    Path,
    /// The receiver's buffer.
    Receiver,
    /// The receiver's disk, or the reader of its output.
    Storage,
    /// The sender's disk, or the writer of its input.
    Source,
    /// Only this machine: the sender was busy all the time.
    Machine,
}

impl Limit {
    const ALL: [Self; 5] = [
        Self::Path,
        Self::Receiver,
        Self::Storage,
        Self::Source,
        Self::Machine,
    ];

    /// Its name, one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Receiver => "receiver",
            Self::Storage => "storage",
            Self::Source => "source",
            Self::Machine => "machine",
        }
    }
}

/// How long each limit applied.
#[derive(Clone, Debug)]
pub struct Limits {
    times: [Duration; 5],
    since: Duration,
    current: Limit,
}

impl Limits {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            times: [Duration::ZERO; 5],
            since: now,
            current: Limit::Path,
        }
    }

    /// Switches to `limit` from now on.
    pub(super) fn set(&mut self, now: Duration, limit: Limit) {
        self.times[self.current as usize] += now.saturating_sub(self.since);
        (self.since, self.current) = (self.since.max(now), limit);
    }

    /// How long `limit` applied.
    pub fn time(&self, limit: Limit) -> Duration {
        self.times[limit as usize]
    }

    /// The limit that applied for most of the time, and its share of it.
    pub fn dominant(&self) -> (Limit, f64) {
        let whole: Duration = self.times.iter().sum();
        let most = Limit::ALL.into_iter().max_by_key(|&limit| self.time(limit));
        let most = most.unwrap_or(Limit::Path);
        let share = self.time(most).as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE);
        (most, share.min(1.0))
    }
}
