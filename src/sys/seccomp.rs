//! `seccomp(2)` filters that hand chosen system calls to a tracer, as classic BPF.

use libc::sock_filter;

/// This machine's architecture, as `struct seccomp_data` and `PTRACE_GET_SYSCALL_INFO` name it.
#[cfg(target_arch = "x86_64")]
pub(crate) const NATIVE: u32 = 0xc000_003e;
/// This machine's architecture, as `struct seccomp_data` and `PTRACE_GET_SYSCALL_INFO` name it.
#[cfg(target_arch = "aarch64")]
pub(crate) const NATIVE: u32 = 0xc000_00b7;

/// Offsets in `struct seccomp_data` (linux/seccomp.h).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The lower half of the first argument: x86_64 and aarch64 are little-endian.
const FIRST_ARGUMENT: u32 = 16;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const ABOVE: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const fn code(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

const TRACE: sock_filter = code(RETURN, libc::SECCOMP_RET_TRACE, 0, 0);
const ALLOW: sock_filter = code(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0);

/// A filter that stops at every call of `always`, and at those of `by_fd` whose first argument lies in
/// one of the ranges (both ends in them). All other calls, and those of other architectures, go on.
///
/// A call that is in neither list is decided by its number alone, so that the kernel (5.11) need not
/// run the filter for it at all.
pub(crate) fn filter(always: &[i64], by_fd: &[i64], ranges: &[(u32, u32)]) -> Vec<sock_filter> {
    let mut program = vec![
        code(LOAD, ARCHITECTURE, 0, 0),
        code(EQUAL, NATIVE, 1, 0),
        ALLOW,
        code(LOAD, NUMBER, 0, 0),
    ];
    // Each pair costs two instructions, but no jump is ever longer than one byte counts.
    for number in always {
        program.push(code(EQUAL, *number as u32, 0, 1));
        program.push(TRACE);
    }
    if !ranges.is_empty() {
        for (at, number) in by_fd.iter().enumerate() {
            // To the load, which stands behind the rest of the list and one ALLOW.
            program.push(code(EQUAL, *number as u32, (by_fd.len() - at) as u8, 0));
        }
        program.push(ALLOW);
        program.push(code(LOAD, FIRST_ARGUMENT, 0, 0));
        for (low, high) in ranges {
            program.push(code(AT_LEAST, *low, 0, 2));
            program.push(code(ABOVE, *high, 1, 0));
            program.push(TRACE);
        }
    }
    program.push(ALLOW);
    program
}

/// Puts a filter on the calling thread for good. Async-signal-safe.
pub(super) fn install(program: &libc::sock_fprog) -> bool {
    // SAFETY: prctl(2) takes numbers alone for PR_SET_NO_NEW_PRIVS.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if result != 0 {
        return false;
    }
    // SAFETY: prctl(2): arg3 of PR_SET_SECCOMP in filter mode is "a pointer to a struct sock_fprog":
    // `program` is one, and its instructions outlive the call.
    let result = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            std::ptr::from_ref(program),
        )
    };
    result == 0
}
