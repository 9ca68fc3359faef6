//! Signals, and streams that block: how a command ends when it is told to.

use std::error;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use udpraw::error::{Error, Result};

use crate::signal::{self, GRACE, Signals};

/// How long a stream that takes nothing may hold up a command that was told to end.
const PATIENCE: Duration = GRACE.checked_div(2).unwrap();

/// Makes SIGINT, SIGTERM and SIGHUP raise a flag for the rest of the command.
pub(super) fn handle() -> Result<Signals> {
    signal::handle().map_err(|source| Error::os("handle", "SIGINT and SIGTERM", source))
}

/// A stream that does not hold up the end: std repeats what a signal interrupted, and so blocks for
/// ever in a pipe that nobody reads or writes. Where the stream is non-blocking, which whoever handed
/// it down may have made it, this waits.
pub(super) struct Interruptible<S>(pub(super) S);

impl<S: AsFd> Write for Interruptible<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match nix::unistd::write(self.0.as_fd(), bytes) {
                Ok(written) => return Ok(written),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => wait(&self.0, PollFlags::POLLOUT)?,
                Err(errno) => return Err(errno.into()),
            }
            if signal::raised().is_some_and(|since| since >= PATIENCE) {
                return Err(io::Error::other(Blocked));
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A signal is the end of what is read.
impl<S: AsFd> Read for Interruptible<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while signal::raised().is_none() {
            match nix::unistd::read(self.0.as_fd(), bytes) {
                Ok(read) => return Ok(read),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => wait(&self.0, PollFlags::POLLIN)?,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(0)
    }
}

/// Until the stream is ready, or a signal comes.
fn wait(stream: &impl AsFd, events: PollFlags) -> io::Result<()> {
    match poll(
        &mut [PollFd::new(stream.as_fd(), events)],
        PollTimeout::NONE,
    ) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Why a write ended: a signal came, and nobody took the bytes.
#[derive(Debug)]
pub(super) struct Blocked;

impl Blocked {
    /// Whether this is the reason.
    pub(super) fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|source| source.is::<Self>())
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signal came, and nobody took the output")
    }
}

impl error::Error for Blocked {}
