//! Notes, and the reasons why something cannot be traced, in English.

use std::fmt;

use crate::error::describe_errno;
use crate::trace::event::Note;
use crate::trace::refusal::Refusal;

impl fmt::Display for Note {
    /// The sentence in English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MemoryByFile => f.write_str(
                "process_vm_readv(2) is forbidden here: the program's memory is read through /proc/PID/mem, which is slower",
            ),
            Self::MemoryByWords => f.write_str(
                "process_vm_readv(2) is forbidden here: the program's memory is read with PTRACE_PEEKDATA, one word at a time, which is slower",
            ),
            Self::NoFilter { errno } => write!(
                f,
                "seccomp(2) is not available here, {}: each call stops the program twice, which is \
                 slower",
                describe_errno(*errno)
            ),
            Self::Uring => f.write_str(
                "the program sets up io_uring: operations through it are not system calls and are not traced",
            ),
            Self::MixedAbi => f.write_str(
                "the program creates a socket with a call of another architecture (int 0x80, or x32): such calls have other numbers and are not shown",
            ),
            Self::Program32 { file } => write!(
                f,
                "{file} is a 32-bit program: its calls have other numbers and are not shown"
            ),
        }
    }
}

/// The reason of a refusal, or its remedy.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoProcess => "there is no such process, or it has ended",
            Self::NoPtrace => "this kernel, or a sandbox, has no ptrace(2)",
            Self::Forbidden => {
                "ptrace(2) is forbidden here, as in many containers: CAP_SYS_PTRACE, or a seccomp profile that permits it, allows it"
            }
            Self::Itself => "this is udpraw itself: start another udpraw to trace it",
            Self::KernelThread => "it is a kernel thread, not a program",
            Self::Zombie { parent } => {
                return write!(
                    f,
                    "it has ended, and is a zombie until its parent, process {parent}, waits for it"
                );
            }
            Self::Traced { tracer } => {
                return write!(f, "process {tracer} already traces it: end that process first");
            }
            Self::OtherUser { user } => {
                return write!(
                    f,
                    "it belongs to user {user}: run this as that user, or as root"
                );
            }
            Self::YamaForbids => {
                "kernel.yama.ptrace_scope is 3, which forbids all tracing until the next boot"
            }
            Self::YamaRestricts => {
                "kernel.yama.ptrace_scope forbids it: start the program under udpraw trace, run \
                 this as root, or set the sysctl to 0"
            }
            Self::Privileged => {
                "it has privileges that this user lacks (set-user-ID, or capabilities), or \
                 ptrace(2) is forbidden here: run this as root"
            }
            Self::StartedTooMany => "all were ended; --max-processes raises the limit",
            Self::AttachedTooMany => {
                "udpraw detached from all, and they keep running; --max-processes raises the limit"
            }
            Self::NoFile => "check the spelling, or the interpreter that the file names",
            Self::NotInPath => "it is in no directory of PATH; give its path",
            Self::NotExecutable => "it must be a file with the x permission (chmod +x)",
            Self::NoProgram => "it is not a program for this machine, or a script without #!",
            Self::LetGo => "its tracer detached from it before it started",
        })
    }
}
