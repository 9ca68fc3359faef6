use proptest::prelude::*;

use super::*;
use crate::protocol::checksum::{crc32c, crc32c_of_parts};

fn ranges() -> impl Strategy<Value = Vec<[u8; 16]>> {
    // Gaps and lengths from the newest down: what cannot go below zero is left out.
    prop::collection::vec((2..1_000_u64, 0..1_000_u64), 0..=MAX_RANGES).prop_map(|steps| {
        let mut top = 1 << 40;
        let mut ranges = Vec::new();
        for (gap, length) in steps {
            let last = top - gap;
            ranges.push(Ranges::encode(last - length, last));
            top = last - length;
        }
        ranges
    })
}

/// A frame with what it borrows, so that proptest can own it.
#[derive(Clone, Debug)]
enum Owned {
    Open([u8; 16], Option<u64>, Vec<u8>),
    Challenge([u8; 16]),
    Accept(Accept),
    Data(u64, u64, Vec<u8>),
    Probe(u64),
    End(End),
    Acknowledge(u64, u64, u32, bool, Vec<[u8; 16]>),
    Done,
    Close(Code, Vec<u8>),
    Versions(Vec<u8>),
}

impl Owned {
    fn frame(&self) -> Frame<'_> {
        match self {
            Self::Open(token, size, name) => Frame::Open(Open {
                token: *token,
                size: *size,
                name,
            }),
            Self::Challenge(token) => Frame::Challenge { token: *token },
            Self::Accept(accept) => Frame::Accept(*accept),
            Self::Data(number, offset, payload) => Frame::Data(Data {
                number: *number,
                offset: *offset,
                payload,
            }),
            Self::Probe(number) => Frame::Probe { number: *number },
            Self::End(end) => Frame::End(*end),
            Self::Acknowledge(delivered, credit, delay, is_storing, ranges) => {
                Frame::Acknowledge(Acknowledge {
                    delivered: *delivered,
                    credit: *credit,
                    delay: *delay,
                    is_storing: *is_storing,
                    ranges: Ranges::new(ranges),
                })
            }
            Self::Done => Frame::Done,
            Self::Close(code, reason) => Frame::Close(Close {
                code: *code,
                reason,
            }),
            Self::Versions(versions) => Frame::Versions(versions),
        }
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..=most);
    prop_oneof![
        (
            any::<[u8; 16]>(),
            prop::option::of(0..u64::MAX),
            bytes(MAX_NAME)
        )
            .prop_map(|(token, size, name)| Owned::Open(token, size, name)),
        any::<[u8; 16]>().prop_map(Owned::Challenge),
        (any::<[u64; 2]>(), any::<u128>(), any::<[u16; 3]>()).prop_map(
            |([credit, resume], digest, [max_datagram, delay, peer_timeout])| Owned::Accept(
                Accept {
                    credit,
                    resume,
                    digest,
                    max_datagram,
                    delay,
                    peer_timeout,
                }
            )
        ),
        (
            any::<u64>(),
            0..1_u64 << 62,
            prop::collection::vec(any::<u8>(), 1..300)
        )
            .prop_map(|(number, offset, payload)| Owned::Data(number, offset, payload)),
        any::<u64>().prop_map(Owned::Probe),
        (any::<[u64; 2]>(), any::<u128>()).prop_map(|([number, total], digest)| Owned::End(End {
            number,
            total,
            digest,
        })),
        (any::<[u64; 2]>(), any::<u32>(), any::<bool>(), ranges()).prop_map(
            |([delivered, credit], delay, is_storing, ranges)| Owned::Acknowledge(
                delivered, credit, delay, is_storing, ranges
            )
        ),
        Just(Owned::Done),
        (prop::sample::select(Code::ALL.to_vec()), bytes(MAX_REASON))
            .prop_map(|(code, reason)| Owned::Close(code, reason)),
        bytes(255).prop_map(Owned::Versions),
    ]
}

fn encoded(owned: &Owned, id: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    owned.frame().encode(id, &mut bytes);
    bytes
}

proptest! {
    #[test]
    fn what_is_written_is_read(owned in owned(), id: u64) {
        let bytes = encoded(&owned, id);
        let frame = owned.frame();
        prop_assert_eq!(decode(&bytes), Ok(Decoded { id, frame }));
    }

    /// A CRC of 32 bits finds every change of up to 32 bits in a row.
    #[test]
    fn what_was_changed_is_refused(owned in owned(), id: u64, at: prop::sample::Index, change in 1..=255_u8) {
        let mut bytes = encoded(&owned, id);
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        let refused = decode(&bytes).expect_err("a changed frame");
        let want = if (4..6).contains(&at) { Reject::Foreign } else { Reject::Corrupt };
        prop_assert_eq!(refused, want);
    }

    #[test]
    fn what_was_cut_is_refused(owned in owned(), id: u64, at: prop::sample::Index) {
        let bytes = encoded(&owned, id);
        prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    /// Whatever is decoded is encoded again unchanged: no byte is skipped. Its checksum is made
    /// right, since an attacker can do that.
    #[test]
    fn nothing_is_passed_over(mut bytes in prop::collection::vec(any::<u8>(), 16..200), kind in 0..12_u8) {
        bytes[4..8].copy_from_slice(&[b'u', b'T', if kind == kind::VERSIONS { 0 } else { VERSION }, kind]);
        seal_again(&mut bytes);
        if let Ok(Decoded { id, frame }) = decode(&bytes) {
            let mut again = Vec::new();
            frame.encode(id, &mut again);
            // Padding is not returned.
            again.resize(again.len().max(bytes.len()), 0);
            seal_again(&mut again);
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn a_header_and_its_payload_are_a_data_frame(id: u64, number: u64, offset in 0..1_u64 << 62, payload in prop::collection::vec(any::<u8>(), 1..3_000)) {
        let mut bytes = Vec::new();
        append_data_header(&mut bytes, id, number, offset, &payload);
        bytes.extend(&payload);
        let whole = encoded(&Owned::Data(number, offset, payload), id);
        prop_assert_eq!(bytes, whole);
    }
}

fn seal_again(bytes: &mut [u8]) {
    let sum = crc32c(&bytes[4..]);
    bytes[..4].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn the_sum_is_crc_32c() {
    // The check value of the catalogue of CRCs, and RFC 3720 appendix B.4.
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c_of_parts(b"1234", b"56789"), 0xe306_9283);
}

#[test]
fn other_versions_are_named() {
    let mut bytes = encoded(&Owned::Done, 7);
    bytes[6] = 9;
    seal_again(&mut bytes);
    let (version, id) = (9, 7);
    assert_eq!(decode(&bytes), Err(Reject::Version { version, id }));
}

#[test]
fn impossible_fields_are_refused() {
    for (owned, at, value) in [
        // An offset whose end exceeds 64 bits.
        (Owned::Data(0, 0, vec![1]), 24..32, u64::MAX),
        // Ranges that ascend, touch, or end before they begin.
        (acknowledge(&[(5, 6), (8, 9)]), 0..0, 0),
        (acknowledge(&[(5, 6), (3, 4)]), 0..0, 0),
        (acknowledge(&[(6, 5)]), 0..0, 0),
    ] {
        let mut bytes = encoded(&owned, 7);
        if !at.is_empty() {
            bytes[at].copy_from_slice(&value.to_be_bytes());
        }
        seal_again(&mut bytes);
        assert_eq!(decode(&bytes), Err(Reject::Malformed), "{owned:?}");
    }
    // A count that is not that of the ranges, an unknown flag, a short open frame.
    for (owned, at, value) in [
        (acknowledge(&[(5, 6)]), 37, 2),
        (acknowledge(&[(5, 6)]), 36, 2),
        (Owned::Close(Code::Refused, Vec::new()), 17, 200),
    ] {
        let mut bytes = encoded(&owned, 7);
        bytes[at] = value;
        seal_again(&mut bytes);
        assert_eq!(decode(&bytes), Err(Reject::Malformed), "{owned:?}");
    }
    let mut open = encoded(&Owned::Open([0; 16], None, Vec::new()), 7);
    open.truncate(OPEN_LENGTH - 1);
    seal_again(&mut open);
    assert_eq!(decode(&open), Err(Reject::Malformed));
}

fn acknowledge(ranges: &[(u64, u64)]) -> Owned {
    let ranges = ranges
        .iter()
        .map(|&(first, last)| Ranges::encode(first, last));
    Owned::Acknowledge(0, 0, 0, false, ranges.collect())
}
