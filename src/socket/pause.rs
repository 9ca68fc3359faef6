//! A pause that a signal can end.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::poll_set::PollSet;
use crate::error::Result;

/// Waits for the given time, unless a signal handler raises `stop`.
///
/// # Errors
/// The errors of ppoll(2).
pub fn pause(time: Duration, stop: &AtomicBool) -> Result<()> {
    if !time.is_zero() && !stop.load(Ordering::Relaxed) {
        // A set without sockets only waits for the timeout.
        let _ = PollSet::new::<OwnedFd>([]).wait(Some(time))?.next();
    }
    Ok(())
}
