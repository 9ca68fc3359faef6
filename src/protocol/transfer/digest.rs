//! The digest of a stream.

use std::fmt;

use twox_hash::xxhash3_128::Hasher;

/// XXH3-128 of a stream, computed as its bytes pass: both ends compare it at the end.
///
/// Each datagram has a checksum of 32 bits, which one in four billion changed datagrams passes.
/// This second, different checksum over the whole stream finds those, and errors of reassembly. It
/// is not a signature: it protects against accidents, not against attackers.
#[derive(Clone)]
pub struct Digest {
    hasher: Hasher,
    length: u64,
}

impl Digest {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.length += bytes.len() as u64;
    }

    /// How many bytes were added.
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
