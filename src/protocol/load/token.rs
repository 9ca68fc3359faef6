//! The proof that a client receives what is sent to its address.

use std::net::{IpAddr, SocketAddr};

use siphasher::sip128::SipHasher24;

/// How long a token is good, in nanoseconds: two minutes.
const LIFETIME: u64 = 120_000_000_000;

/// Makes tokens and checks them, and stores none: a keyed digest (SipHash-2-4, of which 64 bits are used) of
/// the time, the address and the session.
#[derive(Clone)]
pub(super) struct Tokens {
    key: [u8; 16],
}

impl Tokens {
    /// `key` must be random and secret.
    pub(super) fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    pub(super) fn token(&self, now: u64, source: SocketAddr, session: u64) -> [u8; 16] {
        let mut input = [0; 8 + 16 + 2 + 8];
        let octets = match source.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        input[..8].copy_from_slice(&now.to_be_bytes());
        input[8..24].copy_from_slice(&octets);
        input[24..26].copy_from_slice(&source.port().to_be_bytes());
        input[26..].copy_from_slice(&session.to_be_bytes());
        let digest = SipHasher24::new_with_key(&self.key).hash(&input).as_bytes();
        let mut token = [0; 16];
        token[..8].copy_from_slice(&now.to_be_bytes());
        token[8..].copy_from_slice(&digest[..8]);
        token
    }

    pub(super) fn is_good(
        &self,
        token: &[u8; 16],
        now: u64,
        source: SocketAddr,
        session: u64,
    ) -> bool {
        let (made, _) = token.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let made = u64::from_be_bytes(*made);
        let want = self.token(made, source, session);
        // All bytes are compared, so that the time taken does not show how many are right.
        let differ = want
            .iter()
            .zip(token)
            .fold(0, |differ, (one, other)| differ | (one ^ other));
        now.wrapping_sub(made) <= LIFETIME && differ == 0
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_of_one_address_session_and_time(key: [u8; 16], now in 0..u64::MAX / 2, port: u16, session: u64, at in 0..16_usize, flip in 1..=255_u8, later in 0..300_u64) {
            let tokens = Tokens::new(key);
            let source = SocketAddr::from(([127, 0, 0, 1], port));
            let token = tokens.token(now, source, session);
            let then = now + later * 1_000_000_000;
            prop_assert_eq!(tokens.is_good(&token, then, source, session), later <= 120);
            for other in [SocketAddr::from(([127, 0, 0, 2], port)), SocketAddr::from(([127, 0, 0, 1], port ^ 1))] {
                prop_assert!(!tokens.is_good(&token, now, other, session));
            }
            prop_assert!(!tokens.is_good(&token, now, source, session ^ 1));
            let mut changed = token;
            changed[at] ^= flip;
            prop_assert!(!tokens.is_good(&changed, now, source, session));
        }
    }
}
