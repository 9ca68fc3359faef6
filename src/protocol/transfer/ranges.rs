//! Sets of numbers as ranges, for numbers that mostly arrive in order.

use std::collections::VecDeque;
use std::ops::Range;

/// A set of numbers, kept as ranges that neither touch nor overlap, in ascending order.
///
/// Numbers in order need no search: the last ranges are checked first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RangeSet {
    ranges: VecDeque<Range<u64>>,
}

impl RangeSet {
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many ranges there are.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The ranges, in ascending order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Range<u64>> {
        self.ranges.iter()
    }

    pub(super) fn first(&self) -> Option<&Range<u64>> {
        self.ranges.front()
    }

    pub(super) fn last(&self) -> Option<&Range<u64>> {
        self.ranges.back()
    }

    /// Removes and returns the lowest range.
    pub(super) fn pop_first(&mut self) -> Option<Range<u64>> {
        self.ranges.pop_front()
    }

    /// The index of the first range that ends at or after `number`.
    fn at(&self, number: u64) -> usize {
        match self.ranges.back() {
            Some(last) if last.start <= number && number <= last.end => self.ranges.len() - 1,
            Some(last) if last.end < number => self.ranges.len(),
            _ => self.ranges.partition_point(|range| range.end < number),
        }
    }

    /// Adds `new`; returns how many of its numbers were new.
    pub(super) fn insert(&mut self, new: Range<u64>) -> u64 {
        if new.is_empty() {
            return 0;
        }
        let index = self.at(new.start);
        let (mut start, mut end, mut had) = (new.start, new.end, 0);
        let mut touched = 0;
        for range in self.ranges.range(index..) {
            if range.start > new.end {
                break;
            }
            let overlap = range
                .end
                .min(new.end)
                .saturating_sub(range.start.max(new.start));
            had += overlap;
            start = start.min(range.start);
            end = end.max(range.end);
            touched += 1;
        }
        match touched {
            0 => self.ranges.insert(index, start..end),
            _ => {
                self.ranges[index] = start..end;
                if touched > 1 {
                    self.ranges.drain(index + 1..index + touched);
                }
            }
        }
        new.end - new.start - had
    }

    /// Removes `old`.
    pub(super) fn remove(&mut self, old: Range<u64>) {
        let mut index = self.at(old.start);
        while let Some(range) = self.ranges.get(index).cloned() {
            if range.start >= old.end || old.is_empty() {
                break;
            }
            let (before, after) = (range.start..old.start, old.end..range.end);
            match (before.start < before.end, after.start < after.end) {
                (true, true) => {
                    self.ranges[index] = before;
                    self.ranges.insert(index + 1, after);
                    break;
                }
                (true, false) => {
                    self.ranges[index] = before;
                    index += 1;
                }
                (false, true) => {
                    self.ranges[index] = after;
                    break;
                }
                (false, false) => {
                    self.ranges.remove(index);
                }
            }
        }
    }

    /// The first part of `wanted` that is missing.
    pub(super) fn first_gap(&self, wanted: Range<u64>) -> Option<Range<u64>> {
        let mut start = wanted.start;
        for range in self.ranges.range(self.at(start)..) {
            if range.start > start {
                let end = range.start.min(wanted.end);
                return (start < end).then_some(start..end);
            }
            start = start.max(range.end);
        }
        (start < wanted.end).then_some(start..wanted.end)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64, u64),
        Remove(u64, u64),
        Pop,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..60_u64, 0..12_u64).prop_map(|(start, length)| Step::Insert(start, length)),
            2 => (0..60_u64, 0..12_u64).prop_map(|(start, length)| Step::Remove(start, length)),
            1 => Just(Step::Pop),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec(step(), 0..60)) {
            let (mut ranges, mut set) = (RangeSet::default(), BTreeSet::new());
            for step in steps {
                match step {
                    Step::Insert(start, length) => {
                        let new = (start..start + length).filter(|&n| set.insert(n)).count();
                        prop_assert_eq!(ranges.insert(start..start + length), new as u64);
                    }
                    Step::Remove(start, length) => {
                        set.retain(|n| !(start..start + length).contains(n));
                        ranges.remove(start..start + length);
                    }
                    Step::Pop => {
                        if let Some(range) = ranges.pop_first() {
                            set.retain(|n| !range.contains(n));
                        }
                    }
                }
                let all: Vec<u64> = ranges.iter().cloned().flatten().collect();
                prop_assert_eq!(&all, &set.iter().copied().collect::<Vec<_>>());
                let apart = ranges.iter().zip(ranges.iter().skip(1)).all(|(a, b)| a.end < b.start);
                prop_assert!(apart, "{:?}", ranges);
                for number in 0..80 {
                    let gap = (number..75).find(|n| !set.contains(n)).map(|start| {
                        start..(start..75).find(|n| set.contains(n)).unwrap_or(75)
                    });
                    prop_assert_eq!(ranges.first_gap(number..75.max(number)), gap);
                }
            }
        }
    }
}
