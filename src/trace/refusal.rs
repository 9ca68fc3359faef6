//! Why a process may not be traced, and what to do.

use std::io;

use super::tracee;
use crate::error::Error;

/// The flag of a thread of the kernel's own (linux/sched.h).
const PF_KTHREAD: u32 = 0x0020_0000;

/// The error of a process that cannot be traced: `pid`, or a program that was just started.
pub(super) fn refused(subject: &str, pid: Option<i32>, source: io::Error) -> Error {
    let errno = source.raw_os_error();
    let error = Error::os("trace", subject, source);
    match (errno, pid) {
        (Some(libc::ESRCH), _) => error.with_remedy("there is no such process, or it has ended"),
        (Some(libc::EPERM | libc::EACCES), Some(pid)) => error.with_remedy(reason(pid)),
        (Some(libc::EPERM | libc::EACCES), None) => error.with_remedy(FORBIDDEN),
        (Some(libc::ENOSYS), _) => error.with_remedy("this kernel, or a sandbox, has no ptrace(2)"),
        _ => error,
    }
}

const FORBIDDEN: &str = "ptrace(2) is forbidden here, as in many containers: CAP_SYS_PTRACE, or a seccomp profile that \
     has it, allows it";

/// What the kernel refuses with the one errno EPERM, in the order in which it looks.
fn reason(pid: i32) -> String {
    let process = tracee::process_of(pid).unwrap_or(pid);
    if process.unsigned_abs() == std::process::id() {
        return "that is udpraw itself: start another one to trace this one".to_owned();
    }
    if tracee::state(process).is_some_and(|(_, flags)| flags & PF_KTHREAD != 0) {
        return "it is a thread of the kernel, which is no program".to_owned();
    }
    let threads = tracee::threads(process);
    let Some(living) = threads.into_iter().find(|thread| !tracee::is_dead(*thread)) else {
        let parent = tracee::field(process, "PPid:").unwrap_or_default();
        return format!(
            "it has ended, and is a zombie until its parent, process {parent}, waits for it"
        );
    };
    let field = |name| tracee::field(living, name);
    match field("TracerPid:") {
        None | Some(0) => {}
        Some(tracer) => return format!("process {tracer} traces it already: end that first"),
    }
    let (ours, is_root) = (nix::unistd::geteuid(), nix::unistd::geteuid().is_root());
    if let Some(user) = field("Uid:")
        && user.cast_unsigned() != ours.as_raw()
        && !is_root
    {
        return format!("it belongs to user {user}: run this as that user, or as root");
    }
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    match scope.as_deref().map(str::trim) {
        Ok("3") => {
            "kernel.yama.ptrace_scope is 3, which forbids all tracing until the next boot".to_owned()
        }
        Ok("1" | "2") if !is_root => {
            "kernel.yama.ptrace_scope forbids it: start the program under udpraw trace, run this as \
             root, or set the sysctl to 0"
                .to_owned()
        }
        _ if !is_root => {
            "it has privileges that this user lacks (set-user-ID, or capabilities), or ptrace(2) is \
             forbidden here: run this as root"
                .to_owned()
        }
        _ => FORBIDDEN.to_owned(),
    }
}
