//! Strangers at the door of a receiver: openings that nothing follows, and openings that are copies.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use udpraw::protocol::congestion::Cubic;
use udpraw::protocol::transfer::crypto::{Ciphers, SharedCode};
use udpraw::protocol::transfer::{
    Code, Failure, Handshake, Open, Security, Sender, SenderConfig, decode,
};

use crate::common::{self, PATIENCE};
use crate::nat::Nat;
use crate::{Recv, Send, folder_with, stream, text};

/// Pages by which a receiver may have grown: 2 MiB.
const GROWTH: u64 = 512;
const NOTHING: &[u8] = &[];

/// A sender that opens a transfer from a socket of its own, and then says nothing more.
struct Stranger {
    socket: UdpSocket,
    sender: Sender,
    /// The last answer.
    answer: Vec<u8>,
}

impl Stranger {
    fn open(to: SocketAddr, id: u64, from: Ipv4Addr, code: Option<[u8; 16]>) -> Self {
        let socket = UdpSocket::bind((from, 0)).expect("all of 127/8 is here");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.connect(to).expect("loopback");
        let mut config = SenderConfig::default();
        config.security = code.map(|code| {
            let ephemerals = [[id as u8 + 1; 32], [id as u8 + 2; 32]];
            Security::new(SharedCode::new(code).pre_shared_key(), ephemerals)
        });
        let congestion = Box::new(Cubic::new(1_200));
        let sender = Sender::new(Duration::ZERO, id, config, congestion);
        let mut stranger = Self {
            socket,
            sender,
            answer: Vec::new(),
        };
        stranger.ask();
        stranger.ask();
        stranger
    }

    /// Sends one datagram, and waits for the answer.
    fn ask(&mut self) {
        let (now, mut datagram) = (Duration::ZERO, Vec::new());
        let run = self.sender.poll_transmit(now, &NOTHING);
        run.expect("a datagram").copy(&NOTHING, &mut datagram);
        self.answer = common::ask(&self.socket, &datagram);
        // Later the address is proven.
        assert!(self.sender.is_open() || self.answer.len() <= datagram.len());
        let _ = self.sender.handle_datagram(now, &self.answer);
    }
}

/// So many openings of strangers, from one address or from as many; then an honest sender.
fn honest_after(strangers: u64, options: &[&str], address: fn(u64) -> Ipv4Addr) {
    let folder = tempfile::tempdir().expect("a folder");
    let into = ["--into", text(folder.path()), "--count", "1", "--json"];
    let recv = Recv::start(&[&into[..], options].concat());
    let is_open = options.contains(&"--open");
    let mut before = 0;
    for id in 0..strangers {
        let code = (!is_open).then_some([9; 16]);
        let stranger = Stranger::open(recv.address, id, address(id), code);
        match decode(&stranger.answer) {
            Ok((_, Handshake::Accept(_))) if is_open => {}
            Ok((_, Handshake::Close(close))) if !is_open => {
                assert_eq!(close.code, Code::WrongCode);
            }
            other => panic!("{other:?}"),
        }
        if id == strangers / 8 {
            before = recv.process.resident();
        }
    }
    let after = recv.process.resident();
    assert!(after < before + GROWTH, "{before} pages became {after}");
    let (_folder, source) = folder_with("honest", b"hello");
    let words = [&[text(&source), "--json"], options].concat();
    let sent = Send::start(recv.address, &words).finish();
    assert_eq!(sent.code, Some(0), "{}", sent.last());
    let received = recv.finish();
    assert_eq!(received.code, Some(0), "{received:?}");
    assert_eq!(
        fs::read(folder.path().join("honest")).expect("it"),
        b"hello"
    );
}

#[test]
fn whoever_lacks_the_code_keeps_nobody_out() {
    for strangers in [16, 64] {
        honest_after(strangers, &[], |_| Ipv4Addr::LOCALHOST);
    }
}

#[test]
fn openings_without_a_code_keep_nobody_out() {
    for strangers in [16, 64, 1_000] {
        honest_after(strangers, &["--open"], |_| Ipv4Addr::LOCALHOST);
        honest_after(strangers, &["--open"], |id| {
            Ipv4Addr::from_bits(0x7f01_0001 + id as u32 * 7)
        });
    }
}

/// Somebody who opens a transfer before another begins, and begins after it.
#[test]
fn whoever_comes_too_late_is_refused_and_the_other_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = ["--into", text(folder.path())];
    let target = folder.path().join("file");
    for words in [
        &[&into[..], &["--count", "1"]].concat()[..],
        &["-o", text(&target)],
    ] {
        let mut recv = Recv::start(&[words, &["--json", "--open", "--overwrite"]].concat());
        let mut late = Stranger::open(recv.address, 7, Ipv4Addr::LOCALHOST, None);
        let mut send = Send::start(recv.address, &["--open", "--name", "file"]);
        send.write(b"hello");
        recv.process.await_bytes(5);
        late.ask();
        let Some(Err(Failure::Closed { code, .. })) = late.sender.result() else {
            panic!("{:?}", late.sender.result());
        };
        assert_eq!(*code, Code::Refused);
        send.write(b", world");
        send.finish().is(0, "sent");
        let received = recv.finish();
        assert_eq!(received.code, Some(0), "{received:?}");
        assert_eq!(fs::read(&target).expect("it"), b"hello, world");
    }
}

/// All that a sender has sent, again and from the same port: the tokens in it are still good.
#[test]
fn a_transfer_that_is_replayed_starts_nothing() {
    for options in [&[][..], &["--open"]] {
        let folder = tempfile::tempdir().expect("a folder");
        let into = ["--into", text(folder.path()), "--json"];
        let mut recv = Recv::start(&[&into[..], options, &["--count", "2"]].concat());
        let nat = Nat::start(recv.address);
        let (_one, source) = folder_with("one", &stream(200_000, 60));
        let words = [&[text(&source)], options].concat();
        Send::start(nat.address(), &words).finish().is(0, "sent");
        while recv.process.event()["event"] != "done" {}
        fs::remove_file(folder.path().join("one")).expect("it is there");

        let (recorded, agreed) = (nat.recorded(), nat.agreed());
        let openings = recorded
            .iter()
            .filter(|bytes| bytes[4..8] == *b"uT\x02\x01");
        assert!(openings.count() >= 2 && recorded.len() > 10);
        for _ in 0..3 {
            recorded.iter().for_each(|bytes| nat.replay(bytes));
        }
        // What comes from there is answered in order.
        let stranger = Stranger::open(recv.address, 8, Ipv4Addr::LOCALHOST, Some([9; 16]));
        assert!(stranger.sender.result().is_some() && !stranger.answer.is_empty());

        let (_two, source) = folder_with("two", b"two");
        let words = [&[text(&source)], options].concat();
        Send::start(nat.address(), &words).finish().is(0, "sent");
        // Once more for the honest sender, whose answer comes after those to what was replayed; twice if
        // it was slow. Each copy would be three more.
        let again = nat.agreed() - agreed;
        assert!((1..=2).contains(&again), "agreed {again} times");
        let received = recv.finish();
        let opened = received.json();
        let opened = opened.iter().filter(|event| event["event"] == "opened");
        assert_eq!(
            (received.code, opened.count()),
            (Some(0), 1),
            "{received:?}"
        );
        let mut names = fs::read_dir(folder.path()).expect("it");
        let name = names.next().expect("one file").expect("it").file_name();
        assert!(name == "two" && names.next().is_none());
    }
}

/// Whoever `--from` does not name gets no answer, not even a cookie.
#[test]
fn whoever_is_not_named_gets_no_answer() {
    let named = Ipv4Addr::new(127, 0, 7, 0);
    for bind in ["0.0.0.0", "::"] {
        let folder = tempfile::tempdir().expect("a folder");
        let words = ["--into", text(folder.path()), "--bind", bind];
        let recv = Recv::start(&[&words[..], &["--from", "127.0.7.0/24"]].concat());
        let to = SocketAddr::from((named, recv.address.port()));
        let mut opening = Vec::new();
        let (token, ciphers, message) = ([0; 16], Ciphers::NONE, None);
        Handshake::Open(Open {
            token,
            ciphers,
            message,
        })
        .encode(7, &mut opening);
        let stranger = UdpSocket::bind("127.0.6.255:0").expect("all of 127/8 is here");
        stranger.send_to(&opening, to).expect("sent");
        // The receiver has answered what came before, when it answers this.
        Stranger::open(to, 8, named, Some([9; 16]));
        stranger.set_nonblocking(true).expect("it");
        let received = stranger.recv(&mut [0; 100]);
        let kind = received.map_err(|error| error.kind());
        assert_eq!(kind, Err(std::io::ErrorKind::WouldBlock));
    }
}
