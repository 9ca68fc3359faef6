//! The only decoder of untrusted bytes.

use super::{
    Accept, Acknowledge, COMMON, Close, Code, Data, Decoded, End, Frame, MAGIC, MAX_REASON,
    OPEN_LENGTH, Open, Ranges, Reject, VERSION, kind,
};
use crate::protocol::checksum::crc32c;

/// Decodes a datagram.
///
/// # Errors
/// A [`Reject`] with the reason why the datagram is not a valid frame.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, Reject> {
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
        return Err(Reject::Version { version, id });
    }
    let frame = body(kind, bytes, rest).ok_or(Reject::Malformed)?;
    Ok(Decoded { id, frame })
}

fn body<'a>(kind: u8, bytes: &'a [u8], rest: &'a [u8]) -> Option<Frame<'a>> {
    let mut fields = Fields(rest);
    Some(match kind {
        kind::DATA => {
            let (number, offset) = (fields.u64()?, fields.u64()?);
            let payload = fields.0;
            offset.checked_add(payload.len() as u64)?;
            (!payload.is_empty()).then_some(Frame::Data(Data {
                number,
                offset,
                payload,
            }))?
        }
        kind::ACKNOWLEDGE => {
            let (delivered, credit) = (fields.u64()?, fields.u64()?);
            let delay = fields.u32()?;
            let [flags, count, 0, 0] = fields.take()? else {
                return None;
            };
            let (ranges, rest) = fields.0.as_chunks::<16>();
            let is_whole = rest.is_empty() && ranges.len() == usize::from(*count);
            let ranges = Ranges(ranges);
            (is_whole && *flags < 2 && ranges.are_sane()).then_some(Frame::Acknowledge(
                Acknowledge {
                    delivered,
                    credit,
                    delay,
                    is_storing: *flags == 1,
                    ranges,
                },
            ))?
        }
        kind::PROBE => {
            let number = fields.u64()?;
            fields.zeros()?;
            Frame::Probe { number }
        }
        kind::END => {
            let end = End {
                number: fields.u64()?,
                total: fields.u64()?,
                digest: fields.u128()?,
            };
            fields.end(Frame::End(end))?
        }
        kind::OPEN => {
            let token = *fields.take()?;
            let size = Some(fields.u64()?).filter(|&size| size != u64::MAX);
            let [length, 0, 0, 0, 0, 0, 0, 0] = fields.take()? else {
                return None;
            };
            let name = fields.bytes(usize::from(*length))?;
            fields.zeros()?;
            (bytes.len() >= OPEN_LENGTH).then_some(Frame::Open(Open { token, size, name }))?
        }
        kind::CHALLENGE => {
            let token = *fields.take()?;
            fields.end(Frame::Challenge { token })?
        }
        kind::ACCEPT => {
            let accept = Accept {
                credit: fields.u64()?,
                resume: fields.u64()?,
                digest: fields.u128()?,
                max_datagram: fields.u16()?,
                delay: fields.u16()?,
                peer_timeout: fields.u16()?,
            };
            fields.end(Frame::Accept(accept))?
        }
        kind::DONE => fields.end(Frame::Done)?,
        kind::CLOSE => {
            let code = *Code::ALL.get(usize::from(fields.u16()?))?;
            let reason = fields.0;
            (reason.len() <= MAX_REASON).then_some(Frame::Close(Close { code, reason }))?
        }
        kind::VERSIONS => {
            let count = usize::from(fields.u8()?);
            (fields.0.len() == count).then_some(Frame::Versions(fields.0))?
        }
        _ => return None,
    })
}

/// Takes fields off the front of a frame; `None` if it is too short.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(field)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(field)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().copied().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().copied().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().copied().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().copied().map(u64::from_be_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.take().copied().map(u128::from_be_bytes)
    }

    /// Whether the rest is only padding.
    fn zeros(&self) -> Option<()> {
        self.0.iter().all(|&byte| byte == 0).then_some(())
    }

    /// `whole`, if nothing is left.
    fn end<T>(&self, whole: T) -> Option<T> {
        self.0.is_empty().then_some(whole)
    }
}
