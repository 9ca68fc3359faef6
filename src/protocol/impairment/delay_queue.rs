//! The datagrams that leave later: a heap by time, whose memory is reused.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// The most datagrams that a link holds.
pub const MAX_HELD: usize = 16_384;

/// The most bytes of memory that a link uses for the datagrams that it holds.
pub const HELD_BYTES: usize = 64 << 20;

/// The two sizes of a buffer: one for the datagrams of an Ethernet, one for all.
const SIZES: [usize; 2] = [2_048, 65_536];

/// A datagram that leaves now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Released<'a> {
    /// The number of its flow.
    pub flow: u32,
    /// Its payload, with the link's changes.
    pub bytes: &'a [u8],
}

/// The slot of a held datagram, as long as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HeapKey {
    /// Of two that are due together, the smaller leaves first; no two are the same.
    ticket: u64,
    slot: u32,
}

#[derive(Debug)]
struct Held {
    /// That of the heap's valid entry; others for this slot are stale.
    ticket: u64,
    flow: u32,
    bytes: Vec<u8>,
    /// The datagram that the same flow held back before.
    older: Option<HeapKey>,
}

/// The queue of delayed datagrams.
#[derive(Debug, Default)]
pub(super) struct DelayQueue {
    heap: BinaryHeap<Reverse<(Duration, HeapKey)>>,
    slots: Vec<Held>,
    empty: Vec<u32>,
    /// Buffers to be reused, by size.
    spare: [Vec<Vec<u8>>; 2],
    /// Bytes of all buffers, spare or not.
    memory: usize,
    tickets: u64,
    /// The slot that was returned last, whose buffer is free by now.
    lent: Option<u32>,
    held: usize,
}

impl DelayQueue {
    /// How many datagrams are held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// When the next datagram leaves.
    pub(super) fn poll_timeout(&mut self) -> Option<Duration> {
        while let Some(&Reverse((due, key))) = self.heap.peek() {
            if self.is_there(key) {
                return Some(due);
            }
            self.heap.pop();
        }
        None
    }

    /// Holds a copy of `bytes` until `due`, if there is room.
    pub(super) fn hold(&mut self, due: Duration, flow: u32, bytes: &[u8]) -> Option<HeapKey> {
        self.take_back();
        if self.held >= MAX_HELD {
            return None;
        }
        let mut buffer = self.buffer(bytes.len())?;
        buffer.extend_from_slice(bytes);
        let ticket = self.ticket();
        let held = Held {
            ticket,
            flow,
            bytes: buffer,
            older: None,
        };
        let slot = match self.empty.pop() {
            Some(slot) => {
                self.slots[slot as usize] = held;
                slot
            }
            None => {
                self.slots.push(held);
                // Fewer than MAX_HELD.
                (self.slots.len() - 1) as u32
            }
        };
        self.held += 1;
        if self.heap.len() >= 4 * MAX_HELD {
            // More than half of it is stale.
            let slots = &self.slots;
            self.heap
                .retain(|Reverse((_, key))| slots[key.slot as usize].ticket == key.ticket);
        }
        let key = HeapKey { ticket, slot };
        self.heap.push(Reverse((due, key)));
        Some(key)
    }

    /// The bytes of a datagram that is held, to change them.
    pub(super) fn bytes(&mut self, key: HeapKey) -> &mut Vec<u8> {
        &mut self.slots[key.slot as usize].bytes
    }

    /// Links a held-back datagram to the `older` one of its flow.
    pub(super) fn chain(&mut self, key: HeapKey, older: Option<HeapKey>) {
        self.slots[key.slot as usize].older = older;
    }

    /// Lets `newest`, and the older ones that its flow held back, leave at `due`, the oldest first.
    pub(super) fn release(&mut self, due: Duration, newest: HeapKey) {
        // The oldest leave first when their time is over, so all behind a stale key are stale too.
        let mut count = 0;
        let mut next = Some(newest);
        while let Some(key) = next.filter(|key| self.is_there(*key)) {
            count += 1;
            next = self.slots[key.slot as usize].older;
        }
        let first = self.tickets;
        self.tickets += count;
        next = Some(newest);
        for ticket in (first..first + count).rev() {
            let Some(HeapKey { slot, .. }) = next else {
                break;
            };
            let held = &mut self.slots[slot as usize];
            held.ticket = ticket;
            next = held.older.take();
            self.heap.push(Reverse((due, HeapKey { ticket, slot })));
        }
    }

    /// The next datagram that is due at `now`.
    pub(super) fn poll_transmit(&mut self, now: Duration) -> Option<Released<'_>> {
        self.take_back();
        if self.poll_timeout()? > now {
            return None;
        }
        let Reverse((_, HeapKey { slot, .. })) = self.heap.pop()?;
        let held = &mut self.slots[slot as usize];
        held.ticket = GONE;
        self.lent = Some(slot);
        self.held -= 1;
        Some(Released {
            flow: held.flow,
            bytes: &held.bytes,
        })
    }

    fn is_there(&self, key: HeapKey) -> bool {
        self.slots
            .get(key.slot as usize)
            .is_some_and(|held| held.ticket == key.ticket)
    }

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets - 1
    }

    /// Makes the buffer that was returned last available again.
    fn take_back(&mut self) {
        if let Some(slot) = self.lent.take() {
            let mut bytes = std::mem::take(&mut self.slots[slot as usize].bytes);
            bytes.clear();
            self.spare[usize::from(bytes.capacity() > SIZES[0])].push(bytes);
            self.empty.push(slot);
        }
    }

    /// An empty buffer with room for `length` bytes; `None` if that would exceed the memory limit.
    fn buffer(&mut self, length: usize) -> Option<Vec<u8>> {
        let kind = usize::from(length > SIZES[0]);
        if let Some(buffer) = self.spare[kind].pop() {
            return Some(buffer);
        }
        let size = SIZES[kind].max(length);
        while self.memory + size > HELD_BYTES {
            // Buffers of the other size, which are unused now.
            let buffer = self.spare[1 - kind].pop()?;
            self.memory -= buffer.capacity();
        }
        let buffer = Vec::with_capacity(size);
        self.memory += buffer.capacity();
        Some(buffer)
    }
}

/// The key of an empty slot.
const GONE: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn all_due(delay_queue: &mut DelayQueue, now: Duration) -> Vec<Vec<u8>> {
        let mut due = Vec::new();
        while let Some(released) = delay_queue.poll_transmit(now) {
            due.push(released.bytes.to_vec());
        }
        due
    }

    #[test]
    fn they_leave_by_time_and_then_by_turn() {
        let mut delay_queue = DelayQueue::default();
        for (due, name) in [(5, b"a"), (3, b"b"), (5, b"c"), (1, b"d")] {
            delay_queue.hold(millis(due), 0, name).unwrap();
        }
        assert_eq!(delay_queue.poll_timeout(), Some(millis(1)));
        assert_eq!(all_due(&mut delay_queue, millis(4)), [b"d", b"b"]);
        assert_eq!(all_due(&mut delay_queue, millis(5)), [b"a", b"c"]);
        assert_eq!((delay_queue.poll_timeout(), delay_queue.held()), (None, 0));
    }

    #[test]
    fn a_chain_is_released_oldest_first_without_those_that_left() {
        let mut delay_queue = DelayQueue::default();
        let a = delay_queue.hold(millis(10), 0, b"a").unwrap();
        let b = delay_queue.hold(millis(20), 0, b"b").unwrap();
        delay_queue.chain(b, Some(a));
        let c = delay_queue.hold(millis(30), 0, b"c").unwrap();
        delay_queue.chain(c, Some(b));
        assert_eq!(all_due(&mut delay_queue, millis(10)), [b"a"]);
        // The slot of "a" now holds another datagram, which the chain must not touch.
        delay_queue.hold(millis(40), 0, b"x").unwrap();
        delay_queue.release(millis(12), c);
        assert_eq!(all_due(&mut delay_queue, millis(12)), [b"b", b"c"]);
        assert_eq!(delay_queue.poll_timeout(), Some(millis(40)));
        delay_queue.release(millis(12), c);
        assert_eq!(all_due(&mut delay_queue, millis(39)), [[0; 0]; 0]);
    }

    #[test]
    fn memory_and_number_are_bounded() {
        let mut delay_queue = DelayQueue::default();
        let large = vec![0; 65_507];
        let mut held = 0;
        while delay_queue.hold(millis(1), 0, &large).is_some() {
            held += 1;
        }
        assert_eq!(held, HELD_BYTES / SIZES[1]);
        assert!(
            delay_queue.hold(millis(1), 0, b"").is_none(),
            "no memory is left"
        );
        assert_eq!(all_due(&mut delay_queue, millis(1)).len(), held);
        // Large buffers are released for small ones.
        held = 0;
        while delay_queue.hold(millis(2), 0, b"small").is_some() {
            held += 1;
        }
        assert_eq!(held, MAX_HELD);
        assert!(delay_queue.memory <= HELD_BYTES);
    }
}
