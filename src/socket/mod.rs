//! A UDP socket, explicit and safe.
//!
//! Nothing hides the calls: a socket is made with family, type and protocol, its options are set one
//! by one, then it is bound. The file descriptor is always within reach.
//!
//! ```
//! use udpraw::socket::{Endpoint, ReceiveBuffer};
//!
//! let server = Endpoint::builder().option("SO_REUSEADDR=1".parse()?).bind("127.0.0.1:0".parse()?)?;
//! let client = Endpoint::builder().unbound(udpraw::socket::Family::V4)?;
//! client.send_to(b"hello", server.local_address()?)?;
//!
//! let mut buffer = ReceiveBuffer::new();
//! let datagram = server.receive(&mut buffer)?;
//! assert_eq!(datagram.bytes(), b"hello");
//! assert!(!datagram.is_truncated());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod builder;
mod control_message;
mod datagram;
mod endpoint;
mod epoll_set;
mod error_queue;
mod group;
mod interrupt;
pub mod options;
mod poll_set;

pub use address::{Family, Shown, resolve, scope_name, usable};
pub use builder::Builder;
pub use control_message::{ControlMessage, Ecn, Timestamps, TrafficClass};
pub use datagram::{ControlMessages, Datagram, PacketInfo, ReceiveBuffer};
pub use endpoint::Endpoint;
pub use epoll_set::EpollSet;
pub use error_queue::{Origin, QueuedError, Refusal, icmp_name};
pub use interrupt::{Waker, pause};
pub(crate) use poll_set::timespec;
pub use poll_set::{PollSet, Readiness};
