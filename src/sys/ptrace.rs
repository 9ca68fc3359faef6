//! `ptrace(2)` beyond what nix wraps: every signal number (nix's `wait` refuses real-time ones).

use std::io;

use nix::sys::ptrace;
use nix::unistd::Pid;

pub(crate) use nix::sys::ptrace::Options;

/// The event that a traced process reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It exited with this status.
    Exited(i32),
    /// It was killed by this signal.
    Killed(i32),
    /// It is about to receive this signal.
    Signal(i32),
    /// It is stopped at the entry of a system call or at its end.
    Syscall,
    /// `PTRACE_EVENT_*`, with its signal.
    Event { event: i32, signal: i32 },
}

/// How a stopped process continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// Until the next event.
    Continue,
    /// Until the next entry or end of a system call.
    ToSyscall,
    /// It stays in its group stop, but reports when that ends.
    Listen,
    /// Without a tracer.
    Detach,
}

/// Waits for an event of one traced thread; `None` if `block` is false and there is none.
///
/// ECHILD if the calling thread does not trace it (any more).
pub(crate) fn wait(pid: i32, block: bool) -> io::Result<Option<(i32, Status)>> {
    let mut status = 0;
    let flags = libc::__WALL | libc::__WNOTHREAD | if block { 0 } else { libc::WNOHANG };
    // SAFETY: waitpid(2) demands that wstatus points to an int: `status` is one.
    let pid = unsafe { libc::waitpid(pid, &mut status, flags) };
    match pid {
        0 => Ok(None),
        1.. => Ok(Some((pid, read_status(status)))),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The thread whose event [`wait`] can take; leaves the event in the queue. `None` if `block` is false
/// and there is none.
///
/// It sees the stops of the calling thread's tracees, and also the ends of its other children, which
/// the tracer must not take. ECHILD if there are none.
pub(crate) fn peek(block: bool) -> io::Result<Option<i32>> {
    // Without WSTOPPED and WCONTINUED, stops of children that are not traced are not reported.
    let look = libc::WEXITED | libc::WNOWAIT | libc::__WALL | libc::__WNOTHREAD;
    let flags = look | if block { 0 } else { libc::WNOHANG };
    // SAFETY: siginfo_t is plain data, of which all zeros is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: waitid(2) demands that infop points to a siginfo_t: `info` is one.
    if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, flags) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: waitid(2) fills si_pid, or leaves the zero that was there.
    let pid = unsafe { info.si_pid() };
    Ok((pid != 0).then_some(pid))
}

/// Collects a thread that another thread of this process traces, if it has ended; returns whether it
/// had.
pub(crate) fn collect(pid: i32) -> bool {
    let look = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG | libc::__WALL;
    // SAFETY: siginfo_t is plain data, of which all zeros is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: waitid(2) demands that infop points to a siginfo_t: `info` is one.
    let result = unsafe { libc::waitid(libc::P_PID, pid.unsigned_abs(), &raw mut info, look) };
    let has_ended = matches!(
        info.si_code,
        libc::CLD_EXITED | libc::CLD_KILLED | libc::CLD_DUMPED
    );
    if result != 0 || !has_ended {
        return false;
    }
    let mut status = 0;
    // SAFETY: waitpid(2) demands that wstatus points to an int: `status` is one.
    unsafe { libc::waitpid(pid, &mut status, libc::__WALL | libc::WNOHANG) == pid }
}

fn read_status(status: i32) -> Status {
    if libc::WIFEXITED(status) {
        return Status::Exited(libc::WEXITSTATUS(status));
    }
    if libc::WIFSIGNALED(status) {
        return Status::Killed(libc::WTERMSIG(status));
    }
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        // PTRACE_O_TRACESYSGOOD: bit 7 marks the stops of system calls.
        0 if signal == libc::SIGTRAP | 0x80 => Status::Syscall,
        0 => Status::Signal(signal),
        event => Status::Event { event, signal },
    }
}

/// Continues a stopped process, and delivers a signal unless that is 0.
pub(crate) fn resume(pid: i32, how: Resume, signal: i32) -> io::Result<()> {
    let request = match how {
        Resume::Continue => libc::PTRACE_CONT,
        Resume::ToSyscall => libc::PTRACE_SYSCALL,
        Resume::Listen => libc::PTRACE_LISTEN,
        Resume::Detach => libc::PTRACE_DETACH,
    };
    // SAFETY: ptrace(2) demands nothing of these requests but numbers: addr is ignored, and data is
    // the signal itself, not a pointer.
    let result = unsafe { libc::ptrace(request, pid, 0_usize, signal as usize) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Becomes the tracer of a process, which keeps running.
pub(crate) fn seize(pid: i32, options: Options) -> io::Result<()> {
    Ok(ptrace::seize(Pid::from_raw(pid), options)?)
}

/// Stops a process that was seized.
pub(crate) fn interrupt(pid: i32) -> io::Result<()> {
    Ok(ptrace::interrupt(Pid::from_raw(pid))?)
}

/// The message of an event: the child's pid of a fork, the status of an exit.
pub(crate) fn event_message(pid: i32) -> io::Result<i64> {
    Ok(ptrace::getevent(Pid::from_raw(pid))?)
}

/// The details of a signal: the fields of `siginfo_t` that any kind of signal uses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SignalInfo {
    pub(crate) code: i32,
    pub(crate) errno: i32,
    /// The sender, or the child concerned.
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    /// The status of a child: its exit code, or a signal.
    pub(crate) status: i32,
    /// The CPU time of a child, in clock ticks.
    pub(crate) times: [i64; 2],
    /// The value sent by sigqueue(3).
    pub(crate) value: u64,
    /// The address of the fault.
    pub(crate) address: u64,
}

/// Reads the details of the signal that a process is about to receive.
pub(crate) fn signal_info(pid: i32) -> io::Result<SignalInfo> {
    let info = ptrace::getsiginfo(Pid::from_raw(pid))?;
    // SAFETY: si_pid reads four bytes of the union, all of which the kernel has filled.
    let sender = unsafe { info.si_pid() };
    // SAFETY: as above.
    let uid = unsafe { info.si_uid() };
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    // SAFETY: as above, eight bytes.
    let user = unsafe { info.si_utime() };
    // SAFETY: as above.
    let system = unsafe { info.si_stime() };
    // SAFETY: as above.
    let value = unsafe { info.si_value() };
    // SAFETY: as above.
    let address = unsafe { info.si_addr() };
    Ok(SignalInfo {
        code: info.si_code,
        errno: info.si_errno,
        pid: sender,
        uid,
        status,
        times: [user, system],
        value: value.sival_ptr as u64,
        address: address as u64,
    })
}

/// The kind of a stop at a system call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Info {
    /// A call is about to be made.
    Entry {
        arch: u32,
        number: u64,
        arguments: [u64; 6],
    },
    /// A call has returned: its value, or the negative errno.
    Exit { value: i64, is_error: bool },
    /// It is not at a call.
    None,
}

/// `struct ptrace_syscall_info` of linux/ptrace.h, its union as words: not every C library has it.
#[repr(C)]
#[derive(Debug, Default)]
struct SyscallInfo {
    op: u8,
    reserved: u8,
    flags: u16,
    arch: u32,
    instruction_pointer: u64,
    stack_pointer: u64,
    /// For an entry, the number and six arguments; for an exit, the value and, in one byte, whether it
    /// is an error.
    words: [u64; 8],
}

/// linux/ptrace.h: `PTRACE_SYSCALL_INFO_*`.
const ENTRY: u8 = 1;
const EXIT: u8 = 2;
const SECCOMP: u8 = 3;

/// Reads the system call at which a process is stopped (`PTRACE_GET_SYSCALL_INFO`, Linux 5.3).
pub(crate) fn syscall_info(pid: i32) -> io::Result<Info> {
    /// linux/ptrace.h.
    const PTRACE_GET_SYSCALL_INFO: i64 = 0x420e;
    let mut info = SyscallInfo::default();
    // SAFETY: ptrace(2): data "points to a buffer" of the size in addr: `info` is one, any bytes of
    // which are valid.
    let result = unsafe {
        libc::ptrace(
            PTRACE_GET_SYSCALL_INFO as _,
            pid,
            size_of::<SyscallInfo>(),
            &raw mut info,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let [first, second, ..] = info.words;
    Ok(match info.op {
        ENTRY | SECCOMP => {
            let [number, a, b, c, d, e, f, _] = info.words;
            Info::Entry {
                arch: info.arch,
                number,
                arguments: [a, b, c, d, e, f],
            }
        }
        EXIT => Info::Exit {
            value: first as i64,
            is_error: second.to_ne_bytes()[0] != 0,
        },
        _ => Info::None,
    })
}

/// Whether two processes share one descriptor table (`kcmp(2)`); false if unknown.
pub(crate) fn shares_files(one: i32, other: i32) -> bool {
    /// linux/kcmp.h.
    const KCMP_FILES: libc::c_int = 2;
    // SAFETY: kcmp(2) takes only numbers: KCMP_FILES ignores idx1 and idx2.
    let result = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0, 0) };
    result == 0
}

/// A duplicate of a file descriptor of another process (`pidfd_getfd(2)`, Linux 5.6), or of a thread
/// (Linux 6.9).
pub(crate) fn duplicate(pid: i32, fd: i32) -> io::Result<std::os::fd::OwnedFd> {
    let pidfd = owned(libc::SYS_pidfd_open, [pid as usize, 0, 0])
        .or_else(|_| owned(libc::SYS_pidfd_open, [pid as usize, PIDFD_THREAD, 0]))?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&pidfd) as usize;
    owned(libc::SYS_pidfd_getfd, [number, fd as usize, 0])
}

/// linux/pidfd.h.
const PIDFD_THREAD: usize = libc::O_EXCL as usize;

fn owned(call: i64, arguments: [usize; 3]) -> io::Result<std::os::fd::OwnedFd> {
    let [a, b, c] = arguments;
    // SAFETY: pidfd_open(2) and pidfd_getfd(2) take only numbers, no pointers.
    let fd = unsafe { libc::syscall(call, a, b, c) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both return "a new file descriptor", which nothing else owns.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(fd as i32) })
}
