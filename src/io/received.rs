//! What a receive yields: a datagram, or a run of them that crossed the stack as one.

use std::fmt;
use std::net::SocketAddr;

use crate::socket::ControlMessages;
use crate::sys::mmsg::Slot;

/// One message of a batch: a datagram, or a run of datagrams of one sender and one size.
///
/// All of a run has the same sender, destination, TOS and timestamp: the kernel merges no others.
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
    /// A message; whether it is a run, its control messages tell.
    pub(super) fn new(
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

    pub(super) fn from_slot(slot: Slot<'a>) -> Self {
        Self::new(
            slot.bytes,
            slot.length,
            slot.flags,
            slot.source,
            ControlMessages::new(slot.control),
        )
    }

    /// Who sent it.
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    /// The bytes of all its datagrams, end to end; less than [`Self::length`] if it was cut.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The true length of all its datagrams together, in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many datagrams it is; never 0.
    pub fn count(&self) -> usize {
        self.length.div_ceil(self.segment.max(1)).max(1)
    }

    /// The length of each of its datagrams, of which the last may be shorter.
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

    /// Whether the buffer was too short, so that the end is lost (`MSG_TRUNC`).
    pub fn is_truncated(&self) -> bool {
        self.flags & libc::MSG_TRUNC != 0
    }

    /// Whether control messages are missing (`MSG_CTRUNC`): an option was set behind the endpoint's
    /// back.
    pub fn is_control_truncated(&self) -> bool {
        self.flags & libc::MSG_CTRUNC != 0
    }

    /// What came beside the bytes: destination, TOS and ECN, timestamp, each if its option is on.
    pub fn control_messages(&self) -> ControlMessages<'a> {
        self.control
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
