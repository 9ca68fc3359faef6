//! How the tracer waits for a stop: by sleeping, or by polling for a short time.
//!
//! At a stop the program sleeps while the tracer works, and the tracer sleeps while the program runs.
//! Waking a thread on another CPU takes an interrupt and, on a virtual machine, an exit to the host:
//! several times as long as the tracer's own work. A tracer that polls need not be woken. On busy CPUs
//! polling would only slow the program down, so both methods are tried in turn, and the faster one is
//! kept for a while. Neither affects the program.

use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

/// For how many stops a method is tried, and for how many the faster one is kept.
const TRIAL: u32 = 256;
const KEPT: u32 = 8192;

/// How long to poll before sleeping: a few times the duration of a wake-up.
const LONGEST: Duration = Duration::from_micros(100);

/// The current phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Sleeping is timed.
    #[default]
    Asleep,
    /// Polling is timed; this is the duration with sleeping.
    Looking(Duration),
    /// The faster method is used: whether that is polling.
    Kept(bool),
}

/// Whether this phase polls.
#[derive(Debug, Default)]
pub(super) struct Spin {
    phase: Phase,
    stops: u32,
    began: Option<Instant>,
    is_off: bool,
}

impl Spin {
    /// Sleeps from now on: no latency matters any more.
    pub(super) fn stop(&mut self) {
        self.is_off = true;
    }

    /// Counts a stop, and enters the next phase when this one is complete.
    pub(super) fn count(&mut self) {
        self.stops += 1;
        let length = match self.phase {
            Phase::Kept(_) => KEPT,
            _ => TRIAL,
        };
        if self.stops < length {
            return;
        }
        self.stops = 0;
        let began = self.began.replace(Instant::now());
        let took = began.map(|began| began.elapsed());
        self.phase = match (self.phase, took) {
            // The first stops belong to the program's start and are not counted.
            (_, None) => Phase::Asleep,
            (Phase::Asleep, Some(asleep)) if has_cpus() => Phase::Looking(asleep),
            (Phase::Asleep, _) => Phase::Kept(false),
            (Phase::Looking(asleep), Some(looking)) => Phase::Kept(looking < asleep),
            (Phase::Kept(_), _) => Phase::Asleep,
        };
    }

    /// Polls `look` for up to the limit of the current method.
    pub(super) fn wait<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        if self.is_off || !matches!(self.phase, Phase::Looking(_) | Phase::Kept(true)) {
            return None;
        }
        let began = Instant::now();
        while began.elapsed() < LONGEST {
            for _ in 0..8 {
                if let Some(found) = look() {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// Whether the calling thread may use more than one CPU.
fn has_cpus() -> bool {
    let Ok(allowed) = sched_getaffinity(Pid::from_raw(0)) else {
        return false;
    };
    let is_set = |cpu: &usize| allowed.is_set(*cpu).unwrap_or(false);
    (0..CpuSet::count()).filter(is_set).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_way_is_kept_and_tried_again() {
        let mut spin = Spin::default();
        assert_eq!(spin.wait(|| Some(1)), None);
        let mut seen = Vec::new();
        for _ in 0..2 * (KEPT + 3 * TRIAL) {
            spin.count();
            let name = match spin.phase {
                Phase::Asleep => 'a',
                Phase::Looking(_) => 'l',
                Phase::Kept(_) => 'k',
            };
            if seen.last() != Some(&name) {
                seen.push(name);
            }
        }
        let want: &[char] = if has_cpus() {
            &['a', 'l', 'k', 'a', 'l', 'k']
        } else {
            &['a', 'k', 'a', 'k']
        };
        assert!(seen.starts_with(want), "{seen:?}");
        spin.phase = Phase::Kept(true);
        assert_eq!(spin.wait(|| Some(1)), Some(1));
        assert_eq!(spin.wait(|| None::<u8>), None);
    }
}
