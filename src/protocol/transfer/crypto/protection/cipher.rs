//! The ciphers, and which of them the two ends take.

use std::fmt;

use ring::aead::{AES_256_GCM, Algorithm, CHACHA20_POLY1305};

/// An AEAD with a key of 32 bytes, a nonce of 12 and a tag of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// AES-256 in Galois/counter mode (NIST SP 800-38D): the fastest where the CPU has instructions
    /// for it.
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439): fast without special instructions.
    ChaCha20Poly1305,
}

impl Cipher {
    /// The number in frames and derivations: 1 or 2.
    pub fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    /// The cipher of a [`number`](Self::number).
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Aes256Gcm),
            2 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }

    /// How many forged packets one connection may be tried with (RFC 9001 section 6.6).
    pub(super) fn integrity_limit(self) -> u64 {
        match self {
            Self::Aes256Gcm => 1 << 52,
            Self::ChaCha20Poly1305 => 1 << 36,
        }
    }

    pub(super) fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes256Gcm => &AES_256_GCM,
            Self::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        }
    }
}

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes256Gcm => "AES-256-GCM",
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
        })
    }
}

/// The ciphers that a sender offers, as bits: 1 AES-256-GCM, 2 ChaCha20-Poly1305. No bit: no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ciphers(u8);

impl Ciphers {
    /// None: a transfer without a key.
    pub const NONE: Self = Self(0);
    /// Every cipher.
    pub const ALL: Self = Self(3);

    /// What this CPU does fast: every cipher if it has instructions for AES, else
    /// ChaCha20-Poly1305.
    pub fn of_this_cpu() -> Self {
        #[cfg(target_arch = "x86_64")]
        let has_aes = std::arch::is_x86_feature_detected!("aes")
            && std::arch::is_x86_feature_detected!("pclmulqdq");
        #[cfg(target_arch = "aarch64")]
        let has_aes = std::arch::is_aarch64_feature_detected!("aes")
            && std::arch::is_aarch64_feature_detected!("pmull");
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let has_aes = false;
        if has_aes { Self::ALL } else { Self(2) }
    }

    /// The ciphers of a byte. Bits that this version does not know are kept, since they are part of
    /// the handshake's prologue.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The byte of the ciphers.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The cipher that a receiver with `own` takes of those offered: AES-256-GCM if both ends have
    /// it, else ChaCha20-Poly1305 if the sender offers it; `None` if no offered one is known.
    pub fn choose(self, own: Self) -> Option<Cipher> {
        if self.0 & own.0 & 1 != 0 {
            Some(Cipher::Aes256Gcm)
        } else if self.0 & 2 != 0 {
            Some(Cipher::ChaCha20Poly1305)
        } else if self.0 & 1 != 0 {
            // Slow, but it is the only one that both have.
            Some(Cipher::Aes256Gcm)
        } else {
            None
        }
    }
}
