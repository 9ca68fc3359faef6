//! Stateless proof of an address: the token that a challenge asks the sender to repeat.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use siphasher::sip128::SipHasher24;

/// How long a token is valid: longer than any datagram lives (RFC 8085 section 3.1.1 asks programs
/// to survive delays of two minutes).
pub(crate) const LIFETIME: Duration = Duration::from_secs(120);

/// Makes tokens and verifies them, without storing any.
///
/// A token is the second in which it was made and a keyed digest (SipHash-2-4 with 128 bits, 96 of
/// which are used) of that second, the address, the port and the id of the transfer or load session.
/// A sender that repeats it has received it, and so owns its source address; a million questions
/// from forged addresses cost the receiver only the answers.
#[derive(Clone)]
pub struct Cookies {
    key: [u8; 16],
}

impl Cookies {
    /// `key` must be random and secret.
    pub fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The token for a sender at `source`, made at `now`.
    pub fn token(&self, now: Duration, source: SocketAddr, id: u64) -> [u8; 16] {
        self.made(now.as_secs() as u32, source, id)
    }

    /// Whether `token` was made for that sender, within the last two minutes.
    pub fn is_good(&self, token: [u8; 16], now: Duration, source: SocketAddr, id: u64) -> bool {
        self.verify(token, now, source, id).is_some()
    }

    /// When a good token was made, in seconds.
    pub(crate) fn verify(
        &self,
        token: [u8; 16],
        now: Duration,
        source: SocketAddr,
        id: u64,
    ) -> Option<u64> {
        let [a, b, c, d, ..] = token;
        let made = u32::from_be_bytes([a, b, c, d]);
        let age = u64::from((now.as_secs() as u32).wrapping_sub(made));
        let want = self.made(made, source, id);
        // All bytes are compared, so that the time taken does not reveal how many are right.
        let differ = (want.iter().zip(token)).fold(0, |differ, (want, has)| differ | (want ^ has));
        let is_good = age <= LIFETIME.as_secs() && differ == 0;
        is_good.then(|| now.as_secs().saturating_sub(age))
    }

    fn made(&self, second: u32, source: SocketAddr, id: u64) -> [u8; 16] {
        let mut input = [0; 4 + 16 + 2 + 8];
        let (time, rest) = input.split_at_mut(4);
        let (address, rest) = rest.split_at_mut(16);
        let (port, tail) = rest.split_at_mut(2);
        time.copy_from_slice(&second.to_be_bytes());
        let octets = match source.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        address.copy_from_slice(&octets);
        port.copy_from_slice(&source.port().to_be_bytes());
        tail.copy_from_slice(&id.to_be_bytes());
        let digest = SipHasher24::new_with_key(&self.key).hash(&input).as_bytes();
        let mut token = [0; 16];
        token[..4].copy_from_slice(&second.to_be_bytes());
        token[4..].copy_from_slice(&digest[..12]);
        token
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookies")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_of_one_place_and_time(key: [u8; 16], second in 0..u32::MAX / 2, port: u16, id: u64, at in 0..16_usize, flip in 1..=255_u8, later in 0..300_u64) {
            let cookies = Cookies::new(key);
            let now = Duration::from_secs(second.into());
            let source = SocketAddr::from(([127, 0, 0, 1], port));
            let token = cookies.token(now, source, id);
            let then = now + Duration::from_secs(later);
            prop_assert_eq!(cookies.is_good(token, then, source, id), later <= 120);
            let elsewhere = SocketAddr::from(([127, 0, 0, 2], port));
            prop_assert!(!cookies.is_good(token, now, elsewhere, id));
            let beside = SocketAddr::from(([127, 0, 0, 1], port ^ 1));
            prop_assert!(!cookies.is_good(token, now, beside, id));
            prop_assert!(!cookies.is_good(token, now, source, id ^ 1));
            let mut changed = token;
            changed[at] ^= flip;
            prop_assert!(!cookies.is_good(changed, now, source, id));
            let mut other = key;
            other[0] ^= 1;
            prop_assert!(!Cookies::new(other).is_good(token, now, source, id));
        }
    }
}
