//! The datagrams of a transfer, and both of its ends: no panic, no loop without an end, no growth, and
//! nothing is delivered but what the frames bring in order.
#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use udpraw::protocol::congestion::Cubic;
use udpraw::protocol::transfer::{
    Access, Frames, Incoming, Listener, ReceiverConfig, Sender, SenderConfig, decode,
};
use udpraw::socket::Ecn;

const ID: u64 = 0x0101_0101_0101_0101;
/// What one datagram may bring forth, far above what it does.
const MOST: usize = 10_000;

/// A datagram of the handshake: the beginning and the checksum, which no fuzzer would find.
fn handshake(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    if bytes.len() >= 16 {
        bytes[4..7].copy_from_slice(b"uT\x02");
        bytes[8..16].copy_from_slice(&ID.to_be_bytes());
        if bytes[7] == 10 {
            bytes[6] = 0;
        }
        let sum = crc32c::crc32c(&bytes[4..]);
        bytes[..4].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

fn packet(connection: u64, number: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [&connection.to_be_bytes()[..], &number.to_be_bytes(), payload].concat();
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let _ = decode(bytes);
    let mut now = Duration::ZERO;
    let config = SenderConfig::default();
    let mut sender = Sender::new(now, ID, config, Box::new(Cubic::new(1_200)));
    let mut listener = Listener::new([9; 16], Access::Open);
    let source = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut random = || Some([1; 32]);
    let stream: &[u8] = &[5; 20_000];
    let (mut receiver, mut got, mut out, mut answer) = (None, Vec::new(), Vec::new(), Vec::new());

    // The handshake, as it should be.
    while let Some(run) = sender.poll_transmit(now, &stream) {
        run.copy(&stream, &mut out);
        match listener.handle_datagram(now, source, &out, &mut random, &mut answer) {
            Incoming::Response => sender.handle_datagram(now, &answer).expect("a challenge"),
            Incoming::Open(opening) => {
                let mut config = ReceiverConfig::default();
                config.max_window = 1 << 20;
                receiver = opening.accept(now, config);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let mut receiver = receiver.expect("a receiver");
    let accept = receiver.poll_transmit(now).expect("its answer").bytes.to_vec();
    sender.handle_datagram(now, &accept).expect("accepted");

    let mut rest = bytes;
    while let Some((&[length, delay, number], tail)) = rest.split_first_chunk() {
        let (body, tail) = tail.split_at(tail.len().min(length.into()));
        rest = tail;
        now += Duration::from_millis(u64::from(delay) * u64::from(delay));
        for frame in Frames::new(body).map_while(Result::ok) {
            let mut again = Vec::new();
            frame.append(&mut again);
            assert_eq!(Frames::new(&again).next(), Some(Ok(frame)));
        }
        let first = handshake(body);
        let incoming = listener.handle_datagram(now, source, &first, &mut random, &mut answer);
        if matches!(incoming, Incoming::Response) {
            assert!(answer.len() <= first.len());
        }
        let _ = sender.handle_datagram(now, &first);
        let packet = packet(receiver.connection(), number.into(), body);
        let _ = receiver.handle_datagram(now, source, Ecn::Ce, &packet, &mut got);
        assert_eq!(got.len() as u64, receiver.delivered());
        let _ = sender.handle_datagram(now, &packet);
        receiver.write_answer(body);
        receiver.handle_timeout(now);
        sender.handle_timeout(now);
        if receiver.is_complete() {
            receiver.on_stored(now);
        }
        let said = (0..MOST)
            .take_while(|_| receiver.poll_transmit(now).is_some())
            .count();
        assert!(said < MOST);
        let sent = (0..MOST)
            .take_while(|_| sender.poll_transmit(now, &stream).is_some())
            .count();
        assert!(sent < MOST);
        assert!(sender.sent() <= stream.len() as u64);
    }
});
