//! A system call made by another process on behalf of its tracer: a process can add a seccomp filter
//! only to itself.

use std::io;

use libc::sock_filter;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_writev};
use nix::unistd::Pid;

use super::ptrace::{Info, Resume, Status, interrupt, resume, syscall_info, wait};

/// The result of an injected call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Injected {
    /// The filter is active for every thread of the process.
    Done,
    /// The process is unchanged: the kernel or the process does not allow the call.
    Refused,
    /// The thread ended meanwhile, or executed another program: its status, which is still to be
    /// handled.
    Gone(Status),
    /// The thread is gone: another one of its process executed a program, or has its id.
    Vanished,
}

#[cfg(target_arch = "x86_64")]
mod machine {
    /// `syscall`.
    pub(super) const INSTRUCTION: &[u8] = &[0x0f, 0x05];
    /// The part below the stack pointer that is in use (the x86-64 ABI's red zone).
    pub(super) const RED_ZONE: u64 = 128;

    pub(super) fn pc(registers: &libc::user_regs_struct) -> u64 {
        registers.rip
    }

    pub(super) fn stack(registers: &libc::user_regs_struct) -> u64 {
        registers.rsp
    }

    /// The first argument of a call, which the kernel preserves.
    pub(super) fn first(registers: &mut libc::user_regs_struct) -> &mut u64 {
        &mut registers.rdi
    }

    pub(super) fn set(registers: &mut libc::user_regs_struct, number: i64, arguments: [u64; 3]) {
        [registers.rdi, registers.rsi, registers.rdx] = arguments;
        registers.rax = number as u64;
        registers.rip -= INSTRUCTION.len() as u64;
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    /// `svc #0`.
    pub(super) const INSTRUCTION: &[u8] = &[0x01, 0x00, 0x00, 0xd4];
    /// AAPCS64 has none; one cache line is left free anyway.
    pub(super) const RED_ZONE: u64 = 128;

    pub(super) fn pc(registers: &libc::user_regs_struct) -> u64 {
        registers.pc
    }

    pub(super) fn stack(registers: &libc::user_regs_struct) -> u64 {
        registers.sp
    }

    /// The first argument of a call, which its result replaces.
    pub(super) fn first(registers: &mut libc::user_regs_struct) -> &mut u64 {
        &mut registers.regs[0]
    }

    pub(super) fn set(registers: &mut libc::user_regs_struct, number: i64, arguments: [u64; 3]) {
        registers.regs[..3].copy_from_slice(&arguments);
        registers.regs[8] = number as u64;
        registers.pc -= INSTRUCTION.len() as u64;
    }
}

/// Makes a thread that is stopped at the end of a system call install a filter on its whole process.
///
/// The call is made again from the same instruction, with the filter written below the stack, and with
/// all signals blocked; registers and signal mask are always restored, as long as the thread runs the
/// same program.
pub(crate) fn add_filter(thread: i32, filter: &[sock_filter]) -> io::Result<Injected> {
    let pid = Pid::from_raw(thread);
    let before = ptrace::getregs(pid)?;
    let length = machine::INSTRUCTION.len() as u64;
    // A call by another instruction (int 0x80) cannot be repeated in this way.
    if !is_instruction(pid, machine::pc(&before).wrapping_sub(length)) {
        return Ok(Injected::Refused);
    }
    // struct sock_fprog: a length, padding, and a pointer; then the instructions that it points to.
    let size = (16 + filter.len() * 8) as u64;
    let place = machine::stack(&before).wrapping_sub(machine::RED_ZONE + size) & !15;
    let mut bytes = Vec::with_capacity(size as usize);
    bytes.extend((filter.len() as u64).to_ne_bytes());
    bytes.extend((place + 16).to_ne_bytes());
    for step in filter {
        bytes.extend(step.code.to_ne_bytes());
        bytes.extend([step.jt, step.jf]);
        bytes.extend(step.k.to_ne_bytes());
    }
    if !write(pid, place, &bytes) {
        return Ok(Injected::Refused);
    }
    let arguments = [
        u64::from(libc::SECCOMP_SET_MODE_FILTER),
        libc::SECCOMP_FILTER_FLAG_TSYNC | super::seccomp::SPECULATE,
        place,
    ];
    let mut registers = before;
    machine::set(&mut registers, libc::SYS_seccomp, arguments);
    let mask = signal_mask(thread, libc::PTRACE_GETSIGMASK.into(), 0)?;
    signal_mask(thread, libc::PTRACE_SETSIGMASK.into(), u64::MAX)?;
    let result = ptrace::setregs(pid, registers)
        .map_err(io::Error::from)
        .and_then(|()| run_call(thread));
    if let Ok(Ran::Other(gone)) = result {
        return Ok(gone);
    }
    // Both, even if one fails: then the thread is being killed.
    let registers = ptrace::setregs(pid, before);
    let mask = signal_mask(thread, libc::PTRACE_SETSIGMASK.into(), mask);
    registers?;
    mask?;
    Ok(match result? {
        Ran::Value(0) => Injected::Done,
        _ => Injected::Refused,
    })
}

/// Sets the first argument of the call that a stopped thread is about to make; after the call, the
/// register that holds it.
pub(crate) fn change_first_argument(thread: i32, to: impl Fn(u64) -> u64) -> io::Result<()> {
    let pid = Pid::from_raw(thread);
    let mut registers = ptrace::getregs(pid)?;
    let first = machine::first(&mut registers);
    *first = to(*first);
    Ok(ptrace::setregs(pid, registers)?)
}

/// Whether the register of the first argument is unchanged after the call.
pub(crate) const KEEPS_FIRST_ARGUMENT: bool = cfg!(target_arch = "x86_64");

const WORD: usize = size_of::<libc::c_long>();

/// Whether there is a system call instruction at an address.
fn is_instruction(pid: Pid, at: u64) -> bool {
    let low = at - at % WORD as u64;
    let mut code = Vec::with_capacity(2 * WORD);
    for word in [low, low + WORD as u64] {
        // It may end in the first word, with nothing mapped after that.
        match ptrace::read(pid, word as ptrace::AddressType) {
            Ok(word) => code.extend(word.to_ne_bytes()),
            Err(_) => break,
        }
    }
    code.get((at - low) as usize..)
        .is_some_and(|code| code.starts_with(machine::INSTRUCTION))
}

/// Writes into a stopped thread's memory; returns whether all was written. `at` is a multiple of a
/// word.
fn write(pid: Pid, at: u64, bytes: &[u8]) -> bool {
    let remote = [RemoteIoVec {
        base: at as usize,
        len: bytes.len(),
    }];
    match process_vm_writev(pid, &[io::IoSlice::new(bytes)], &remote) {
        Ok(written) => return written == bytes.len(),
        Err(Errno::EPERM | Errno::EACCES | Errno::ENOSYS) => {}
        Err(_) => return false,
    }
    let (words, rest) = bytes.as_chunks::<WORD>();
    let is_written = |(place, word): (u64, &[u8; WORD])| {
        let word = libc::c_long::from_ne_bytes(*word);
        ptrace::write(pid, place as ptrace::AddressType, word).is_ok()
    };
    let places = (at..).step_by(WORD);
    rest.is_empty() && places.zip(words).all(is_written)
}

/// The outcome of an injected call.
enum Ran {
    /// It returned.
    Value(i64),
    /// It did not return, and will not.
    Other(Injected),
}

/// Runs from the stop before a call to the stop after it.
fn run_call(thread: i32) -> io::Result<Ran> {
    let mut held = 0;
    let mut is_group_stopped = false;
    let mut should_resume = true;
    let value = loop {
        if should_resume && let Err(error) = resume(thread, Resume::ToSyscall, 0) {
            match error.raw_os_error() {
                // It is being killed: the next event is its end, unless another thread has its id.
                Some(libc::ESRCH) => {}
                _ => return Err(error),
            }
        }
        should_resume = true;
        match wait(thread, true) {
            Ok(Some((_, Status::Syscall))) => {
                if let Ok(Info::Exit { value, .. }) = syscall_info(thread) {
                    break value;
                }
            }
            Ok(Some((_, status @ (Status::Exited(_) | Status::Killed(_))))) => {
                return Ok(Ran::Other(Injected::Gone(status)));
            }
            // Another thread of the process executed a program, and has taken over this one's id: these
            // registers are another program's.
            Ok(Some((_, status @ Status::Event { event, .. })))
                if event == libc::PTRACE_EVENT_EXEC =>
            {
                return Ok(Ran::Other(Injected::Gone(status)));
            }
            // The whole process is being stopped: this thread follows once the call is done.
            Ok(Some((_, Status::Event { signal, .. }))) => {
                is_group_stopped |= signal != libc::SIGTRAP;
            }
            // SIGSTOP cannot be blocked: it is sent again, and arrives afterwards.
            Ok(Some((_, Status::Signal(signal)))) => held = signal,
            Ok(None) => should_resume = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => should_resume = false,
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                return Ok(Ran::Other(Injected::Vanished));
            }
            Err(error) => return Err(error),
        }
    };
    if held != 0 {
        // SAFETY: kill(2) takes only numbers.
        unsafe { libc::kill(thread, held) };
    }
    if is_group_stopped {
        // It stops again at once, and is then reported as in a group stop.
        let _ = interrupt(thread);
    }
    Ok(Ran::Value(value))
}

/// Reads or sets the mask of blocked signals (`PTRACE_GETSIGMASK`, Linux 3.11). The C libraries differ
/// in the type of a request.
fn signal_mask(thread: i32, request: i64, mask: u64) -> io::Result<u64> {
    let mut mask = mask;
    // SAFETY: ptrace(2): data "points to a buffer" of the size in addr, eight bytes: `mask` is one.
    let result = unsafe { libc::ptrace(request as _, thread, size_of::<u64>(), &raw mut mask) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(mask),
    }
}
