//! What a receive returns: a datagram, or a run of datagrams that crossed the stack as one.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use super::address::Family;
use super::datagram::{ControlMessages, PacketInfo, SourceAddress};
use super::ecn::Ecn;
use crate::sys::mmsg::Slot;
use crate::sys::receive::Buffer;

/// A received message: one datagram, or with `UDP_GRO` a run of datagrams from one sender and of one
/// size. It is a view of the buffer that it was received into.
///
/// All datagrams of a run have the same source, destination, TOS and timestamp: the kernel merges no
/// others (udp(7)).
///
/// The kernel reports [`Self::destination`], [`Self::ecn`], [`Self::ttl`] and similar values only
/// if the option that requests them was set before; each is decoded from the control messages on
/// demand.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    bytes: &'a [u8],
    length: usize,
    segment: usize,
    flags: i32,
    source: SocketAddr,
    control: ControlMessages<'a>,
}

impl<'a> Received<'a> {
    /// A message; its control messages say whether it is a run.
    pub(crate) fn new(
        bytes: &'a [u8],
        length: usize,
        flags: i32,
        source: SocketAddr,
        control: ControlMessages<'a>,
    ) -> Self {
        let segment = match control.segment_size() {
            Some(size) if size > 0 => size.min(length),
            _ => length,
        };
        Self {
            bytes,
            length,
            segment,
            flags,
            source,
            control,
        }
    }

    pub(crate) fn from_slot(slot: Slot<'a>) -> Self {
        Self::new(
            slot.bytes,
            slot.length,
            slot.flags,
            slot.source,
            ControlMessages::new(slot.control),
        )
    }

    pub(crate) fn from_buffer(buffer: &'a Buffer) -> Self {
        Self::new(
            buffer.bytes(),
            buffer.length(),
            buffer.flags(),
            // A UDP socket's peer is AF_INET or AF_INET6; the fallback is for a foreign fd.
            buffer
                .source()
                .as_socket()
                .unwrap_or(Family::V4.unspecified()),
            ControlMessages::new(buffer.control()),
        )
    }

    /// The same message, after as much of it as fits was copied to the start of `buffer`.
    pub(crate) fn cut_to(self, buffer: &'a [u8]) -> Self {
        let cut = if self.bytes.len() > buffer.len() {
            libc::MSG_TRUNC
        } else {
            0
        };
        Self {
            bytes: &buffer[..self.bytes.len().min(buffer.len())],
            flags: self.flags | cut,
            ..self
        }
    }

    /// The sender's address.
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    /// The bytes of all its datagrams, end to end; fewer than [`Self::length`] if it was truncated.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The true length of all its datagrams together, in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The number of its datagrams; never 0.
    pub fn count(&self) -> usize {
        self.length.div_ceil(self.segment.max(1)).max(1)
    }

    /// The length of each of its datagrams in bytes; the last may be shorter.
    pub fn segment_size(&self) -> usize {
        self.segment
    }

    /// Each of its datagrams, in the order in which they were sent.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let (bytes, segment) = (self.bytes, self.segment);
        (0..self.count()).map(move |index| {
            let start = (index * segment).min(bytes.len());
            let end = (start + segment).min(bytes.len());
            bytes.get(start..end).unwrap_or_default()
        })
    }

    /// Whether the buffer was too short and the end is lost (`MSG_TRUNC`, recv(2)).
    pub fn is_truncated(&self) -> bool {
        self.flags & libc::MSG_TRUNC != 0
    }

    /// Whether control messages are missing, because their buffer was too short (`MSG_CTRUNC`).
    ///
    /// The endpoint sizes control buffers for the options that were set through it: this happens only if
    /// another option was set on the file descriptor directly.
    pub fn is_control_truncated(&self) -> bool {
        self.flags & libc::MSG_CTRUNC != 0
    }

    /// The control messages, not yet decoded (cmsg(3)).
    pub fn control_messages(&self) -> ControlMessages<'a> {
        self.control
    }

    /// Destination and interface, if `IP_PKTINFO` or `IPV6_RECVPKTINFO` is on.
    pub fn packet_info(&self) -> Option<PacketInfo> {
        self.control.packet_info()
    }

    /// The destination address, if `IP_PKTINFO` or `IPV6_RECVPKTINFO` is on.
    pub fn destination(&self) -> Option<IpAddr> {
        self.packet_info().map(|info| info.destination)
    }

    /// The index of the interface that it arrived on, if `IP_PKTINFO` or `IPV6_RECVPKTINFO` is on.
    pub fn interface(&self) -> Option<u32> {
        self.packet_info().map(|info| info.interface)
    }

    /// The address that a reply should leave from: the one that this message was sent to, if `IP_PKTINFO`
    /// or `IPV6_RECVPKTINFO` is on.
    pub fn reply_source(&self) -> Option<SourceAddress> {
        self.packet_info()?.reply_source()
    }

    /// The TOS byte or traffic class (DSCP and ECN), if `IP_RECVTOS` or `IPV6_RECVTCLASS` is on.
    pub fn tos(&self) -> Option<u8> {
        self.control.tos()
    }

    /// The ECN codepoint, if `IP_RECVTOS` or `IPV6_RECVTCLASS` is on.
    pub fn ecn(&self) -> Option<Ecn> {
        self.tos().map(Ecn::from_tos)
    }

    /// The TTL or hop limit on arrival, if `IP_RECVTTL` or `IPV6_RECVHOPLIMIT` is on.
    pub fn ttl(&self) -> Option<u8> {
        self.control.ttl()
    }

    /// How many datagrams this socket had lost to a full receive buffer by the time this one was queued,
    /// since the socket was made; `None` unless `SO_RXQ_OVFL` is on and some were lost (socket(7)).
    pub fn kernel_drops(&self) -> Option<u32> {
        self.control.kernel_drops()
    }

    /// When the kernel received it, if `SO_TIMESTAMPNS` is on.
    pub fn timestamp(&self) -> Option<SystemTime> {
        self.control.timestamp()
    }
}

impl fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("source", &self.source)
            .field("length", &self.length)
            .field("count", &self.count())
            .field("truncated", &self.is_truncated())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sys::control::Outgoing;

    proptest! {
        #[test]
        fn a_run_is_cut_as_chunks_cuts(bytes in prop::collection::vec(any::<u8>(), 0..300), size in any::<i32>(), small in 1..40_i32, cut in 0..300_usize, pick: bool) {
            let size = if pick { small } else { size };
            let mut control = Outgoing::new();
            prop_assert!(control.push(libc::IPPROTO_UDP, libc::UDP_GRO, &size.to_ne_bytes()));
            let kept = &bytes[..cut.min(bytes.len())];
            let source = SocketAddr::from(([127, 0, 0, 1], 9));
            let message = Received::new(kept, bytes.len(), 0, source, ControlMessages::new(control.bytes()));
            let whole: Vec<&[u8]> = match usize::try_from(size) {
                Ok(size) if size > 0 && !bytes.is_empty() => bytes.chunks(size).collect(),
                _ => vec![&bytes],
            };
            prop_assert_eq!(message.count(), whole.len());
            prop_assert_eq!(message.datagrams().len(), whole.len());
            let mut left = kept.len();
            for (datagram, whole) in message.datagrams().zip(whole) {
                let want = &whole[..whole.len().min(left)];
                prop_assert_eq!(datagram, want);
                left -= want.len();
            }
        }
    }
}
