//! Processes of a lesson, ended with it.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Lines, PipeReader};
use std::process::{Child, Command, Stdio};

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
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()?;
        let lines = BufReader::new(Interruptible::new(reader)).lines();
        Ok(Self { child, lines })
    }

    /// Starts this very program.
    pub(crate) fn start_self<S: AsRef<OsStr>>(arguments: &[S]) -> Result<Self> {
        let failed = |source| Error::os("start", "a second process of this program", source);
        let program = std::env::current_exe().map_err(failed)?;
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
