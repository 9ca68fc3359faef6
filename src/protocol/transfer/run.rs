//! Datagrams that leave together, before they are assembled.

use std::io::IoSlice;

use super::frame::DATA_HEADER;
use super::source::Source;

/// Datagrams of one size, of which the last may be shorter: one system call sends them.
///
/// Data frames are headers here and payloads in their source, so that nothing is copied: the kernel
/// gathers them ([`Run::gather`]). Any other frame is complete.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// One frame, or the headers of all.
    pub(super) bytes: Vec<u8>,
    /// Offset and length of each payload; empty for a complete frame.
    pub(super) payloads: Vec<(u64, u16)>,
    /// Bytes of each datagram.
    pub(super) segment: usize,
    /// Bytes of all of them.
    pub(super) length: usize,
}

impl Run {
    /// The largest number of datagrams in one run.
    pub const MAX_DATAGRAMS: usize = 128;

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.payloads.clear();
        (self.segment, self.length) = (0, 0);
    }

    /// The size of each datagram in bytes; the last may be shorter.
    pub fn segment_size(&self) -> usize {
        self.segment
    }

    /// How many datagrams it is.
    pub fn count(&self) -> usize {
        self.payloads.len().max(1)
    }

    /// Bytes of all its datagrams.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The parts of all its datagrams, end to end, for sendmsg(2) to gather. `source` is that of
    /// the [`poll_transmit`](super::Sender::poll_transmit) which filled it. Returns the number of
    /// `parts`: at most twice [`Run::MAX_DATAGRAMS`].
    pub fn gather<'a>(
        &'a self,
        source: &'a dyn Source,
        parts: &mut [IoSlice<'a>; 2 * Self::MAX_DATAGRAMS],
    ) -> usize {
        if self.payloads.is_empty() {
            parts[0] = IoSlice::new(&self.bytes);
            return 1;
        }
        let headers = self.bytes.chunks_exact(DATA_HEADER);
        let mut slots = parts.iter_mut();
        let mut count = 0;
        for (header, &(offset, length)) in headers.zip(&self.payloads) {
            let (Some(first), Some(second)) = (slots.next(), slots.next()) else {
                break;
            };
            *first = IoSlice::new(header);
            *second = IoSlice::new(source.bytes(offset, length.into()));
            count += 2;
        }
        count
    }

    /// Copies all its datagrams, end to end, into `out`, which is cleared.
    pub fn copy(&self, source: &dyn Source, out: &mut Vec<u8>) {
        out.clear();
        let mut parts = [IoSlice::new(&[]); 2 * Self::MAX_DATAGRAMS];
        let count = self.gather(source, &mut parts);
        for part in &parts[..count] {
            out.extend_from_slice(part);
        }
    }
}
