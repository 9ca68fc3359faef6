//! UDP sockets for Linux, explicit and safe: options, batches, segmentation offload and control
//! messages; with features, the tools that stand on them.
//!
//! An echo server:
//!
//! ```no_run
//! use udpraw::socket::{Endpoint, ReceiveBuffer};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let socket = Endpoint::builder().bind("127.0.0.1:1060".parse()?)?;
//!     let mut buffer = ReceiveBuffer::new();
//!     loop {
//!         let datagram = socket.receive(&mut buffer)?;
//!         socket.send_to(datagram.bytes(), datagram.source())?;
//!     }
//! }
//! ```
//!
//! A trace of it shows `socket`, `bind`, and then one `recvfrom` and one `sendto` per datagram: nothing is
//! set or asked that the program does not name. An option is named like this ([`socket::option`]):
//!
//! ```
//! use udpraw::socket::{Endpoint, option};
//!
//! let socket = Endpoint::builder()
//!     .option(option::SO_RCVBUF, 4 << 20)
//!     .bind("127.0.0.1:0".parse()?)?;
//! // The kernel need not give what was asked for (net.core.rmem_max).
//! println!("asked for {}, got {}", 4 << 20, socket.get(option::SO_RCVBUF)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! For many datagrams per call, or many that cross the kernel as one, give the socket to a transport: see
//! [`io`].
//!
//! # Examples
//!
//! Programs to copy from ([sources](https://docs.rs/crate/udpraw/latest/source/examples/)), at most a
//! hundred lines each. Each says in its head how to run it and what to look at while it runs.
//!
//! | program | what it shows |
//! | --- | --- |
//! | `examples/echo.rs` | the plain loop: `recvfrom` and `sendto` |
//! | `examples/gso_sender.rs` | one call for many datagrams, compared over the backends |
//! | `examples/gro_receiver.rs` | runs of datagrams with ECN, destination and interface |
//! | `examples/multicast.rs` | joining a group by typed options, over IPv4 and IPv6 |
//! | `examples/sharing_a_port.rs` | several threads on one port, each with its socket |
//! | `examples/tokio_echo.rs` | tokio: batches, and an end at Ctrl-C |
//! | `examples/async_io_echo.rs` | another runtime than tokio |
//! | `examples/uring_sink.rs` | io_uring, and its rate |
//! | `examples/exchange_lossy.rs` | a protocol over a bad network, in memory and simulated time |
//!
//! # Features
//!
//! For sockets and backends on socket2, nix and libc, and no other crate:
//!
//! ```toml
//! [dependencies]
//! udpraw = { version = "0.2", default-features = false }
//! ```
//!
//! | feature | what it adds | crates |
//! | --- | --- | --- |
//! | none | [`socket`], [`io`], [`error`] | socket2, nix, libc |
//! | `uring` | the backend [`io::Backend::Uring`], which is an error of kind `Unsupported` without it | io-uring |
//! | `extras` | text for people: "did you mean" in errors, [hosts by name](socket::resolve), the [catalogue of socket options](socket::options), names of errnos and ICMP messages, [quantities as people write them](units) | strsim |
//! | `services` | [`services`]: names and numbers of ports | and memchr |
//! | `protocol` | [`protocol`]: exchange, transfer, congestion control, impairment and path MTU without sockets | and crc-fast, siphasher, twox-hash |
//! | `bench` `client` `load` `mtu` `ports` `probe` `relay` `report` `server` `trace` `transfer` | the tool that is the module of that name | some have fastrand, getrandom, hdrhistogram, resolv-conf, simple-dns; `report` also jiff, plotters and serde |
//! | `tools` | every tool | |
//! | `tokio` | [`tokio`]: sockets for the runtime tokio | tokio |
//! | `cli` (default) | all of it, and the binary `udpraw` (`cargo install udpraw`) | clap and others |
//!
//! # Layers
//!
//! A module imports from lower layers only (`tests/project/architecture.rs`):
//!
//! | layer | modules | what they do |
//! | --- | --- | --- |
//! | 4 | [`server`], [`client`], [`relay`], [`transfer`], [`trace`], [`ports`], [`probe`], [`mtu`], [`bench`](mod@bench), [`load`](mod@load), [`report`], [`tokio`](mod@tokio) | join sockets and protocols for one purpose |
//! | 3 | [`io`] | moves datagrams, by the backend that the kernel serves best |
//! | 3 | [`protocol`] | decides, without a socket, a clock or randomness of its own |
//! | 2 | [`socket`], [`services`], `clock`, `cpu` | a UDP socket, explicit and safe; names and numbers of ports; clocks; CPU affinity |
//! | 1 | `sys` | the only `unsafe`: file descriptors and bytes |
//! | 0 | [`error`], [`units`], [`language`] | errors for people; sizes and durations; the languages of explanations |

#![cfg_attr(docsrs, feature(doc_cfg))]
// This page links to what the features add.
#![cfg_attr(
    not(feature = "tools"),
    allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)
)]
// Some names of the lower layers are public only with the feature `extras`.
#![cfg_attr(not(feature = "extras"), allow(unreachable_pub))]

#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "client")]
pub mod client;
#[cfg(any(feature = "load", feature = "server"))]
mod clock;
#[cfg(any(feature = "bench", feature = "server"))]
mod cpu;
pub mod error;
pub mod io;
#[cfg(feature = "extras")]
pub mod language;
#[cfg(not(feature = "extras"))]
#[allow(dead_code)] // Explanations need the feature; nothing else does.
mod language;
#[cfg(feature = "load")]
pub mod load;
#[cfg(feature = "mtu")]
pub mod mtu;
#[cfg(feature = "ports")]
pub mod ports;
#[cfg(feature = "probe")]
pub mod probe;
#[cfg(feature = "protocol")]
pub mod protocol;
#[cfg(feature = "relay")]
pub mod relay;
#[cfg(feature = "report")]
pub mod report;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "services")]
pub mod services;
pub mod socket;
mod sys;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "trace")]
pub mod trace;
#[cfg(feature = "transfer")]
pub mod transfer;
#[cfg(feature = "extras")]
pub mod units;
#[cfg(not(feature = "extras"))]
mod units;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct Library;
