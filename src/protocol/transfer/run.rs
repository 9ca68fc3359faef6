//! Datagrams that leave together, before they are assembled.

use std::io::IoSlice;

use super::source::Source;
use super::wire::STREAM_HEADER;

/// Bytes of the tag of a packet whose payload is gathered: the checksum.
const TAG: usize = 4;

/// Datagrams of one size, of which the last may be shorter: one system call sends them.
///
/// Without a key, the bytes of the stream stay in their source, so that nothing is copied: the
/// kernel gathers them ([`Run::gather`]). With a key they were encrypted into one buffer.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Complete datagrams; or the headers and tags of all, one after the other.
    pub(super) bytes: Vec<u8>,
    /// Offset and length of each payload; empty for complete datagrams.
    pub(super) payloads: Vec<(u64, u16)>,
    /// How many datagrams it is.
    pub(super) count: usize,
    /// Bytes of each datagram.
    pub(super) segment: usize,
    /// Bytes of all of them.
    pub(super) length: usize,
}

impl Run {
    /// The largest number of datagrams in one run.
    pub const MAX_DATAGRAMS: usize = 128;
    /// The largest number of parts that [`Run::gather`] fills.
    pub const MAX_PARTS: usize = 2 * Self::MAX_DATAGRAMS + 1;

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.payloads.clear();
        (self.count, self.segment, self.length) = (0, 0, 0);
    }

    /// The size of each datagram in bytes; the last may be shorter.
    pub fn segment_size(&self) -> usize {
        self.segment
    }

    /// How many datagrams it is.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes of all its datagrams.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The parts of all its datagrams, end to end, for sendmsg(2) to gather. `source` is that of
    /// the [`poll_transmit`](super::Sender::poll_transmit) which filled it. Returns the number of
    /// `parts`: one, if there is a key.
    pub fn gather<'a>(
        &'a self,
        source: &'a dyn Source,
        parts: &mut [IoSlice<'a>; Self::MAX_PARTS],
    ) -> usize {
        let (mut start, mut end, mut count) = (0, STREAM_HEADER, 0);
        for (&(offset, length), slots) in self.payloads.iter().zip(parts.as_chunks_mut().0) {
            let header = self.bytes.get(start..end).unwrap_or_default();
            *slots = [
                IoSlice::new(header),
                IoSlice::new(source.bytes(offset, length.into())),
            ];
            // The tag of this one, and the header of the next.
            (start, end) = (end, end + TAG + STREAM_HEADER);
            count += 2;
        }
        parts[count] = IoSlice::new(self.bytes.get(start..).unwrap_or_default());
        count + 1
    }

    /// Copies all its datagrams, end to end, into `out`, which is cleared.
    pub fn copy(&self, source: &dyn Source, out: &mut Vec<u8>) {
        out.clear();
        let mut parts = [IoSlice::new(&[]); Self::MAX_PARTS];
        let count = self.gather(source, &mut parts);
        for part in &parts[..count] {
            out.extend_from_slice(part);
        }
    }
}
