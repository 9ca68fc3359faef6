//! A reliable stream, complete and in order, over a network that loses, duplicates, delays and
//! damages datagrams: sans-IO.
//!
//! A [`Sender`] reads a stream from a [`Source`] and a [`Receiver`] writes it to a [`Sink`]; both
//! receive datagrams and the time, and return datagrams. A [`Listener`] precedes the receiver. The
//! mechanisms are those of the standards: numbered datagrams, acknowledgement by ranges, loss
//! detection and probe timeouts from RFC 9002, with a time for reordering as in RFC 8985; CUBIC
//! ([`congestion`](super::congestion), RFC 9438) with pacing; path MTU discovery by RFC 8899
//! ([`PathMtu`](super::PathMtu)); the guidelines of RFC 8085.
//!
//! # Frames
//! Each datagram is one frame. Numbers are big-endian. In every version each frame begins with
//! these fields:
//!
//! | bytes | content | reason |
//! | --- | --- | --- |
//! | 0 to 3 | CRC-32C of all bytes after it | UDP's own checksum has 16 bits, misses swapped words, and may be off |
//! | 4 and 5 | `uT` | distinguishes a stray datagram from a damaged one |
//! | 6 | version: 1; 0 in a list of versions | a list of versions is read by all, and answered by none |
//! | 7 | kind | |
//! | 8 to 15 | the transfer's id, random | an attacker who cannot read the traffic cannot take part in it |
//!
//! The rest depends on the kind, from byte 16 on:
//!
//! | kind | from | fields (bytes) | notes |
//! | --- | --- | --- | --- |
//! | 1 open | sender | token (16), size or 2^64-1 (8), length of the name (1), zeros (7), name, zeros | at least 64 bytes, so that no answer is longer |
//! | 2 challenge | receiver | token (16) | the receiver stores nothing: the token proves the address when it is repeated |
//! | 3 accept | receiver | credit (8), resume (8), digest of the kept part (16), longest datagram (2), delay in ms (2), peer_timeout in s (2) | the sender compares the digest before it continues an earlier transfer |
//! | 4 data | sender | number (8), offset (8), bytes of the stream | the number is never reused, so that an acknowledgement is of one transmission: round trips are unambiguous |
//! | 5 probe | sender | number (8), zeros | for its length (path MTU), or to check that the receiver is alive |
//! | 6 end | sender | number (8), length of the stream (8), digest (16) | |
//! | 7 acknowledge | receiver | delivered (8), credit (8), delay in us (4), storing (1), ranges (1), zeros (2), then first and last number (16) of each range, newest first | ranges, not one number: under loss the sender learns what has arrived |
//! | 8 done | receiver | none | the stream is stored, not only received |
//! | 9 close | either | code (2), text (at most 200) | never answered |
//! | 10 versions | receiver | count (1), versions (1 each) | never answered |
//!
//! A token is valid for two minutes, for one address, port and id. The digest is XXH3-128 of the
//! stream. Offsets and sizes are 64 bits: numbers of datagrams and bytes never wrap.
//!
//! # Example
//! ```
//! use std::net::SocketAddr;
//! use std::time::Duration;
//! use udpraw::protocol::congestion::Cubic;
//! use udpraw::protocol::transfer::{
//!     Incoming, Listener, Receiver, ReceiverConfig, Sender, SenderConfig,
//! };
//!
//! let stream: &[u8] = &[7; 100_000];
//! let mut now = Duration::ZERO;
//! let config = SenderConfig::new("sevens");
//! let mut sender = Sender::new(now, 0x1234, config, Box::new(Cubic::new(1_472)));
//! let (listener, address) = (Listener::new([3; 16]), SocketAddr::from(([127, 0, 0, 1], 9)));
//! let mut receiver: Option<Receiver> = None;
//! let (mut received, mut answer) = (Vec::new(), Vec::new());
//! let mut datagrams = Vec::new();
//!
//! while sender.result().is_none() {
//!     now += Duration::from_millis(1);
//!     sender.handle_timeout(now);
//!     while let Some(run) = sender.poll_transmit(now, &stream) {
//!         run.copy(&stream, &mut datagrams);
//!         let segment_size = run.segment_size();
//!         for datagram in datagrams.chunks(segment_size) {
//!             match listener.handle_datagram(now, address, datagram, &mut answer) {
//!                 Incoming::Response => sender.handle_datagram(now, &answer).unwrap(),
//!                 Incoming::Open(id, _) => {
//!                     let config = ReceiverConfig::default();
//!                     receiver.get_or_insert_with(|| Receiver::new(now, id, config));
//!                 }
//!                 Incoming::Frame(decoded) => {
//!                     if let Some(receiver) = &mut receiver {
//!                         receiver.handle_frame(now, &decoded.frame, &mut received);
//!                     }
//!                 }
//!                 _ => {}
//!             }
//!         }
//!     }
//!     if let Some(receiver) = &mut receiver {
//!         if receiver.is_complete() {
//!             receiver.on_stored(now);
//!         }
//!         while let Some(datagram) = receiver.poll_transmit(now) {
//!             sender.handle_datagram(now, datagram).unwrap();
//!         }
//!     }
//! }
//! assert_eq!(sender.result(), Some(Ok(())));
//! assert_eq!(received, stream);
//! ```

mod cookie;
pub mod crypto;
mod digest;
mod failure;
mod in_flight;
mod limits;
mod listener;
pub mod manifest;
mod places;
mod ranges;
mod reassembly;
mod receiver;
mod rtt;
mod run;
mod sender;
mod sink;
mod source;
mod stream;
mod wire;

pub use cookie::Cookies;
pub use digest::Digest;
pub use failure::Failure;
pub use limits::{Limit, Limits};
pub use listener::{Access, Incoming, Listener, Opening};
pub use places::{Admission, Places};
pub use receiver::{Outgoing, Receiver, ReceiverConfig, ReceiverCounts};
pub use run::Run;
pub use sender::{Security, Sender, SenderConfig, SenderCounts};
pub use sink::Sink;
pub use source::{Digesting, Source};
pub use wire::{
    Accept, Acknowledge, Close, Code, Frame, Frames, Handshake, MAX_OVERHEAD, MAX_RANGES,
    MAX_REASON, OPEN_LENGTH, Open, Ranges, Reject, STREAM_HEADER, Status, VERSION, Version,
    connection_id, connection_of, decode,
};
