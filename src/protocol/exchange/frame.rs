//! The wire format of an exchange.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0 to 3 | `udpX` |
//! | 4 | version: 2 |
//! | 5 | kind: 1 request, 2 reply, 3 the reply would be too long, 4 unsupported version |
//! | 6 and 7 | number of bytes from byte 20 on |
//! | 8 to 15 | id: random, and repeated by every answer |
//! | 16 to 19 | CRC-32C (RFC 3720 appendix B.4) of all the bytes before and all the bytes after |
//! | 20 to 23 | attempt: 1 in the first datagram of a request, 2 in its first repeat, and so on; an answer has that of the datagram that it answers |
//! | 24 and on | payload |
//!
//! A frame of kind 4 has no attempt: its payload starts at byte 20.
//!
//! Numbers are big-endian. The first 20 bytes, the range of the checksum, the meaning of the kinds
//! 1 and 4, and all of kind 4 are the same in every version, so that a request of an unsupported
//! version is distinguished from noise and answered with the list of supported versions. Version 1
//! had no attempt.

use std::fmt;

use crate::protocol::checksum::{crc32c, crc32c_of_parts};

/// The length of a frame without its payload, in bytes.
pub const HEADER: usize = 24;

/// The version of the frames sent.
pub const VERSION: u8 = 2;

/// The supported versions.
pub const SPOKEN: [u8; 1] = [VERSION];

/// The longest payload, in bytes: what remains of the largest datagram over IPv4.
pub const MAX_PAYLOAD: usize = 65_507 - HEADER;

/// The part of the header that is the same in every version.
const COMMON: usize = 20;
const MAGIC: [u8; 4] = *b"udpX";
/// The offset of the checksum.
const CHECKSUM: std::ops::Range<usize> = 16..20;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A request: the only kind that is ever answered.
    Request = 1,
    /// The reply to it.
    Reply = 2,
    /// The request was executed, but its reply would be more than three times the request: the
    /// payload is the reply's length, in four bytes.
    TooLong = 3,
    /// Its version is not supported: the payload is the list of supported versions, one byte each.
    Unsupported = 4,
}

/// A validated view of a datagram that is a frame.
///
/// ```
/// use udpraw::protocol::exchange::{Defect, Frame, Kind};
/// let frame = Frame { kind: Kind::Request, id: 7, attempt: 1, payload: b"hello" };
/// let mut bytes = Vec::new();
/// frame.encode(&mut bytes);
/// assert_eq!(Frame::parse(&bytes), Ok(frame));
/// bytes[24] ^= 1;
/// assert_eq!(Frame::parse(&bytes), Err(Defect::Corrupt));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// Which exchange it belongs to.
    pub id: u64,
    /// The number of the attempt, from 1 on; in an answer, that of the attempt that it answers. It
    /// is neither sent nor read in [`Kind::Unsupported`], and 0 there.
    pub attempt: u32,
    /// The payload.
    pub payload: &'a [u8],
}

/// Why a datagram is not a frame of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// Something else: too short, or without the magic number.
    Foreign,
    /// It starts as a frame, and ends before the length in its header.
    Truncated,
    /// Its checksum is wrong, or bytes follow its end.
    Corrupt,
    /// It is complete, but of an unknown version or kind.
    Unknown {
        /// Its version.
        version: u8,
        /// Its kind.
        kind: u8,
        /// Its id.
        id: u64,
    },
}

impl<'a> Frame<'a> {
    /// Decodes a datagram.
    ///
    /// # Errors
    /// The defect of the datagram.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Defect> {
        if !bytes.starts_with(&MAGIC) {
            return Err(Defect::Foreign);
        }
        let Some((header, rest)) = bytes.split_first_chunk::<COMMON>() else {
            return Err(Defect::Truncated);
        };
        let [_, _, _, _, version, kind, high, low, id @ .., a, b, c, d] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if rest.len() < length {
            return Err(Defect::Truncated);
        }
        let sum = u32::from_be_bytes([a, b, c, d]);
        if rest.len() > length || sum != checksum(header, rest) {
            return Err(Defect::Corrupt);
        }
        let id = u64::from_be_bytes(id);
        let kind = match (version, kind) {
            (_, 4) => {
                return Ok(Self {
                    kind: Kind::Unsupported,
                    id,
                    attempt: 0,
                    payload: rest,
                });
            }
            (VERSION, 1) => Kind::Request,
            (VERSION, 2) => Kind::Reply,
            (VERSION, 3) => Kind::TooLong,
            _ => return Err(Defect::Unknown { version, kind, id }),
        };
        let Some((attempt, payload)) = rest.split_first_chunk() else {
            return Err(Defect::Truncated);
        };
        Ok(Self {
            kind,
            id,
            attempt: u32::from_be_bytes(*attempt),
            payload,
        })
    }

    /// Encodes the frame into `bytes`, which is cleared. A payload longer than [`MAX_PAYLOAD`] is
    /// truncated.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let payload = &self.payload[..self.payload.len().min(MAX_PAYLOAD)];
        let attempt = match self.kind {
            Kind::Unsupported => &[][..],
            _ => &self.attempt.to_be_bytes(),
        };
        let length = (attempt.len() + payload.len()) as u16;
        let mut header = [0; COMMON];
        header[..4].copy_from_slice(&MAGIC);
        header[4..6].copy_from_slice(&[VERSION, self.kind as u8]);
        header[6..8].copy_from_slice(&length.to_be_bytes());
        header[8..16].copy_from_slice(&self.id.to_be_bytes());
        bytes.clear();
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(attempt);
        bytes.extend_from_slice(payload);
        seal(bytes);
    }

    /// Changes the attempt of an encoded frame.
    pub(super) fn renumber(bytes: &mut [u8], attempt: u32) {
        if let Some(old) = bytes.get_mut(COMMON..HEADER) {
            old.copy_from_slice(&attempt.to_be_bytes());
            seal(bytes);
        }
    }

    /// The part that is the same in every attempt at a request, and differs between requests.
    pub(super) fn fingerprint(&self) -> u32 {
        crc32c(self.payload)
    }
}

/// Writes the checksum of a frame.
fn seal(bytes: &mut [u8]) {
    if let Some((header, rest)) = bytes.split_first_chunk_mut::<COMMON>() {
        let sum = checksum(header, rest);
        header[CHECKSUM].copy_from_slice(&sum.to_be_bytes());
    }
}

/// CRC-32C of a frame without the checksum itself.
fn checksum(header: &[u8; COMMON], rest: &[u8]) -> u32 {
    crc32c_of_parts(&header[..CHECKSUM.start], rest)
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is not a frame of an exchange"),
            Self::Truncated => f.write_str("it is truncated"),
            Self::Corrupt => f.write_str("its checksum is wrong"),
            Self::Unknown { version, kind, .. } if SPOKEN.contains(version) => {
                write!(f, "its kind {kind} is unknown")
            }
            Self::Unknown { version, .. } => {
                write!(
                    f,
                    "its version {version} is not supported, only {VERSION} is"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind() -> impl Strategy<Value = Kind> {
        use Kind::{Reply, Request, TooLong, Unsupported};
        prop::sample::select(vec![Request, Reply, TooLong, Unsupported])
    }

    /// CRC-32C bit by bit, as RFC 3720 defines it.
    fn naive(bytes: impl Iterator<Item = u8>) -> u32 {
        !bytes.fold(!0, |sum, byte| {
            (0..8).fold(sum ^ u32::from(byte), |sum, _| {
                (sum >> 1) ^ (0x82f6_3b78 * (sum & 1))
            })
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(kind in kind(), id: u64, attempt: u32, other: u32, payload in prop::collection::vec(any::<u8>(), 0..3_000)) {
            let (attempt, other) = match kind {
                Kind::Unsupported => (0, 0),
                _ => (attempt, other),
            };
            let frame = Frame { kind, id, attempt, payload: &payload };
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            let header = if kind == Kind::Unsupported { COMMON } else { HEADER };
            prop_assert_eq!(bytes.len(), header + payload.len());
            prop_assert_eq!(Frame::parse(&bytes), Ok(frame));
            let covered = bytes[..16].iter().chain(&bytes[20..]).copied();
            prop_assert_eq!(&bytes[CHECKSUM], naive(covered).to_be_bytes());
            // Another attempt of the same: nothing else differs.
            if kind != Kind::Unsupported {
                Frame::renumber(&mut bytes, other);
                let renumbered = Frame { attempt: other, ..frame };
                prop_assert_eq!(Frame::parse(&bytes), Ok(renumbered));
                prop_assert_eq!(frame.fingerprint(), renumbered.fingerprint());
            }
        }

        #[test]
        fn any_change_is_rejected(kind in kind(), id: u64, payload in prop::collection::vec(any::<u8>(), 0..80), at: prop::sample::Index, change in 1..=255_u8) {
            let mut bytes = Vec::new();
            Frame { kind, id, attempt: 1, payload: &payload }.encode(&mut bytes);
            let at = at.index(bytes.len());
            prop_assert!(Frame::parse(&bytes[..at]).is_err());
            bytes[at] ^= change;
            let defect = Frame::parse(&bytes).unwrap_err();
            prop_assert!(!matches!(defect, Defect::Unknown { .. }), "{:?}", defect);
            bytes[at] ^= change;
            bytes.push(change);
            prop_assert_eq!(Frame::parse(&bytes), Err(Defect::Corrupt));
        }

        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(frame) = Frame::parse(&bytes) {
                let header = if frame.kind == Kind::Unsupported { COMMON } else { HEADER };
                prop_assert_eq!(frame.payload.len() + header, bytes.len());
            }
        }
    }

    #[test]
    fn the_wire_does_not_change() {
        let mut bytes = Vec::new();
        let id = 0x0102_0304_0506_0708;
        let payload = b"123456789";
        Frame {
            kind: Kind::Request,
            id,
            attempt: 0x0a0b_0c0d,
            payload,
        }
        .encode(&mut bytes);
        assert_eq!(
            bytes[..16],
            *b"udpX\x02\x01\x00\x0d\x01\x02\x03\x04\x05\x06\x07\x08"
        );
        assert_eq!(bytes[20..], *b"\x0a\x0b\x0c\x0d123456789");
        // The check value of CRC-32C, so that the oracle is the RFC's.
        assert_eq!(naive(payload.iter().copied()), 0xe306_9283);
    }

    /// A request of another version, complete.
    fn of_version(version: u8, kind: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        Frame {
            kind: Kind::Request,
            id: 7,
            attempt: 1,
            payload: b"x",
        }
        .encode(&mut bytes);
        bytes[4..6].copy_from_slice(&[version, kind]);
        let sum = naive(bytes[..16].iter().chain(&bytes[20..]).copied());
        bytes[CHECKSUM].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    #[test]
    fn another_version_is_told_from_noise() {
        let unknown = Defect::Unknown {
            version: 9,
            kind: 1,
            id: 7,
        };
        assert_eq!(Frame::parse(&of_version(9, 1)), Err(unknown));
        assert_eq!(
            unknown.to_string(),
            "its version 9 is not supported, only 2 is"
        );
        let unknown = Frame::parse(&of_version(2, 9)).unwrap_err();
        assert_eq!(unknown.to_string(), "its kind 9 is unknown");
        // A report of an unsupported version is understood in any version.
        let bytes = of_version(9, 4);
        let frame = Frame::parse(&bytes).unwrap();
        assert_eq!(frame.kind, Kind::Unsupported);
        assert_eq!(frame.payload, b"\0\0\0\x01x");
    }

    /// The bytes of a request of version 1, which had no attempt, and of the answer that version 1
    /// is unsupported: each end must understand the other this far.
    #[test]
    fn version_1_is_told_what_is_spoken() {
        let mut old = b"udpX\x01\x01\x00\x00\0\0\0\0\0\0\0\x07".to_vec();
        let sum = naive(old.iter().copied());
        old.extend_from_slice(&sum.to_be_bytes());
        let unknown = Defect::Unknown {
            version: 1,
            kind: 1,
            id: 7,
        };
        assert_eq!(Frame::parse(&old), Err(unknown));
        // The same without an attempt, but of version 2, is truncated.
        old[4] = 2;
        seal(&mut old);
        assert_eq!(Frame::parse(&old), Err(Defect::Truncated));
        let mut answer = Vec::new();
        Frame {
            kind: Kind::Unsupported,
            id: 7,
            attempt: 0,
            payload: &SPOKEN,
        }
        .encode(&mut answer);
        assert_eq!(answer[..8], *b"udpX\x02\x04\x00\x01");
        assert_eq!(answer[20..], [2]);
    }
}
