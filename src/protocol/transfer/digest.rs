//! The digest of a stream.

use std::fmt;

use twox_hash::xxhash3_128::Hasher;

/// XXH3-128 of a stream, taken as its bytes pass: both ends compare it at the end.
///
/// Each datagram has a checksum of 32 bits, and one in four thousand million changed ones passes it.
/// This second, different sum over the whole finds those, and a stream put together wrongly. It is
/// no signature: it guards against accidents, not against people.
#[derive(Clone)]
pub struct Digest {
    hasher: Hasher,
    length: u64,
}

impl Digest {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.length += bytes.len() as u64;
    }

    /// How many bytes it took.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest of all bytes so far.
    pub fn value(&self) -> u128 {
        self.hasher.finish_128()
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            hasher: Hasher::new(),
            length: 0,
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({} bytes)", self.length)
    }
}
