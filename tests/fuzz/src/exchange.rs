//! Exchanges: no panic; what is read is written again as it was; a responder sends little, and an
//! requester takes nothing but its reply.
#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use udpraw::protocol::Backoff;
use udpraw::protocol::exchange::{Responder, Requester, Frame, Incoming, Kind, Limits, Outcome};

/// The reply that carries all from byte 20 on.
fn whole(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let payload = bytes.get(20..).unwrap_or_default();
    let (kind, id, attempt) = (Kind::Reply, 7, 1);
    Frame { kind, id, attempt, payload }.encode(&mut frame);
    frame
}

/// The same request in another attempt: a repeat of it.
fn again(frame: Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let attempt = frame.attempt.wrapping_add(1);
    Frame { attempt, ..frame }.encode(&mut bytes);
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let mut written = Vec::new();
    if let Ok(frame) = Frame::parse(bytes) {
        frame.encode(&mut written);
        // The kind 4 is read in any version, and written in ours.
        assert!(written == bytes || frame.kind == Kind::Unsupported);
    }
    let mut limits = Limits::default();
    (limits.entries, limits.bytes) = (4, 0);
    let mut responder = Responder::new(limits);
    let (client, mut answer) = (SocketAddr::from(([127, 0, 0, 1], 9)), Vec::new());
    for turn in 0..2 {
        let heard = responder.handle_datagram(client, bytes, &mut answer);
        assert!(turn == 0 || !matches!(heard, Incoming::Request(..)), "done twice");
        let is_request = matches!(heard, Incoming::Request(..));
        if let Incoming::Request(request, text) = heard {
            responder.reply(request, text, &mut answer);
        }
        if let (true, Ok(frame)) = (is_request, Frame::parse(bytes)) {
            let attempt = Frame::parse(&answer).expect("an answer").attempt;
            assert_eq!(attempt, frame.attempt);
            let repeat = again(frame);
            let heard = responder.handle_datagram(client, &repeat, &mut answer);
            assert!(matches!(heard, Incoming::Repeat { .. }), "{heard:?}");
            let attempt = Frame::parse(&answer).expect("an answer").attempt;
            assert_eq!(attempt, frame.attempt.wrapping_add(1));
        }
        assert!(answer.is_empty() || 28 + answer.len() <= 3 * (28 + bytes.len()));
        let mut none = Vec::new();
        responder.handle_datagram(client, &answer, &mut none);
        assert!(none.is_empty(), "an answer is not answered");
    }
    let (mut requester, now) = (Requester::new(Backoff::Rfc9002), Duration::ZERO);
    requester.start(now, 7, bytes.get(..99).unwrap_or(bytes), None, None).expect("short enough");
    assert!(requester.poll_transmit(now).is_some());
    assert!(!matches!(requester.handle_datagram(now, false, bytes), Outcome::Reply { .. }));
    if let Outcome::Reply { payload, .. } = requester.handle_datagram(now, true, bytes) {
        assert_eq!(Frame::parse(bytes), Ok(Frame { kind: Kind::Reply, id: 7, attempt: 1, payload }));
    } else if bytes.len() < 60_000 && requester.poll_timeout().is_some() {
        let reply = whole(bytes);
        let outcome = requester.handle_datagram(now, true, &reply);
        assert!(matches!(outcome, Outcome::Reply { .. }), "{outcome:?}");
    }
});
