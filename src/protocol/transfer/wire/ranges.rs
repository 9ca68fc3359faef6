//! The numbers of packets that arrived, as ranges.

/// The most ranges in an acknowledgement.
pub const MAX_RANGES: usize = 32;

/// Packets that arrived: ranges of their numbers, from the newest to the oldest, as they are encoded.
///
/// Each range is two numbers of 4 bytes: how many packets are missing above it (none above the
/// first), and how many it has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ranges<'a> {
    largest: u64,
    pairs: &'a [[u8; 8]],
}

impl<'a> Ranges<'a> {
    /// No packet at all.
    pub const NONE: Self = Self {
        largest: 0,
        pairs: &[],
    };

    /// Ranges from encoded pairs; `None` if they reach below zero, are empty, or touch.
    pub(super) fn decode(largest: u64, pairs: &'a [[u8; 8]]) -> Option<Self> {
        let ranges = Self { largest, pairs };
        let mut next = u128::from(largest) + 1;
        for (index, pair) in pairs.iter().enumerate() {
            let (missing, length) = split(*pair);
            if length == 0 || (missing == 0) != (index == 0) {
                return None;
            }
            next = next.checked_sub(u128::from(missing) + u128::from(length))?;
        }
        (pairs.len() <= MAX_RANGES).then_some(ranges)
    }

    /// Encodes ranges, each as its first and last number, from the newest to the oldest, into
    /// `room`: as many as fit.
    pub fn encode(
        ranges: impl Iterator<Item = (u64, u64)>,
        room: &'a mut [[u8; 8]; MAX_RANGES],
    ) -> Self {
        let (mut largest, mut below, mut count) = (0, None, 0);
        for ((first, last), slot) in ranges.zip(room.iter_mut()) {
            let missing = match below {
                None => {
                    largest = last;
                    0
                }
                Some(below) => {
                    let Ok(missing) = u32::try_from(below - last - 1) else {
                        break;
                    };
                    missing
                }
            };
            // The lower end of a longer range was acknowledged long ago.
            let length = u32::try_from(last - first + 1).unwrap_or(u32::MAX);
            *slot = (u64::from(missing) << 32 | u64::from(length)).to_be_bytes();
            below = Some(last - (u64::from(length) - 1));
            count += 1;
        }
        Self {
            largest,
            pairs: &room[..count],
        }
    }

    /// The largest number; meaningless without a range.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    pub(super) fn pairs(&self) -> &'a [[u8; 8]] {
        self.pairs
    }

    /// The first and the last number of each range, from the newest to the oldest.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let mut above = u128::from(self.largest) + 1;
        self.pairs.iter().map(move |pair| {
            let (missing, length) = split(*pair);
            let last = above - u128::from(missing) - 1;
            let first = last + 1 - u128::from(length);
            above = first;
            (first as u64, last as u64)
        })
    }
}

fn split(pair: [u8; 8]) -> (u32, u32) {
    let both = u64::from_be_bytes(pair);
    ((both >> 32) as u32, both as u32)
}

impl std::fmt::Debug for Ranges<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
