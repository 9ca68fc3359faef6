//! Datagrams of somebody who lacks the code, or who cannot read the traffic: at every stage of a
//! transfer, toward both ends.

use udpraw::protocol::transfer::crypto::Ciphers;
use udpraw::protocol::transfer::{Close, Code, Handshake, Receiver};

use crate::allocations;
use crate::ends::{Ends, ID, LENGTH, Response, at};

/// Places beside the data of a transfer at which it is attacked, and more.
const STAGES: usize = 50;

fn many() -> usize {
    match std::env::var_os("UDPRAW_DEEP") {
        Some(_) => 1_000_000,
        None => 10_000,
    }
}

impl Ends {
    /// A datagram made of one that was seen, or of nothing.
    fn forge(&mut self) -> Vec<u8> {
        let (dice, seen) = (&mut self.dice, &self.seen);
        let connection = self.receiver.as_ref().map_or(7, Receiver::connection);
        let mut bytes = dice.choice(seen).cloned().unwrap_or_default();
        match dice.u8(..8) {
            0 => {
                bytes = vec![0; dice.usize(..1_500)];
                dice.fill(&mut bytes);
            }
            1 if !bytes.is_empty() => {
                let at = dice.usize(..bytes.len());
                bytes[at] ^= 1 << dice.u8(..8);
            }
            2 => bytes.truncate(dice.usize(..=bytes.len())),
            // The next numbers, or one far away.
            3 if bytes.len() > 16 => {
                let number = if dice.bool() {
                    self.sender.sent() / 1_000 + dice.u64(..50)
                } else {
                    dice.u64(..)
                };
                bytes[8..16].copy_from_slice(&number.to_be_bytes());
            }
            4 => {
                bytes = vec![0; dice.usize(17..200)];
                dice.fill(&mut bytes);
                bytes[..8].copy_from_slice(&connection.to_be_bytes());
                bytes[8..16].copy_from_slice(&dice.u64(..500).to_be_bytes());
            }
            // Longer, with the tag of another.
            5 => bytes.extend(dice.choice(seen).cloned().unwrap_or_default()),
            6 => bytes = self.handshake_frame(),
            // As it was.
            _ => {}
        }
        bytes
    }

    /// A frame of the handshake with a valid checksum, made of one that was seen or of nothing.
    fn handshake_frame(&mut self) -> Vec<u8> {
        let dice = &mut self.dice;
        let frames: Vec<_> = self
            .seen
            .iter()
            .filter(|bytes| bytes[4..6] == *b"uT")
            .collect();
        let mut bytes = dice.choice(frames).cloned().unwrap_or(vec![0; 128]);
        bytes[8..16].copy_from_slice(&ID.to_be_bytes());
        let kind = dice.choice([1, 1, 1, 2, 3, 9, 10]).expect("one");
        if dice.bool() {
            let at = dice.usize(8..bytes.len());
            bytes[at] ^= 1 << dice.u8(..8);
        } else {
            let length = match kind {
                1 => 128,
                2 => 32,
                3 => dice.choice([39, 87]).expect("one"),
                9 => 19,
                _ => 18,
            };
            bytes.resize(length, 0);
            let token: [u8; 16] = bytes[16..].first_chunk().copied().unwrap_or_default();
            dice.fill(&mut bytes[16..]);
            match kind {
                1 => {
                    // The token that was seen, and no random flag and padding: it is read to its end.
                    bytes[16..32].copy_from_slice(&token);
                    bytes[32..34].copy_from_slice(&[Ciphers::ALL.bits(), 1]);
                    bytes[82..].fill(0);
                }
                9 => bytes[16..].copy_from_slice(&[0, dice.u8(..12), 0]),
                10 => bytes[16] = 1,
                _ => {}
            }
        }
        let version = match (kind, dice.u8(..8)) {
            (_, 0) => dice.u8(..),
            (10, _) => 0,
            _ => 2,
        };
        bytes[4..8].copy_from_slice(&[b'u', b'T', version, kind]);
        if dice.u8(..8) == 0 {
            let connection = self.receiver.as_ref().map_or(7, Receiver::connection);
            bytes[8..16].copy_from_slice(&connection.to_be_bytes());
        }
        let sum = crc32c::crc32c(&bytes[4..]);
        bytes[..4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}

/// Whether an opening was seen with this id and token.
fn is_known(seen: &[Vec<u8>], head: &[u8]) -> bool {
    seen.iter().any(|bytes| bytes.get(8..32) == Some(head))
}

/// Sends `count` datagrams toward both ends, none of which may change anything.
fn attack(ends: &mut Ends, count: usize, forge: impl Fn(&mut Ends) -> Vec<u8>) -> [usize; 3] {
    while ends.speak() > 0 {}
    let (state, mut responses) = (ends.state(), [0; 3]);
    for number in 0..count {
        let datagram = forge(ends);
        let is_again = ends.seen.contains(&datagram);
        // From the sender's address, or from another.
        let source = at(4_000 + u16::from(number % 2 == 1) * (1 + (number % 9_999) as u16));
        let (response, _) = ends.arrives(source, &datagram);
        match response {
            Response::None => {}
            Response::Challenge | Response::Versions => responses[0] += 1,
            Response::WrongCode => responses[1] += 1,
            Response::Unknown => responses[2] += 1,
            // Its token is right: whatever else it has, it is an opening that was accepted.
            Response::Accept => assert!(is_known(&ends.seen, &datagram[8..32]), "{datagram:?}"),
        }
        // The receiver repeats its accept frame to a copied opening until a packet has arrived.
        let receiver = ends.receiver.as_mut();
        let spoken = receiver
            .and_then(|end| end.poll_transmit(ends.now))
            .map(|out| out.bytes.len());
        let is_repeated = response == Response::Accept && spoken <= Some(datagram.len());
        assert!(
            spoken.is_none() || is_repeated,
            "{spoken:?} bytes to {datagram:?}"
        );

        // Whoever reads the handshake can end it before there is a key: see below.
        let is_handshake = datagram.get(4..6) == Some(b"uT") && !is_again;
        if ends.sender.is_open() || !is_handshake {
            let _ = ends.sender.handle_datagram(ends.now, &datagram);
        }
        if number % 64 == 0 {
            assert_eq!(ends.state(), state, "after {datagram:?}");
        }
    }
    assert_eq!(ends.state(), state);
    responses
}

/// Runs a transfer, attacked at each of its stages; returns the answers of each kind.
fn attacked(mut ends: Ends, forge: impl Fn(&mut Ends) -> Vec<u8>) -> [usize; 3] {
    let (mut all, mut memory, mut attacks) = ([0; 3], None, [0; 4]);
    // All of the handshake, and then every so often.
    for step in 0.. {
        if step < 12 || step % 10 == 0 || ends.is_over() {
            let stage = match (ends.sender.is_open(), &ends.receiver) {
                _ if ends.is_over() => 3,
                (true, _) => 2,
                (false, Some(_)) => 1,
                (false, None) => 0,
            };
            let count = if stage == 2 {
                many() / STAGES
            } else {
                many() / 8
            };
            attacks[stage] += count;
            let responses = attack(&mut ends, count, &forge);
            all = std::array::from_fn(|kind| all[kind] + responses[kind]);
        }
        if ends.is_over() {
            break;
        }
        ends.advance();
    }
    // Once more, with all buffers made: what is allocated is given back.
    for round in 0..2 {
        attack(&mut ends, many() / STAGES, &forge);
        let before = memory.replace(allocations::bytes());
        assert!(round == 0 || before.is_some_and(|before| allocations::bytes() < before + 100_000));
    }
    ends.assert_whole();
    let [opening, handshake, data, end] = attacks;
    eprintln!(
        "forged: {opening} before the receiver has agreed, {handshake} before the sender knows, \
         {data} beside data, {end} at the end: {} answered with a cookie or a version, {} with another \
         refusal, {} as unknown; none accepted",
        all[0], all[1], all[2]
    );
    assert!(attacks.iter().all(|count| *count > 0), "{attacks:?}");
    assert!(attacks.iter().sum::<usize>() >= many());
    all
}

#[test]
fn nothing_of_a_stranger_is_accepted() {
    let [cookies, refusals, unknown] = attacked(Ends::new(1, true), Ends::forge);
    assert!(
        cookies > 100 && refusals > 0 && unknown > 0,
        "{cookies} {refusals} {unknown}"
    );
}

/// An attacker who cannot read the traffic knows neither of the ids, but everything else.
fn guess(ends: &mut Ends) -> Vec<u8> {
    let dice = &mut ends.dice;
    let mut bytes = ends.seen.get(dice.usize(..=ends.seen.len())).cloned();
    let mut bytes = bytes
        .take()
        .filter(|bytes| bytes.len() >= 20)
        .unwrap_or(vec![7; 128]);
    let is_handshake = bytes[4..6] == *b"uT";
    let end = bytes.len() - 4;
    if is_handshake {
        dice.fill(&mut bytes[8..16]);
        let sum = crc32c::crc32c(&bytes[4..]);
        bytes[..4].copy_from_slice(&sum.to_be_bytes());
    } else {
        dice.fill(&mut bytes[..8]);
        bytes[15] = dice.u8(..);
        let sum = crc32c::crc32c(&bytes[..end]);
        bytes[end..].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

#[test]
fn without_a_code_a_stranger_has_to_read_the_traffic() {
    for is_keyed in [false, true] {
        let [cookies, refusals, _] = attacked(Ends::new(2, is_keyed), guess);
        assert!(cookies > 100 && refusals == 0, "{cookies} {refusals}");
    }
}

/// The answers of a receiver, made by somebody who reads the traffic and lacks the code: an opening
/// may end, and never succeeds.
#[test]
fn an_opening_is_never_agreed_to_by_a_stranger() {
    let mut ended = 0;
    for seed in 0..(many() as u64 / 50).min(2_000) {
        let mut ends = Ends::new(seed, true);
        for _ in 0..ends.dice.u8(..4) {
            ends.advance();
        }
        if ends.sender.is_open() {
            continue;
        }
        for _ in 0..50 {
            let datagram = ends.handshake_frame();
            let _ = ends.sender.handle_datagram(ends.now, &datagram);
            assert!(
                !ends.sender.is_open() || ends.sender.result().is_some(),
                "{datagram:?}"
            );
        }
        assert!(ends.sender.result().is_none_or(|result| result.is_err()));
        ended += usize::from(ends.sender.result().is_some());
    }
    assert!(ended > 0);
}

/// Anybody can write that the receiver was started again: the sender asks.
#[test]
fn a_forged_close_does_not_end_a_transfer_that_waits() {
    let mut ends = Ends::new(3, true);
    ends.stream.is_complete = false;
    while ends.got.len() < LENGTH || !ends.down.is_empty() {
        ends.advance();
    }
    let (code, reason) = (Code::Unknown, &b""[..]);
    let connection = ends.receiver.as_ref().expect("a receiver").connection();
    let mut forged = Vec::new();
    Handshake::Close(Close { code, reason }).encode(connection, &mut forged);
    for _ in 0..100 {
        let _ = ends.sender.handle_datagram(ends.now, &forged);
        ends.advance();
        assert_eq!(ends.sender.result(), None);
    }
    ends.stream.is_complete = true;
    while !ends.is_over() {
        ends.advance();
    }
    ends.assert_whole();
}
