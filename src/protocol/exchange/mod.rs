//! One request, one reply, each request executed once: sans-IO.
//!
//! A [`Frame`] wraps the bytes of a request and of its reply: a magic number, a version, a kind, a
//! random id, the number of the attempt and a checksum. The [`Requester`] retransmits a request
//! until its reply arrives, and recognises the reply by id and source. The [`Responder`] executes a
//! request once, and answers a retransmission with the same payload from a cache of bounded size.
//!
//! # Guarantees
//! - **Every reply is a sample.** A reply names the attempt that it answers, so the round trip is
//!   known even after a retransmission (Karn's rule is about replies that do not). The timeout
//!   ([`Backoff::Rfc9002`](super::Backoff::Rfc9002)) follows the path, and its doubling ends with
//!   the next reply: loss does not slow down later requests.
//! - **Once, within the cache.** A request is identified by its sender, its id, its length and the
//!   checksum of its payload. As long as its answer is in the cache ([`Limits`]), a retransmission
//!   is answered from there and not executed again. The cache evicts the oldest answers first, and
//!   only for lack of space: a retransmission of a request whose answer was evicted cannot be
//!   recognised, and is executed again. [`Served::evicted`] counts the evictions; while it is 0,
//!   nothing was executed twice. A new responder starts with an empty cache.
//! - **No loops.** Only a request is ever answered, in any version, and no answer is a request: two
//!   responders that receive each other's answers fall silent by construction.
//! - **No amplification.** An answer is at most three times the size of its request, headers of
//!   IPv4 and UDP included (RFC 9000 section 8): a longer one is replaced by [`Kind::TooLong`]. The
//!   textbook's reply always fits.
//! - **No guessing.** An id is 64 bits from an unpredictable source that the caller provides: an
//!   attacker who does not see the request cannot forge its reply (RFC 8085 section 5.1). One who
//!   sees it can: the checksum protects against accidents, and nothing is encrypted.
//!
//! ```
//! use std::time::Duration;
//! use udpraw::protocol::Backoff;
//! use udpraw::protocol::exchange::{Incoming, Limits, Outcome, Requester, Responder};
//!
//! let (now, client) = (Duration::ZERO, "127.0.0.1:53322".parse()?);
//! let mut requester = Requester::new(Backoff::Rfc9002);
//! let mut responder = Responder::new(Limits::default());
//! let mut response = Vec::new();
//!
//! requester.start(now, 0x1234_5678_9abc_def0, b"hello", None, None)?;
//! let datagram = requester.poll_transmit(now).unwrap().bytes.to_vec();
//! // The server: the datagram arrived twice.
//! let Incoming::Request(request, text) = responder.handle_datagram(client, &datagram, &mut response) else {
//!     unreachable!()
//! };
//! assert_eq!(text, b"hello");
//! responder.reply(request, b"Your data was 5 bytes long", &mut response);
//! let incoming = responder.handle_datagram(client, &datagram, &mut response);
//! assert!(matches!(incoming, Incoming::Repeat { .. }));
//! // The client: the reply comes from the server, and counts only once.
//! let outcome = requester.handle_datagram(now, true, &response);
//! assert!(matches!(outcome, Outcome::Reply { payload: b"Your data was 5 bytes long", .. }));
//! assert!(matches!(requester.handle_datagram(now, true, &response), Outcome::Stale));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod frame;
mod outcome;
mod requester;
mod responder;

pub use cache::Limits;
pub use frame::{Defect, Frame, HEADER, Kind, MAX_PAYLOAD, SPOKEN, VERSION};
pub use outcome::{Event, Ignored, Outcome, Transmit};
pub use requester::Requester;
pub use responder::{Incoming, Pending, Replied, Responder, Served};
