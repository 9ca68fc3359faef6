//! What is exchanged before there is a connection.

use super::{Close, Fields};
use crate::protocol::checksum::crc32c;
use crate::protocol::transfer::crypto::{Cipher, Ciphers, MESSAGE_1_LENGTH, MESSAGE_2_OVERHEAD};

/// The version of this implementation.
pub const VERSION: u8 = 2;
/// Bytes before the fields that depend on the kind.
const COMMON: usize = 16;
/// The shortest open frame: no answer to one from an unproven address is longer.
pub const OPEN_LENGTH: usize = 128;
const ACCEPT_LENGTH: usize = 23;
pub(super) const MAGIC: [u8; 2] = *b"uT";

/// A datagram of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handshake<'a> {
    /// From the sender: a request for a transfer.
    Open(Open<'a>),
    /// From the receiver: repeat the request with this token, which proves your address.
    Challenge {
        /// To repeat in the next open frame.
        token: [u8; 16],
    },
    /// From the receiver: the transfer may start. The fields of [`Accept`], which are the payload of
    /// the second message of the handshake if there is a key.
    Accept(&'a [u8]),
    /// From the receiver: no transfer, or none with this connection id.
    Close(Close<'a>),
    /// From the receiver: the supported versions.
    Versions(&'a [u8]),
}

/// Requests a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// The token of the challenge; zeros before one.
    pub token: [u8; 16],
    /// The ciphers that the sender offers; none for a transfer without a key.
    pub ciphers: Ciphers,
    /// The first message of the handshake, if the sender has a key and a token.
    pub message: Option<&'a [u8; MESSAGE_1_LENGTH]>,
}

/// Agrees to a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The id of the connection, in each packet of both directions.
    pub connection: u64,
    /// The sender may send the stream up to this offset.
    pub credit: u64,
    /// The longest datagram, in bytes of UDP payload, that the receiver accepts.
    pub max_datagram: u16,
    /// How long an acknowledgement may be delayed, in milliseconds.
    pub delay: u16,
    /// How long the sender may be silent before the receiver considers it gone, in seconds.
    pub peer_timeout: u16,
    /// The cipher of the packets; `None` without a key.
    pub cipher: Option<Cipher>,
}

/// A version of the protocol, and the id of the opening that named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The version of the frame.
    pub version: u8,
    /// The id, at the same offset in each version.
    pub id: u64,
}

/// Why a datagram is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reject {
    /// It does not begin as a frame of the handshake does, or is of another transfer.
    Foreign,
    /// It was damaged on its way, or forged: the checksum or the tag is wrong.
    Corrupt,
    /// It is of another version, which a receiver answers with its own.
    Version(Version),
    /// Its checksum is right and its fields are invalid, or not valid at this time.
    Malformed,
    /// It arrived before: a packet of that number was processed already, or is too old.
    Duplicate,
}

mod kind {
    pub(super) const OPEN: u8 = 1;
    pub(super) const CHALLENGE: u8 = 2;
    pub(super) const ACCEPT: u8 = 3;
    pub(super) const CLOSE: u8 = 9;
    pub(super) const VERSIONS: u8 = 10;
}

/// The connection id that random bytes make: its bytes 4 and 5 are never those of a handshake frame.
pub fn connection_id(random: u64) -> u64 {
    let mut bytes = random.to_be_bytes();
    if bytes[4..6] == MAGIC {
        bytes[4] ^= 0x80;
    }
    u64::from_be_bytes(bytes)
}

impl Handshake<'_> {
    /// Encodes it as a datagram into `out`, which is cleared. A reason that is longer than the
    /// format allows is truncated.
    pub fn encode(&self, id: u64, out: &mut Vec<u8>) {
        let kind = match self {
            Self::Open(_) => kind::OPEN,
            Self::Challenge { .. } => kind::CHALLENGE,
            Self::Accept(_) => kind::ACCEPT,
            Self::Close(_) => kind::CLOSE,
            Self::Versions(_) => kind::VERSIONS,
        };
        out.clear();
        out.extend([0; 4]);
        out.extend(MAGIC);
        // A list of versions has version 0, so that each version reads it and none answers it.
        out.push(if kind == kind::VERSIONS { 0 } else { VERSION });
        out.push(kind);
        out.extend(id.to_be_bytes());
        match self {
            Self::Open(open) => {
                out.extend(open.token);
                out.push(open.ciphers.bits());
                out.push(u8::from(open.message.is_some()));
                out.extend(open.message.into_iter().flatten());
                out.resize(out.len().max(OPEN_LENGTH), 0);
            }
            Self::Challenge { token } => out.extend(token),
            Self::Accept(fields) => out.extend(*fields),
            Self::Close(close) => close.append(out),
            Self::Versions(versions) => {
                let versions = &versions[..versions.len().min(255)];
                out.push(versions.len() as u8);
                out.extend(versions);
            }
        }
        if let Some((field, rest)) = out.split_first_chunk_mut::<4>() {
            *field = crc32c(rest).to_be_bytes();
        }
    }
}

/// Decodes a datagram of the handshake: the id of the opening, and the frame.
///
/// # Errors
/// [`Reject::Foreign`] for what is not of the handshake: it may be a packet of a connection. The
/// others are wrong.
pub fn decode(bytes: &[u8]) -> Result<(u64, Handshake<'_>), Reject> {
    let Some((head, rest)) = bytes.split_first_chunk::<COMMON>() else {
        return Err(Reject::Foreign);
    };
    let [c0, c1, c2, c3, m0, m1, version, kind, id @ ..] = *head;
    if [m0, m1] != MAGIC {
        return Err(Reject::Foreign);
    }
    if crc32c(&bytes[4..]) != u32::from_be_bytes([c0, c1, c2, c3]) {
        return Err(Reject::Corrupt);
    }
    let id = u64::from_be_bytes(id);
    let named = if kind == kind::VERSIONS { 0 } else { VERSION };
    if version != named {
        return Err(Reject::Version(Version { version, id }));
    }
    let frame = body(kind, bytes.len(), Fields(rest)).ok_or(Reject::Malformed)?;
    Ok((id, frame))
}

fn body(kind: u8, length: usize, mut fields: Fields<'_>) -> Option<Handshake<'_>> {
    let frame = match kind {
        kind::OPEN => {
            let token = *fields.take()?;
            let ciphers = Ciphers::from_bits(fields.u8()?);
            let message = match fields.u8()? {
                0 => None,
                1 => Some(fields.take()?),
                _ => return None,
            };
            fields.zeros()?;
            if length < OPEN_LENGTH {
                return None;
            }
            return Some(Handshake::Open(Open {
                token,
                ciphers,
                message,
            }));
        }
        kind::CHALLENGE => Handshake::Challenge {
            token: *fields.take()?,
        },
        kind::ACCEPT => {
            let fields = fields.rest();
            let is_known = [ACCEPT_LENGTH, ACCEPT_LENGTH + MESSAGE_2_OVERHEAD];
            is_known
                .contains(&fields.len())
                .then_some(Handshake::Accept(fields))?
        }
        kind::CLOSE => Handshake::Close(Close::take(&mut fields)?),
        kind::VERSIONS => {
            let count = usize::from(fields.u8()?);
            Handshake::Versions(fields.bytes(count)?)
        }
        _ => return None,
    };
    fields.0.is_empty().then_some(frame)
}

impl Accept {
    /// The fields.
    pub fn encode(&self) -> [u8; ACCEPT_LENGTH] {
        let mut out = [0; ACCEPT_LENGTH];
        out[..8].copy_from_slice(&self.connection.to_be_bytes());
        out[8..16].copy_from_slice(&self.credit.to_be_bytes());
        out[16..18].copy_from_slice(&self.max_datagram.to_be_bytes());
        out[18..20].copy_from_slice(&self.delay.to_be_bytes());
        out[20..22].copy_from_slice(&self.peer_timeout.to_be_bytes());
        out[22] = self.cipher.map_or(0, Cipher::number);
        out
    }

    /// Reads the fields; `None` if they are not valid.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let accept = Self {
            connection: fields.u64()?,
            credit: fields.u64()?,
            max_datagram: fields.u16()?,
            delay: fields.u16()?,
            peer_timeout: fields.u16()?,
            cipher: match fields.u8()? {
                0 => None,
                number => Some(Cipher::from_number(number)?),
            },
        };
        let is_valid = fields.0.is_empty() && accept.connection == connection_id(accept.connection);
        is_valid.then_some(accept)
    }
}
