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
//! Besides the stream from sender to receiver there is an **answer stream** back, small and rare.
//! Both are ordered bytes; what they mean is defined in [`manifest`].
//!
//! With a shared code ([`crypto`]) everything after the handshake is encrypted and authenticated.
//! Without one ([`Access::Open`]) packets have a checksum, and the stream a digest.
//!
//! # Handshake
//! Each datagram of the handshake is one frame. Numbers are big-endian. Each frame begins with these
//! fields, in every version:
//!
//! | bytes | content | reason |
//! | --- | --- | --- |
//! | 0 to 3 | CRC-32C of all bytes after it | UDP's own checksum has 16 bits, misses swapped words, and may be off |
//! | 4 and 5 | `uT` | distinguishes it from a packet of a connection, and from a stray datagram |
//! | 6 | version: 2; 0 in a list of versions | a list of versions is read by all, and answered by none |
//! | 7 | kind | |
//! | 8 to 15 | the id of the opening, random; in a close frame for an unknown connection its id | an attacker who cannot read the traffic cannot take part in it |
//!
//! The rest depends on the kind, from byte 16 on:
//!
//! | kind | from | fields (bytes) | notes |
//! | --- | --- | --- | --- |
//! | 1 open | sender | token (16), ciphers offered (1; 0 without a code), 1 if a Noise message follows, else 0 (1), message 1 (48) or nothing, zeros | at least 128 bytes, so that no answer to an unproven address is longer |
//! | 2 challenge | receiver | token (16) | the receiver stores nothing: the token proves the address when it is repeated |
//! | 3 accept | receiver | connection id (8), credit (8), longest datagram (2), delay in ms (2), timeout in s (2), cipher (1) | with a code it is the encrypted payload of Noise message 2, which begins at byte 16 |
//! | 9 close | receiver | code (2), length of the reason (1), reason (at most 100) | never answered |
//! | 10 versions | receiver | count (1), versions (1 each) | never answered |
//!
//! A token is valid for two minutes, for one address, port and id, and one opening. The first open
//! frame has a token of zeros and no message. The sender repeats it after 1, 2, 4 and then every 8
//! seconds, and accepts at most two challenges.
//!
//! # Packets
//! Every other datagram is a packet of a connection:
//!
//! | bytes | content |
//! | --- | --- |
//! | 0 to 7 | connection id, chosen by the receiver; bytes 4 and 5 are never `uT` |
//! | 8 to 15 | packet number: from 0 up in each direction, none used twice |
//! | 16 on | payload: frames; encrypted if there is a code |
//! | last 4, or last 16 | tag: without a code the CRC-32C of all before it; with one that of the AEAD ([`crypto`]) |
//!
//! A frame is its kind (1 byte) and its fields:
//!
//! | kind | from | fields (bytes) | notes |
//! | --- | --- | --- | --- |
//! | 0 padding | either | none | |
//! | 1 ping | sender | none | to be acknowledged at once; with padding it probes the path MTU |
//! | 2 acknowledge | receiver | largest number (8), delay in us (4), packets with ECT(0) (8), with CE (8), count of ranges up to 32 (1), then each range: numbers missing above it (4), numbers in it (4) | from the newest down; 0 are missing above the first |
//! | 3 credit | receiver | delivered (8), credit (8) | offsets: arrived without gaps, and may be sent |
//! | 4 settled | sender | number (8) | packets with lower numbers are no longer acknowledged, nor accepted |
//! | 5 answer | receiver | offset (8), length (2), bytes | of the answer stream; repeated until answered |
//! | 6 answered | sender | offset (8) | the answer stream has arrived up to here |
//! | 7 status | receiver | 1 checking or 2 storing (1), done (8), total (8) | follows an acknowledgement; none there: receiving |
//! | 8 finish | sender | length of the stream (8), XXH3-128 of it, or zeros with a code (16) | |
//! | 9 done | receiver | none | everything is stored, not only received |
//! | 10 close | either | code (2), length of the reason (1), reason (at most 100) | |
//! | 11 path challenge | receiver | random (8) | to an address from which the newest packet came |
//! | 12 path response | sender | the same (8) | from that address: packets go there from then on |
//! | 13 stream | sender | offset (8), bytes to the end of the payload | the last frame of its packet |
//! | 14 share | sender | packets (4), delay in us (4) | how many packets one acknowledgement is for, and how long the first may wait |
//!
//! Packets with ping, stream or finish are acknowledged: at once if a number is missing or out of
//! order, else after two (or the share), or 2 ms (or the delay). A number is never reused, so that
//! an acknowledgement is of one transmission and round trips are unambiguous. Once the receiver has
//! stored everything it answers such packets with done; the sender confirms with close (finished).
//! A receiver that does not know a connection answers a few packets a second with a close frame of
//! the handshake, code 8.
//!
//! # Example
//! ```
//! use std::net::SocketAddr;
//! use std::time::Duration;
//! use udpraw::protocol::congestion::Cubic;
//! use udpraw::protocol::transfer::crypto::SharedCode;
//! use udpraw::protocol::transfer::{
//!     Access, Incoming, Listener, Receiver, ReceiverConfig, Security, Sender, SenderConfig,
//! };
//! use udpraw::socket::Ecn;
//!
//! let code = SharedCode::new([7; 16]); // random, in earnest: and so are all numbers below
//! let stream: &[u8] = &[7; 100_000];
//! let mut now = Duration::ZERO;
//! let mut config = SenderConfig::default();
//! config.security = Some(Security::new(code.pre_shared_key(), [[1; 32], [2; 32]]));
//! let mut sender = Sender::new(now, 0x1234, config, Box::new(Cubic::new(1_472)));
//! let mut listener = Listener::new([3; 16], Access::Code(code.pre_shared_key()));
//! let address = SocketAddr::from(([127, 0, 0, 1], 9));
//! let mut receiver: Option<Receiver> = None;
//! let (mut received, mut answer, mut answers) = (Vec::new(), Vec::new(), Vec::new());
//! let mut datagrams = Vec::new();
//!
//! while sender.result().is_none() {
//!     now += Duration::from_millis(1);
//!     sender.handle_timeout(now);
//!     while let Some(run) = sender.poll_transmit(now, &stream) {
//!         run.copy(&stream, &mut datagrams);
//!         let segment_size = run.segment_size();
//!         for datagram in datagrams.chunks(segment_size) {
//!             let mut random = || Some([5; 32]);
//!             match listener.handle_datagram(now, address, datagram, &mut random, &mut answer) {
//!                 Incoming::Response => sender.handle_datagram(now, &answer).unwrap(),
//!                 Incoming::Open(opening) => {
//!                     receiver = opening.accept(now, ReceiverConfig::default());
//!                 }
//!                 Incoming::Packet(_) => {
//!                     if let Some(receiver) = &mut receiver {
//!                         let ecn = Ecn::Ect0;
//!                         let _ = receiver.handle_datagram(now, address, ecn, datagram, &mut received);
//!                     }
//!                 }
//!                 _ => {}
//!             }
//!         }
//!     }
//!     if let Some(receiver) = &mut receiver {
//!         if receiver.is_complete() && receiver.delivered() == 100_000 {
//!             receiver.write_answer(b"all of it");
//!             receiver.on_stored(now);
//!         }
//!         while let Some(datagram) = receiver.poll_transmit(now) {
//!             sender.handle_datagram(now, datagram.bytes).unwrap();
//!         }
//!     }
//!     sender.take_answers(&mut answers);
//! }
//! assert_eq!(sender.result(), Some(Ok(())));
//! assert_eq!(received, stream);
//! ```

pub mod crypto;
mod digest;
mod failure;
#[cfg(test)]
mod growth_tests;
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
mod steps;
mod stream;
mod wire;

pub use super::cookie::Cookies;
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
