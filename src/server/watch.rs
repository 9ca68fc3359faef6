//! Observes the workers of a pool while they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::progress::Progress;
use super::{Event, Interval, Summary};
use crate::cpu;
use crate::error::Error;
use crate::socket::{Endpoint, pause};

/// How often an idle thread checks whether it is time to end.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Reports the work of all workers in each interval.
pub(super) struct Watch<'a> {
    progress: Vec<Arc<Progress>>,
    endpoints: &'a [Endpoint],
    interval: Option<Duration>,
    /// The counters at the start of the interval.
    last: Interval,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        progress: Vec<Arc<Progress>>,
        endpoints: &'a [Endpoint],
        interval: Option<Duration>,
    ) -> Self {
        let mut watch = Self {
            progress,
            endpoints,
            interval,
            last: Interval::default(),
        };
        watch.last = watch.until_now();
        watch
    }

    /// Runs until `stop` is raised by the caller, or `end` by a worker.
    pub(super) fn until_the_end<E: From<Error>>(
        mut self,
        stop: &AtomicBool,
        end: &AtomicBool,
        tell: impl Fn(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut began = Instant::now();
        loop {
            let left = self
                .interval
                .map_or(TICK, |interval| interval.saturating_sub(began.elapsed()));
            // Never 0, which would make no progress.
            pause(left.clamp(Duration::from_micros(100), TICK), stop)?;
            if stop.load(Ordering::Relaxed) || end.load(Ordering::Relaxed) {
                return Ok(());
            }
            if self
                .interval
                .is_some_and(|interval| began.elapsed() >= interval)
            {
                let now = self.until_now();
                tell(&Event::Interval(now.since(&self.last, began.elapsed())))?;
                (began, self.last) = (Instant::now(), now);
            }
        }
    }

    /// All counters until now, as an interval of length zero.
    fn until_now(&self) -> Interval {
        let sum = |figure: fn(&Progress) -> u64| {
            let workers = self.progress.iter();
            workers.map(|worker| figure(worker)).sum()
        };
        Interval {
            time: Duration::ZERO,
            datagrams: sum(Progress::datagrams),
            bytes: sum(Progress::bytes),
            kernel_drops: Summary::drops_of(self.endpoints),
            cpu: cpu::used_by_process(),
            syscalls: sum(Progress::syscalls),
        }
    }
}

impl Interval {
    fn since(&self, earlier: &Self, time: Duration) -> Self {
        let drops = self.kernel_drops.zip(earlier.kernel_drops);
        Self {
            time,
            datagrams: self.datagrams - earlier.datagrams,
            bytes: self.bytes - earlier.bytes,
            kernel_drops: drops.map(|(now, then)| now.saturating_sub(then)),
            cpu: self.cpu.saturating_sub(earlier.cpu),
            syscalls: self.syscalls - earlier.syscalls,
        }
    }
}
