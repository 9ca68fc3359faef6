//! Encodes frames.

use super::{
    COMMON, DATA_HEADER, Frame, MAGIC, MAX_NAME, MAX_RANGES, MAX_REASON, OPEN_LENGTH, RANGES_AT,
    VERSION, kind,
};
use crate::protocol::checksum::{crc32c, crc32c_of_parts};

impl Frame<'_> {
    fn kind(&self) -> u8 {
        match self {
            Self::Open(_) => kind::OPEN,
            Self::Challenge { .. } => kind::CHALLENGE,
            Self::Accept(_) => kind::ACCEPT,
            Self::Data(_) => kind::DATA,
            Self::Probe { .. } => kind::PROBE,
            Self::End(_) => kind::END,
            Self::Acknowledge(_) => kind::ACKNOWLEDGE,
            Self::Done => kind::DONE,
            Self::Close(_) => kind::CLOSE,
            Self::Versions(_) => kind::VERSIONS,
        }
    }

    /// Encodes it as a datagram into `out`, which is cleared.
    ///
    /// Fields longer than the format allows are truncated: a name, a reason, the number of ranges.
    pub fn encode(&self, id: u64, out: &mut Vec<u8>) {
        out.clear();
        out.extend([0; 4]);
        out.extend(head(self.kind(), id));
        match self {
            Self::Open(open) => {
                let name = &open.name[..open.name.len().min(MAX_NAME)];
                out.extend(open.token);
                out.extend(open.size.unwrap_or(u64::MAX).to_be_bytes());
                out.extend([name.len() as u8, 0, 0, 0, 0, 0, 0, 0]);
                out.extend(name);
                out.resize(out.len().max(OPEN_LENGTH), 0);
            }
            Self::Challenge { token } => out.extend(token),
            Self::Accept(accept) => {
                out.extend(accept.credit.to_be_bytes());
                out.extend(accept.resume.to_be_bytes());
                out.extend(accept.digest.to_be_bytes());
                out.extend(accept.max_datagram.to_be_bytes());
                out.extend(accept.delay.to_be_bytes());
                out.extend(accept.peer_timeout.to_be_bytes());
            }
            Self::Data(data) => {
                out.extend(data.number.to_be_bytes());
                out.extend(data.offset.to_be_bytes());
                out.extend(data.payload);
            }
            Self::Probe { number } => out.extend(number.to_be_bytes()),
            Self::End(end) => {
                out.extend(end.number.to_be_bytes());
                out.extend(end.total.to_be_bytes());
                out.extend(end.digest.to_be_bytes());
            }
            Self::Acknowledge(ack) => {
                let ranges = &ack.ranges.0[..ack.ranges.0.len().min(MAX_RANGES)];
                out.extend(ack.delivered.to_be_bytes());
                out.extend(ack.credit.to_be_bytes());
                out.extend(ack.delay.to_be_bytes());
                out.extend([u8::from(ack.is_storing), ranges.len() as u8, 0, 0]);
                debug_assert_eq!(out.len(), RANGES_AT);
                out.extend(ranges.as_flattened());
            }
            Self::Done => {}
            Self::Close(close) => {
                out.extend(close.code.number().to_be_bytes());
                out.extend(&close.reason[..close.reason.len().min(MAX_REASON)]);
            }
            Self::Versions(versions) => {
                let versions = &versions[..versions.len().min(255)];
                out.push(versions.len() as u8);
                out.extend(versions);
            }
        }
        seal(out);
    }
}

/// Lengthens a probe with zeros to a datagram of `length` bytes.
pub(in crate::protocol::transfer) fn pad(out: &mut Vec<u8>, length: usize) {
    out.resize(out.len().max(length), 0);
    seal(out);
}

/// Appends the header of a data frame.
pub(in crate::protocol::transfer) fn append_data_header(
    out: &mut Vec<u8>,
    id: u64,
    number: u64,
    offset: u64,
    payload: &[u8],
) {
    let mut header = [0; DATA_HEADER];
    header[4..16].copy_from_slice(&head(kind::DATA, id));
    header[16..24].copy_from_slice(&number.to_be_bytes());
    header[24..].copy_from_slice(&offset.to_be_bytes());
    let sum = crc32c_of_parts(&header[4..], payload);
    header[..4].copy_from_slice(&sum.to_be_bytes());
    out.extend_from_slice(&header);
}

fn head(kind: u8, id: u64) -> [u8; COMMON - 4] {
    let [i0, i1, i2, i3, i4, i5, i6, i7] = id.to_be_bytes();
    let [m0, m1] = MAGIC;
    // A list of versions has version 0, so that each version reads it and none answers it.
    let version = if kind == kind::VERSIONS { 0 } else { VERSION };
    [m0, m1, version, kind, i0, i1, i2, i3, i4, i5, i6, i7]
}

fn seal(out: &mut [u8]) {
    if let Some((field, rest)) = out.split_first_chunk_mut::<4>() {
        *field = crc32c(rest).to_be_bytes();
    }
}
