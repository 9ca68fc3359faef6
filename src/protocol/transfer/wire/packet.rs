//! Packets of a connection: header, payload, tag.

use super::Reject;
use super::handshake::MAGIC;
use crate::protocol::transfer::crypto::{OpenError, PACKET_HEADER, Protection, SealError};

/// Bytes of a packet before the bytes of the stream: its header, and kind and offset of the frame.
pub const STREAM_HEADER: usize = PACKET_HEADER + 9;
/// The most bytes of a packet beside the bytes of the stream: with a key.
pub const MAX_OVERHEAD: usize = STREAM_HEADER + 16;
const CHECKSUM: usize = 4;

/// The connection id of a datagram, if it is a packet and not of the handshake.
pub fn connection_of(datagram: &[u8]) -> Option<u64> {
    let is_long_enough = datagram.len() > PACKET_HEADER + CHECKSUM;
    let (id, _) = datagram.split_first_chunk()?;
    (is_long_enough && id[4..6] != MAGIC).then_some(u64::from_be_bytes(*id))
}

/// Appends the header of a packet.
pub(in crate::protocol::transfer) fn begin(out: &mut Vec<u8>, connection: u64, number: u64) {
    out.extend(connection.to_be_bytes());
    out.extend(number.to_be_bytes());
}

/// Seals the packet that begins at `start` of `out` and ends with it: appends the tag.
pub(in crate::protocol::transfer) fn seal(
    protection: &mut Protection,
    out: &mut Vec<u8>,
    start: usize,
) -> Result<(), SealError> {
    out.resize(out.len() + protection.tag_length(), 0);
    protection.seal(&mut out[start..])
}

/// Verifies a packet, and decrypts it in its place if there is a key: its number, and its payload.
pub(in crate::protocol::transfer) fn open<'a>(
    protection: &mut Protection,
    datagram: &'a mut [u8],
) -> Result<(u64, &'a [u8]), Reject> {
    match protection.open(datagram) {
        Ok(opened) => Ok((opened.number, opened.payload)),
        Err(OpenError::Length) => Err(Reject::Foreign),
        Err(_) => Err(Reject::Corrupt),
    }
}
