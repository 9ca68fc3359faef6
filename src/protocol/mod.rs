//! What the programs decide, sans-IO.
//!
//! Nothing here has a socket, a clock or randomness of its own: they are handed in, so that a test
//! runs an hour of network in a millisecond.

mod backoff;
pub mod bench_handshake;
pub mod congestion;
pub mod exchange;
pub mod impairment;
mod path_mtu;
mod reflection;
mod rtt;
pub mod transfer;

pub use backoff::{Backoff, Schedule};
pub use path_mtu::{PathMtu, PathMtuState};
pub use reflection::{REPLY_HOP_LIMIT, Unanswerable, amplifies, is_marked_reply, unanswerable};
pub use rtt::RttEstimator;
