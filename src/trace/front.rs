//! A tracer that can move to the background: the shell waits for a process in the foreground, and its
//! child traces.
//!
//! A seccomp filter cannot be removed from a program, and without a tracer the calls that it hands over
//! fail with ENOSYS. So a process that a program leaves behind (a daemon) needs its tracer for as long
//! as it lives. A tracer cannot hand over to another without a moment in which no tracer answers.
//! Therefore the tracer is a child from the start, and its parent only waits for it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getppid, pipe2, setsid};

use crate::error::{Error, Result};
use crate::sys::{disposition, spawn};

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Front {
    /// The foreground process: the tracer has ended, or moved to the background, with this exit status.
    Ended(u8),
    /// The process that traces.
    Behind(Background),
}

/// The way to the background.
#[derive(Debug)]
pub struct Background(Option<OwnedFd>);

/// Forks: the calling process stays in the foreground, forwards signals from other processes to the
/// child, and returns once the child has ended or moved to the background. The child ends with it.
///
/// A process with several threads does not fork: its child would have only one of them.
///
/// # Errors
/// The errors of signalfd(2), pipe(2) and fork(2).
pub fn stand_in_front() -> Result<Front> {
    if super::tracee::field(std::process::id().cast_signed(), "Threads:") != Some(1) {
        return Ok(Front::Behind(Background(None)));
    }
    let failed =
        |what: &'static str| move |errno: nix::Error| Error::os(what, "the tracer", errno.into());
    let signals: SigSet = [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGCHLD,
    ]
    .into_iter()
    .collect();
    let before = SigSet::thread_get_mask().map_err(failed("block signals for"))?;
    let (code, status_pipe) = pipe2(OFlag::O_CLOEXEC).map_err(failed("make a pipe to"))?;
    signals
        .thread_block()
        .map_err(failed("block signals for"))?;
    let parent = nix::unistd::getpid();
    match spawn::fork_self() {
        Ok(ForkResult::Child) => {
            // Both come before anything else: a started program inherits the mask.
            let _ = before.thread_set_mask();
            let _ = set_pdeathsig(Signal::SIGKILL);
            if getppid() != parent {
                std::process::abort();
            }
            Ok(Front::Behind(Background(Some(status_pipe))))
        }
        Ok(ForkResult::Parent { child }) => {
            drop(status_pipe);
            let status = wait_in_front(child, &signals, code);
            let _ = before.thread_set_mask();
            status.map(Front::Ended).map_err(failed("wait for"))
        }
        Err(errno) => {
            let _ = before.thread_set_mask();
            Err(failed("fork")(errno))
        }
    }
}

/// Waits until the child has ended, or has sent the exit status.
fn wait_in_front(child: Pid, signals: &SigSet, code: OwnedFd) -> nix::Result<u8> {
    // If it were ignored, the child would leave no status.
    disposition::reset(Signal::SIGCHLD)?;
    let arrived = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let mut code = Some(File::from(code));
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, status)) => return Ok(status as u8),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + signal as u8),
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut fds = vec![PollFd::new(arrived.as_fd(), PollFlags::POLLIN)];
        fds.extend(
            code.as_ref()
                .map(|code| PollFd::new(code.as_fd(), PollFlags::POLLIN)),
        );
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let has_code = fds.get(1).and_then(PollFd::any).unwrap_or(false);
        while let Ok(Some(info)) = arrived.read_signal() {
            // SI_KERNEL is above 0: the terminal's signals reach the child by themselves.
            if info.ssi_signo != Signal::SIGCHLD as u32 && info.ssi_code <= 0 {
                let signal = Signal::try_from(info.ssi_signo.cast_signed());
                let _ = kill(child, signal.ok());
            }
        }
        if has_code && let Some(mut pipe) = code.take() {
            let mut status = [0];
            if pipe.read_exact(&mut status).is_ok() {
                return Ok(status[0]);
            }
        }
    }
}

impl Background {
    /// Whether the tracer can move to the background.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Moves to the background: the foreground process ends with this exit status, and this one leaves
    /// the terminal and its standard streams.
    ///
    /// # Errors
    /// If /dev/null cannot be opened.
    pub fn enter(self, status: u8) -> Result<()> {
        let null = File::options().read(true).write(true).open("/dev/null");
        let null = null.map_err(|source| Error::os("open", "/dev/null", source))?;
        let _ = set_pdeathsig(None);
        disposition::ignore_all();
        // Fails for the leader of a group, which a child is not.
        let _ = setsid();
        let _ = nix::unistd::dup2_stdin(&null);
        let _ = nix::unistd::dup2_stdout(&null);
        let _ = nix::unistd::dup2_stderr(&null);
        let _ = std::env::set_current_dir("/");
        if let Some(status_pipe) = self.0 {
            let _ = File::from(status_pipe).write_all(&[status]);
        }
        Ok(())
    }
}
