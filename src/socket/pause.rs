//! Waiting for nothing but the time.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::poll_set::PollSet;
use crate::error::Result;

/// Lets time pass, unless `stop` is raised by a signal handler.
///
/// # Errors
/// Of ppoll(2).
pub fn pause(time: Duration, stop: &AtomicBool) -> Result<()> {
    if !time.is_zero() && !stop.load(Ordering::Relaxed) {
        // A set of no sockets sees nothing but the end of the time.
        let _ = PollSet::new::<OwnedFd>([]).wait(Some(time))?.next();
    }
    Ok(())
}
