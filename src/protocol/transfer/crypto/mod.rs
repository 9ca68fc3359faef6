//! What keeps a transfer secret and whole: the code that two people share, the handshake that turns
//! it into keys, and the protection of each packet.
//!
//! 1. A [`SharedCode`] is 128 random bits, shown in a form that a person can read out and type. Its
//!    [`PreSharedKey`] is HKDF-SHA256 (RFC 5869) of them.
//! 2. The handshake is `Noise_NNpsk0_25519_ChaChaPoly_SHA256` (the Noise Protocol Framework,
//!    revision 34). An [`Initiator`] writes message 1; a [`Responder`] verifies it without keeping
//!    anything, so that whoever lacks the code gets no place and no memory, and writes message 2.
//!    Both then have the same [`Secrets`], which nobody learns who records the traffic and gets the
//!    code later.
//! 3. A [`Protection`] seals and opens packets with an AEAD (RFC 5116), or with a CRC-32C if there
//!    is no code.
//!
//! # Derivation of keys
//! `HMAC`, `Extract` and `Expand` are those of RFC 2104 and RFC 5869 with SHA-256; texts are ASCII
//! without an end mark; numbers are big-endian.
//!
//! | what | how |
//! | --- | --- |
//! | code's symbols c(0) to c(25) | 128 bits and two zeros, five bits a symbol, the highest first |
//! | code's check c(26), c(27) | in GF(32) modulo x^5 + x^2 + 1 the sums of c(i) 2^i and of c(i) 4^i are 0 |
//! | pre-shared key | `Expand(Extract("udpraw transfer", code), "pre-shared key", 32)` |
//! | prologue | `"udpraw transfer"`, version (1 byte), id (8), token (16), ciphers offered (1) |
//! | secret of epoch 0 | what Noise's `Split()` returns: the first is the initiator's, the second the responder's |
//! | key and IV of an epoch | the first 32 and the last 12 bytes of `Expand(secret, "packet", cipher (1), 44)` |
//! | secret of the next epoch | `Expand(secret, "epoch", 32)` |
//! | epoch of a packet | its number, shifted right by 20 bits |
//! | nonce | IV xor (4 zeros, number (8)) |
//! | associated data | the packet's header: connection id (8), number (8) |

mod derive;
mod handshake;
mod noise;
mod protection;
mod shared_code;

pub use handshake::{
    HandshakeError, Initiator, MAX_PAYLOAD, MESSAGE_1_LENGTH, MESSAGE_2_OVERHEAD, Opening,
    Responder, Secrets,
};
pub use protection::{
    Cipher, Ciphers, OpenError, Opened, PACKET_HEADER, Protection, Role, SealError,
};
pub use shared_code::{CodeError, PreSharedKey, SharedCode};
