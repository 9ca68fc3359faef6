//! Standard streams that were closed when the program was started (`>&-`): no command claims to have
//! read or written them.

use std::io::{self, Write};

use udpraw::error::{Error, Result};

use crate::standard::was_closed;

const REMEDY: &str = "direct it to a file or a pipe, or > /dev/null if nobody is to read it";

/// Fails if standard input was closed.
pub(super) fn check_input() -> Result<()> {
    if was_closed(libc::STDIN_FILENO) {
        Err(Error::invalid("read", "standard input", "it is closed")
            .with_remedy("direct a file or a pipe into it, or < /dev/null for nothing"))
    } else {
        Ok(())
    }
}

/// Fails if standard output was closed.
pub(super) fn check_output() -> Result<()> {
    if was_closed(libc::STDOUT_FILENO) {
        Err(Error::invalid("write", "standard output", "it is closed").with_remedy(REMEDY))
    } else {
        Ok(())
    }
}

/// In place of a standard output that was closed.
#[derive(Debug)]
pub(super) struct ClosedOutput;

impl Write for ClosedOutput {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other(format!(
            "standard output is closed: {REMEDY}"
        )))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
