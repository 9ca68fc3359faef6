//! `seccomp(2)` filters that hand chosen system calls to a tracer, as classic BPF.

use libc::sock_filter;

/// This machine's architecture, as in `struct seccomp_data` and `PTRACE_GET_SYSCALL_INFO`.
#[cfg(target_arch = "x86_64")]
pub(crate) const NATIVE: u32 = 0xc000_003e;
/// This machine's architecture, as in `struct seccomp_data` and `PTRACE_GET_SYSCALL_INFO`.
#[cfg(target_arch = "aarch64")]
pub(crate) const NATIVE: u32 = 0xc000_00b7;

/// socket(2) by its other numbers: as (architecture, number). x86_64 programs reach i386's by `int 0x80`
/// (socket and socketcall), and x32's by bit 30 of their own; aarch64 has 32-bit Arm's.
#[cfg(target_arch = "x86_64")]
pub(crate) const OTHER_SOCKETS: &[(u32, u32)] = &[
    (0x4000_0003, 359),
    (0x4000_0003, 102),
    (NATIVE, 0x4000_0029),
];
/// As above.
#[cfg(target_arch = "aarch64")]
pub(crate) const OTHER_SOCKETS: &[(u32, u32)] = &[(0x4000_0028, 281)];

/// Offsets in `struct seccomp_data` (linux/seccomp.h).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The lower half of the first argument: x86_64 and aarch64 are little-endian.
const FIRST_ARGUMENT: u32 = 16;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const ABOVE: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// A filter that only observes needs no speculation mitigations, which kernels before 5.16 apply to a
/// filtered program, and which slow it down (since Linux 4.17).
pub(super) const SPECULATE: libc::c_ulong = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;

const fn code(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

const TRACE: sock_filter = code(RETURN, libc::SECCOMP_RET_TRACE, 0, 0);
const ALLOW: sock_filter = code(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0);

/// Makes a filter that stops at every call of `always`, at those of `by_fd` whose first argument is in
/// one of the inclusive ranges, and at calls of another architecture that create a socket
/// ([`OTHER_SOCKETS`]). All other calls continue.
///
/// With `untraced` it also stops at clone(2) with CLONE_UNTRACED: its child would inherit the filter
/// without a tracer to answer it.
///
/// A call in neither list is decided only by its number, so that the kernel (5.11) need not run the
/// filter for it.
pub(crate) fn filter(
    always: &[i64],
    by_fd: &[i64],
    ranges: &[(u32, u32)],
    untraced: bool,
) -> Vec<sock_filter> {
    let foreign = OTHER_SOCKETS.iter().filter(|(arch, _)| *arch != NATIVE);
    let foreign: Vec<u32> = foreign.map(|(_, number)| *number).collect();
    let mut program = vec![
        code(LOAD, ARCHITECTURE, 0, 0),
        code(EQUAL, NATIVE, 2 + 2 * foreign.len() as u8, 0),
        code(LOAD, NUMBER, 0, 0),
    ];
    for number in foreign {
        program.push(code(EQUAL, number, 0, 1));
        program.push(TRACE);
    }
    program.push(ALLOW);
    program.push(code(LOAD, NUMBER, 0, 0));
    for (_, number) in OTHER_SOCKETS.iter().filter(|(arch, _)| *arch == NATIVE) {
        program.push(code(EQUAL, *number, 0, 1));
        program.push(TRACE);
    }
    // Each pair costs two instructions, but no jump distance exceeds one byte.
    for number in always {
        program.push(code(EQUAL, *number as u32, 0, 1));
        program.push(TRACE);
    }
    if untraced {
        program.push(code(EQUAL, libc::SYS_clone as u32, 0, 4));
        program.push(code(LOAD, FIRST_ARGUMENT, 0, 0));
        program.push(code(ANY_BIT, libc::CLONE_UNTRACED as u32, 0, 1));
        program.push(TRACE);
        program.push(ALLOW);
    }
    if !ranges.is_empty() {
        for (at, number) in by_fd.iter().enumerate() {
            // To the load, which follows the rest of the list and one ALLOW.
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

/// Installs a filter permanently on the calling thread. Async-signal-safe. Returns an errno on failure.
///
/// PR_SET_NO_NEW_PRIVS is only set if the filter needs it: not with CAP_SYS_ADMIN.
pub(super) fn install(program: &libc::sock_fprog) -> Result<(), i32> {
    // EINVAL: the flag is newer than the kernel.
    let try_both = || match put(program, SPECULATE) {
        Err(libc::EINVAL) => put(program, 0),
        other => other,
    };
    match try_both() {
        Err(libc::EACCES) => {}
        other => return other,
    }
    // SAFETY: prctl(2) takes only numbers for PR_SET_NO_NEW_PRIVS.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if result != 0 {
        return Err(nix::errno::Errno::last_raw());
    }
    try_both()
}

fn put(program: &libc::sock_fprog, flags: libc::c_ulong) -> Result<(), i32> {
    // SAFETY: seccomp(2): the third argument of SECCOMP_SET_MODE_FILTER is "a pointer to a struct
    // sock_fprog": `program` is one, and its instructions outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            std::ptr::from_ref(program),
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(nix::errno::Errno::last_raw()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's decision on a call by only its architecture and number; `None` if the filter reads
    /// more (kernel/seccomp.c, seccomp_is_const_allow).
    fn constant(program: &[sock_filter], arch: u32, number: u32) -> Option<u32> {
        let (mut loaded, mut at) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            let jump = |is_so: bool| usize::from(if is_so { step.jt } else { step.jf });
            match (step.code, step.k) {
                (LOAD, NUMBER) => loaded = number,
                (LOAD, ARCHITECTURE) => loaded = arch,
                (LOAD, _) => return None,
                (EQUAL, k) => at += jump(loaded == k),
                (AT_LEAST, k) => at += jump(loaded >= k),
                (ABOVE, k) => at += jump(loaded > k),
                (RETURN, k) => return Some(k),
                (other, _) => panic!("an instruction that the kernel does not follow: {other:#x}"),
            }
        }
    }

    /// Calls that touch no socket must not cost a run of the filter.
    #[test]
    fn other_calls_are_allowed_by_their_number_alone() {
        let (always, by_fd) = ([41, 42, 49], [0, 1, 3]);
        for ranges in [&[][..], &[(3, 3)], &[(3, 3), (8, 15)]] {
            let program = filter(&always, &by_fd, ranges, true);
            for (arch, number) in OTHER_SOCKETS {
                let found = constant(&program, *arch, *number);
                assert_eq!(found, Some(libc::SECCOMP_RET_TRACE));
            }
            assert_eq!(constant(&program, 1, 41), Some(libc::SECCOMP_RET_ALLOW));
            for number in 0..600 {
                let found = constant(&program, NATIVE, number);
                let want = match i64::from(number) {
                    number if always.contains(&number) => Some(libc::SECCOMP_RET_TRACE),
                    libc::SYS_clone => None,
                    number if by_fd.contains(&number) && !ranges.is_empty() => None,
                    _ => Some(libc::SECCOMP_RET_ALLOW),
                };
                assert_eq!(found, want, "call {number} with {ranges:?}");
            }
        }
    }
}
