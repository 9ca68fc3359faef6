//! A limit on what strangers can make the program say: sans-IO.

use std::time::{Duration, Instant};

/// The number of events of a kind that are reported one by one;
const FIRST: u32 = 10;
/// then one is reported in this time, with the number of those that were not.
const OFTEN: Duration = Duration::from_secs(1);

/// The limit of one kind of note.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    reported: u32,
    last: Option<Instant>,
    unreported: u64,
}

impl Limit {
    /// Whether to report one more at `now`, with the number of those left out; `None` for silence.
    pub(crate) fn pass(&mut self, now: Instant) -> Option<u64> {
        let is_due = self
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= OFTEN);
        if self.reported >= FIRST && !is_due {
            self.unreported += 1;
            return None;
        }
        self.reported = self.reported.saturating_add(1);
        self.last = Some(now);
        Some(std::mem::take(&mut self.unreported))
    }

    /// How many were left out since the last report.
    pub(crate) fn rest(&mut self) -> u64 {
        std::mem::take(&mut self.unreported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_and_then_a_count_a_second() {
        let start = Instant::now();
        let mut limit = Limit::default();
        let mut reported = Vec::new();
        // Ten thousand a second, for three seconds and a bit.
        for turn in 0..32_000_u32 {
            if let Some(unreported) = limit.pass(start + turn * Duration::from_micros(100)) {
                reported.push(unreported);
            }
        }
        assert_eq!(reported[..FIRST as usize], [0; FIRST as usize]);
        assert_eq!(reported.len(), FIRST as usize + 3);
        let all = reported.len() as u64 + reported.iter().sum::<u64>() + limit.rest();
        assert_eq!((all, limit.rest()), (32_000, 0));
    }
}
