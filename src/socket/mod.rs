//! A UDP socket, explicit and safe.
//!
//! No call is hidden: a socket is made with family, type and protocol, its options are set one by
//! one, then it is bound. The file descriptor is always accessible.
//!
//! ```
//! use udpraw::socket::{Endpoint, ReceiveBuffer, option};
//!
//! let server = Endpoint::builder().option(option::SO_REUSEADDR, true).bind("127.0.0.1:0".parse()?)?;
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
mod ecn;
mod endpoint;
#[cfg(feature = "relay")]
mod epoll_set;
mod error_queue;
mod group;
#[cfg(feature = "extras")]
mod host;
mod interrupt;
pub mod option;
pub mod options;
mod path;
#[cfg(feature = "extras")]
mod pause;
mod poll_set;
mod received;
mod sent_timestamp;

pub use address::Family;
pub use builder::Builder;
pub use control_message::{ControlMessage, Timestamps, TrafficClass};
pub use datagram::{ControlMessages, PacketInfo, ReceiveBuffer, SourceAddress};
pub use ecn::Ecn;
pub use endpoint::Endpoint;
pub use error_queue::{Origin, QueuedError};
pub use interrupt::Waker;
pub use poll_set::Readiness;

// Shared by the tools.
#[cfg(feature = "extras")]
pub use address::{Shown, loopback_if_unspecified, scope_name};
#[cfg(feature = "relay")]
pub(crate) use epoll_set::EpollSet;
#[cfg(feature = "extras")]
pub use error_queue::{Refusal, icmp_name};
#[cfg(feature = "extras")]
pub use host::{resolve, usable};
#[cfg(feature = "extras")]
pub use pause::pause;
#[cfg(any(feature = "probe", feature = "server", feature = "transfer"))]
pub(crate) use poll_set::PollSet;
pub(crate) use poll_set::timespec;
pub use received::Received;
pub use sent_timestamp::{SendStage, SentTimestamp};
