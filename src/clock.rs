//! The clocks of this machine, in nanoseconds.

use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

/// A datagram does not wait longer than this to be read, in nanoseconds: beyond, a clock was set.
const LONGEST_WAIT: i64 = 10_000_000_000;

/// A timestamp may be later than a moment by this many nanoseconds: what came while a batch was read.
const LATEST: i64 = 1_000_000;

/// Both clocks at one moment, to tell by the monotonic one when the kernel took a timestamp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The time of the monotonic clock, in nanoseconds.
    pub(crate) monotonic: u64,
    wall: u64,
}

impl Moment {
    /// This moment. A thread that is stopped between the two readings makes a timestamp later, never earlier.
    pub(crate) fn now() -> Self {
        let wall = read(ClockId::CLOCK_REALTIME);
        Self {
            monotonic: monotonic(),
            wall,
        }
    }

    /// This moment, for one who has no timestamps: the wall clock is not read.
    #[cfg(feature = "load")]
    pub(crate) fn without_wall() -> Self {
        Self {
            monotonic: monotonic(),
            wall: 0,
        }
    }

    /// When a timestamp was taken, by the monotonic clock. Without one, and if the wall clock was set
    /// meanwhile, it is this moment.
    pub(crate) fn time_of(&self, stamp: Option<SystemTime>) -> u64 {
        let since = stamp.and_then(|stamp| stamp.duration_since(SystemTime::UNIX_EPOCH).ok());
        let Some(stamp) = since.as_ref().map(Duration::as_nanos) else {
            return self.monotonic;
        };
        let after = (stamp as u64).wrapping_sub(self.wall).cast_signed();
        if (-LONGEST_WAIT..=LATEST).contains(&after) {
            self.monotonic.saturating_add_signed(after)
        } else {
            self.monotonic
        }
    }
}

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

fn read(clock: ClockId) -> u64 {
    // With these clocks it cannot fail (clock_gettime(2)).
    let time = clock_gettime(clock).map(|time| (time.tv_sec() as u64, time.tv_nsec() as u64));
    let (seconds, nanos) = time.unwrap_or_default();
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_placed_on_the_monotonic_clock() {
        let moment = Moment {
            monotonic: 50_000_000_000,
            wall: 1_000_000_000_000,
        };
        let at = |nanos: u64| Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos));
        for (stamp, time) in [
            (at(1_000_000_000_000), 50_000_000_000),
            (at(999_999_900_000), 49_999_900_000),
            (at(1_000_000_000_500), 50_000_000_500),
            (at(990_000_000_000), 40_000_000_000),
            (None, 50_000_000_000),
            // The wall clock was set by an hour, or by 20 ms back.
            (at(4_600_000_000_000), 50_000_000_000),
            (at(1_000_020_000_000), 50_000_000_000),
            (at(0), 50_000_000_000),
        ] {
            assert_eq!(moment.time_of(stamp), time, "{stamp:?}");
        }
        let now = Moment::now();
        assert!(now.time_of(Some(SystemTime::now())).abs_diff(now.monotonic) < LONGEST_WAIT as u64);
        #[cfg(feature = "load")]
        assert_eq!(Moment::without_wall().wall, 0);
    }
}
