//! CPUs: which there are, how to stay on one, and how much time of it was used.

#[cfg(feature = "bench")]
use std::fs;
use std::io;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::Pid;

use crate::error::{Error, Result};

/// The calling thread, to the calls that take a process's number.
const SELF: Pid = Pid::from_raw(0);

/// The CPUs that this process may run on (sched_getaffinity(2)); none if that cannot be told.
pub(crate) fn cpus() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(SELF) else {
        return Vec::new();
    };
    (0..CpuSet::count())
        .filter(|cpu| set.is_set(*cpu).unwrap_or(false))
        .collect()
}

/// Two CPUs for two sides that shall not disturb each other: of different cores, if there are such.
///
/// The one CPU twice where there is but one; `None` if none can be told.
#[cfg(feature = "bench")]
pub(crate) fn two_apart() -> Option<(usize, usize)> {
    let cpus = cpus();
    let first = *cpus.first()?;
    let core = siblings(first);
    let others = || cpus.iter().copied().filter(|cpu| *cpu != first);
    let apart = others().find(|cpu| core.is_none() || siblings(*cpu) != core);
    Some((first, apart.or_else(|| others().next()).unwrap_or(first)))
}

/// The threads of a CPU's core, as sysfs writes them: `0,4`.
#[cfg(feature = "bench")]
fn siblings(cpu: usize) -> Option<String> {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
    fs::read_to_string(path).ok()
}

/// The kernel's release (uname(2)); empty if /proc is not there.
#[cfg(feature = "bench")]
pub(crate) fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().to_owned()
}

/// Finds out whether this process may run on a CPU.
///
/// # Errors
/// If it may not; the remedy names the CPUs that it may run on.
#[cfg(feature = "bench")]
pub(crate) fn check(cpu: usize) -> Result<()> {
    let cpus = cpus();
    if cpus.is_empty() || cpus.contains(&cpu) {
        return Ok(());
    }
    let list: Vec<String> = cpus.iter().map(usize::to_string).collect();
    let error = Error::invalid(
        "use",
        format_args!("CPU {cpu}"),
        "this process may not run there, or there is none",
    );
    Err(error.with_remedy(format!("the CPUs here are {}", list.join(", "))))
}

/// Finds out whether this process may choose the CPUs of its threads: a sandbox may forbid
/// sched_setaffinity(2). Nothing is changed.
///
/// # Errors
/// Of sched_getaffinity(2) and sched_setaffinity(2), such as EPERM under a seccomp filter.
pub(crate) fn may_pin() -> Result<()> {
    // The CPUs that it has already.
    let tried = sched_getaffinity(SELF).and_then(|set| sched_setaffinity(SELF, &set));
    tried.map_err(|errno| Error::os("pin", "threads to CPUs", errno.into()))
}

/// Keeps the calling thread on one CPU (sched_setaffinity(2)).
///
/// # Errors
/// Of sched_setaffinity(2), such as EINVAL where there is no such CPU.
pub(crate) fn pin(cpu: usize) -> Result<()> {
    let failed = |errno: nix::Error| {
        let subject = format!("the thread to CPU {cpu}");
        Error::os("pin", subject, io::Error::from(errno))
    };
    let mut set = CpuSet::new();
    set.set(cpu).map_err(failed)?;
    sched_setaffinity(SELF, &set).map_err(failed)
}

/// CPU time that the calling thread has used, its own and the kernel's for it (getrusage(2)).
#[cfg(feature = "bench")]
pub(crate) fn used_by_thread() -> Duration {
    used_by(UsageWho::RUSAGE_THREAD)
}

/// CPU time that all threads of this process have used, their own and the kernel's for them.
#[cfg(feature = "server")]
pub(crate) fn used_by_process() -> Duration {
    used_by(UsageWho::RUSAGE_SELF)
}

fn used_by(who: UsageWho) -> Duration {
    // With these two it cannot fail: getrusage(2) fails for a bad `who` or a bad pointer alone.
    getrusage(who)
        .map(|usage| duration(usage.user_time()) + duration(usage.system_time()))
        .unwrap_or_default()
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or_default())
}

#[cfg(all(test, feature = "bench"))]
mod tests {
    use super::*;

    #[test]
    fn two_cpus_are_two_if_there_are_two() {
        let all = cpus();
        let (first, second) = two_apart().unwrap();
        assert!(all.contains(&first) && all.contains(&second));
        assert_eq!(first == second, all.len() == 1);
        check(first).unwrap();
        let error = check(100_000).unwrap_err().to_string();
        assert!(error.contains("CPU 100000") && error.contains(&first.to_string()));
    }

    #[test]
    fn a_pinned_thread_has_one_cpu_and_uses_it() {
        let (_, cpu) = two_apart().unwrap();
        let before = std::thread::spawn(move || {
            pin(cpu).unwrap();
            assert_eq!(cpus(), [cpu]);
            pin(1 << 20).unwrap_err();
            used_by_thread()
        });
        assert!(before.join().unwrap() < Duration::from_secs(20));
    }
}
