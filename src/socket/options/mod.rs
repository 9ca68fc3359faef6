//! The catalogue of socket options: each one that a UDP socket on Linux answers to.
//!
//! One table a level says what is known of each: its constant, the type and unit of its value, who
//! may set it, since which kernel, what it means and where it bites. Everything that sets or shows
//! an option comes from there.
//!
//! A program that knows its options at compile time sets them by the typed constants of
//! [`socket::option`](super::option). What is here is for names and values that are text, such as
//! those of a command line.
//!
#![cfg_attr(feature = "extras", doc = "```")]
#![cfg_attr(not(feature = "extras"), doc = "```ignore")]
//! use std::os::fd::AsFd;
//! use udpraw::socket::{Endpoint, options::{OptionValue, SocketOption}};
//! let endpoint = Endpoint::builder().bind(([127, 0, 0, 1], 0).into())?;
//! let setting: OptionValue = "SO_RCVBUF=64KiB".parse()?;
//! setting.apply(endpoint.as_fd())?;
//! // Linux doubles what is asked for, to count its own bookkeeping (socket(7)).
//! assert_eq!(setting.requested().to_string(), "65536");
//! assert_eq!(setting.effective(endpoint.as_fd())?.to_string(), "131072");
//! # Ok::<(), udpraw::error::Error>(())
//! ```

mod calls;
mod catalogue;
#[cfg(feature = "extras")]
mod chinese;
#[cfg(feature = "extras")]
mod effect;
mod encode;
mod ip;
mod ipv6;
mod kind;
mod level;
mod multicast;
mod option;
mod option_value;
mod parse;
mod socket_level;
mod timestamp;
mod udp;
mod value;

use std::os::fd::BorrowedFd;

#[cfg(feature = "extras")]
pub use effect::Effect;
pub use kind::Kind;
#[cfg(feature = "extras")]
pub use kind::Names;
pub use level::{Access, Level};
pub use option::SocketOption;
pub use option_value::OptionValue;
pub use value::{Interface, MEMORY_COUNTERS, Scoped, Value};

pub(super) use ip::OPTIONS as IP;
pub(super) use ipv6::OPTIONS as IPV6;
pub(super) use multicast::OPTIONS as MULTICAST;
pub(super) use socket_level::OPTIONS as SOCKET_LEVEL;
pub(super) use timestamp::OPTIONS as TIMESTAMP;
pub(super) use udp::OPTIONS as UDP;

use super::Family;

/// Control buffer needed for all the options that are on: one getsockopt for each that could be.
pub(super) fn enabled_control(fd: BorrowedFd<'_>, family: Family) -> usize {
    SocketOption::all()
        .filter(|option| !option.control.is_empty() && option.is_for(family))
        .filter(|option| option.get(fd).is_ok_and(|value| value.is_on()))
        .map(option_value::control_space)
        .sum()
}

/// The name of the DSCP in a TOS byte, whatever its ECN.
#[cfg(feature = "extras")]
pub(super) fn dscp_name(tos: u8) -> Option<&'static str> {
    value::name_of(kind::DSCP, i32::from(tos & !0b11))
}
