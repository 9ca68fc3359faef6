//! The handshake: Noise NNpsk0 with a key that both ends derive from the shared code.

use std::fmt;

use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

use super::noise::Resolver;
use super::protection::Ciphers;
use super::shared_code::PreSharedKey;

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
const LABEL: &[u8] = b"udpraw transfer";
const KEY: usize = 32;
const TAG: usize = 16;

/// The length of message 1: an ephemeral key (32 bytes) and a tag (16).
pub const MESSAGE_1_LENGTH: usize = KEY + TAG;
/// What message 2 has beside its payload: an ephemeral key (32 bytes) and a tag (16).
pub const MESSAGE_2_OVERHEAD: usize = KEY + TAG;
/// The longest payload of message 2, in bytes.
pub const MAX_PAYLOAD: usize = 1_024;

/// What both ends say in the clear before there is a key. It is part of the handshake's prologue: if
/// the two ends have seen different values, the handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The version of the transfer protocol.
    pub version: u8,
    /// The opening's id.
    pub id: u64,
    /// The token that proved the sender's address: with it, message 1 of one address is worth
    /// nothing from another.
    pub token: [u8; 16],
    /// The ciphers that the sender offered: nobody between can take the better one away.
    pub ciphers: Ciphers,
}

impl Opening {
    fn prologue(&self) -> [u8; 41] {
        let mut prologue = [0; 41];
        let (label, rest) = prologue.split_at_mut(LABEL.len());
        label.copy_from_slice(LABEL);
        rest[0] = self.version;
        rest[1..9].copy_from_slice(&self.id.to_be_bytes());
        rest[9..25].copy_from_slice(&self.token);
        rest[25] = self.ciphers.bits();
        prologue
    }
}

/// Why a message of the handshake was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The other end has another code, has seen another [`Opening`], or the message was changed.
    Unauthentic,
    /// The message has an impossible length.
    Length,
    /// Message 2 was read before.
    OutOfTurn,
    /// The implementation of Noise refused; no bytes of a peer lead to this.
    Internal,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unauthentic => "the other end has another code",
            Self::Length => "the handshake message has an invalid length",
            Self::OutOfTurn => "the handshake is finished",
            Self::Internal => "the handshake failed",
        })
    }
}

impl std::error::Error for HandshakeError {}

/// The secrets that a handshake agreed on, one per direction. They are erased when dropped.
pub struct Secrets {
    pub(super) initiators: Zeroizing<[u8; 32]>,
    pub(super) responders: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    fn of(noise: &mut HandshakeState) -> Self {
        let (initiators, responders) = noise.dangerously_get_raw_split();
        Self {
            initiators: Zeroizing::new(initiators),
            responders: Zeroizing::new(responders),
        }
    }
}

fn builder<'a>(
    key: &'a PreSharedKey,
    ephemeral: [u8; 32],
    prologue: &'a [u8],
) -> Result<Builder<'a>, snow::Error> {
    let resolver = Resolver {
        ephemeral: Zeroizing::new(ephemeral),
    };
    Builder::with_resolver(PATTERN.parse()?, Box::new(resolver))
        .psk(0, key.bytes())?
        .prologue(prologue)
}

/// The sender's end: writes message 1 and reads message 2.
pub struct Initiator {
    noise: HandshakeState,
    message: [u8; MESSAGE_1_LENGTH],
}

impl Initiator {
    /// Begins a handshake. `ephemeral` is 32 random bytes, used for this handshake only.
    ///
    /// # Errors
    /// [`HandshakeError::Internal`], which no argument leads to.
    pub fn new(
        key: &PreSharedKey,
        opening: &Opening,
        ephemeral: [u8; 32],
    ) -> Result<Self, HandshakeError> {
        let start = || {
            let prologue = opening.prologue();
            let mut noise = builder(key, ephemeral, &prologue)?.build_initiator()?;
            let mut message = [0; MESSAGE_1_LENGTH];
            noise.write_message(&[], &mut message)?;
            Ok(Self { noise, message })
        };
        start().map_err(|_: snow::Error| HandshakeError::Internal)
    }

    /// Message 1: the same bytes however often they are sent.
    pub fn message(&self) -> &[u8; MESSAGE_1_LENGTH] {
        &self.message
    }

    /// Reads message 2: returns its payload and the secrets. After an error the next message can be
    /// read: whoever forges one ends nothing.
    ///
    /// # Errors
    /// See [`HandshakeError`].
    pub fn read(&mut self, message: &[u8]) -> Result<(Vec<u8>, Secrets), HandshakeError> {
        let length = message.len().wrapping_sub(MESSAGE_2_OVERHEAD);
        if length > MAX_PAYLOAD {
            return Err(HandshakeError::Length);
        }
        let mut payload = vec![0; length];
        match self.noise.read_message(message, &mut payload) {
            Ok(length) => payload.truncate(length),
            Err(snow::Error::State(_)) => return Err(HandshakeError::OutOfTurn),
            Err(_) => return Err(HandshakeError::Unauthentic),
        }
        Ok((payload, Secrets::of(&mut self.noise)))
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Initiator")
    }
}

/// The receiver's end, once message 1 has verified: writes message 2.
pub struct Responder {
    noise: HandshakeState,
}

impl Responder {
    /// Verifies message 1. `ephemeral` is 32 random bytes, used for this handshake only. It costs a
    /// few hashes, and nothing is kept if it fails.
    ///
    /// # Errors
    /// See [`HandshakeError`].
    pub fn read(
        key: &PreSharedKey,
        opening: &Opening,
        ephemeral: [u8; 32],
        message: &[u8],
    ) -> Result<Self, HandshakeError> {
        if message.len() != MESSAGE_1_LENGTH {
            return Err(HandshakeError::Length);
        }
        let prologue = opening.prologue();
        let mut noise = builder(key, ephemeral, &prologue)
            .and_then(Builder::build_responder)
            .map_err(|_| HandshakeError::Internal)?;
        match noise.read_message(message, &mut []) {
            Ok(_) => Ok(Self { noise }),
            Err(_) => Err(HandshakeError::Unauthentic),
        }
    }

    /// Appends message 2 to `output`, with `payload` encrypted in it, and returns the secrets.
    ///
    /// # Errors
    /// [`HandshakeError::Length`] if the payload is longer than [`MAX_PAYLOAD`]; then nothing is
    /// appended.
    pub fn write(
        mut self,
        payload: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Secrets, HandshakeError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(HandshakeError::Length);
        }
        let start = output.len();
        output.resize(start + MESSAGE_2_OVERHEAD + payload.len(), 0);
        if self
            .noise
            .write_message(payload, &mut output[start..])
            .is_err()
        {
            output.truncate(start);
            return Err(HandshakeError::Internal);
        }
        Ok(Secrets::of(&mut self.noise))
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder")
    }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
