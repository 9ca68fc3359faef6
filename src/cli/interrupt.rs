//! Signals, and streams that block: how a command ends when it is told to.

use std::error;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::stat::fstat;

use udpraw::error::{Error, Result};

use crate::signal::{self, GRACE, Signals};

/// How long the streams that take nothing may each hold up a command that was told to end: three of
/// them, and it still ends by itself.
const PATIENCE: Duration = Duration::from_millis(250);
const _: () = assert!(3 * PATIENCE.as_millis() < GRACE.as_millis());

/// Once a signal came, so much is written at once: a pipe that is ready has room for it.
const PIECE: usize = 512;

/// Makes SIGINT, SIGTERM and SIGHUP raise a flag for the rest of the command.
pub(super) fn handle() -> Result<Signals> {
    signal::handle().map_err(|source| Error::os("handle", "SIGINT and SIGTERM", source))
}

/// Has the reader of a pipe end the command by going away, even while there is nothing to write. For
/// commands that wait; a thread waits for it beside them.
pub(super) fn end_with_reader() {
    let stdout = io::stdout();
    let is_pipe = fstat(stdout.as_fd()).is_ok_and(|stat| {
        let kind = stat.st_mode & libc::S_IFMT;
        kind == libc::S_IFIFO || kind == libc::S_IFSOCK
    });
    if !is_pipe {
        return;
    }
    let watch = move || {
        // Signals are for the thread that works.
        let _ = SigSet::all().thread_block();
        let mut polled = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        // Asked for nothing, poll(2) tells of errors alone: of a pipe without a reader.
        if poll(&mut polled, PollTimeout::NONE).is_ok() {
            signal::raise_flag(libc::SIGPIPE);
        }
    };
    // Where no thread can be had, the next write tells.
    let _ = thread::Builder::new().name("reader".into()).spawn(watch);
}

/// Whether the command ends since the reader of its output went away.
pub(super) fn reader_left() -> bool {
    signal::number() == libc::SIGPIPE
}

/// A stream that does not hold up the end: std repeats what a signal interrupted, and so blocks for
/// ever in a pipe that nobody reads or writes. Where the stream is non-blocking, which whoever handed
/// it down may have made it, this waits.
#[derive(Debug)]
pub(super) struct Interruptible<S> {
    stream: S,
    /// What is left of [`PATIENCE`].
    left: Duration,
}

impl<S> Interruptible<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            left: PATIENCE,
        }
    }
}

impl<S: AsFd> Interruptible<S> {
    /// Whether the stream takes something before the patience is at its end, or another signal comes.
    fn is_ready(&mut self) -> io::Result<bool> {
        let (began, signals) = (Instant::now(), signal::count());
        let left = self.left;
        loop {
            let rest = left.saturating_sub(began.elapsed());
            // Less than a second.
            let timeout = PollTimeout::from(rest.as_millis() as u16);
            let mut polled = [PollFd::new(self.stream.as_fd(), PollFlags::POLLOUT)];
            match poll(&mut polled, timeout) {
                Ok(0) => {}
                Err(Errno::EINTR) if signal::count() == signals && !rest.is_zero() => continue,
                Err(Errno::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(errno) => return Err(errno.into()),
            }
            self.left = Duration::ZERO;
            return Ok(false);
        }
    }
}

impl<S: AsFd> Write for Interruptible<S> {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        loop {
            // What was given up once is not waited for again, though the signal has been dealt with.
            if signal::is_raised() || self.left.is_zero() {
                if !self.is_ready()? {
                    return Err(io::Error::other(Blocked));
                }
                bytes = &bytes[..bytes.len().min(PIECE)];
            }
            match nix::unistd::write(self.stream.as_fd(), bytes) {
                Ok(written) => return Ok(written),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => wait(&self.stream, PollFlags::POLLOUT)?,
                Err(errno) => return Err(errno.into()),
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
        while signal::count() == 0 {
            match nix::unistd::read(self.stream.as_fd(), bytes) {
                Ok(read) => return Ok(read),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => wait(&self.stream, PollFlags::POLLIN)?,
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
