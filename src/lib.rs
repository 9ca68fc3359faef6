//! A UDP toolbox for Linux: send and receive, inspect, stress-test and trace UDP, down to the system call.
//!
//! The crate is layered; a module may only import from lower layers (`tests/architecture.rs` enforces it):
//!
//! | layer | modules | what they do |
//! | --- | --- | --- |
//! | tools | [`server`], [`client`], [`relay`], [`transfer`], [`trace`], [`ports`], [`probe`], [`mtu`], [`bench`](mod@bench) | join sockets and protocols for one purpose |
//! | 3 | [`io`] | moves datagrams, by the backend that the kernel serves best |
//! | 3 | [`protocol`] | decides, without a socket, a clock or randomness of its own |
//! | 2 | [`socket`], [`services`], [`cpu`] | a UDP socket, explicit and safe; names and numbers of ports; CPUs to stay on |
//! | 1 | `sys` | the only `unsafe`: file descriptors and bytes |
//! | 0 | [`error`], [`units`] | errors for people; sizes, durations, probabilities |
//!
//! A socket, from the system call up:
//!
//! ```
//! use udpraw::socket::{Endpoint, ReceiveBuffer};
//!
//! let socket = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
//! socket.send_to(b"to myself", socket.local_address()?)?;
//! let mut buffer = ReceiveBuffer::new();
//! assert_eq!(socket.receive(&mut buffer)?.bytes(), b"to myself");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//! - `cli` (default): the `udpraw` binary.
//! - `ports` (default): [`ports`].
//! - `uring` (default): the backend [`io::Backend::Uring`].
//!
//! Without them, the library depends on socket2, nix, libc, memchr, strsim, fastrand, crc32c,
//! twox-hash, siphasher, simple-dns, resolv-conf and getrandom alone.

pub mod bench;
pub mod client;
pub mod cpu;
pub mod error;
pub mod io;
pub mod mtu;
#[cfg(feature = "ports")]
pub mod ports;
pub mod probe;
pub mod protocol;
pub mod relay;
pub mod server;
pub mod services;
pub mod socket;
mod sys;
pub mod trace;
pub mod transfer;
pub mod units;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct Library;
