//! Sets of numbers as ranges, for numbers that mostly arrive in order.

use std::collections::BTreeMap;
use std::ops::Range;

use super::steps::step;

/// A set of numbers, kept as ranges that neither touch nor overlap.
///
/// Each operation takes logarithmic time for each range that it changes; numbers in order change the
/// last range only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RangeSet {
    /// The end of each range, by its start.
    ranges: BTreeMap<u64, u64>,
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
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Range<u64>> {
        self.ranges.iter().map(|(&start, &end)| start..end)
    }

    pub(super) fn first(&self) -> Option<Range<u64>> {
        self.ranges
            .first_key_value()
            .map(|(&start, &end)| start..end)
    }

    pub(super) fn last(&self) -> Option<Range<u64>> {
        self.ranges
            .last_key_value()
            .map(|(&start, &end)| start..end)
    }

    /// Removes and returns the lowest range.
    pub(super) fn pop_first(&mut self) -> Option<Range<u64>> {
        self.ranges.pop_first().map(|(start, end)| start..end)
    }

    /// Adds `new`; returns how many of its numbers were new.
    pub(super) fn insert(&mut self, new: Range<u64>) -> u64 {
        step();
        if new.is_empty() {
            return 0;
        }
        let (mut start, mut end, mut had) = (new.start, new.end, 0);
        if let Some((&before, reach)) = self.ranges.range_mut(..=new.start).next_back()
            && *reach >= new.start
        {
            had = new.end.min(*reach) - new.start;
            if *reach >= new.end {
                return 0;
            }
            (start, *reach) = (before, new.end);
        } else {
            self.ranges.insert(new.start, new.end);
        }
        while let Some((&next, &reach)) = self.ranges.range(start + 1..=end).next() {
            step();
            self.ranges.remove(&next);
            had += reach.min(new.end) - next;
            end = end.max(reach);
            self.ranges.insert(start, end);
        }
        new.end - new.start - had
    }

    /// Removes `old`.
    pub(super) fn remove(&mut self, old: Range<u64>) {
        step();
        if old.is_empty() {
            return;
        }
        if let Some((_, reach)) = self.ranges.range_mut(..old.start).next_back()
            && *reach > old.start
        {
            let end = std::mem::replace(reach, old.start);
            if end > old.end {
                self.ranges.insert(old.end, end);
                return;
            }
        }
        while let Some((&start, &end)) = self.ranges.range(old.clone()).next() {
            step();
            self.ranges.remove(&start);
            if end > old.end {
                self.ranges.insert(old.end, end);
            }
        }
    }

    /// The first part of `wanted` that is missing.
    pub(super) fn first_gap(&self, wanted: Range<u64>) -> Option<Range<u64>> {
        step();
        let mut start = wanted.start;
        if let Some((_, &reach)) = self.ranges.range(..=start).next_back() {
            start = start.max(reach);
        }
        if start >= wanted.end {
            return None;
        }
        let next = self.ranges.range(start..wanted.end).next();
        Some(start..next.map_or(wanted.end, |(&next, _)| next))
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
                let all: Vec<u64> = ranges.iter().flatten().collect();
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
