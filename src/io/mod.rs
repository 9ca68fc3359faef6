//! Sends and receives datagrams the fastest way that the kernel offers, behind one contract.
//!
//! A [`Transport`] is an [`Endpoint`](crate::socket::Endpoint) and the [`Backend`] that moves its
//! datagrams; [`Transport::into_split`] makes a [`Receiver`] and a [`Sender`] of it, for two threads or
//! tasks. Every backend keeps this contract:
//!
//! **Receiving.** [`Transport::receive`] waits for at least one message, and calls the visitor with each
//! message that was received. A message is a [`Received`]: one datagram, or with the backend `offload` a
//! run of datagrams from one sender and of one size, of which the last may be shorter. It has the source,
//! the bytes, the true length, the size of a segment, whether it was truncated (`MSG_TRUNC`), and what the
//! socket's options ask for: destination, interface, TOS with ECN, TTL, the kernel's timestamp. Each
//! datagram that the kernel delivered is visited once. An empty datagram is a datagram. A message's bytes
//! are valid until the visitor returns; [`Transport::receive_into`] puts them into buffers of the caller
//! instead, who can keep them without a copy.
//!
//! **Waiting.** [`Wait`] says how long. No backend polls before it receives: the receiving call itself
//! waits. [`Wait::For`] sets `SO_RCVTIMEO` when its duration changes, and costs nothing after that; the
//! kernel rounds it up to its clock tick. [`Wait::Until`] tries first, and then sleeps in `ppoll`. A
//! receive returns 0 if the time is over, a signal was handled, or the waker was used
//! ([`Transport::wake_by`]): check your stop flag, and call again. A receive that spins returns after
//! 0.1 s at the latest. [`Transport::try_receive`] never waits, and fails with `WouldBlock`.
//!
//! **Sending.** A [`SendQueue`] copies datagrams into a queue ([`SendQueue::queue`],
//! [`SendQueue::reply`], [`SendQueue::echo`]), or borrows a whole run ([`SendQueue::send`]). Each is a
//! [`Transmit`]: destination, source, ECN, bytes, segment size. [`SendQueue::flush`] sends what is
//! queued, in as few and as cheap calls as the backend has. A reply leaves from the address that the
//! request was sent to, if packet info is on.
//!
//! **No room.** While the socket's buffer is full, a send waits; [`SendQueue::flush_within`] limits the
//! wait, and [`SendQueue::try_send`] never waits and fails with `WouldBlock`. On a non-blocking socket
//! ([`Endpoint::set_nonblocking`](crate::socket::Endpoint::set_nonblocking)) no call waits: what has no
//! room stays queued until the next flush, and [`SendQueue::try_flush`] returns whether all of it went.
//!
//! **Order.** Datagrams are handed to the kernel in the order in which they were given to the queue. The
//! network may reorder them, and datagrams of different flows may be received in another order than they
//! were sent.
//!
//! **Partial sends.** The kernel takes a datagram whole or not at all. If a call takes only the first
//! few, the next call continues after them. A datagram that the kernel refuses is dropped and counted
//! ([`Sent::refused`]), and those behind it are still sent. A run that is refused as a run (EIO, EINVAL
//! or EMSGSIZE at the first send: the device or the path cannot offload it) is sent as single
//! datagrams, counted as [`Counters::offload_fallbacks`], and the transport does not try such runs
//! again.
//!
//! **Errors.** EINTR is retried, and EAGAIN waits. An ICMP error about an earlier datagram (such as
//! ECONNREFUSED on a connected socket) is returned by a receive, or as [`Sent::error`] by a send: the
//! datagram at hand is then sent again, neither lost nor duplicated. ENOBUFS is an error like any other:
//! the datagram is dropped. An error that follows received datagrams is returned by the next receive.
//! A backend that the kernel lacks or forbids is an error of kind `Unsupported`; only
//! [`BackendChoice::Auto`] falls back to another one.
//!
//! **Options.** Nothing is set on the socket but `UDP_GRO` by the backend `offload`, `SO_RCVTIMEO` by
//! [`Wait::For`], and the buffers that [`TransportConfig::socket_buffers`] asks for.
//!
//! **Cost.** The path of a datagram allocates nothing (except for a queue that grows on a non-blocking
//! socket), copies a payload at most once, and reads the clock only where it waits for a time.
//!
//! Programs to copy from: `examples/gso_sender.rs`, `gro_receiver.rs`, `uring_sink.rs`, and
//! `sharing_a_port.rs`.
//!
//! ```
//! use udpraw::io::{BackendChoice, Transmit, Transport, TransportConfig, Wait};
//! use udpraw::socket::{Endpoint, Family};
//!
//! let endpoint = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
//! let address = endpoint.local_address()?;
//! let mut server = Transport::open(endpoint, BackendChoice::Auto, TransportConfig::default())?;
//! let endpoint = Endpoint::builder().unbound(Family::V4)?;
//! let mut client = Transport::open(endpoint, BackendChoice::Auto, TransportConfig::default())?;
//!
//! for word in ["one", "two", "six"] {
//!     client.send_queue().queue(&Transmit::new(word.as_bytes()).to(address));
//! }
//! assert_eq!(client.flush().into_result()?, 3);
//!
//! let mut echoed = 0;
//! while echoed < 3 {
//!     echoed += server.receive(Wait::Forever, |message, send_queue| send_queue.echo(message))?;
//!     server.flush().into_result()?;
//! }
//! let mut words = Vec::new();
//! while words.len() < 3 {
//!     client.receive(Wait::Forever, |message, _| {
//!         words.extend(message.datagrams().map(<[u8]>::to_vec));
//!     })?;
//! }
//! assert_eq!(words, [b"one", b"two", b"six"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adaptive_batch;
mod backend;
mod batch;
mod coalesce;
mod counters;
mod engine;
mod inbox;
mod offload;
mod open;
mod outlet;
mod send;
mod send_queue;
mod single;
mod transmit;
mod transport;
#[cfg(feature = "uring")]
mod uring;
mod wait;

pub use backend::{Backend, BackendChoice, TransportConfig};
pub use counters::Counters;
pub use send::Sent;
pub use send_queue::SendQueue;
pub use transmit::Transmit;
pub use transport::{Receiver, Sender, Transport};
pub use wait::Wait;

pub use crate::socket::Received;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use crate::error::Error;

/// A backend that this kernel cannot run.
#[cold]
fn unsupported(backend: Backend, source: std::io::Error) -> Error {
    let remedy = match source.raw_os_error() {
        Some(libc::ENOMEM) => match (
            backend,
            limit(Resource::RLIMIT_AS),
            limit(Resource::RLIMIT_MEMLOCK),
        ) {
            (Backend::Uring, None, Some(locked)) => format!(
                "its rings count as locked memory, of which this user may have {locked}: raise it \
                 with ulimit -l, or grant CAP_IPC_LOCK"
            ),
            (Backend::Uring, Some(space), Some(locked)) => format!(
                "its rings count as locked memory, of which this user may have {locked} (ulimit -l), \
                 and this process may have {space} in all (ulimit -v)"
            ),
            (_, Some(space), _) => {
                format!("this process may have {space} of memory: raise it with ulimit -v")
            }
            _ => "the system is short of memory, or the limit of a cgroup is reached".into(),
        },
        Some(libc::EMFILE) => "raise the limit of open files with ulimit -n".into(),
        Some(libc::ENFILE) => "this machine has too many open files (sysctl fs.file-max)".into(),
        Some(libc::EPERM | libc::EACCES) if backend == Backend::Uring => format!(
            "it needs {}, and a seccomp filter or kernel.io_uring_disabled may forbid it",
            backend.needs()
        ),
        _ => format!("it needs {}", backend.needs()),
    };
    Error::unsupported("use", format_args!("backend {backend}"), source).with_remedy(remedy)
}

/// A limit of bytes in the unit of ulimit; `None` if there is none.
fn limit(resource: Resource) -> Option<String> {
    match getrlimit(resource) {
        Ok((bytes, _)) if bytes != RLIM_INFINITY => Some(format!("{} KiB", bytes / 1024)),
        _ => None,
    }
}
