//! A load on a path or a server: sans-IO.
//!
//! [`Plan`] and [`Schedule`] say when each datagram is due, whatever comes back: an open loop. [`Tracker`]
//! follows what arrives, and [`ClockFilter`] how the clocks of the two ends differ. Between a client and a
//! server that consents, a session ([`Control`], [`Header`]) tells the losses of the two directions apart;
//! [`Responder`] is the server's side of it.

mod arrivals;
mod clock;
mod control;
mod pace;
mod responder;
mod schedule;
mod served;
mod session;
mod tracker;
mod wire;

pub use arrivals::{Arrivals, Recorded, Schedule, Scheduled};
pub use clock::{ClockEstimate, ClockFilter, NoClock};
pub use control::{Clocks, Control, Limits, Refusal, Results, Reverse, Start};
pub use pace::{Departure, Pace};
pub use responder::{Incoming, Responder};
pub use schedule::{Curve, Plan};
pub use served::Served;
pub use session::{Progress, ReverseLoad};
pub use tracker::{Counts, MOST_N, Tracker};
pub use wire::{CONTROL, Header, Kind, SHORTEST, Visit, answer, answered};
