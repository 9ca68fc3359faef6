//! Protocols as sans-IO state machines.
//!
//! Nothing here has a socket, a clock or a source of randomness: the caller passes them in. So a
//! test can simulate an hour of network traffic in a millisecond, and the same seed gives the same
//! run.
//!
//! # A common interface
//! All machines use the method names of `quinn-proto`, each as far as it needs them:
//!
//! - `handle_datagram(now, …)`: a datagram arrived.
//! - `poll_transmit(now, …)`: what to send now, or `None`. Call it until it returns `None`, after
//!   every other call. The result counts as sent at `now`.
//! - `poll_timeout()`: the next deadline, or `None`. It may change after every other call.
//! - `handle_timeout(now)`: do what is due. It may be called early or late, and more than once.
//! - `poll_event()`: what happened meanwhile, or `None`.
//! - `on_…(now, …)`: the caller reports something else: a loss, an ICMP message, a stored file.
//!
//! `now` is the first argument of every method that depends on time. It is a
//! [`Duration`](std::time::Duration) since an epoch of the caller's choice, the same in all calls
//! to one machine: in a program `epoch.elapsed()` of an [`Instant`](std::time::Instant), in a
//! simulation a variable that starts at zero. (An `Instant` cannot be constructed, so a simulation
//! would need a real clock to start from.) If one datagram provokes at most one response, and at
//! once, it is written to a buffer that the caller passes in, as in
//! `quinn_proto::Endpoint::handle`.
//!
//! | machine | `handle_datagram` | `poll_transmit` | `poll_timeout`, `handle_timeout` | events |
//! | --- | --- | --- | --- | --- |
//! | [`exchange::Requester`] | a reply, returned as [`exchange::Outcome`] | the next attempt at the request | the next attempt is due, or the request is abandoned | [`exchange::Event`] by `poll_event` |
//! | [`exchange::Responder`] | a request, returned as [`exchange::Incoming`]; without `now` | none: the response is written at once | none: its cache is bounded by size | none |
//! | [`transfer::Listener`] | any datagram, returned as [`transfer::Incoming`] | none: the response is written at once | none: it keeps only the ids of openings | none |
//! | [`transfer::Sender`] | a datagram of the receiver | a [`transfer::Run`] of datagrams | retransmission, pacing, keep-alive, silence | [`transfer::Sender::result`] |
//! | [`transfer::Receiver`] | a packet of its connection | an acknowledgement, or another frame | delayed acknowledgement, silence | [`transfer::Receiver::result`] |
//! | [`PathMtu`] | none: `on_probe_acknowledged` and similar methods | the payload size of a probe | the probe is lost, or larger sizes are tried again | [`PathMtu::current`] |
//! | [`impairment::Link`] | a datagram enters the link | the next datagram that leaves it | a datagram leaves: call only `poll_transmit` | [`impairment::Processed`], returned |
//!
//! The parts of a machine have no deadlines of their own: [`congestion`] controllers take
//! `on_…(now, …)`, a [`congestion::Pacer`] returns its budget, and [`Backoff`] computes the waits
//! of one request.

mod backoff;
pub mod bench_handshake;
mod checksum;
pub mod congestion;
mod cookie;
pub mod exchange;
pub mod impairment;
pub mod load;
mod path_mtu;
mod reflection;
mod rtt;
#[cfg(test)]
mod simulation;
pub mod transfer;

pub use backoff::{Backoff, Schedule};
pub use path_mtu::{PathMtu, PathMtuState};
pub use reflection::{REPLY_HOP_LIMIT, Unanswerable, amplifies, is_marked_reply, unanswerable};
pub use rtt::RttEstimator;
