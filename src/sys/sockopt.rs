//! `getsockopt(2)` and `setsockopt(2)` by number: the catalogue has more options than any crate has
//! methods.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Reads option `name` of `level` into `value`; returns the number of bytes written.
pub(crate) fn get(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &mut [u8],
) -> io::Result<usize> {
    // Its length counts instructions of eight bytes each: the kernel would write past `value`.
    if (level, name) == (libc::SOL_SOCKET, libc::SO_GET_FILTER) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: getsockopt(2) demands that optval points to optlen writable bytes: `value` is that
    // slice, exclusively borrowed, and `length` its length (cut to socklen_t, never more).
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &mut length,
        )
    };
    match result {
        0 => Ok((length as usize).min(value.len())),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets option `name` of `level` to the bytes of `value`.
pub(crate) fn set(fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let length = value.len() as libc::socklen_t;
    // SAFETY: setsockopt(2) demands that optval points to optlen readable bytes: `value` is that
    // slice. Options whose bytes hold pointers (SO_ATTACH_FILTER) are not set through here.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The number of instructions of the socket filter; 0 for none.
pub(crate) fn filter_length(fd: BorrowedFd<'_>) -> io::Result<u32> {
    let mut length = 0;
    // SAFETY: getsockopt(2) demands that optval points to optlen writable bytes. SO_GET_FILTER
    // counts instructions instead, and with 0 of them writes nothing but their number to optlen.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_GET_FILTER,
            std::ptr::null_mut(),
            &mut length,
        )
    };
    match result {
        0 => Ok(length),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes a `SO_REUSEPORT` group of `size` sockets deliver each datagram to the socket whose index is
/// that of the receiving CPU in `cpus`, modulo `size` (`SO_ATTACH_REUSEPORT_CBPF`). For any other CPU
/// the index is the CPU's number, modulo `size`.
pub(crate) fn steer_by_cpu(fd: BorrowedFd<'_>, size: u32, cpus: &[u32]) -> io::Result<()> {
    let program = steering(size, cpus);
    let filter = Program {
        length: program.len() as u16,
        padding: [0; 3],
        filter: program.as_ptr(),
    };
    // SAFETY: setsockopt(2) demands optlen readable bytes at optval: `filter` is laid out as a sock_fprog,
    // and names as many instructions as `program` has, which lives until the call has copied them.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const filter).cast(),
            size_of_val(&filter) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The program of [`steer_by_cpu`].
fn steering(size: u32, cpus: &[u32]) -> Vec<libc::sock_filter> {
    let jump = |code: u32, k: u32, jf: u8| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf,
        k,
    };
    let code = |code: u32, k: u32| jump(code, k, 0);
    let cpu = (libc::SKF_AD_OFF + libc::SKF_AD_CPU).cast_unsigned();
    let mut program = vec![code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, cpu)];
    // If the CPUs are 0, 1, 2 and so on, their numbers are the indices.
    let is_plain = cpus.iter().copied().eq(0..cpus.len() as u32);
    if !is_plain {
        for (index, &cpu) in (0..).zip(cpus.iter().take(MOST_STEERED)) {
            program.push(jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, cpu, 1));
            program.push(code(libc::BPF_RET | libc::BPF_K, index % size.max(1)));
        }
    }
    program.push(code(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, size));
    program.push(code(libc::BPF_RET | BPF_A, 0));
    program
}

/// With this number of CPUs the program has less than the kernel's limit of 4,096 instructions
/// (`BPF_MAXINSNS`).
const MOST_STEERED: usize = 2000;

/// `struct sock_fprog` with explicit padding, so that no byte that the kernel copies is uninitialized.
#[repr(C)]
struct Program {
    length: u16,
    padding: [u16; 3],
    filter: *const libc::sock_filter,
}

const _: () = assert!(size_of::<Program>() == size_of::<libc::sock_fprog>());

/// A program's result: the accumulator (linux/filter.h).
const BPF_A: u32 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program of [`steering`]: loads, comparisons, a remainder, returns.
    fn run(program: &[libc::sock_filter], cpu: u32) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => accumulator = cpu,
                code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                    at += usize::from(if accumulator == step.k {
                        step.jt
                    } else {
                        step.jf
                    });
                }
                code if code == libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K => {
                    accumulator %= step.k
                }
                code if code == libc::BPF_RET | libc::BPF_K => return step.k,
                code if code == libc::BPF_RET | BPF_A => return accumulator,
                code => panic!("{code}"),
            }
        }
    }

    #[test]
    fn each_allowed_cpu_has_the_socket_of_its_index() {
        for (cpus, size) in [
            (&[0, 1, 2, 3][..], 2),
            (&[1], 2),
            (&[1, 3], 2),
            (&[2, 5], 2),
            (&[4, 5, 6, 7, 9], 3),
            (&[1, 2], 4),
        ] {
            let program = steering(size, cpus);
            for (index, cpu) in (0..).zip(cpus) {
                assert_eq!(run(&program, *cpu), index % size, "{cpus:?}, CPU {cpu}");
            }
            // A CPU that is not allowed may receive anyway: any socket will do.
            assert!(run(&program, 100) < size);
        }
        let many: Vec<u32> = (1..5000).collect();
        assert!(steering(8, &many).len() <= 4096);
    }
}
