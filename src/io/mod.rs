//! Sends and receives datagrams in the best way that the kernel supports, with one contract.
//!
//! A [`Transport`] is an [`Endpoint`](crate::socket::Endpoint) and the [`Backend`] that moves its
//! datagrams; [`Transport::into_split`] divides it into a [`Receiver`] and a [`Sender`], for two
//! threads or tasks. The contract is the same for every backend:
//!
//! **Receiving.** [`Transport::receive`] waits for at least one message and then visits all that
//! were received with it. A message is a [`Received`]: one datagram, or with `offload` a run of
//! datagrams from one sender and of one size, of which the last may be shorter. It has the source,
//! the bytes, the true length, the size of a segment, whether the end was truncated (`MSG_TRUNC`),
//! and what the socket's options request: destination, interface, TOS with ECN, TTL, the kernel's
//! timestamp. Each datagram that the kernel delivered is visited once, including empty ones. A
//! message's bytes are valid until its visit ends.
//!
//! **Waiting.** [`Wait`] limits the time. No backend checks for data before it receives: the
//! receiving call itself waits. [`Wait::For`] sets `SO_RCVTIMEO` when its duration changes, and
//! costs nothing after that; the kernel rounds it up to its clock tick. [`Wait::Until`] tries first
//! and sleeps in `ppoll`. A receive returns 0 after the timeout, after a signal was handled, or
//! when the waker was used ([`Transport::wake_by`]): then check your flags and call again. A
//! receive that spins returns after a tenth of a second at the latest. [`Transport::try_receive`]
//! does not wait at all, and fails with `WouldBlock`.
//!
//! **Sending.** A [`SendQueue`] copies datagrams into a queue ([`SendQueue::queue`],
//! [`SendQueue::reply`], [`SendQueue::echo`]), or borrows a whole run ([`SendQueue::send`]). Each
//! is a [`Transmit`]: destination, source, ECN, bytes, segment size. [`SendQueue::flush`] sends the
//! queue with as few and as cheap calls as the backend can. A reply leaves from the address that
//! the request was sent to if packet info is on.
//!
//! **No room.** While the socket's buffer is full, a send waits; [`SendQueue::flush_within`] limits
//! the wait, and [`SendQueue::try_send`] does not wait and fails with `WouldBlock`. A non-blocking
//! socket (`O_NONBLOCK`) never waits for room: datagrams without room stay in the queue until the
//! next flush.
//!
//! **Order.** Datagrams are passed to the kernel in the order in which they were queued. The
//! network may reorder them. Datagrams of different flows may be received in another order than
//! they were sent in.
//!
//! **Partial sends.** The kernel accepts a datagram whole or not at all. If a call accepts only the
//! first few, the next call continues after them. A refused datagram is given up and counted
//! ([`Sent::refused`]), and later ones are still sent. A run that is refused as a run (EIO, EINVAL
//! or EMSGSIZE at the first send: the device or the path cannot offload it) is sent as single
//! datagrams, counted as [`Counters::offload_fallbacks`], and the transport does not try such runs
//! again.
//!
//! **Errors.** EINTR is retried and EAGAIN waits. An ICMP error about an earlier datagram (such as
//! ECONNREFUSED on a connected socket) is the error of a receive, or [`Sent::error`] of a send: the
//! current datagram is then sent again, and neither lost nor duplicated. ENOBUFS is an ordinary
//! error: the datagram is refused. An error after received datagrams is returned by the next
//! receive. A backend that the kernel lacks or forbids is an error of the kind `Unsupported`; only
//! [`BackendChoice::Auto`] falls back to another one.
//!
//! **Options.** The only options set on the socket are `UDP_GRO` by the backend `offload`,
//! `SO_RCVTIMEO` by [`Wait::For`], and the buffers that [`TransportConfig::socket_buffers`]
//! requests.
//!
//! **Cost.** Moving a datagram allocates nothing (except for a queue that grows on a non-blocking
//! socket), copies a payload at most once, and reads the clock only to wait for a time.
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

/// A limit of bytes in the unit of ulimit; `None` if unlimited.
fn limit(resource: Resource) -> Option<String> {
    match getrlimit(resource) {
        Ok((bytes, _)) if bytes != RLIM_INFINITY => Some(format!("{} KiB", bytes / 1024)),
        _ => None,
    }
}
