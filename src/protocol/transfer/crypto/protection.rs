//! The protection of packets: an AEAD, or a checksum if there is no key.

use std::fmt;

use super::handshake::Secrets;
use crate::protocol::checksum::{crc32c, crc32c_of};

mod cipher;
mod keyed;

pub use cipher::{Cipher, Ciphers};
use keyed::Keyed;

/// The length of a packet's header, in bytes: connection id (8) and number (8).
pub const PACKET_HEADER: usize = 16;
const CHECKSUM: usize = 4;

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that began the handshake: the sender.
    Initiator,
    /// The end that answered it: the receiver.
    Responder,
}

/// Seals the packets of one direction of a connection and opens those of the other.
///
/// A packet is a header of 16 bytes (connection id, number; both big-endian), a payload and a tag of
/// [`tag_length`](Self::tag_length) bytes. With a key the payload is encrypted, header and payload are
/// authenticated, and the tag has 16 bytes. Without one, the tag is the CRC-32C of all before it, in
/// 4 bytes: it detects damage, and no attacker.
///
/// With a key, each epoch of 2^20 numbers has its own. Nothing on the path of a packet allocates.
///
/// ```
/// use udpraw::protocol::transfer::crypto::Protection;
///
/// let (mut sender, mut receiver) = (Protection::unkeyed(), Protection::unkeyed());
/// let mut packet = [0; 16 + 5 + 4];
/// packet[8..16].copy_from_slice(&7_u64.to_be_bytes());
/// packet[16..21].copy_from_slice(b"hello");
/// sender.seal(&mut packet).unwrap();
/// let opened = receiver.open(&mut packet).unwrap();
/// assert_eq!((opened.number, &*opened.payload), (7, &b"hello"[..]));
/// ```
pub struct Protection(Inner);

enum Inner {
    Checksum { next: Option<u64> },
    Keyed(Box<Keyed>),
}

/// A packet that was opened.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The connection id.
    pub connection: u64,
    /// The packet number.
    pub number: u64,
    /// The payload, decrypted in place.
    pub payload: &'a mut [u8],
}

/// Why a packet was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// There is no room for header and tag, or the cipher takes no packet as long as this.
    Length,
    /// The number is not above that of the packet before: the nonce would be used twice.
    NumberUsed,
    /// The number skips an epoch: the other end would not follow.
    NumberSkips,
}

/// Why a packet was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// It has no room for header and tag.
    Length,
    /// Its number is of an epoch that is past, or further ahead than the next.
    Epoch,
    /// The tag is wrong: the packet was forged or damaged. The payload is lost.
    Tag,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the packet has an invalid length",
            Self::NumberUsed => "the packet number was used",
            Self::NumberSkips => "the packet number skips an epoch",
        })
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the packet is too short",
            Self::Epoch => "the packet number is of an epoch without a key",
            Self::Tag => "the packet was forged or damaged",
        })
    }
}

impl std::error::Error for SealError {}
impl std::error::Error for OpenError {}

impl Protection {
    /// A checksum, for a connection without a key.
    pub fn unkeyed() -> Self {
        Self(Inner::Checksum { next: Some(0) })
    }

    /// An AEAD with the keys of a handshake, for the end that is `role`.
    pub fn keyed(secrets: &Secrets, role: Role, cipher: Cipher) -> Self {
        Self(Inner::Keyed(Box::new(Keyed::new(secrets, role, cipher))))
    }

    /// Whether packets are encrypted.
    pub fn is_keyed(&self) -> bool {
        matches!(self.0, Inner::Keyed(_))
    }

    /// The length of the tag at a packet's end, in bytes: 16 with a key, 4 without.
    pub fn tag_length(&self) -> usize {
        match self.0 {
            Inner::Checksum { .. } => CHECKSUM,
            Inner::Keyed(_) => keyed::TAG,
        }
    }

    /// Seals `packet` in place: header, payload, and room for the tag, which is written. The numbers
    /// of packets must rise from one call to the next.
    ///
    /// # Errors
    /// See [`SealError`]; the packet is not to be sent then.
    pub fn seal(&mut self, packet: &mut [u8]) -> Result<(), SealError> {
        match &mut self.0 {
            Inner::Keyed(keyed) => keyed.seal(packet),
            Inner::Checksum { next } => {
                let length = packet
                    .len()
                    .checked_sub(CHECKSUM)
                    .ok_or(SealError::Length)?;
                let (body, tag) = packet.split_at_mut(length);
                let (_, number) = header(body).ok_or(SealError::Length)?;
                rise(next, number)?;
                tag.copy_from_slice(&crc32c(body).to_be_bytes());
                Ok(())
            }
        }
    }

    /// The tag of a packet that is gathered from `parts`, the first of which begins with the header.
    /// Only without a key: `None` with one, where the payload must be in one piece to be encrypted.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn seal_parts(&mut self, parts: &[&[u8]]) -> Option<Result<[u8; CHECKSUM], SealError>> {
        let Inner::Checksum { next } = &mut self.0 else {
            return None;
        };
        let Some((_, number)) = parts.first().and_then(|first| header(first)) else {
            return Some(Err(SealError::Length));
        };
        Some(rise(next, number).map(|()| crc32c_of(parts).to_be_bytes()))
    }

    /// Verifies `packet` and decrypts its payload in place. Whether its number is new, the caller
    /// decides.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open<'a>(&mut self, packet: &'a mut [u8]) -> Result<Opened<'a>, OpenError> {
        match &mut self.0 {
            Inner::Keyed(keyed) => keyed.open(packet),
            Inner::Checksum { .. } => {
                let length = packet
                    .len()
                    .checked_sub(CHECKSUM)
                    .ok_or(OpenError::Length)?;
                let (body, tag) = packet.split_at_mut(length);
                let (connection, number) = header(body).ok_or(OpenError::Length)?;
                if *tag != crc32c(body).to_be_bytes() {
                    return Err(OpenError::Tag);
                }
                let payload = body.get_mut(PACKET_HEADER..).unwrap_or_default();
                Ok(Opened {
                    connection,
                    number,
                    payload,
                })
            }
        }
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Checksum { .. } => f.write_str("Protection(CRC-32C)"),
            Inner::Keyed(keyed) => write!(f, "Protection({:?})", keyed.cipher()),
        }
    }
}

/// Connection id and number of a packet.
fn header(packet: &[u8]) -> Option<(u64, u64)> {
    let (connection, rest) = packet.split_first_chunk()?;
    let (number, _) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*connection), u64::from_be_bytes(*number)))
}

/// Makes sure that `number` was not used, and that none below it is used from now on. `next` is the
/// lowest that may be, `None` after the last of all.
fn rise(next: &mut Option<u64>, number: u64) -> Result<(), SealError> {
    if next.is_none_or(|next| number < next) {
        return Err(SealError::NumberUsed);
    }
    *next = number.checked_add(1);
    Ok(())
}

#[cfg(test)]
mod tests;
