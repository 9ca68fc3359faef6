//! Limits the rate in datagrams per second.

use std::time::Duration;

/// Spaces datagrams evenly. The caller passes the time, from any origin.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Duration,
}

impl Pace {
    /// The delay that may be made up for: a wait ends late by a tick of the clock.
    const SLACK: Duration = Duration::from_millis(10);
    /// The longest interval: a datagram leaves within an hour at any rate.
    const LONGEST: Duration = Duration::from_secs(3600);

    /// Makes a pacer of `rate` datagrams per second, above 0.
    pub(super) fn new(rate: f64) -> Self {
        Self {
            interval: Duration::try_from_secs_f64(1.0 / rate)
                .map_or(Self::LONGEST, |interval| interval.min(Self::LONGEST)),
            next: Duration::ZERO,
        }
    }

    /// When the next datagram may leave.
    pub(super) fn ready_at(&self) -> Duration {
        self.next
    }

    /// Reserves the sending of one datagram, if it may leave now.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        if now < self.next {
            return false;
        }
        let base = self.next.max(now.saturating_sub(Self::SLACK));
        self.next = base.saturating_add(self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_the_rate(rate in 1.0_f64..10_000.0, steps in prop::collection::vec(prop_oneof![0_u64..50_000, 0_u64..5_000_000], 1..200)) {
            let mut pace = Pace::new(rate);
            let (mut now, mut sent) = (Duration::ZERO, 0_u32);
            for step in steps {
                now += Duration::from_micros(step);
                let before = sent;
                while pace.take(now) {
                    sent += 1;
                }
                let at_once = sent - before;
                prop_assert!(f64::from(at_once) <= rate * Pace::SLACK.as_secs_f64() + 2.0, "{at_once} at once");
                let most = rate * (now + Pace::SLACK).as_secs_f64() + 1.5;
                prop_assert!(f64::from(sent) <= most, "{sent} in {now:?} at {rate}/s");
                prop_assert!(pace.ready_at() > now);
            }
        }
    }
}
