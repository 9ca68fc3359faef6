//! Threads that wait for files, so that the network loop does not.

use std::thread::{Builder, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow};

use crate::error::{Error, Result};

/// Starts a thread in which no signal is handled: Ctrl-C is for the thread that waits for datagrams,
/// and with SIGXFSZ blocked a write beyond `RLIMIT_FSIZE` fails with EFBIG (setrlimit(2)).
///
/// Nobody needs to join it: a thread that is stuck in a system call does not hold up the end of the
/// process.
///
/// # Errors
/// The errors of clone(2), such as EAGAIN.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    // A thread inherits the mask, so that not even its first instruction is interrupted.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok();
    let spawned = Builder::new().name(name.into()).spawn(work);
    if let Some(before) = before {
        // It was valid a moment ago.
        let _ = before.thread_set_mask();
    }
    spawned.map_err(|source| Error::os("start", format!("the thread '{name}'"), source))
}
