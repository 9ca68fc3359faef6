//! The answers given so far, in memory of a fixed size.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// The limits of the cache of a [`Responder`](super::Responder).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The number of answers: 1 to 1,048,576; other values are clamped.
    pub entries: usize,
    /// How many bytes of answers, headers included, at least 65,535: one answer of any length fits.
    pub bytes: usize,
}

impl Default for Limits {
    /// 4,096 answers, 1 MiB: at 47 bytes per answer, as the textbook's, all 4,096 fit.
    fn default() -> Self {
        Self {
            entries: 4_096,
            bytes: 1 << 20,
        }
    }
}

/// The client of a request, and its id.
pub(super) type Key = (SocketAddr, u64);

/// What is remembered of a request, so that another one with the same id is not mistaken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) length: usize,
    pub(super) checksum: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    fingerprint: Fingerprint,
    start: usize,
    length: usize,
}

/// A ring buffer of answers; a new answer evicts the oldest ones in its way.
///
/// All memory is allocated when it is made: no input makes it grow.
#[derive(Debug)]
pub(super) struct Cache {
    /// Where each answer is. Twice as large as its maximum fill: then a table of the standard
    /// library makes room for a new entry in place.
    index: HashMap<Key, Entry>,
    /// Oldest first.
    order: VecDeque<Key>,
    ring: Box<[u8]>,
    /// Where the next answer goes.
    head: usize,
    entries: usize,
    memory: usize,
}

impl Cache {
    pub(super) fn new(limits: Limits) -> Self {
        let entries = limits.entries.clamp(1, 1 << 20);
        let index = HashMap::with_capacity(entries * 2);
        let order = VecDeque::with_capacity(entries);
        let ring: Box<[u8]> = vec![0; limits.bytes.max(usize::from(u16::MAX))].into();
        let memory = index.capacity() * (size_of::<(Key, Entry)>() + 1)
            + order.capacity() * size_of::<Key>()
            + ring.len();
        Self {
            index,
            order,
            ring,
            head: 0,
            entries,
            memory,
        }
    }

    /// What the request was and what was answered.
    pub(super) fn get(&self, key: &Key) -> Option<(Fingerprint, &[u8])> {
        let entry = self.index.get(key)?;
        let answer = &self.ring[entry.start..entry.start + entry.length];
        Some((entry.fingerprint, answer))
    }

    /// Keeps an answer of at most 65,535 bytes; returns how many older ones were evicted for it.
    pub(super) fn put(&mut self, key: Key, fingerprint: Fingerprint, answer: &[u8]) -> u64 {
        let (length, mut given_up) = (answer.len(), 0);
        debug_assert!(length <= self.ring.len() && !self.index.contains_key(&key));
        if self.order.len() == self.entries {
            given_up += self.give_up_oldest();
        }
        if self.ring.len() - self.head < length {
            // It goes to the ring's start, and the oldest answers, which are at its end, are
            // evicted first.
            while self
                .oldest()
                .is_some_and(|oldest| oldest.start >= self.head)
            {
                given_up += self.give_up_oldest();
            }
            self.head = 0;
        }
        let end = self.head + length;
        // Everything ahead is older than everything behind.
        while self
            .oldest()
            .is_some_and(|oldest| (self.head..end).contains(&oldest.start))
        {
            given_up += self.give_up_oldest();
        }
        self.ring[self.head..end].copy_from_slice(answer);
        let entry = Entry {
            fingerprint,
            start: self.head,
            length,
        };
        self.index.insert(key, entry);
        self.order.push_back(key);
        self.head = end;
        given_up
    }

    fn oldest(&self) -> Option<&Entry> {
        self.index.get(self.order.front()?)
    }

    fn give_up_oldest(&mut self) -> u64 {
        let key = self.order.pop_front();
        u64::from(key.is_some_and(|key| self.index.remove(&key).is_some()))
    }

    /// How many answers are kept, and how many bytes of memory were allocated at the start.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.order.len(), self.memory)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: u64) -> Key {
        (SocketAddr::from(([127, 0, 0, 1], 1)), id)
    }

    proptest! {
        /// What is found is what was put, it is the newest of all, and the memory stays constant.
        #[test]
        fn keeps_the_newest_within_its_bounds(lengths in prop::collection::vec(prop_oneof![4 => 1..600_usize, 1 => 0..=65_535_usize], 0..300), entries in 0..40_usize) {
            let mut cache = Cache::new(Limits { entries, bytes: 0 });
                let memory = cache.ring.len();
            let (mut given_up, mut kept) = (0, 0);
            for (id, &length) in lengths.iter().enumerate() {
                let fingerprint = Fingerprint { length, checksum: id as u32 };
                given_up += cache.put(key(id as u64), fingerprint, &vec![id as u8; length]);
                kept = cache.size().0;
                prop_assert!(kept >= 1 && kept <= entries.max(1));
                prop_assert_eq!(given_up as usize + kept, id + 1);
                for (old, &length) in lengths.iter().enumerate().take(id + 1) {
                    let found = cache.get(&key(old as u64));
                    prop_assert_eq!(found.is_some(), old + kept > id, "{} of {}", old, id);
                    if let Some((fingerprint, answer)) = found {
                        prop_assert_eq!(fingerprint.checksum as usize, old);
                        prop_assert_eq!(answer, vec![old as u8; length]);
                    }
                }
            }
            prop_assert_eq!((cache.size().0, cache.ring.len()), (kept, memory));
        }
    }
}
