//! The reasons why a program cannot be run or a process cannot be traced.

use std::io;

use super::tracee;
use crate::error::Error;

/// The flag of a kernel thread (linux/sched.h).
const PF_KTHREAD: u32 = 0x0020_0000;

/// The reason why something cannot be traced. `english/notes.rs` has the remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoProcess,
    NoPtrace,
    /// ptrace(2) is forbidden, and nothing about the process explains it.
    Forbidden,
    Itself,
    KernelThread,
    Zombie {
        parent: i32,
    },
    Traced {
        tracer: i32,
    },
    OtherUser {
        user: i32,
    },
    YamaForbids,
    YamaRestricts,
    Privileged,
    /// A started program exceeded [`Config::max_tracees`](super::Config::max_tracees).
    StartedTooMany,
    /// An attached process exceeded it.
    AttachedTooMany,
    /// No file has that path.
    NoFile,
    NotInPath,
    NotExecutable,
    NoProgram,
    LetGo,
}

impl Refusal {
    /// Adds the remedy to an error.
    pub(super) fn explain(self, error: Error) -> Error {
        error.with_remedy(self.to_string())
    }
}

/// The error for a process that cannot be traced: `pid`, or a program that was just started.
pub(super) fn refused(subject: &str, pid: Option<i32>, source: io::Error) -> Error {
    let errno = source.raw_os_error();
    let error = Error::os("trace", subject, source);
    let refusal = match (errno, pid) {
        (Some(libc::ESRCH), _) => Refusal::NoProcess,
        (Some(libc::EPERM | libc::EACCES), Some(pid)) => reason(pid),
        (Some(libc::EPERM | libc::EACCES), None) => Refusal::Forbidden,
        (Some(libc::ENOSYS), _) => Refusal::NoPtrace,
        _ => return error,
    };
    refusal.explain(error)
}

/// Finds the reason for EPERM, by the kernel's checks in their order.
fn reason(pid: i32) -> Refusal {
    let process = tracee::process_of(pid).unwrap_or(pid);
    if process.unsigned_abs() == std::process::id() {
        return Refusal::Itself;
    }
    if tracee::state(process).is_some_and(|(_, flags)| flags & PF_KTHREAD != 0) {
        return Refusal::KernelThread;
    }
    let threads = tracee::threads(process);
    let Some(living) = threads.into_iter().find(|thread| !tracee::is_dead(*thread)) else {
        let parent = tracee::field(process, "PPid:").unwrap_or_default();
        return Refusal::Zombie { parent };
    };
    let field = |name| tracee::field(living, name);
    match field("TracerPid:") {
        None | Some(0) => {}
        Some(tracer) => return Refusal::Traced { tracer },
    }
    let (ours, is_root) = (nix::unistd::geteuid(), nix::unistd::geteuid().is_root());
    if let Some(user) = field("Uid:")
        && user.cast_unsigned() != ours.as_raw()
        && !is_root
    {
        return Refusal::OtherUser { user };
    }
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    match scope.as_deref().map(str::trim) {
        Ok("3") => Refusal::YamaForbids,
        Ok("1" | "2") if !is_root => Refusal::YamaRestricts,
        _ if !is_root => Refusal::Privileged,
        _ => Refusal::Forbidden,
    }
}
