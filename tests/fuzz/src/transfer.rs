//! The frames of a transfer, and both of its ends: no panic, no loop without an end, no growth, and
//! nothing is delivered but what the frames bring in order.
#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use udpraw::protocol::congestion::Cubic;
use udpraw::protocol::transfer::{
    Incoming, Listener, Receiver, ReceiverConfig, Sender, SenderConfig, decode,
};

const ID: u64 = 0x0101_0101_0101_0101;
/// What one frame may bring forth, far above what it does.
const MOST: usize = 10_000;

/// The beginning and the checksum, which no fuzzer would find.
fn seal(frame: &mut [u8]) {
    if frame.len() >= 16 {
        frame[4..7].copy_from_slice(b"uT\x01");
        frame[8..16].copy_from_slice(&ID.to_be_bytes());
        if frame[7] == 10 {
            frame[6] = 0;
        }
        let sum = crc32c::crc32c(&frame[4..]);
        frame[..4].copy_from_slice(&sum.to_be_bytes());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = decode(bytes);
    let mut now = Duration::ZERO;
    let config = SenderConfig::new("name");
    let mut sender = Sender::new(now, ID, config, Box::new(Cubic::new(1_200)));
    let mut config = ReceiverConfig::default();
    config.max_window = 1 << 20;
    let mut receiver = Receiver::new(now, ID, config);
    let listener = Listener::new([9; 16]);
    let source = SocketAddr::from(([127, 0, 0, 1], 9));
    let stream: &[u8] = &[5; 20_000];
    let (mut got, mut out, mut answer, mut frame) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());

    let mut rest = bytes;
    while let Some((&[length, delay], tail)) = rest.split_first_chunk() {
        let (body, tail) = tail.split_at(tail.len().min(length.into()));
        rest = tail;
        now += Duration::from_millis(u64::from(delay) * u64::from(delay));
        frame.clear();
        frame.extend_from_slice(body);
        seal(&mut frame);
        if let Ok(decoded) = decode(&frame) {
            decoded.frame.encode(decoded.id, &mut out);
            assert_eq!(decode(&out), Ok(decoded));
            receiver.handle_frame(now, &decoded.frame, &mut got);
            assert_eq!(got.len() as u64, receiver.delivered());
        }
        if listener.handle_datagram(now, source, &frame, &mut answer) == Incoming::Response {
            assert!(answer.len() <= frame.len());
        }
        let _ = sender.handle_datagram(now, &frame);
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
