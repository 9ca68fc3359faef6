//! Exit codes as grep has them, and what makes a command fail.

use std::fmt;
use std::io;
use std::process::ExitCode;

use udpraw::error::{Error, describe_errno};

use super::interrupt::Blocked;

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, or yes.
    Yes,
    /// 1: the honest answer is no: no such service, no reply.
    No,
    /// 2: usage or system error.
    Error,
    /// The exit code of a program that was run, passed on.
    Passed(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Yes => 0,
            Exit::No => 1,
            Exit::Error => 2,
            Exit::Passed(code) => code,
        })
    }
}

impl From<bool> for Exit {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// How a command ends: with an answer, or with a failure.
pub(crate) type Outcome = Result<Exit, Failure>;

/// A result; `None` if the reader of the output went away before it was there.
pub(crate) fn unread<T>(result: Result<T, impl Into<Failure>>) -> Result<Option<T>, Failure> {
    match result.map_err(Into::into) {
        Ok(result) => Ok(Some(result)),
        Err(failure) if failure.is_closed_pipe() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The work itself failed.
    Work(Error),
    /// Standard output could not be written.
    Output(io::Error),
}

impl Failure {
    /// Whether the reader of standard output went away, as `head` does: no error at all.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether a signal came while the output was blocked.
    pub(crate) fn is_blocked(&self) -> bool {
        match self {
            Self::Output(error) => Blocked::is(error),
            // A file that is a FIFO.
            Self::Work(error) => std::error::Error::source(error)
                .and_then(|source| source.downcast_ref())
                .is_some_and(Blocked::is),
        }
    }

    /// The same failure; if it is for want of SO_BROADCAST, with the flag that sets it.
    pub(crate) fn with_broadcast_flag(self) -> Self {
        match self {
            Self::Work(error)
                if matches!(error.operation(), "send to" | "connect to")
                    && error.errno() == Some(libc::EACCES) =>
            {
                Self::Work(error.with_remedy(
                    "a broadcast address needs SO_BROADCAST (--broadcast); otherwise a route \
                     forbids it (ip route get shows)",
                ))
            }
            other => other,
        }
    }

    /// The same failure; if it is a bind to a port that is taken, with who holds that.
    pub(crate) fn with_holder(self) -> Self {
        match self {
            Self::Work(error)
                if error.operation() == "bind" && error.errno() == Some(libc::EADDRINUSE) =>
            {
                Self::Work(with_holder(error))
            }
            other => other,
        }
    }
}

fn with_holder(error: Error) -> Error {
    // Without the name of an interface, which is none of a socket address's own text.
    let subject = match error.subject().split_once('%') {
        Some((host, rest)) => {
            let (_, port) = rest.rsplit_once(':').unwrap_or_default();
            format!("{host}]:{port}")
        }
        None => error.subject().to_owned(),
    };
    let Ok(address) = subject.parse() else {
        return error;
    };
    match udpraw::ports::bind_conflict(address) {
        Some(holder) => error
            .with_detail(holder)
            .with_remedy("stop that program, choose another port, or 0 for one that the OS picks"),
        None => error,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Work(error)
    }
}

/// Only output yields a bare `io::Error` in this layer: the library's are [`Error`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Work(error) => error.fmt(f),
            Self::Output(error) => match error.raw_os_error() {
                Some(errno) => write!(f, "cannot write the output: {}", describe_errno(errno)),
                None => write!(f, "cannot write the output: {error}"),
            },
        }
    }
}
