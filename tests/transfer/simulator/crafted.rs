//! Packets that no honest end sends, in a transfer without a code: whoever reads the traffic can
//! make them, and a broken peer may.

use udpraw::protocol::transfer::crypto::{Ciphers, Protection};
use udpraw::protocol::transfer::{Close, Frame, Frames, Handshake, Open, Reject, decode};

use super::*;

const ID: u64 = 77;

fn host(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn ask(listener: &mut Listener, port: u16, id: u64, token: [u8; 16]) -> (Incoming, Vec<u8>) {
    let (mut question, mut answer) = (Vec::new(), Vec::new());
    let (ciphers, message) = (Ciphers::NONE, None);
    Handshake::Open(Open {
        token,
        ciphers,
        message,
    })
    .encode(id, &mut question);
    let mut random = || Some([9; 32]);
    let now = Duration::from_secs(1);
    let incoming = listener.handle_datagram(now, host(port), &question, &mut random, &mut answer);
    (incoming, answer)
}

/// The token that a listener gives to this address.
fn token(listener: &mut Listener, port: u16) -> [u8; 16] {
    let (_, answer) = ask(listener, port, ID, [0; 16]);
    match decode(&answer) {
        Ok((ID, Handshake::Challenge { token })) => token,
        other => panic!("{other:?}"),
    }
}

struct Bare {
    receiver: Receiver,
    got: Vec<u8>,
}

impl Bare {
    fn new() -> Self {
        let mut listener = listener(1, false);
        let token = token(&mut listener, 1);
        let (Incoming::Open(opening), _) = ask(&mut listener, 1, ID, token) else {
            panic!("no opening");
        };
        let mut config = ReceiverConfig::default();
        config.window = 10_000;
        let receiver = opening.accept(Duration::from_secs(1), config);
        let (receiver, got) = (receiver.expect("a receiver"), Vec::new());
        let mut bare = Self { receiver, got };
        assert!(decode(&bare.outgoing().expect("an answer").0).is_ok());
        bare
    }

    fn from(&mut self, port: u16, number: u64, frames: &[Frame<'_>]) -> Result<(), Reject> {
        let mut packet = self.receiver.connection().to_be_bytes().to_vec();
        packet.extend(number.to_be_bytes());
        for frame in frames {
            frame.append(&mut packet);
        }
        packet.extend([0; 4]);
        Protection::unkeyed().seal(&mut packet).expect("sealed");
        let now = Duration::from_secs(1);
        (self.receiver).handle_datagram(now, host(port), Ecn::NotEct, &packet, &mut self.got)
    }

    fn outgoing(&mut self) -> Option<(Vec<u8>, u16)> {
        let outgoing = self.receiver.poll_transmit(Duration::from_secs(1))?;
        Some((outgoing.bytes.to_vec(), outgoing.to.port()))
    }

    /// The path challenge that leaves, and where to.
    fn challenge(&mut self) -> Option<([u8; 8], u16)> {
        while let Some((bytes, port)) = self.outgoing() {
            let payload = &bytes[16..bytes.len() - 4];
            if let Some(Ok(Frame::PathChallenge(bytes))) = Frames::new(payload).next() {
                return Some((bytes, port));
            }
        }
        None
    }
}

#[test]
fn a_token_is_of_one_address_and_one_opening() {
    let mut listener = listener(1, false);
    let good = token(&mut listener, 1);
    let mut flipped = good;
    flipped[15] ^= 1;
    for (port, id, token) in [(2, ID, good), (1, ID + 1, good), (1, ID, flipped)] {
        let (incoming, _) = ask(&mut listener, port, id, token);
        assert!(matches!(incoming, Incoming::Response), "{incoming:?}");
    }
    let (incoming, _) = ask(&mut listener, 1, ID, good);
    assert!(matches!(incoming, Incoming::Open(_)), "{incoming:?}");
}

#[test]
fn an_address_that_is_not_proven_gets_nothing_but_challenges() {
    let mut bare = Bare::new();
    assert_eq!(bare.from(1, 0, &[Frame::Ping]), Ok(()));
    assert_eq!(bare.challenge(), None);
    assert_eq!(bare.from(2, 1, &[Frame::Ping]), Ok(()));
    let (bytes, port) = bare.challenge().expect("a challenge");
    assert_eq!(port, 2);
    let mut wrong = bytes;
    wrong[0] ^= 1;
    assert_eq!(bare.from(2, 2, &[Frame::PathResponse(wrong)]), Ok(()));
    assert_eq!(bare.receiver.peer(), host(1));
    // Another one who has read it, in a packet that is late and so challenges nobody.
    assert_eq!(bare.from(2, 9, &[Frame::Ping]), Ok(()));
    assert_eq!(bare.from(3, 8, &[Frame::PathResponse(bytes)]), Ok(()));
    assert_eq!(bare.receiver.peer(), host(1));
    while let Some((_, port)) = bare.outgoing() {
        assert_eq!(port, 1);
    }
    assert_eq!(bare.from(2, 10, &[Frame::PathResponse(bytes)]), Ok(()));
    assert_eq!(bare.receiver.peer(), host(2));
    assert_eq!(bare.receiver.counts().migrations, 1);
}

#[test]
fn a_wrong_digest_is_no_success() {
    let mut bare = Bare::new();
    let bytes = b"abc";
    let (length, digest) = (3, 1);
    assert_eq!(
        bare.from(1, 0, &[Frame::Stream { offset: 0, bytes }]),
        Ok(())
    );
    assert_eq!(bare.from(1, 1, &[Frame::Finish { length, digest }]), Ok(()));
    assert!(!bare.receiver.is_complete());
    while bare.outgoing().is_some() {}
    let code = Code::Digest;
    assert!(matches!(
        bare.receiver.result(),
        Some(Err(Failure::Abandoned { code: found, .. })) if *found == code
    ));
}

#[test]
fn an_end_that_contradicts_what_came_is_refused() {
    let mut bare = Bare::new();
    let bytes = b"abc";
    assert_eq!(
        bare.from(1, 0, &[Frame::Stream { offset: 5, bytes }]),
        Ok(())
    );
    let mut finish = |number, length| {
        let digest = 0;
        bare.from(1, number, &[Frame::Finish { length, digest }])
    };
    assert_eq!(finish(1, 7), Err(Reject::Malformed));
    assert_eq!(finish(2, 9), Ok(()));
    assert_eq!(finish(3, 10), Err(Reject::Malformed));
    let close = Close {
        code: Code::Finished,
        reason: b"",
    };
    assert_eq!(
        bare.from(1, 4, &[Frame::Close(close)]),
        Err(Reject::Malformed)
    );
    let beyond = Frame::Stream { offset: 7, bytes };
    assert_eq!(bare.from(1, 5, &[beyond]), Err(Reject::Malformed));
    assert_eq!(bare.receiver.result(), None);
}

#[test]
fn bytes_beyond_the_credit_are_refused() {
    let mut bare = Bare::new();
    let bytes = &[7; 100];
    let stream = |offset| [Frame::Stream { offset, bytes }];
    assert_eq!(bare.from(1, 0, &stream(9_901)), Err(Reject::Malformed));
    assert_eq!(
        bare.from(1, 0, &stream(u64::MAX - 200)),
        Err(Reject::Malformed)
    );
    assert_eq!(bare.from(1, 0, &stream(9_900)), Ok(()));
    assert_eq!(bare.receiver.counts().malformed, 2);
}

#[test]
fn numbers_that_came_are_remembered_and_bounded() {
    let mut bare = Bare::new();
    for number in 0..3_000 {
        assert_eq!(bare.from(1, 2 * number, &[Frame::Ping]), Ok(()));
        let (bytes, _) = bare.outgoing().expect("an acknowledgement");
        assert!(bytes.len() < 400, "{}", bytes.len());
        assert_eq!(
            bare.from(1, 2 * number, &[Frame::Ping]),
            Err(Reject::Duplicate)
        );
    }
    // What cannot be told from a copy is not accepted.
    assert_eq!(bare.from(1, 1, &[Frame::Ping]), Err(Reject::Duplicate));
    assert_eq!(bare.from(1, 5_997, &[Frame::Ping]), Ok(()));
    assert_eq!(bare.from(1, 5_999, &[Frame::Settled(5_990)]), Ok(()));
    assert_eq!(bare.from(1, 5_989, &[Frame::Ping]), Err(Reject::Duplicate));
    assert_eq!(bare.from(1, 5_991, &[Frame::Ping]), Ok(()));
    assert_eq!(bare.receiver.counts().duplicates, 3_002);
}

/// Its checksum is good, but it is none of a sender's.
#[test]
fn what_is_reflected_to_the_receiver_has_no_effect() {
    let mut bare = Bare::new();
    let now = Duration::from_secs(2);
    assert_eq!(bare.from(1, 0, &[Frame::Ping]), Ok(()));
    assert!(bare.receiver.write_answer(b"answer") > 0);
    let before = bare.receiver.last_received();
    let mut count = 0;
    while let Some((bytes, _)) = bare.outgoing() {
        // The first have numbers that the sender has used.
        let got = &mut bare.got;
        let taken = (bare.receiver).handle_datagram(now, host(2), Ecn::NotEct, &bytes, got);
        assert!(taken.is_err());
        count += 1;
    }
    assert!(count > 0);
    assert_eq!(bare.receiver.last_received(), before);
    let frames = [Frame::Credit {
        delivered: 0,
        limit: 9,
    }];
    assert_eq!(bare.from(2, 5, &frames), Err(Reject::Malformed));
    assert_eq!(bare.challenge(), None);
    assert_eq!(bare.receiver.last_received(), before);
    assert_eq!(bare.from(1, 5, &[Frame::Ping]), Ok(()));
}

/// As by an echo service in between: every datagram also comes back to whoever sent it.
#[test]
fn a_network_that_reflects_everything_does_no_harm() {
    let stream = stream(26, 1 << 20);
    for seed in [26, 27] {
        let mut world = World::new(&stream, seed, "delay=5ms,loss=1%", "delay=5ms");
        world.reflects = true;
        world.run();
        world.assert_whole();
        let (sender, receiver) = (world.sender.counts(), world.receiver.expect("one").counts());
        assert!(sender.rejected > 700, "{sender:?}");
        assert!(receiver.malformed + receiver.duplicates > 0, "{receiver:?}");
        assert_eq!(receiver.migrations, 0);
    }
}

#[test]
fn a_sender_believes_no_receiver_that_is_ahead_of_it() {
    let stream = stream(28, 1 << 20);
    let mut world = World::new(&stream, 29, "delay=5ms", "delay=5ms");
    world.run_until(Duration::from_millis(30));
    let connection = world.receiver.as_ref().expect("a receiver").connection();
    let mut handle = |number: u64, frame: Frame<'_>| {
        let mut packet = connection.to_be_bytes().to_vec();
        packet.extend(number.to_be_bytes());
        frame.append(&mut packet);
        packet.extend([0; 4]);
        Protection::unkeyed().seal(&mut packet).expect("sealed");
        world.sender.handle_datagram(world.now, &packet)
    };
    assert_eq!(handle(1 << 30, Frame::Done), Err(Reject::Malformed));
    let (delivered, limit) = (1 << 20, 2 << 20);
    let credit = Frame::Credit { delivered, limit };
    assert_eq!(handle((1 << 30) + 1, credit), Err(Reject::Malformed));
    let (delivered, limit) = (0, 2 << 20);
    let credit = Frame::Credit { delivered, limit };
    assert_eq!(handle((1 << 30) + 2, credit), Ok(()));
    assert_eq!(handle((1 << 30) + 2, credit), Err(Reject::Duplicate));
    assert_eq!(world.sender.result(), None);
}

#[test]
fn packets_of_unknown_connections_get_few_answers() {
    let mut listener = listener(1, false);
    let mut answered = 0;
    // What is shorter than an answer takes none from others.
    for _ in 0..1_000 {
        let now = Duration::from_secs(1);
        assert!(!listener.reply_to_unknown(now, 5, 10, &mut Vec::new()));
    }
    for _ in 0..1_000 {
        let (now, mut answer) = (Duration::from_secs(1), Vec::new());
        answered += u32::from(listener.reply_to_unknown(now, 5, 1_200, &mut answer));
        assert!(!listener.reply_to_unknown(now, 5, 10, &mut answer));
    }
    assert!((1..=10).contains(&answered), "{answered}");
}
