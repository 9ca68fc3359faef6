//! Datagrams that mean harm, at the port of a receiver.

use std::net::{Ipv4Addr, UdpSocket};

use udpraw::protocol::transfer::crypto::Ciphers;
use udpraw::protocol::transfer::{
    Accept, Acknowledge, Close, Code, Frame, Handshake, Open, Ranges, Status, decode,
};

use crate::{Recv, Send, common, stream, text};

/// A million in scripts/test-deep.
fn many() -> u64 {
    match std::env::var_os("UDPRAW_DEEP") {
        Some(_) => 1_000_000,
        None => 150_000,
    }
}
/// Pages by which a receiver may have grown: 4 MiB, for buffers that are made at the first use.
const GROWTH: u64 = 1_024;

fn seal(frame: &mut [u8]) {
    let sum = crc32c::crc32c(&frame[4..]);
    frame[..4].copy_from_slice(&sum.to_be_bytes());
}

/// An open frame of another version.
fn foreign_version() -> Vec<u8> {
    let mut frame = open(7);
    frame[6] = 9;
    seal(&mut frame);
    frame
}

fn open(id: u64) -> Vec<u8> {
    opening(id, [0; 16])
}

fn opening(id: u64, token: [u8; 16]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (ciphers, message) = (Ciphers::NONE, None);
    let open = Open {
        token,
        ciphers,
        message,
    };
    Handshake::Open(open).encode(id, &mut bytes);
    bytes
}

/// One datagram of each kind of the handshake, and one packet with each kind of frame.
fn frames() -> Vec<Vec<u8>> {
    let accept = Accept {
        connection: 1,
        credit: 2,
        max_datagram: 4,
        delay: 5,
        peer_timeout: 60,
        cipher: None,
    };
    let fields = accept.encode();
    let close = Close {
        code: Code::Refused,
        reason: b"why",
    };
    let handshake = [
        Handshake::Open(Open {
            token: [1; 16],
            ciphers: Ciphers::NONE,
            message: None,
        }),
        Handshake::Challenge { token: [2; 16] },
        Handshake::Accept(&fields),
        Handshake::Close(close),
        Handshake::Versions(&[1, 2]),
    ];
    let mut room = [[0; 8]; 32];
    let acknowledge = Acknowledge {
        delay: 3,
        ect0: 4,
        ce: 5,
        ranges: Ranges::encode([(3, 9), (0, 1)].into_iter(), &mut room),
    };
    let frames = [
        Frame::Ping,
        Frame::Acknowledge(acknowledge),
        Frame::Settled(1),
        Frame::Answered(2),
        Frame::Status(Status::Storing),
        Frame::Finish {
            length: 1,
            digest: 2,
        },
        Frame::Done,
        Frame::Close(close),
        Frame::PathChallenge([1; 8]),
        Frame::PathResponse([1; 8]),
        Frame::Stream {
            offset: 2,
            bytes: &[3; 90],
        },
    ];
    let mut all = Vec::new();
    for frame in handshake {
        let mut bytes = Vec::new();
        frame.encode(7, &mut bytes);
        all.push(bytes);
    }
    for frame in frames {
        let mut bytes = [7_u64.to_be_bytes(), 1_u64.to_be_bytes()].concat();
        frame.append(&mut bytes);
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        all.push(bytes);
    }
    all
}

/// Waits until the receiver has taken all that was sent before.
fn ping(socket: &UdpSocket, foreign: &[u8]) {
    socket.send(foreign).expect("sent");
    let mut buffer = [0; 2_000];
    for _ in 0..200 {
        let length = common::received(|| socket.recv(&mut buffer)).expect("an answer");
        // Frames of unknown transfers are answered as well.
        if buffer[7] == 10 {
            return assert!(length <= foreign.len());
        }
    }
    panic!("no list of versions came");
}

/// Sends many of something, none of it lost, to a receiver that must not mind.
fn flood(mut next: impl FnMut(u64, &mut Vec<u8>)) {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("target");
    let recv = Recv::start(&["-o", text(&target)]);
    let socket = common::client_of(recv.address);
    let (foreign, mut bytes) = (foreign_version(), Vec::new());
    let mut before = 0;
    for number in 0..many() {
        bytes.clear();
        next(number, &mut bytes);
        socket.send(&bytes).expect("sent");
        if number % 100 == 99 {
            ping(&socket, &foreign);
        }
        if number == 10_000 {
            before = recv.process.resident();
        }
    }
    let after = recv.process.resident();
    assert!(after < before + GROWTH, "{before} pages became {after}");
    // And it still does its work.
    let mut send = Send::start(recv.address, &[]);
    send.write(b"hello");
    send.finish().is(0, "sent");
    recv.finish().is(0, "received");
    assert_eq!(std::fs::read(target).expect("it"), b"hello");
}

#[test]
fn many_random_datagrams() {
    let mut dice = fastrand::Rng::with_seed(30);
    flood(|number, bytes| {
        bytes.resize(dice.usize(0..200), 0);
        dice.fill(bytes);
        // Half of them get past the checksum.
        if number % 2 == 0 && bytes.len() >= 16 {
            bytes[4..7].copy_from_slice(b"uT\x02");
            bytes[7] %= 12;
            seal(bytes);
        }
    });
}

#[test]
fn many_truncated_frames() {
    let frames = frames();
    let mut dice = fastrand::Rng::with_seed(31);
    flood(|number, bytes| {
        let frame = dice.choice(&frames).expect("one");
        bytes.extend(&frame[..dice.usize(0..frame.len())]);
        if number % 2 == 0 && bytes.len() >= 16 {
            seal(bytes);
        }
    });
}

#[test]
fn an_unknown_version_is_told_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let recv = Recv::start(&["--into", text(folder.path())]);
    let socket = common::client_of(recv.address);
    let question = foreign_version();
    let answer = common::ask(&socket, &question);
    assert!(answer.len() <= question.len());
    assert_eq!(decode(&answer), Ok((7, Handshake::Versions(&[2]))));
}

#[test]
fn a_hundred_thousand_spoofed_handshakes() {
    let folder = tempfile::tempdir().expect("a folder");
    let recv = Recv::start(&["--into", text(folder.path())]);
    let mut before = 0;
    for host in 0..1_000_u32 {
        let address = Ipv4Addr::from_bits(0x7f01_0000 + host * 61 + 1);
        let socket = UdpSocket::bind((address, 0)).expect("all of 127/8 is here");
        socket.set_read_timeout(Some(common::PATIENCE)).expect("it");
        socket.connect(recv.address).expect("it");
        for id in 0..100 {
            let question = open(id);
            let answer = common::ask(&socket, &question);
            assert!(answer.len() <= question.len(), "{}", answer.len());
            let decoded = decode(&answer).expect("a frame");
            assert!(matches!(decoded, (_, Handshake::Challenge { .. })));
        }
        if host == 10 {
            before = recv.process.resident();
        }
    }
    let after = recv.process.resident();
    assert!(after < before + GROWTH, "{before} pages became {after}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("it").count(), 0);
}

#[test]
fn a_token_is_good_for_its_address_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let recv = Recv::start(&["--into", text(folder.path()), "--open"]);
    let (one, other) = (
        common::client_of(recv.address),
        common::client_of(recv.address),
    );
    let answer = common::ask(&one, &open(7));
    let decoded = decode(&answer).expect("a frame");
    let (_, Handshake::Challenge { token }) = decoded else {
        panic!("{decoded:?}");
    };
    let again = opening(7, token);
    let answer = common::ask(&other, &again);
    let decoded = decode(&answer).expect("a frame");
    assert!(
        matches!(decoded, (_, Handshake::Challenge { .. })),
        "{decoded:?}"
    );
    let answer = common::ask(&one, &again);
    let decoded = decode(&answer).expect("a frame");
    assert!(matches!(decoded, (_, Handshake::Accept(_))), "{decoded:?}");
}

#[test]
fn junk_does_not_disturb_a_transfer() {
    let bytes = stream(2_000_000, 32);
    let mut recv = Recv::start(&[]);
    let mut send = Send::start(recv.address, &[]);
    let socket = common::client_of(recv.address);
    let frames = frames();
    let mut got = Vec::new();
    for part in bytes.chunks(20_000) {
        send.write(part);
        frames.iter().for_each(|frame| {
            socket.send(frame).expect("sent");
        });
        got.extend(recv.process.read(part.len()));
    }
    assert!(got == bytes);
    send.finish().is(0, "sent");
    recv.finish().is(0, "received");
}
