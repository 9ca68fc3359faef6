//! The frames in the packets of a connection.

use super::{Close, Fields, Ranges};

/// A part of a packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame<'a> {
    /// From the sender: acknowledge this packet at once.
    Ping,
    /// From the receiver: which packets arrived.
    Acknowledge(Acknowledge<'a>),
    /// From the receiver: how much of the stream arrived, and how much may be sent.
    Credit {
        /// The stream has arrived without gaps up to here.
        delivered: u64,
        /// The sender may send the stream up to this offset.
        limit: u64,
    },
    /// From the sender: it knows what became of all packets with lower numbers.
    Settled(u64),
    /// From the sender: what one acknowledgement may be for.
    Share {
        /// Packets that need one.
        packets: u32,
        /// How long the first of them may wait, in microseconds.
        delay: u32,
    },
    /// From the receiver: bytes of its answer stream.
    Answer {
        /// Their offset.
        offset: u64,
        /// The bytes; at most 65,535.
        bytes: &'a [u8],
    },
    /// From the sender: the answer stream has arrived up to here.
    Answered(u64),
    /// From the receiver: what it is busy with. An acknowledgement without one after it in the same
    /// packet means [`Status::Receiving`].
    Status(Status),
    /// From the sender: the end of the stream.
    Finish {
        /// The stream's length in bytes.
        length: u64,
        /// Its digest ([`Digest`](crate::protocol::transfer::Digest)); zero if there is a key.
        digest: u128,
    },
    /// From the receiver: everything is stored.
    Done,
    /// From either: the transfer ends.
    Close(Close<'a>),
    /// From the receiver, to an address that the sender has not proven: return these bytes.
    PathChallenge([u8; 8]),
    /// From the sender.
    PathResponse([u8; 8]),
    /// From the sender: bytes of the stream, up to the end of the packet.
    Stream {
        /// Their offset.
        offset: u64,
        /// The bytes; at least one.
        bytes: &'a [u8],
    },
}

/// Which packets arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge<'a> {
    /// How long the newest packet waited for this acknowledgement, in microseconds.
    pub delay: u32,
    /// Packets so far that arrived with ECT(0), and with CE (RFC 3168).
    pub ect0: u64,
    /// See [`ect0`](Self::ect0).
    pub ce: u64,
    /// The packets.
    pub ranges: Ranges<'a>,
}

/// What a receiver is busy with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The transfer.
    #[default]
    Receiving,
    /// Reading what it kept from an earlier transfer: bytes done, of bytes in all.
    Checking {
        /// Bytes that were read.
        done: u64,
        /// All of them.
        total: u64,
    },
    /// It waits for its disk, or for the reader of its output.
    Storing,
}

mod kind {
    pub(super) const PADDING: u8 = 0;
    pub(super) const PING: u8 = 1;
    pub(super) const ACKNOWLEDGE: u8 = 2;
    pub(super) const CREDIT: u8 = 3;
    pub(super) const SETTLED: u8 = 4;
    pub(super) const ANSWER: u8 = 5;
    pub(super) const ANSWERED: u8 = 6;
    pub(super) const STATUS: u8 = 7;
    pub(super) const FINISH: u8 = 8;
    pub(super) const DONE: u8 = 9;
    pub(super) const CLOSE: u8 = 10;
    pub(super) const PATH_CHALLENGE: u8 = 11;
    pub(super) const PATH_RESPONSE: u8 = 12;
    pub(super) const STREAM: u8 = 13;
    pub(super) const SHARE: u8 = 14;
}

impl Frame<'_> {
    /// Whether only a sender sends it.
    pub fn is_of_sender(&self) -> bool {
        matches!(
            self,
            Self::Ping
                | Self::Settled(_)
                | Self::Share { .. }
                | Self::Answered(_)
                | Self::Finish { .. }
                | Self::PathResponse(_)
                | Self::Stream { .. }
        )
    }

    /// Appends it to a payload. A reason, or an answer, that is longer than the format allows is
    /// truncated.
    pub fn append(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ping => out.push(kind::PING),
            Self::Acknowledge(ack) => {
                let pairs = ack.ranges.pairs();
                out.push(kind::ACKNOWLEDGE);
                out.extend(ack.ranges.largest().to_be_bytes());
                out.extend(ack.delay.to_be_bytes());
                out.extend(ack.ect0.to_be_bytes());
                out.extend(ack.ce.to_be_bytes());
                out.push(pairs.len() as u8);
                out.extend(pairs.as_flattened());
            }
            Self::Credit { delivered, limit } => {
                numbers(out, kind::CREDIT, &[*delivered, *limit]);
            }
            Self::Settled(number) => numbers(out, kind::SETTLED, &[*number]),
            Self::Share { packets, delay } => {
                out.push(kind::SHARE);
                out.extend(packets.to_be_bytes());
                out.extend(delay.to_be_bytes());
            }
            Self::Answer { offset, bytes } => {
                let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
                numbers(out, kind::ANSWER, &[*offset]);
                out.extend((bytes.len() as u16).to_be_bytes());
                out.extend_from_slice(bytes);
            }
            Self::Answered(offset) => numbers(out, kind::ANSWERED, &[*offset]),
            Self::Status(status) => {
                let (phase, done, total) = match *status {
                    Status::Receiving => (0, 0, 0),
                    Status::Checking { done, total } => (1, done, total),
                    Status::Storing => (2, 0, 0),
                };
                out.extend([kind::STATUS, phase]);
                out.extend(done.to_be_bytes());
                out.extend(total.to_be_bytes());
            }
            Self::Finish { length, digest } => {
                numbers(out, kind::FINISH, &[*length]);
                out.extend(digest.to_be_bytes());
            }
            Self::Done => out.push(kind::DONE),
            Self::Close(close) => {
                out.push(kind::CLOSE);
                close.append(out);
            }
            Self::PathChallenge(bytes) => {
                out.push(kind::PATH_CHALLENGE);
                out.extend(bytes);
            }
            Self::PathResponse(bytes) => {
                out.push(kind::PATH_RESPONSE);
                out.extend(bytes);
            }
            Self::Stream { offset, bytes } => {
                numbers(out, kind::STREAM, &[*offset]);
                out.extend_from_slice(bytes);
            }
        }
    }
}

fn numbers(out: &mut Vec<u8>, kind: u8, numbers: &[u64]) {
    out.push(kind);
    for number in numbers {
        out.extend(number.to_be_bytes());
    }
}

/// The frames of a payload. An invalid one is `Err`, and ends it.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a>(Fields<'a>);

impl<'a> Frames<'a> {
    /// The frames of `payload`.
    pub fn new(payload: &'a [u8]) -> Self {
        Self(Fields(payload))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, super::Reject>;

    fn next(&mut self) -> Option<Self::Item> {
        let padding = self.0.0.iter().take_while(|&&byte| byte == kind::PADDING);
        let padding = padding.count();
        self.0.bytes(padding);
        let kind = self.0.u8()?;
        let frame = frame(kind, &mut self.0);
        if frame.is_none() {
            self.0.rest();
        }
        Some(frame.ok_or(super::Reject::Malformed))
    }
}

fn frame<'a>(kind: u8, fields: &mut Fields<'a>) -> Option<Frame<'a>> {
    Some(match kind {
        kind::STREAM => {
            let (offset, bytes) = (fields.u64()?, fields.rest());
            offset.checked_add(bytes.len() as u64)?;
            (!bytes.is_empty()).then_some(Frame::Stream { offset, bytes })?
        }
        kind::PING => Frame::Ping,
        kind::ACKNOWLEDGE => {
            let largest = fields.u64()?;
            let (delay, ect0, ce) = (fields.u32()?, fields.u64()?, fields.u64()?);
            let count = usize::from(fields.u8()?);
            let (pairs, _) = fields.bytes(count * 8)?.as_chunks();
            let ranges = Ranges::decode(largest, pairs)?;
            Frame::Acknowledge(Acknowledge {
                delay,
                ect0,
                ce,
                ranges,
            })
        }
        kind::CREDIT => Frame::Credit {
            delivered: fields.u64()?,
            limit: fields.u64()?,
        },
        kind::SETTLED => Frame::Settled(fields.u64()?),
        kind::SHARE => Frame::Share {
            packets: fields.u32()?,
            delay: fields.u32()?,
        },
        kind::ANSWER => {
            let offset = fields.u64()?;
            let length = usize::from(fields.u16()?);
            offset.checked_add(length as u64)?;
            let bytes = fields.bytes(length)?;
            (!bytes.is_empty()).then_some(Frame::Answer { offset, bytes })?
        }
        kind::ANSWERED => Frame::Answered(fields.u64()?),
        kind::STATUS => {
            let phase = fields.u8()?;
            let (done, total) = (fields.u64()?, fields.u64()?);
            Frame::Status(match (phase, done, total) {
                (0, 0, 0) => Status::Receiving,
                (1, done, total) => Status::Checking { done, total },
                (2, 0, 0) => Status::Storing,
                _ => return None,
            })
        }
        kind::FINISH => Frame::Finish {
            length: fields.u64()?,
            digest: fields.u128()?,
        },
        kind::DONE => Frame::Done,
        kind::CLOSE => Frame::Close(Close::take(fields)?),
        kind::PATH_CHALLENGE => Frame::PathChallenge(*fields.take()?),
        kind::PATH_RESPONSE => Frame::PathResponse(*fields.take()?),
        _ => return None,
    })
}
