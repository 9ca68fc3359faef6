//! On which CPU a traced thread wakes: the tracer's own.
//!
//! A stop is a hand-over: the program sleeps while the tracer looks, and the tracer sleeps while the
//! program runs. Left alone the scheduler wakes each on a CPU that idles, which takes an interrupt
//! to another CPU and, on a virtual machine, a trip to its host: five times as long as a switch on
//! the CPU where both are. So the tracer stays on one CPU, and a thread is woken there: its affinity
//! is narrowed for the moment of the wake-up, while it cannot run, and is as it was before it can
//! look. From there the scheduler moves it as it likes.

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// The CPU that the tracer stays on.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The CPU, as a set; and the tracer's own CPUs, which it has again in the end.
    here: Option<(usize, CpuSet, CpuSet)>,
}

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

impl Place {
    /// Stays where the calling thread runs now. Does nothing where that is not allowed.
    pub(super) fn stay(&mut self) {
        if self.here.is_some() {
            return;
        }
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

    /// Resumes a stopped thread on this CPU, unless it may not run here.
    pub(super) fn resume(&self, thread: i32, resume: impl FnOnce()) {
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
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((_, _, before)) = &self.here {
            let _ = sched_setaffinity(SELF, before);
        }
    }
}
