//! A system call made by another process on behalf of its tracer: a seccomp filter can only be added
//! by the process that it is for.

use std::io;

use libc::sock_filter;
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_writev};
use nix::unistd::Pid;

use super::ptrace::{Info, Resume, Status, read_memory, resume, syscall_info, wait};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Injected {
    /// The filter is in force for every thread of the process.
    Done,
    /// The process is as it was, and the kernel or the process does not allow it.
    Refused,
    /// The thread ended meanwhile: this is its status.
    Ended(Status),
}

#[cfg(target_arch = "x86_64")]
mod machine {
    /// `syscall`.
    pub(super) const INSTRUCTION: &[u8] = &[0x0f, 0x05];
    /// What lies below the stack pointer and is in use (the x86-64 ABI's red zone).
    pub(super) const RED_ZONE: u64 = 128;

    pub(super) fn pc(registers: &libc::user_regs_struct) -> u64 {
        registers.rip
    }

    pub(super) fn stack(registers: &libc::user_regs_struct) -> u64 {
        registers.rsp
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
    /// AAPCS64 has none; one line of the cache is left free all the same.
    pub(super) const RED_ZONE: u64 = 128;

    pub(super) fn pc(registers: &libc::user_regs_struct) -> u64 {
        registers.pc
    }

    pub(super) fn stack(registers: &libc::user_regs_struct) -> u64 {
        registers.sp
    }

    pub(super) fn set(registers: &mut libc::user_regs_struct, number: i64, arguments: [u64; 3]) {
        registers.regs[..3].copy_from_slice(&arguments);
        registers.regs[8] = number as u64;
        registers.pc -= INSTRUCTION.len() as u64;
    }
}

/// Has a thread that stands at the end of a system call put a filter on its whole process.
///
/// The call is made again from the same instruction, with the filter written below the stack, and
/// with all signals held back; registers and signal mask are restored.
pub(crate) fn add_filter(thread: i32, filter: &[sock_filter]) -> io::Result<Injected> {
    let pid = Pid::from_raw(thread);
    let before = ptrace::getregset::<ptrace::regset::NT_PRSTATUS>(pid)?;
    let mut instruction = [0; 4];
    let length = machine::INSTRUCTION.len();
    let at = machine::pc(&before).wrapping_sub(length as u64);
    let code = &mut instruction[..length];
    // A call by another instruction (int 0x80) cannot be made again like this.
    if read_memory(thread, at, code) != length || code != machine::INSTRUCTION {
        return Ok(Injected::Refused);
    }
    // struct sock_fprog: a length, padding, and a pointer; then the instructions that it points to.
    let size = (16 + filter.len() * 8) as u64;
    let place = (machine::stack(&before).wrapping_sub(machine::RED_ZONE + size)) & !15;
    let mut bytes = Vec::with_capacity(size as usize);
    bytes.extend((filter.len() as u64).to_ne_bytes());
    bytes.extend((place + 16).to_ne_bytes());
    for step in filter {
        bytes.extend(step.code.to_ne_bytes());
        bytes.extend([step.jt, step.jf]);
        bytes.extend(step.k.to_ne_bytes());
    }
    let remote = [RemoteIoVec {
        base: place as usize,
        len: bytes.len(),
    }];
    if process_vm_writev(pid, &[io::IoSlice::new(&bytes)], &remote) != Ok(bytes.len()) {
        return Ok(Injected::Refused);
    }
    let mask = signal_mask(thread, libc::PTRACE_GETSIGMASK, 0)?;
    signal_mask(thread, libc::PTRACE_SETSIGMASK, u64::MAX)?;
    let mut registers = before;
    let arguments = [
        u64::from(libc::SECCOMP_SET_MODE_FILTER),
        libc::SECCOMP_FILTER_FLAG_TSYNC | super::seccomp::SPECULATE,
        place,
    ];
    machine::set(&mut registers, libc::SYS_seccomp, arguments);
    ptrace::setregset::<ptrace::regset::NT_PRSTATUS>(pid, registers)?;
    let result = run_call(thread)?;
    if let Err(status) = result {
        return Ok(Injected::Ended(status));
    }
    ptrace::setregset::<ptrace::regset::NT_PRSTATUS>(pid, before)?;
    signal_mask(thread, libc::PTRACE_SETSIGMASK, mask)?;
    Ok(match result {
        Ok(0) => Injected::Done,
        _ => Injected::Refused,
    })
}

/// From the stop before a call to the one behind it; the call's value, or the status of a thread
/// that ended.
fn run_call(thread: i32) -> io::Result<Result<i64, Status>> {
    let mut held = 0;
    let value = loop {
        resume(thread, Resume::ToSyscall, 0)?;
        match wait(thread, true) {
            Ok(Some((_, Status::Syscall))) => {
                if let Info::Exit { value, .. } = syscall_info(thread)? {
                    break value;
                }
            }
            Ok(Some((_, status @ (Status::Exited(_) | Status::Killed(_))))) => {
                return Ok(Err(status));
            }
            // SIGSTOP cannot be held back by a mask: it is sent again, and comes afterwards.
            Ok(Some((_, Status::Signal(signal)))) => held = signal,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    if held != 0 {
        // SAFETY: kill(2) takes numbers alone.
        unsafe { libc::kill(thread, held) };
    }
    Ok(Ok(value))
}

/// Reads or sets the mask of held signals (`PTRACE_GETSIGMASK`, Linux 3.11).
fn signal_mask(thread: i32, request: libc::c_uint, mask: u64) -> io::Result<u64> {
    let mut mask = mask;
    // SAFETY: ptrace(2): data "points to a buffer" of the size in addr, eight bytes: `mask` is one.
    let result = unsafe { libc::ptrace(request, thread, size_of::<u64>(), &raw mut mask) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(mask),
    }
}
