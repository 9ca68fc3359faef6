//! A UDP socket, explicit and safe.
//!
//! Each step is one system call: a socket is made with family, type and protocol, its [options](option)
//! are set one by one, then it is bound. No option is set that the program does not name, and the file
//! descriptor is always accessible (`AsFd`).
//!
//! An [`Endpoint`] sends and receives one datagram per call. A [`Transport`](crate::io::Transport) moves
//! many per call, or many that cross the kernel as one. Programs to copy from: `examples/echo.rs` and
//! `examples/multicast.rs`.
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
#[cfg(any(feature = "load", feature = "relay", feature = "server"))]
mod epoll_set;
mod error_queue;
mod failure;
mod group;
#[cfg(feature = "extras")]
mod host;
mod interrupt;
pub mod option;
#[cfg(feature = "extras")]
pub mod options;
// What its texts are for takes the feature `extras`.
#[cfg(not(feature = "extras"))]
#[allow(dead_code, unused_imports)]
mod options;
mod path;
#[cfg(feature = "extras")]
mod pause;
mod poll_set;
mod received;

pub use address::Family;
pub use builder::Builder;
pub use control_message::{ControlMessage, Timestamps};
pub use datagram::{ControlMessages, PacketInfo, ReceiveBuffer, SourceAddress};
pub use ecn::Ecn;
pub use endpoint::Endpoint;
pub use error_queue::{Origin, QueuedError};
pub use interrupt::Waker;
pub use poll_set::Readiness;

// Shared by the tools.
#[cfg(feature = "extras")]
pub use address::{Shown, loopback_if_unspecified, scope_name};
#[cfg(feature = "extras")]
pub use control_message::dscp_name;
#[cfg(any(feature = "load", feature = "relay", feature = "server"))]
pub(crate) use epoll_set::EpollSet;
#[cfg(feature = "extras")]
pub use error_queue::{Refusal, icmp_name};
#[cfg(feature = "extras")]
pub use host::{resolve, usable};
#[cfg(feature = "extras")]
pub use pause::pause;
#[cfg(any(feature = "probe", feature = "server"))]
pub(crate) use poll_set::PollSet;
pub(crate) use poll_set::timespec;
pub use received::Received;
