//! Processes of a lesson, ended with it.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Lines, PipeReader};
use std::path::PathBuf;
use std::process::{Child, Command};

use udpraw::error::{Error, Result};

use crate::cli::interrupt::Interruptible;

/// A running program, killed when the lesson is over, however it ends.
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<Interruptible<PipeReader>>>,
}

impl Process {
    /// Starts a program, with all its output in one pipe, which keeps the order.
    pub(crate) fn start<S: AsRef<OsStr>>(program: &OsStr, arguments: &[S]) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let child = Command::new(program)
            .args(arguments)
            // The lesson's address and port are its own, whatever the environment says.
            .env_remove("UDPRAW_HOST")
            .env_remove("UDPRAW_PORT")
            // At its end from the start. /dev/null may be missing, as in an empty chroot.
            .stdin(io::pipe()?.0)
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()?;
        let lines = BufReader::new(Interruptible::new(reader)).lines();
        Ok(Self { child, lines })
    }

    /// Starts this very program.
    pub(crate) fn start_self<S: AsRef<OsStr>>(arguments: &[S]) -> Result<Self> {
        let failed = |source| Error::os("start", "a second process of this program", source);
        let program = this_program().map_err(failed)?;
        Self::start(program.as_os_str(), arguments).map_err(failed)
    }

    /// The next line that it prints; `None` at its end.
    pub(crate) fn line(&mut self) -> Option<String> {
        self.lines.next()?.ok()
    }

    /// Waits for its end; returns whether it succeeded.
    pub(crate) fn is_done(&mut self) -> bool {
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended, most of the time: then kill fails, and wait only collects it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port in `Listening at ('127.0.0.1', 41883)`.
pub(crate) fn listening_port(line: &str) -> Option<String> {
    let (_, port) = line.strip_prefix("Listening at (")?.split_once(", ")?;
    let end = port.find([',', ')'])?;
    Some(port[..end].to_owned())
}

/// The file of this program: by `/proc`, or without it (an empty chroot) the path that it was started by.
///
/// # Errors
/// Without `/proc`, if it was started by a name rather than a path.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe().or_else(|error| {
        let started_by = std::env::args_os().next().map(PathBuf::from);
        let path = started_by.filter(|path| path.components().count() > 1);
        path.ok_or(error)
    })
}
