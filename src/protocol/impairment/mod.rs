//! A bad network on demand: what becomes of each datagram of one direction, sans-IO.
//!
//! A [`Profile`] says how bad the network is. A [`Link`] carries the datagrams of all flows in one
//! direction: [`Link::handle_datagram`] decides the [`Outcome`] of a datagram and keeps a copy if it is to leave
//! later; [`Link::poll_transmit`] hands over what is to leave now. Time is a [`Duration`] since any start.
//!
//! # The path of a datagram
//! In this order, and each step sees only what the one before let through:
//!
//! 1. `blackhole`: within a window everything is lost.
//! 2. `mtu`: a datagram that is longer with its headers is lost, without a word (no ICMP).
//! 3. `loss`: lost by chance, alone or in bursts (Gilbert-Elliott).
//! 4. `truncate`: cut to a length from 0 up to one byte less, each as likely.
//! 5. `corrupt`: exactly one bit is flipped, each as likely. An empty datagram has none.
//! 6. `rate` and `queue`: the datagram as it arrived, headers included, takes its time on a wire that
//!    all flows share. One that finds `queue` others waiting or on the wire is lost (tail drop).
//! 7. `delay` and `jitter`: behind the wire, each datagram for itself, so that jitter may reorder. A
//!    delay below zero is none.
//! 8. `reorder`: with a delay, a picked datagram skips it (as netem's does). Without one, it is held
//!    back until the next datagram of its flow that was not picked has left, and leaves right behind
//!    it; after [`HOLD`] it leaves anyhow.
//! 9. `duplicate`: a copy leaves as well, with the same changes and a jitter of its own; it takes no
//!    time on the wire.
//!
//! At most [`HELD`] datagrams and [`HELD_BYTES`] of memory are held; beyond that they are lost, and
//! counted as [`Cause::Overflow`].
//!
//! # Chance
//! What is left to chance depends on the seed, the direction, the flow's number and the datagram's
//! number in its flow, and on nothing else: the same traffic meets the same outcome at any pace and in
//! any mix with other flows. Each kind of impairment has throws of its own, so that adding one does
//! not change the others. What depends on time by its nature (`blackhole`, `queue`, [`HOLD`] and the
//! overflow) does; a recorded outcome ([`Link::impose`]) repeats the first two as well.
//!
//! ```
//! use std::time::Duration;
//! use udpraw::protocol::impairment::{Direction, Outcome, Flow, Link, Profile};
//!
//! let profile: Profile = "loss=20%,delay=5ms".parse()?;
//! let mut link = Link::new(profile, 1, Direction::Up);
//! let mut flow = Flow::new(0);
//! let mut lost = 0;
//! for _ in 0..1000 {
//!     let offered = link.handle_datagram(Duration::ZERO, &mut flow, b"hello");
//!     lost += u32::from(matches!(offered.outcome, Outcome::Lost(_)));
//! }
//! assert!((150..250).contains(&lost));
//! assert_eq!(link.poll_timeout(), Some(Duration::from_millis(5)));
//! assert!(link.poll_transmit(Duration::from_millis(4)).is_none());
//! let released = link.poll_transmit(Duration::from_millis(5)).unwrap();
//! assert_eq!((released.flow, released.bytes), (0, &b"hello"[..]));
//! # Ok::<(), udpraw::error::Error>(())
//! ```
//!
//! [`Duration`]: std::time::Duration

mod delay_queue;
mod keyed_rng;
mod link;
mod outcome;
mod parse;
mod profile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod statistics;

pub use delay_queue::{HELD, HELD_BYTES, Released};
pub use keyed_rng::Direction;
pub use link::{Flow, HOLD, Link, Processed, Tally};
pub use outcome::{Cause, Delivery, Order, Outcome};
pub use profile::{Distribution, Loss, Profile};
