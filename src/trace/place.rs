//! On which CPU a traced thread wakes: the tracer's own.
//!
//! A stop is a hand-over: the program sleeps while the tracer looks, and the tracer sleeps while the
//! program runs. Left alone the scheduler wakes each on a CPU that idles, which takes an interrupt
//! to another CPU and, on a virtual machine, a trip to its host: five times as long as a switch on
//! the CPU where both are. So the tracer stays on one CPU, and a thread is woken there: its affinity
//! is narrowed for the moment of the wake-up, while it cannot run, and is as it was before it can
//! look. From there the scheduler moves it as it likes.
//!
//! Where all CPUs are busy anyway the scheduler does as well by itself, without the calls that this
//! takes: so both ways are tried in turn, and the faster one is kept for a while.

use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// How many stops a way is tried for, and how many the faster one is kept for.
const TRIAL: u32 = 256;
const KEPT: u32 = 8192;

/// What is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// The scheduler's way is timed.
    #[default]
    Theirs,
    /// This way is timed; the scheduler's took so long.
    Ours(Duration),
    /// The faster one of both.
    Kept,
}

/// Where threads wake, and which way of choosing that is being tried.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The CPU that the tracer stays on, also as a set; and the CPUs that it may run on otherwise.
    here: Option<(usize, CpuSet, CpuSet)>,
    phase: Phase,
    stops: u32,
    began: Option<Instant>,
}

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

impl Place {
    /// Resumes a stopped thread, on this CPU where that is the faster way.
    pub(super) fn resume(&mut self, thread: i32, resume: impl FnOnce()) {
        self.choose();
        let thread = Pid::from_raw(thread);
        let narrowed = self.here.as_ref().and_then(|(cpu, here, _)| {
            let theirs = sched_getaffinity(thread).ok()?;
            let may = theirs.is_set(*cpu).ok()? && theirs != *here;
            (may && sched_setaffinity(thread, here).is_ok()).then_some(theirs)
        });
        resume();
        if let Some(theirs) = narrowed {
            let _ = sched_setaffinity(thread, &theirs);
        }
    }

    /// Counts a stop, and goes over to the next phase when this one is done.
    fn choose(&mut self) {
        self.stops += 1;
        let length = if self.phase == Phase::Kept {
            KEPT
        } else {
            TRIAL
        };
        if self.stops < length {
            return;
        }
        self.stops = 0;
        let took = self
            .began
            .replace(Instant::now())
            .map(|began| began.elapsed());
        self.phase = match (self.phase, took) {
            // The first stops of all are those of a program that starts: they are not counted.
            (_, None) => Phase::Theirs,
            (Phase::Theirs, Some(theirs)) => {
                self.stay();
                Phase::Ours(theirs)
            }
            (Phase::Ours(theirs), Some(ours)) => {
                if theirs < ours {
                    self.leave();
                }
                Phase::Kept
            }
            (Phase::Kept, _) => {
                self.leave();
                Phase::Theirs
            }
        };
    }

    /// Stays where the calling thread runs now. Does nothing where that is not allowed.
    fn stay(&mut self) {
        let (Ok(cpu), Ok(before)) = (sched_getcpu(), sched_getaffinity(SELF)) else {
            return;
        };
        // With one CPU alone there is nothing to choose.
        let is_set = |cpu: &usize| before.is_set(*cpu).unwrap_or(false);
        if (0..CpuSet::count()).filter(is_set).count() < 2 {
            return;
        }
        let mut here = CpuSet::new();
        if here.set(cpu).is_ok() && sched_setaffinity(SELF, &here).is_ok() {
            self.here = Some((cpu, here, before));
        }
    }

    /// Runs wherever it may again.
    fn leave(&mut self) {
        if let Some((_, _, before)) = self.here.take() {
            let _ = sched_setaffinity(SELF, &before);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}
