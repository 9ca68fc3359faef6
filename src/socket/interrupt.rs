//! Ctrl-C, told to a receive that blocks.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::wait::WaitSet;
use crate::error::{Error, Result};
use crate::sys::signal;

/// Makes SIGINT and SIGTERM raise the returned flag, for [`Endpoint::receive_until`], instead of
/// ending the process. It is for programs: the handlers are the whole process's.
///
/// [`Endpoint::receive_until`]: super::Endpoint::receive_until
///
/// # Errors
/// Of sigaction(2).
pub fn stop_on_signals() -> Result<&'static AtomicBool> {
    signal::stop_flag().map_err(|source| Error::os("handle", "SIGINT and SIGTERM", source))
}

/// Lets time pass, unless `stop` is raised by a signal handler.
///
/// # Errors
/// Of ppoll(2).
pub fn pause(time: Duration, stop: &AtomicBool) -> Result<()> {
    if !time.is_zero() && !stop.load(Ordering::Relaxed) {
        // A set of no sockets sees nothing but the end of the time.
        let _ = WaitSet::new::<OwnedFd>([]).wait(Some(time))?.next();
    }
    Ok(())
}
