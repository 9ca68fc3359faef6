//! CRC-32C (RFC 9260 appendix A), computed with the CPU's instructions for it.

use crc_fast::{CrcAlgorithm, Digest};

/// The checksum of one slice.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// The checksum of two slices as if they were one.
pub(super) fn crc32c_of_parts(first: &[u8], second: &[u8]) -> u32 {
    crc32c_of(&[first, second])
}

/// The checksum of several slices as if they were one.
pub(super) fn crc32c_of(parts: &[&[u8]]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    for part in parts {
        digest.update(part);
    }
    // The value has 32 bits, in the type of the longest.
    digest.finalize() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_the_standards() {
        // RFC 3720 appendix B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    proptest! {
        #[test]
        fn another_implementation_agrees(
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
            cut in 0_usize..3000,
        ) {
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(crc32c(&bytes), ::crc32c::crc32c(&bytes));
            prop_assert_eq!(crc32c_of_parts(first, second), crc32c(&bytes));
        }
    }
}
