//! Early bytes, kept until the missing ones before them arrive.

use std::collections::VecDeque;

use super::ranges::RangeSet;

/// Bytes of a block.
const BLOCK: usize = if cfg!(test) { 1 << 10 } else { 64 << 10 };
/// Blocks that are kept for reuse.
const MAX_SPARE: usize = 16;
/// The gaps that are tracked in any case, and one more for so many bytes of the window; data that
/// would make more must be sent again.
const MIN_RANGES: u64 = 8_192;
const RANGE: u64 = 4_096;

/// Blocks of the stream, of which only those exist that early bytes have arrived for: the memory is
/// what is kept, whatever the window.
#[derive(Debug)]
pub(super) struct Reassembly {
    size: u64,
    present: RangeSet,
    /// From the block with the number `first` on.
    blocks: VecDeque<Option<Vec<u8>>>,
    first: u64,
    /// How many of them exist.
    held: usize,
    spare: Vec<Vec<u8>>,
    /// Keeps account of the bytes, and not the bytes.
    #[cfg(test)]
    pub(super) is_hollow: bool,
}

impl Reassembly {
    /// Room for `size` bytes beyond the delivered ones.
    pub(super) fn new(size: u64) -> Self {
        Self {
            size: size.max(1),
            present: RangeSet::default(),
            blocks: VecDeque::new(),
            first: 0,
            held: 0,
            spare: Vec::new(),
            #[cfg(test)]
            is_hollow: false,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of memory that its blocks take.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        (self.held + self.spare.len()) * BLOCK
    }

    /// How many bytes it keeps: looks at each range.
    #[cfg(test)]
    pub(super) fn kept(&self) -> u64 {
        self.present
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }

    /// In how many ranges.
    #[cfg(test)]
    pub(super) fn ranges(&self) -> usize {
        self.present.len()
    }

    /// The end of the early bytes.
    pub(super) fn end(&self) -> u64 {
        self.present.last().map_or(0, |range| range.end)
    }

    /// Keeps bytes that lie within [`Self::size`] of the delivered ones. `false` if there is no
    /// memory for them, or one more gap cannot be tracked.
    #[must_use]
    pub(super) fn insert(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let most = MIN_RANGES.max(self.size / RANGE);
        if self.present.len() as u64 >= most && self.is_apart(offset, offset + bytes.len() as u64) {
            return false;
        }
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let start = (at % BLOCK as u64) as usize;
            let (piece, behind) = rest.split_at(rest.len().min(BLOCK - start));
            let Some(block) = self.block(at / BLOCK as u64) else {
                return false;
            };
            if let Some(place) = block.get_mut(start..start + piece.len()) {
                place.copy_from_slice(piece);
            }
            at += piece.len() as u64;
            rest = behind;
        }
        self.present.insert(offset..at);
        true
    }

    fn block_length(&self) -> usize {
        #[cfg(test)]
        if self.is_hollow {
            return 0;
        }
        BLOCK
    }

    /// Whether bytes would be one more range: nothing before or behind them is present.
    fn is_apart(&self, offset: u64, end: u64) -> bool {
        let is_missing = |at: u64| self.present.first_gap(at..at.saturating_add(1)).is_some();
        is_missing(offset.saturating_sub(1)) && is_missing(end)
    }

    /// A block to write to; `None` without memory.
    fn block(&mut self, number: u64) -> Option<&mut Vec<u8>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        if index >= self.blocks.len() {
            self.blocks
                .try_reserve(index + 1 - self.blocks.len())
                .ok()?;
            self.blocks.resize_with(index + 1, || None);
        }
        let length = self.block_length();
        let slot = self.blocks.get_mut(index)?;
        if slot.is_none() {
            let mut block = self.spare.pop().unwrap_or_default();
            block.try_reserve_exact(length - block.len()).ok()?;
            // What a spare one has is overwritten before it is read.
            block.resize(length, 0);
            *slot = Some(block);
            self.held += 1;
        }
        slot.as_mut()
    }

    /// Delivers what follows `delivered` without a gap; returns where that ends.
    pub(super) fn drain(&mut self, delivered: u64, mut take: impl FnMut(&[u8])) -> u64 {
        let mut end = delivered;
        if !self.present.is_empty() {
            self.present.remove(0..delivered);
            if self
                .present
                .first()
                .is_some_and(|range| range.start == delivered)
                && let Some(range) = self.present.pop_first()
            {
                self.read(delivered, range.end, &mut take);
                end = range.end;
            }
        }
        self.release(end);
        end
    }

    fn read(&self, mut at: u64, end: u64, take: &mut impl FnMut(&[u8])) {
        while at < end {
            let start = (at % BLOCK as u64) as usize;
            let length = (end - at).min((BLOCK - start) as u64) as usize;
            let index = (at / BLOCK as u64 - self.first) as usize;
            let block = self.blocks.get(index).and_then(Option::as_ref);
            // It exists: something in it is present.
            take(
                block
                    .and_then(|block| block.get(start..start + length))
                    .unwrap_or_default(),
            );
            at += length as u64;
        }
    }

    /// Gives back what lies below `delivered`, and everything once nothing is kept.
    fn release(&mut self, delivered: u64) {
        let first = delivered / BLOCK as u64;
        while self.held > 0 && (self.first < first || self.present.is_empty()) {
            let Some(slot) = self.blocks.pop_front() else {
                break;
            };
            self.first += 1;
            if let Some(block) = slot {
                self.held -= 1;
                if self.spare.len() < MAX_SPARE {
                    self.spare.push(block);
                }
            }
        }
        if self.held == 0 {
            self.blocks.clear();
            self.first = first;
        }
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
            // Across several blocks, and not aligned to them.
            const UNIT: usize = 97;
            let size = size * UNIT;
            let pieces = pieces.into_iter().map(|(at, length)| (at * UNIT as u64, length * UNIT));
            let stream: Vec<u8> = (0..250 * UNIT as u32).map(|at| at.wrapping_mul(31) as u8).collect();
            let mut ring = Reassembly::new(size as u64);
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
                // No more than the window, and the block at either end of it.
                prop_assert!(ring.held * BLOCK <= size + 2 * BLOCK, "{ring:?}");
                prop_assert!(ring.present.is_empty() == (ring.held == 0), "{ring:?}");
                prop_assert_eq!(&out[..], &stream[..out.len()]);
            }
        }
    }
}
