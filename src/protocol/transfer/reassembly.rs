//! Early bytes, kept until the missing ones before them arrive.

use super::ranges::RangeSet;

/// The most gaps that are tracked; data that would make more must be sent again.
const MAX_RANGES: usize = 8192;

/// A ring over the stream's offsets: each byte has its place in advance.
#[derive(Debug)]
pub(super) struct Reassembly {
    /// Allocated at the first early bytes.
    ring: Vec<u8>,
    size: usize,
    present: RangeSet,
}

impl Reassembly {
    /// Room for `size` bytes beyond the delivered ones.
    pub(super) fn new(size: usize) -> Self {
        Self {
            ring: Vec::new(),
            size: size.max(1),
            present: RangeSet::default(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size as u64
    }

    /// The end of the early bytes.
    pub(super) fn end(&self) -> u64 {
        self.present.last().map_or(0, |range| range.end)
    }

    /// Keeps bytes that lie within [`Self::size`] of the delivered ones. `false` if one more gap
    /// cannot be tracked.
    #[must_use]
    pub(super) fn insert(&mut self, offset: u64, bytes: &[u8]) -> bool {
        if self.present.len() >= MAX_RANGES {
            return false;
        }
        if self.ring.is_empty() {
            // Zeroed by the kernel, page by page as it is used.
            self.ring = vec![0; self.size];
        }
        let start = self.index(offset);
        let first = bytes.len().min(self.size - start);
        let (before, behind) = bytes.split_at(first);
        self.ring[start..start + first].copy_from_slice(before);
        let behind = &behind[..behind.len().min(start)];
        self.ring[..behind.len()].copy_from_slice(behind);
        self.present.insert(offset..offset + bytes.len() as u64);
        true
    }

    /// Delivers what follows `delivered` without a gap; returns where that ends.
    pub(super) fn drain(&mut self, delivered: u64, mut take: impl FnMut(&[u8])) -> u64 {
        if self.present.is_empty() {
            return delivered;
        }
        self.present.remove(0..delivered);
        match self.present.first() {
            Some(range) if range.start == delivered => {}
            _ => return delivered,
        }
        let Some(range) = self.present.pop_first() else {
            return delivered;
        };
        let start = self.index(range.start);
        let length = ((range.end - range.start) as usize).min(self.size);
        let first = length.min(self.size - start);
        take(&self.ring[start..start + first]);
        if length > first {
            take(&self.ring[..length - first]);
        }
        range.end
    }

    fn index(&self, offset: u64) -> usize {
        (offset % self.size as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Pieces of a stream in any order, some of them twice, are reassembled to the stream.
        #[test]
        fn what_comes_out_is_the_stream(size in 1..50_usize, pieces in prop::collection::vec((0..200_u64, 1..20_usize), 0..400)) {
            let stream: Vec<u8> = (0..250_u32).map(|at| at.wrapping_mul(31) as u8).collect();
            let mut ring = Reassembly::new(size);
            let (mut out, mut delivered) = (Vec::<u8>::new(), 0_u64);
            for (offset, length) in pieces {
                let end = offset + length as u64;
                if end > delivered + size as u64 || end <= delivered {
                    continue;
                }
                let start = offset.max(delivered);
                let bytes = &stream[start as usize..end as usize];
                if start == delivered {
                    out.extend(bytes);
                    delivered = end;
                } else {
                    prop_assert!(ring.insert(start, bytes));
                }
                delivered = ring.drain(delivered, |bytes| out.extend(bytes));
                prop_assert_eq!(out.len() as u64, delivered);
                prop_assert_eq!(&out[..], &stream[..out.len()]);
            }
        }
    }
}
