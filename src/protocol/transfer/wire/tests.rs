use proptest::prelude::*;

use super::*;
use crate::protocol::checksum::crc32c;
use crate::protocol::transfer::crypto::{Cipher, Ciphers, MESSAGE_1_LENGTH, Protection};

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..=most)
}

/// Ranges as first and last numbers, from the newest down.
fn ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((2..1_000_u64, 0..1_000_u64), 0..=MAX_RANGES).prop_map(|steps| {
        let mut top = 1 << 40;
        let ranges = steps.into_iter().map(|(gap, length)| {
            let last = top - gap;
            top = last - length;
            (top, last)
        });
        ranges.collect()
    })
}

/// A frame with what it borrows, so that proptest can own it.
#[derive(Clone, Debug)]
enum Owned {
    Plain(Frame<'static>),
    Acknowledge(u32, u64, u64, Vec<(u64, u64)>),
    Answer(u64, Vec<u8>),
    Close(Code, Vec<u8>),
    Stream(u64, Vec<u8>),
}

fn owned() -> impl Strategy<Value = Owned> {
    let plain = prop_oneof![
        Just(Frame::Ping),
        Just(Frame::Done),
        any::<(u64, u64)>().prop_map(|(delivered, limit)| Frame::Credit { delivered, limit }),
        any::<u64>().prop_map(Frame::Settled),
        any::<u64>().prop_map(Frame::Answered),
        any::<(u64, u64)>()
            .prop_map(|(done, total)| Frame::Status(Status::Checking { done, total })),
        Just(Frame::Status(Status::Storing)),
        any::<(u64, u128)>().prop_map(|(length, digest)| Frame::Finish { length, digest }),
        any::<[u8; 8]>().prop_map(Frame::PathChallenge),
        any::<[u8; 8]>().prop_map(Frame::PathResponse),
        any::<(u32, u32)>().prop_map(|(packets, delay)| Frame::Share { packets, delay }),
    ];
    prop_oneof![
        8 => plain.prop_map(Owned::Plain),
        2 => (any::<(u32, u64, u64)>(), ranges()).prop_map(|((delay, ect0, ce), ranges)| {
            Owned::Acknowledge(delay, ect0, ce, ranges)
        }),
        1 => (0..1_u64 << 62, bytes(300)).prop_map(|(offset, bytes)| Owned::Answer(offset, bytes)),
        1 => (prop::sample::select(Code::ALL.to_vec()), bytes(MAX_REASON))
            .prop_map(|(code, reason)| Owned::Close(code, reason)),
    ]
}

impl Owned {
    fn with<T>(&self, call: impl FnOnce(Frame<'_>) -> T) -> T {
        let mut room = [[0; 8]; MAX_RANGES];
        call(match self {
            Self::Plain(frame) => *frame,
            Self::Acknowledge(delay, ect0, ce, ranges) => Frame::Acknowledge(Acknowledge {
                delay: *delay,
                ect0: *ect0,
                ce: *ce,
                ranges: Ranges::encode(ranges.iter().copied(), &mut room),
            }),
            Self::Answer(offset, bytes) => Frame::Answer {
                offset: *offset,
                bytes,
            },
            Self::Close(code, reason) => Frame::Close(Close {
                code: *code,
                reason,
            }),
            Self::Stream(offset, bytes) => Frame::Stream {
                offset: *offset,
                bytes,
            },
        })
    }
}

proptest! {
    /// Several frames, padding between them, and bytes of the stream at the end.
    #[test]
    fn what_is_written_is_read(frames in prop::collection::vec((owned(), 0..4_usize), 0..6), last in prop::option::of((0..1_u64 << 62, bytes(300)))) {
        let last = last.map(|(offset, bytes)| (Owned::Stream(offset, bytes), 0));
        let frames: Vec<_> = frames.into_iter().chain(last).collect();
        let mut payload = Vec::new();
        for (frame, padding) in &frames {
            frame.with(|frame| frame.append(&mut payload));
            if !matches!(frame, Owned::Stream(..)) {
                payload.extend(vec![0; *padding]);
            }
        }
        let mut read = Frames::new(&payload);
        for (frame, _) in &frames {
            frame.with(|frame| assert_eq!(read.next(), Some(Ok(frame))));
        }
        prop_assert_eq!(read.next(), None);
    }

    #[test]
    fn ranges_are_read_as_they_were_written(ranges in ranges()) {
        let mut room = [[0; 8]; MAX_RANGES];
        let encoded = Ranges::encode(ranges.iter().copied(), &mut room);
        prop_assert_eq!(encoded.iter().collect::<Vec<_>>(), &ranges[..]);
        let decoded = Ranges::decode(encoded.largest(), encoded.pairs());
        prop_assert_eq!(decoded, Some(encoded));
    }

    /// Whatever is decoded is encoded again unchanged, but for padding: no byte is skipped.
    #[test]
    fn nothing_is_passed_over(payload in bytes(200), kind in 0..16_u8) {
        let payload = [&[kind], &payload[..]].concat();
        let (mut again, mut is_valid) = (Vec::new(), true);
        for frame in Frames::new(&payload) {
            match frame {
                Ok(frame) => frame.append(&mut again),
                Err(_) => is_valid = false,
            }
        }
        if is_valid {
            let mut want = payload.iter().filter(|&&byte| byte != 0);
            let mut got = again.iter().filter(|&&byte| byte != 0);
            // A receiving status is written by leaving it out, a stream keeps its zeros.
            prop_assert!(want.by_ref().eq(got.by_ref()), "{:?} {:?}", payload, again);
        }
    }

    #[test]
    fn packets_are_opened_as_they_were_sealed(connection: u64, number in 0..u64::MAX, payload in bytes(300), at: prop::sample::Index, flip in 1..=255_u8) {
        let (mut protection, mut out) = (Protection::unkeyed(), Vec::new());
        begin(&mut out, connection, number);
        out.extend(&payload);
        seal(&mut protection, &mut out, 0).expect("sealed");
        let id = (connection_id(connection) == connection).then_some(connection);
        prop_assert_eq!(connection_of(&out), id);
        let mut packet = out.clone();
        let opened = open(&mut protection, &mut packet);
        prop_assert_eq!(opened, Ok((number, &payload[..])));
        let at = at.index(out.len());
        out[at] ^= flip;
        packet.clone_from(&out);
        prop_assert_eq!(open(&mut protection, &mut packet), Err(Reject::Corrupt));
        prop_assert!(open(&mut protection, &mut out.clone()[..at]).is_err());
    }

    #[test]
    fn the_handshake_is_read_as_it_was_written(id: u64, token: [u8; 16], bits: u8, message: Option<[u8; 32]>, accept: [u64; 2], small: [u16; 3], number in 0..3_u8, at: prop::sample::Index, flip in 1..=255_u8) {
        let message = message.map(|half| <[u8; MESSAGE_1_LENGTH]>::try_from(&[&half[..], &half[..16]].concat()[..]).expect("48 bytes"));
        let accept = Accept {
            connection: connection_id(accept[0]),
            credit: accept[1],
            max_datagram: small[0],
            delay: small[1],
            peer_timeout: small[2],
            cipher: Cipher::from_number(number),
        };
        let fields = accept.encode();
        prop_assert_eq!(Accept::decode(&fields), Some(accept));
        let close = Close { code: Code::WrongCode, reason: &token };
        let ciphers = Ciphers::from_bits(bits);
        let mut out = Vec::new();
        for frame in [
            Handshake::Open(Open { token, ciphers, message: message.as_ref() }),
            Handshake::Challenge { token },
            Handshake::Accept(&fields),
            Handshake::Close(close),
            Handshake::Versions(&[2, 3]),
        ] {
            frame.encode(id, &mut out);
            prop_assert_eq!(decode(&out), Ok((id, frame)));
            prop_assert_eq!(connection_of(&out), None);
            let at = at.index(out.len());
            out[at] ^= flip;
            let want = if (4..6).contains(&at) { Reject::Foreign } else { Reject::Corrupt };
            prop_assert_eq!(decode(&out), Err(want));
            prop_assert!(decode(&out[..at]).is_err());
        }
    }
}

#[test]
fn version_1_is_recognised() {
    let mut open = vec![0; 64];
    open[4..8].copy_from_slice(b"uT\x01\x01");
    open[15] = 7;
    let sum = crc32c(&open[4..]);
    open[..4].copy_from_slice(&sum.to_be_bytes());
    let version = Version { version: 1, id: 7 };
    assert_eq!(decode(&open), Err(Reject::Version(version)));
}
