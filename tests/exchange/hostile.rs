//! Millions of random, truncated and well-formed datagrams: no crash, and no growth.

use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use udpraw::protocol::Backoff;
use udpraw::protocol::exchange::{
    Frame, HEADER, Incoming, Kind, Limits, Outcome, Requester, Responder, Served,
};

const MILLION: u64 = 1_000_000;

/// Puts a whole frame of a few bytes into `bytes`.
fn whole(dice: &mut Rng, bytes: &mut Vec<u8>) {
    let kinds = [Kind::Request, Kind::Reply, Kind::TooLong, Kind::Unsupported];
    let kind = kinds[dice.usize(..4)];
    let mut payload = [0; 24];
    dice.fill(&mut payload);
    Frame {
        kind,
        id: dice.u64(..),
        attempt: dice.u32(..4),
        payload: &payload[..dice.usize(..24)],
    }
    .encode(bytes);
}

fn random(dice: &mut Rng, bytes: &mut Vec<u8>) {
    bytes.resize(dice.usize(..64), 0);
    dice.fill(bytes);
    // Every other one has the magic number, and so gets further.
    if dice.bool() && bytes.len() >= 4 {
        bytes[..4].copy_from_slice(b"udpX");
    }
}

fn truncated(dice: &mut Rng, bytes: &mut Vec<u8>) {
    whole(dice, bytes);
    bytes.truncate(dice.usize(..bytes.len()));
}

fn sender(dice: &mut Rng) -> SocketAddr {
    SocketAddr::from((dice.u32(..).to_be_bytes(), dice.u16(..)))
}

/// A million datagrams of a kind to a server; what it heard.
fn flood(make: fn(&mut Rng, &mut Vec<u8>)) -> Served {
    let mut dice = Rng::with_seed(7);
    let mut responder = Responder::new(Limits::default());
    let memory = responder.size().1;
    assert!(memory < 3 << 20, "{memory}");
    // As a server that has run for a while: its own buffers have their size.
    let (mut bytes, mut answer) = (Vec::with_capacity(256), Vec::with_capacity(256));
    let before = crate::allocations::count();
    for _ in 0..MILLION {
        make(&mut dice, &mut bytes);
        let source = sender(&mut dice);
        if let Incoming::Request(request, text) =
            responder.handle_datagram(source, &bytes, &mut answer)
        {
            responder.reply(request, text, &mut answer);
        }
        assert!(answer.is_empty() || 28 + answer.len() <= 3 * (28 + bytes.len()));
    }
    assert_eq!(crate::allocations::count() - before, 0);
    let entries = responder.size().0;
    assert!(entries <= Limits::default().entries, "{entries}");
    let heard = responder.served();
    let all = heard.requests + heard.repeats + heard.unsupported + heard.answers;
    assert_eq!(
        all + heard.reused + heard.damaged + heard.foreign,
        MILLION,
        "{heard:?}"
    );
    heard
}

#[test]
fn a_million_random_datagrams_to_a_server() {
    let heard = flood(random);
    assert!(heard.damaged > MILLION * 4 / 10 && heard.foreign > MILLION * 4 / 10);
    // A random checksum fits once in 2^32.
    assert!(
        heard.requests + heard.answers + heard.unsupported < 5,
        "{heard:?}"
    );
}

#[test]
fn a_million_truncated_frames_to_a_server() {
    let heard = flood(truncated);
    assert_eq!(heard.damaged + heard.foreign, MILLION, "{heard:?}");
}

#[test]
fn a_million_whole_frames_from_anywhere_to_a_server() {
    let heard = flood(whole);
    assert!(
        heard.requests > MILLION / 5 && heard.answers > MILLION / 2,
        "{heard:?}"
    );
    assert_eq!(heard.evicted, heard.requests - 4_096);
}

#[test]
fn a_million_of_each_to_a_client() {
    for make in [random, truncated, whole] {
        let (mut dice, now) = (Rng::with_seed(7), Duration::ZERO);
        let mut requester = Requester::new(Backoff::Rfc9002);
        let id = dice.u64(..);
        requester.start(now, id, b"x", None, None).unwrap();
        let transmit = requester.poll_transmit(now).unwrap();
        assert_eq!(transmit.bytes.len(), HEADER + 1);
        let mut bytes = Vec::with_capacity(256);
        let before = crate::allocations::count();
        for _ in 0..MILLION {
            make(&mut dice, &mut bytes);
            let outcome = requester.handle_datagram(now, true, &bytes);
            let is_refused = matches!(
                outcome,
                Outcome::Forged | Outcome::Corrupt(_) | Outcome::Other(_)
            );
            assert!(is_refused, "{outcome:?}");
        }
        assert_eq!(crate::allocations::count() - before, 0);
        assert_eq!(requester.ignored().total(), MILLION);
        assert_eq!(requester.id(), Some(id), "it still waits");
    }
}
