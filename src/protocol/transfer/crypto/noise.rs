//! The primitives that the handshake takes: hash and cipher from ring, X25519 from curve25519-dalek,
//! randomness from the caller.

use curve25519_dalek::MontgomeryPoint;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use zeroize::Zeroizing;

const TAG: usize = 16;

/// Hands out the primitives, and one secret of 32 random bytes for the ephemeral key.
pub(super) struct Resolver {
    pub(super) ephemeral: Zeroizing<[u8; 32]>,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::<X25519>::default() as _)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::SHA256).then(|| Box::new(Sha256(Context::new(&SHA256))) as _)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::ChaChaPoly).then(|| Box::new(ChaChaPoly(None)) as _)
    }
}

/// The caller's randomness, once: a second key from it would be the first again.
struct Once(Option<Zeroizing<[u8; 32]>>);

impl Random for Once {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        let secret = self.0.take().ok_or(snow::Error::Rng)?;
        if bytes.len() != secret.len() {
            return Err(snow::Error::Rng);
        }
        bytes.copy_from_slice(&secret[..]);
        Ok(())
    }
}

/// X25519 (RFC 7748).
#[derive(Default)]
struct X25519 {
    private: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, private: &[u8]) {
        for (own, byte) in self.private.iter_mut().zip(private) {
            *own = *byte;
        }
        self.public = MontgomeryPoint::mul_base_clamped(*self.private).to_bytes();
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut private = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut private[..])?;
        self.set(&private[..]);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.private[..]
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        // snow hands over its buffer for keys, which may be longer than ours.
        let public = public.first_chunk::<32>().ok_or(snow::Error::Dh)?;
        let room = out.first_chunk_mut::<32>().ok_or(snow::Error::Dh)?;
        let shared = MontgomeryPoint(*public)
            .mul_clamped(*self.private)
            .to_bytes();
        // RFC 7748 section 6.1: a point of small order, which no honest end sends.
        if shared == [0; 32] {
            return Err(snow::Error::Dh);
        }
        *room = shared;
        Ok(())
    }
}

struct Sha256(Context);

impl Hash for Sha256 {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Context::new(&SHA256);
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let digest = self.0.clone().finish();
        for (out, byte) in out.iter_mut().zip(digest.as_ref()) {
            *out = *byte;
        }
    }
}

struct ChaChaPoly(Option<LessSafeKey>);

/// Noise's nonce for ChaCha20-Poly1305 (section 12.3): 4 zeros, and the counter in little-endian.
fn nonce(counter: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = UnboundKey::new(&CHACHA20_POLY1305, key)
            .map(LessSafeKey::new)
            .ok();
    }

    /// Returns 0 if there is no key or no room, which the caller has excluded.
    fn encrypt(&self, counter: u64, data: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let Some(key) = &self.0 else { return 0 };
        let Some((text, rest)) = out.split_at_mut_checked(plaintext.len()) else {
            return 0;
        };
        let Some(room) = rest.get_mut(..TAG) else {
            return 0;
        };
        text.copy_from_slice(plaintext);
        match key.seal_in_place_separate_tag(nonce(counter), Aad::from(data), text) {
            Ok(tag) => {
                room.copy_from_slice(tag.as_ref());
                plaintext.len() + TAG
            }
            Err(_) => 0,
        }
    }

    fn decrypt(
        &self,
        counter: u64,
        data: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, snow::Error> {
        let key = self.0.as_ref().ok_or(snow::Error::Decrypt)?;
        let mut copy = ciphertext.to_vec();
        let text = key
            .open_in_place(nonce(counter), Aad::from(data), &mut copy)
            .map_err(|_| snow::Error::Decrypt)?;
        let room = out.get_mut(..text.len()).ok_or(snow::Error::Decrypt)?;
        room.copy_from_slice(text);
        Ok(text.len())
    }
}
