//! A bad network on demand: the outcome of each datagram in one direction, sans-IO.
//!
//! A [`Profile`] describes the impairments. A [`Link`] carries the datagrams of all flows in one
//! direction: [`Link::handle_datagram`] decides the [`Outcome`] of a datagram and keeps a copy if
//! it leaves later; [`Link::poll_transmit`] returns what leaves now. Time is a [`Duration`] since
//! an arbitrary start.
//!
//! # The path of a datagram
//! In this order; each step sees only what the previous one let through:
//!
//! 1. `blackhole`: within a window everything is lost.
//! 2. `mtu`: a datagram that is longer with its headers is lost, without an ICMP error.
//! 3. `loss`: lost at random, singly or in bursts (Gilbert-Elliott).
//! 4. `truncate`: cut to a length from 0 to one byte less, each equally likely.
//! 5. `corrupt`: exactly one bit is flipped, each equally likely. An empty datagram has none.
//! 6. `rate` and `queue`: the datagram as it arrived, headers included, occupies a wire that all
//!    flows share for its transmission time. One that finds `queue` others waiting or on the wire
//!    is lost (tail drop).
//! 7. `delay` and `jitter`: after the wire, each datagram independently, so that jitter may
//!    reorder. A negative delay counts as zero.
//! 8. `reorder`: with a delay, a selected datagram skips it (as in netem). Without one, it is held
//!    back until the next datagram of its flow that is not selected has left, and leaves right
//!    after it; after [`MAX_HOLD`] it leaves in any case.
//! 9. `duplicate`: a copy leaves as well, with the same changes and its own jitter; it takes no
//!    time on the wire.
//!
//! At most [`MAX_HELD`] datagrams and [`HELD_BYTES`] of memory are held; beyond that they are lost, and
//! counted as [`Cause::Overflow`].
//!
//! # Randomness
//! Random decisions depend on the seed, the direction, the flow's number and the datagram's number
//! in its flow, and on nothing else: the same traffic has the same outcome at any pace and in any
//! mix with other flows. Each kind of impairment has its own random numbers, so that adding one
//! does not change the others. What depends on time by its nature (`blackhole`, `queue`, [`MAX_HOLD`]
//! and the overflow) still does; a recorded outcome ([`Link::apply`]) repeats the first two as
//! well.
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

pub use delay_queue::{HELD_BYTES, MAX_HELD, Released};
pub use keyed_rng::Direction;
pub use link::{Flow, Link, MAX_HOLD, Processed, Tally};
pub use outcome::{Cause, Delivery, Order, Outcome};
pub use profile::{Distribution, Loss, Profile};
