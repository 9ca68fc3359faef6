//! The cryptography, compared with that of the Python package `cryptography`: peer.py is the
//! receiver's end.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use udpraw::protocol::transfer::crypto::{
    Cipher, Ciphers, Initiator, Opening, Protection, Responder, Role, SharedCode,
};

use crate::common::python_with;

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transfer/peer.py");

struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &str) -> Self {
        let mut command = Command::new(python);
        command
            .arg(PEER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("python");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            input,
            output,
        }
    }

    fn ask(&mut self, question: &str) -> String {
        writeln!(self.input, "{question}").expect("written");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("an answer");
        answer.trim().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string");
    }
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

fn packet(by: &mut Protection, number: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = [7_u64.to_be_bytes(), number.to_be_bytes()].concat();
    packet.extend(payload);
    packet.resize(packet.len() + by.tag_length(), 0);
    by.seal(&mut packet).expect("sealed");
    packet
}

#[test]
fn another_implementation_agrees() {
    let Some(python) = python_with("cryptography") else {
        return;
    };
    let mut rng = fastrand::Rng::with_seed(13);
    for cipher in [
        Cipher::Aes256Gcm,
        Cipher::ChaCha20Poly1305,
        Cipher::Aes256Gcm,
    ] {
        let code = SharedCode::new(rng.u128(..).to_be_bytes());
        let token = rng.u128(..).to_be_bytes();
        let opening = Opening {
            version: 2,
            id: rng.u64(..),
            token,
            ciphers: Ciphers::ALL,
        };
        let (mut ours, mut theirs) = ([0; 32], [0; 32]);
        rng.fill(&mut ours);
        rng.fill(&mut theirs);
        let key = code.pre_shared_key();
        let mut initiator = Initiator::new(&key, &opening, ours).expect("begun");

        let payload = b"a payload";
        let mut peer = Peer::start(python);
        let answer = peer.ask(&format!(
            "respond {} 2 {} {} {} {} {} {} {}",
            code.reveal(),
            opening.id,
            hex(&token),
            opening.ciphers.bits(),
            hex(initiator.message()),
            hex(&theirs),
            hex(payload),
            cipher.number(),
        ));
        let responder = Responder::read(&key, &opening, theirs, initiator.message());
        let mut message = Vec::new();
        let _ = responder
            .expect("verified")
            .write(payload, &mut message)
            .expect("written");
        assert_eq!(answer, hex(&message));
        let (read, secrets) = initiator.read(&bytes(&answer)).expect("read");
        assert_eq!(read, payload);

        let mut protection = Protection::keyed(&secrets, Role::Initiator, cipher);
        for (number, length) in [
            (0, 0),
            (1, 1),
            (0xf_ffff, 1_400),
            (0x10_0000, 99),
            (0x2f_0000, 9),
        ] {
            let payload: Vec<_> = (0..length).map(|_| rng.u8(..)).collect();
            let mut sealed = packet(&mut protection, number, &payload);
            assert_eq!(peer.ask(&format!("open {}", hex(&sealed))), hex(&payload));
            sealed[20] ^= 1;
            assert_eq!(peer.ask(&format!("open {}", hex(&sealed))), "refused");
            let question = format!("seal 07 {} {}", hex(&number.to_be_bytes()), hex(&payload));
            let mut theirs = bytes(&peer.ask(&question));
            let opened = protection.open(&mut theirs).expect("opened");
            assert_eq!(
                (opened.connection, opened.number, &*opened.payload),
                (7, number, &payload[..])
            );
        }
    }
}
