//! A load on a path or a server: sans-IO.
//!
//! [`Plan`] and [`Schedule`] say when each datagram is due, whatever comes back: an open loop. [`Tracker`]
//! follows what arrives, and [`ClockFilter`] how the clocks of the two ends differ.

mod arrivals;
mod clock;
mod schedule;
mod tracker;

pub use arrivals::{Arrivals, Recorded, Schedule, Scheduled};
pub use clock::{ClockEstimate, ClockFilter, NoClock};
pub use schedule::{Curve, Plan};
pub use tracker::{Counts, MOST_N, Tracker};
