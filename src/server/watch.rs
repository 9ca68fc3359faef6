//! Observes the workers of a pool while they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Event, Interval, Summary};
use crate::cpu;
use crate::error::Error;
use crate::socket::{Endpoint, pause};

/// How often an idle thread checks whether it is time to end.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The counters of a worker, for other threads. They are updated once per batch.
#[derive(Debug, Default)]
pub(super) struct Progress {
    datagrams: AtomicU64,
    bytes: AtomicU64,
    syscalls: AtomicU64,
}

impl Progress {
    /// Publishes the datagrams that the worker has served until now.
    pub(super) fn count(&self, summary: Summary) {
        self.datagrams.store(summary.datagrams, Ordering::Relaxed);
        self.bytes.store(summary.bytes, Ordering::Relaxed);
    }

    /// Publishes the system calls that the worker has made until now.
    pub(super) fn count_syscalls(&self, syscalls: u64) {
        self.syscalls.store(syscalls, Ordering::Relaxed);
    }

    pub(super) fn datagrams(&self) -> u64 {
        self.datagrams.load(Ordering::Relaxed)
    }
}

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
        let sum = |figure: fn(&Progress) -> &AtomicU64| {
            self.progress
                .iter()
                .map(|worker| figure(worker).load(Ordering::Relaxed))
                .sum()
        };
        Interval {
            time: Duration::ZERO,
            datagrams: sum(|worker| &worker.datagrams),
            bytes: sum(|worker| &worker.bytes),
            kernel_drops: Summary::drops_of(self.endpoints),
            cpu: cpu::used_by_process(),
            syscalls: sum(|worker| &worker.syscalls),
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
