//! HKDF-SHA256 (RFC 5869) into arrays.

use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use zeroize::Zeroizing;

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Extract: a pseudorandom key from `input`.
pub(super) fn extract(salt: &[u8], input: &[u8]) -> Prk {
    Salt::new(HKDF_SHA256, salt).extract(input)
}

/// The pseudorandom key that `secret` is.
pub(super) fn key(secret: &[u8; 32]) -> Prk {
    Prk::new_less_safe(HKDF_SHA256, secret)
}

/// HKDF-Expand: `N` bytes from a pseudorandom key, different for each `info`.
pub(super) fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "RFC 5869 section 2.3") };
    let mut output = Zeroizing::new([0; N]);
    let filled = (key.expand(info, Length(N))).and_then(|okm| okm.fill(&mut *output));
    // Both fail only for another length than was asked for, or for more than the limit above.
    debug_assert!(filled.is_ok());
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits
            .chunks(2)
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect()
    }

    #[test]
    fn it_is_the_standards() {
        // RFC 5869 appendix A.1.
        let prk = extract(&bytes("000102030405060708090a0b0c"), &[0x0b; 22]);
        let info = bytes("f0f1f2f3f4f5f6f7f8f9");
        let want = bytes(
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        );
        assert_eq!(expand::<42>(&prk, &[&info])[..], want);
        assert_eq!(expand::<42>(&prk, &[&info[..3], &info[3..]])[..], want);
        // The pseudorandom key that the RFC states for A.1.
        let secret = bytes("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let secret = secret.try_into().expect("32 bytes");
        assert_eq!(expand::<42>(&key(&secret), &[&info])[..], want);
    }
}
