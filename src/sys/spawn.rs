//! Starts a program that is traced from its first instruction on.
//!
//! `std::process::Command` waits for the exec before it returns, and a process that waits for its
//! tracer cannot get there: this is fork(2) and execve(2) by hand.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::fcntl::OFlag;
use nix::unistd::{ForkResult, fork, pipe2};

use super::seccomp;

/// The program to run: prepared before the fork, since the child may not allocate.
pub(crate) struct Program<'a> {
    /// The files to try, in order, as execvp(3) would.
    pub(crate) files: &'a [CString],
    pub(crate) arguments: &'a [CString],
    pub(crate) environment: &'a [CString],
    pub(crate) filter: Option<&'a [libc::sock_filter]>,
    /// Its standard input, output and error; `None` inherits ours.
    pub(crate) streams: [Option<BorrowedFd<'a>>; 3],
}

/// A child that waits for its tracer.
pub(crate) struct Waiting {
    pub(crate) pid: i32,
    go: OwnedFd,
    failure: OwnedFd,
}

impl Waiting {
    /// Lets it execute the program. The result reports whether that failed, once the child runs the
    /// program or has ended.
    pub(crate) fn release(self) -> io::Result<Failure> {
        nix::unistd::write(&self.go, b"g")?;
        Ok(Failure(File::from(self.failure)))
    }
}

/// The channel by which a child reports errors.
pub(crate) struct Failure(File);

/// The error of a child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failed {
    /// Why the filter could not be installed; the program runs anyway.
    pub(crate) filter: Option<i32>,
    /// Why the program could not be run.
    pub(crate) program: Option<i32>,
}

impl Failure {
    /// Blocks until the child has executed the program, or has ended.
    pub(crate) fn read(mut self) -> Failed {
        let mut failed = Failed::default();
        let mut bytes = [0; 4];
        while self.0.read_exact(&mut bytes).is_ok() {
            match i32::from_ne_bytes(bytes) {
                errno @ ..0 => failed.filter = Some(-errno),
                errno => failed.program = Some(errno),
            }
        }
        failed
    }
}

/// Forks; the child waits until [`Waiting::release`].
pub(crate) fn start(program: &Program<'_>) -> io::Result<Waiting> {
    let (ready, go) = pipe2(OFlag::O_CLOEXEC)?;
    let (failure, error_pipe) = pipe2(OFlag::O_CLOEXEC)?;
    let arguments = pointers(program.arguments);
    let environment = pointers(program.environment);
    let filter = program.filter.map(|filter| libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    });
    let streams = program.streams.map(|fd| fd.map(|fd| fd.as_raw_fd()));
    // SAFETY: fork(2): in a child of a process with threads only async-signal-safe functions may be
    // called: `become_program` only makes system calls, and allocates nothing.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Waiting {
            pid: child.as_raw(),
            go,
            failure,
        }),
        ForkResult::Child => {
            let errno = become_program(
                program,
                &arguments,
                &environment,
                filter.as_ref(),
                streams,
                [ready.as_raw_fd(), go.as_raw_fd()],
                error_pipe.as_fd(),
            );
            let bytes = errno.to_ne_bytes();
            let _ = nix::unistd::write(&error_pipe, &bytes);
            // SAFETY: _exit(2) demands nothing, and runs none of the parent's clean-up.
            unsafe { libc::_exit(127) }
        }
    }
}

/// Forks a process that has one thread.
pub(crate) fn fork_self() -> nix::Result<ForkResult> {
    // SAFETY: fork(2): what a child of a process with threads may not do, one of a process with a single
    // thread may, as the caller has made sure.
    unsafe { fork() }
}

/// Runs in the child. Returns only if the program could not be run: the errno.
fn become_program(
    program: &Program<'_>,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
    filter: Option<&libc::sock_fprog>,
    streams: [Option<RawFd>; 3],
    [ready, go]: [RawFd; 2],
    error_pipe: BorrowedFd<'_>,
) -> i32 {
    let mut byte = [0_u8; 1];
    // The parent's end of the pipe: if the parent dies, the read below must end. SAFETY: close(2) takes
    // a number; the descriptor is the child's copy, which nothing here uses.
    unsafe { libc::close(go) };
    // SAFETY: read(2) demands a buffer of count bytes: `byte` has one.
    let got = unsafe { libc::read(ready, byte.as_mut_ptr().cast(), 1) };
    if got != 1 {
        return libc::ESRCH;
    }
    for (number, fd) in (0..).zip(streams) {
        let Some(fd) = fd else { continue };
        // SAFETY: dup2(2) takes only numbers.
        if unsafe { libc::dup2(fd, number) } < 0 {
            return errno();
        }
    }
    // The Rust runtime ignores SIGPIPE, and ignored signals stay ignored across an exec. SAFETY:
    // signal(2) with SIG_DFL installs no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    if let Some(filter) = filter
        && let Err(errno) = seccomp::install(filter)
    {
        // Not the program's fault: its tracer uses another method. The sign marks which of the two
        // failed.
        let _ = nix::unistd::write(error_pipe, &(-errno).to_ne_bytes());
    }
    let mut reason = libc::ENOENT;
    for file in program.files {
        // SAFETY: execve(2) demands a string and two arrays of strings, each array ended by a null
        // pointer: `pointers` made them, and the strings outlive the call.
        unsafe { libc::execve(file.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        match errno() {
            // Like execvp(3): EACCES is remembered, in case no other directory has the file.
            libc::EACCES => reason = libc::EACCES,
            libc::ENOENT | libc::ENOTDIR => {}
            other => return other,
        }
    }
    reason
}

fn errno() -> i32 {
    nix::errno::Errno::last_raw()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    let pointers = strings.iter().map(|string| string.as_ptr());
    pointers.chain([std::ptr::null()]).collect()
}
