//! How many bytes may be on their way at once, and how fast they may leave: sans-IO.
//!
//! [`Congestion`] is what a transfer asks; [`Cubic`] answers by RFC 9438, and another algorithm can
//! stand in its place. [`Pacer`] spreads over the round trip what the window allows.
//!
//! Times are those since the transfer's start, as the caller's clock tells them. A clock that stands
//! still, leaps, or goes back changes how fast a window grows, and nothing else: no panic, and the
//! window stays within two segments and [`MAX_WINDOW`]. Sizes are bytes of UDP payload. A segment is the
//! largest datagram that the path takes.
//!
//! ```
//! use std::time::Duration;
//! use udpraw::protocol::congestion::{Acknowledged, Congestion, Cubic, Pacer, RttSample};
//!
//! let mut congestion: Box<dyn Congestion> = Box::new(Cubic::new(1200));
//! let mut pacer = Pacer::new(1200);
//! assert_eq!(congestion.window(), 12_000);
//!
//! let (start, round_trip) = (Duration::ZERO, Duration::from_millis(20));
//! assert!(pacer.budget(start, None) >= 12_000); // no round trip is known: no pace
//! pacer.on_sent(12_000);
//! congestion.on_acknowledged(round_trip, Acknowledged {
//!     bytes: 12_000,
//!     sent_at: start,
//!     in_flight: 12_000,
//!     is_window_limited: true,
//!     round_trip: RttSample { latest: round_trip, smoothed: round_trip, min: round_trip },
//! });
//! assert_eq!(congestion.window(), 24_000); // slow start doubles it
//! assert_eq!(congestion.pacing_rate(round_trip), Some(2_400_000)); // twice the window a round trip
//! ```

use std::fmt::Debug;
use std::time::Duration;

mod cubic;
mod hystart;
mod pacer;
#[cfg(test)]
mod tests;

pub use cubic::Cubic;
pub use pacer::Pacer;

/// The largest window in bytes: 1 GiB, more than 8 Gbit/s over a round trip of a second.
pub const MAX_WINDOW: u64 = 1 << 30;

/// The window that a transfer starts with: ten segments, but no more than the larger of 14,720 bytes
/// and two segments (RFC 6928 section 2, RFC 9002 section 7.2).
pub fn initial_window(segment: u64) -> u64 {
    let least = min_window(segment);
    segment
        .saturating_mul(10)
        .min(least.max(14_720))
        .clamp(least, MAX_WINDOW)
}

/// The least window: two segments (RFC 9002 section 7.2).
pub fn min_window(segment: u64) -> u64 {
    segment.clamp(1, MAX_WINDOW / 2) * 2
}

/// The round trips as the transfer has measured them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RttSample {
    /// Of the newest datagram that was just acknowledged.
    pub latest: Duration,
    /// The smoothed mean, [`RttEstimator::smoothed`](crate::protocol::RttEstimator::smoothed).
    pub smoothed: Duration,
    /// The shortest so far.
    pub min: Duration,
}

/// What one acknowledgement newly acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Bytes that it acknowledged first.
    pub bytes: u64,
    /// When the newest of those datagrams was sent.
    pub sent_at: Duration,
    /// Bytes in flight before it came.
    pub in_flight: u64,
    /// Whether the window was what held the sender back. A window that was not used up does not grow
    /// (RFC 9002 section 7.8, RFC 9438 section 5.8). What tells is why the last sending ended: for
    /// want of room or of pace, or for want of data or of the receiver's credit. The bytes in flight
    /// do not tell: the first of several acknowledgements at once has made room already.
    pub is_window_limited: bool,
    /// The round trips, the latest included.
    pub round_trip: RttSample,
}

/// An algorithm that decides how many bytes may be in flight.
///
/// Events come in the order of time. Where one acknowledgement both acknowledges and shows a loss,
/// the loss is told first (RFC 9002, appendix A.7).
pub trait Congestion: Debug + Send {
    /// Datagrams arrived.
    fn on_acknowledged(&mut self, now: Duration, acknowledged: Acknowledged);

    /// Datagrams were lost or marked (ECN-CE), the newest of them sent at `sent_at`.
    ///
    /// The window is reduced once a recovery period: what was sent before the period began does not
    /// count again, so that each lost datagram may be told (RFC 9002 section 7.3.2).
    fn on_congestion(&mut self, now: Duration, sent_at: Duration);

    /// All was lost for longer than the persistent congestion period: the window falls to two
    /// segments (RFC 9002 section 7.6). The losses themselves are told before.
    fn on_persistent_congestion(&mut self, now: Duration);

    /// The losses for which the window was last reduced turned out to be none: the datagrams came
    /// late. The reduction is undone, unless it was already, or more happened since (RFC 9438
    /// section 4.9).
    fn on_spurious_loss(&mut self);

    /// The path takes another size of datagrams now. The window stays, in bytes, but is two segments
    /// at least.
    fn set_segment_size(&mut self, bytes: u64);

    /// How many bytes may be in flight.
    fn window(&self) -> u64;

    /// Whether the window still doubles each round trip.
    fn is_slow_start(&self) -> bool;

    /// The rate to send with, in bytes a second: a window each round trip, and half as much again or
    /// so in order that the window, not the pace, is the limit: twice in slow start and 1.25 times
    /// afterwards (RFC 9002 section 7.7). `None` where the round trip is zero, which is none.
    fn pacing_rate(&self, smoothed: Duration) -> Option<u64> {
        if smoothed.is_zero() {
            return None;
        }
        let gain = if self.is_slow_start() { 2.0 } else { 1.25 };
        // A float becomes the nearest integer that there is: `as` saturates.
        let rate = gain * self.window() as f64 / smoothed.as_secs_f64();
        Some((rate.round() as u64).max(1))
    }
}
