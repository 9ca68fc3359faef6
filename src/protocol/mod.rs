//! Protocols as sans-IO state machines.
//!
//! Nothing here has a socket, a clock or a source of randomness: the caller passes them in. So a
//! test can run an hour of network in a millisecond.
//!
//! The machines with deadlines ([`exchange::Requester`], [`transfer::Sender`],
//! [`transfer::Receiver`], [`impairment::Link`], [`PathMtu`]) use the method names of `quinn-proto`
//! for what each of them needs:
//!
//! - `handle_datagram`: a datagram arrived (`handle_frame` if the caller has decoded it already).
//! - `poll_transmit`: the next thing to send now, if any. Call it until there is none.
//! - `poll_timeout`: the next deadline, if any. It may change after each other call.
//! - `handle_timeout`: the deadline has passed. A link and a path MTU have none: at their deadline,
//!   `poll_transmit` and `poll_probe` have something.
//!
//! The time is a [`Duration`](std::time::Duration) since any start that the caller keeps to, except
//! in the exchange, which takes an [`Instant`](std::time::Instant).

mod backoff;
pub mod bench_handshake;
mod checksum;
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
