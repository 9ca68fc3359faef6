//! How many bytes may be in flight, and how fast they may leave: sans-IO.
//!
//! [`Congestion`] is the interface that a transfer uses. Behind it are [`Cubic`] (RFC 9438), [`Bbr`]
//! for paths with random loss, and [`Ledbat`], which yields to other traffic; [`Controller`] chooses
//! by name. [`Pacer`] spreads the window over the round trip and keeps a hard limit;
//! [`DeliveryRate`] measures what the path delivers.
//!
//! Times are since the transfer's start, by the caller's clock. A clock that stands still, jumps,
//! or goes back only changes how fast a window grows: nothing panics, and the window stays within
//! two segments and [`MAX_WINDOW`]. Sizes are bytes of UDP payload. A segment is the largest
//! datagram that the path carries.
//!
//! ```
//! use std::time::Duration;
//! use udpraw::protocol::congestion::{Acknowledged, Congestion, Cubic, Pacer, RateSample, RttSample};
//!
//! let mut congestion: Box<dyn Congestion> = Box::new(Cubic::new(1200));
//! let mut pacer = Pacer::new(1200);
//! assert_eq!(congestion.window(), 12_000);
//!
//! let (start, round_trip) = (Duration::ZERO, Duration::from_millis(20));
//! assert!(pacer.budget(start, None) >= 12_000); // no round trip is known: no pacing
//! pacer.on_sent(12_000);
//! congestion.on_acknowledged(round_trip, Acknowledged {
//!     bytes: 12_000,
//!     sent_at: start,
//!     in_flight: 12_000,
//!     is_window_limited: true,
//!     round_trip: RttSample { latest: round_trip, smoothed: round_trip, min: round_trip },
//!     rate: RateSample::default(), // of DeliveryRate; CUBIC does not look at it
//! });
//! assert_eq!(congestion.window(), 24_000); // slow start doubles it
//! assert_eq!(congestion.pacing_rate(round_trip), Some(2_400_000)); // twice the window per round trip
//! ```

use std::fmt::Debug;
use std::time::Duration;

mod bbr;
mod controller;
mod cubic;
#[cfg(test)]
mod grid_tests;
mod hystart;
mod ledbat;
mod pacer;
mod rate;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

pub use bbr::Bbr;
pub use controller::{Controller, Priority};
pub use cubic::Cubic;
pub use ledbat::Ledbat;
pub use pacer::Pacer;
pub use rate::{DeliveryRate, Loss, RateSample, SendState};

/// The largest window in bytes: 4 GiB, more than 100 Gbit/s with a round trip of 0.3 s.
pub const MAX_WINDOW: u64 = 1 << 32;

/// The initial window: ten segments, but no more than the larger of 14,720 bytes
/// and two segments (RFC 6928 section 2, RFC 9002 section 7.2).
pub fn initial_window(segment: u64) -> u64 {
    let least = min_window(segment);
    segment
        .saturating_mul(10)
        .min(least.max(14_720))
        .clamp(least, MAX_WINDOW)
}

/// The smallest window: two segments (RFC 9002 section 7.2).
pub fn min_window(segment: u64) -> u64 {
    segment.clamp(1, MAX_WINDOW / 2) * 2
}

/// The round trips that the transfer has measured.
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
    /// Bytes that it acknowledged for the first time.
    pub bytes: u64,
    /// When the newest of those datagrams was sent.
    pub sent_at: Duration,
    /// Bytes in flight before it arrived.
    pub in_flight: u64,
    /// Whether the window limited the sender. A window that was not used up does not grow (RFC 9002
    /// section 7.8, RFC 9438 section 5.8). It depends on why the last sending ended: the window or
    /// the pacer, or a lack of data or of the receiver's credit. The bytes in flight do not show
    /// it: the first of several acknowledgements at once has already reduced them.
    pub is_window_limited: bool,
    /// The round trips, the latest included.
    pub round_trip: RttSample,
    /// The delivery rate that this acknowledgement shows.
    pub rate: RateSample,
}

/// An algorithm that decides how many bytes may be in flight.
///
/// Events are reported in the order of time. If one acknowledgement both acknowledges and shows a
/// loss, the loss is reported first (RFC 9002, appendix A.7).
pub trait Congestion: Debug + Send {
    /// Datagrams arrived.
    fn on_acknowledged(&mut self, now: Duration, acknowledged: Acknowledged);

    /// Datagrams were lost, the newest of them sent at `sent_at`. Never for a probe of the path MTU
    /// (RFC 8899 section 3).
    ///
    /// The window is reduced once per recovery period: what was sent before the period began does
    /// not count again, so each lost datagram may be reported (RFC 9002 section 7.3.2).
    fn on_congestion(&mut self, now: Duration, sent_at: Duration);

    /// The receiver has counted more datagrams marked ECN-CE; the newest that was acknowledged with
    /// them was sent at `sent_at`. It counts as a loss, at most once per round trip (RFC 3168
    /// section 6.1.2, RFC 9002 section 7.1), but never turns out spurious.
    fn on_marked(&mut self, now: Duration, sent_at: Duration);

    /// Everything was lost for longer than the persistent congestion period: the window falls to
    /// two segments (RFC 9002 section 7.6). The losses themselves are reported before.
    fn on_persistent_congestion(&mut self, now: Duration);

    /// The losses for which the window was last reduced were spurious: the datagrams arrived late.
    /// The reduction is undone, unless it already was, or the recovery period is over (RFC 9438
    /// section 4.9).
    fn on_spurious_loss(&mut self);

    /// The path is another from now on, and everything starts over; what was sent before `now` does
    /// not count (RFC 9000 section 9.4).
    fn on_path_changed(&mut self, now: Duration);

    /// The path now carries datagrams of another size. The window keeps its size in bytes, but is
    /// at least two segments.
    fn set_segment_size(&mut self, bytes: u64);

    /// How many bytes may be in flight.
    fn window(&self) -> u64;

    /// Whether the window still doubles each round trip.
    fn is_slow_start(&self) -> bool;

    /// The sending rate in bytes per second: a little more than one window per round trip, so that
    /// the window, not the pacer, is the limit: twice in slow start and 1.25 times afterwards (RFC
    /// 9002 section 7.7). `None` if the round trip is zero, that is, unknown.
    fn pacing_rate(&self, smoothed: Duration) -> Option<u64> {
        if smoothed.is_zero() {
            return None;
        }
        let gain = if self.is_slow_start() { 2.0 } else { 1.25 };
        // The float becomes the nearest representable integer: `as` saturates.
        let rate = gain * self.window() as f64 / smoothed.as_secs_f64();
        Some((rate.round() as u64).max(1))
    }
}
