//! The clocks of this machine, in nanoseconds.

use nix::time::{ClockId, clock_gettime};
#[cfg(feature = "load")]
use std::time::Duration;

/// The time of the system's monotonic clock (CLOCK_MONOTONIC): never set, the same in all processes of a
/// machine, and slewed like the wall clock.
pub(crate) fn monotonic() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// By how much the wall clock (CLOCK_REALTIME, since 1970) is ahead of the monotonic one. It changes only
/// if the wall clock is set.
pub(crate) fn wall_base() -> u64 {
    let before = monotonic();
    let wall = read(ClockId::CLOCK_REALTIME);
    // Read between the two, so that a thread that was stopped in between is wrong by half of it.
    wall.wrapping_sub(before.midpoint(monotonic()))
}

/// A number that is the same on all systems that share this kernel, until the next boot; 0 if it is not
/// known.
pub(crate) fn kernel_id() -> u64 {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(16)
        .collect();
    u64::from_str_radix(&digits, 16).unwrap_or_default()
}

/// Sleeps until a time of the monotonic clock, or a signal.
#[cfg(feature = "load")]
pub(crate) fn sleep_until(time: u64, stop: &std::sync::atomic::AtomicBool) {
    let left = time.saturating_sub(monotonic());
    let _ = crate::socket::pause(Duration::from_nanos(left), stop);
}

fn read(clock: ClockId) -> u64 {
    // With these clocks it cannot fail (clock_gettime(2)).
    let time = clock_gettime(clock).map(|time| (time.tv_sec() as u64, time.tv_nsec() as u64));
    let (seconds, nanos) = time.unwrap_or_default();
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}
