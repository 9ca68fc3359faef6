//! A receiver that was written from docs/protocols.md, in Python: what it stores is what was sent.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use udpraw::protocol::congestion::Cubic;
use udpraw::protocol::transfer::crypto::SharedCode;
use udpraw::protocol::transfer::manifest::{Answer, Entry, Kind, Modified, SenderState, Status};
use udpraw::protocol::transfer::{Sender, Source};

use crate::{CODE, sender_config};

/// `scripts/test` makes this environment.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/python/bin/python3");
const RECEIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transfer/receiver.py");

/// A Python that has the package.
fn python() -> Option<&'static str> {
    let found = [PYTHON, "python3"].into_iter().find(|python| {
        let mut import = Command::new(python);
        import
            .args(["-c", "import cryptography"])
            .stderr(Stdio::null());
        import.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        eprintln!("SKIPPED: no Python with the package cryptography (scripts/test installs it)");
        assert!(std::env::var_os("CI").is_none(), "CI must not skip");
    }
    found
}

struct Foreign(Child, SocketAddr);

impl Foreign {
    fn start(python: &str, code: &str, folder: &Path) -> Self {
        let mut command = Command::new(python);
        command
            .arg(RECEIVER)
            .arg(code)
            .arg(folder)
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("python");
        let mut line = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its port");
        let port: u16 = line.trim().parse().expect("its port");
        Self(child, SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Waits for its end: the exit code.
    fn finish(mut self) -> Option<i32> {
        self.0.wait().expect("a child").code()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the sender's program does: lists, and sends what is wanted.
struct Forward {
    bytes: Vec<u8>,
    list: SenderState,
    files: Vec<(Entry, Vec<u8>)>,
    is_complete: bool,
}

impl Source for Forward {
    fn available(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn bytes(&self, offset: u64, max_length: usize) -> &[u8] {
        let start = offset as usize;
        &self.bytes[start..self.bytes.len().min(start + max_length)]
    }
}

impl Forward {
    fn new(files: Vec<(Entry, Vec<u8>)>) -> Self {
        let (mut list, mut bytes) = (SenderState::new(), Vec::new());
        for (entry, _) in &files {
            list.list(entry, &mut bytes).expect("a valid entry");
        }
        list.end_section(&mut bytes);
        Self {
            bytes,
            list,
            files,
            is_complete: false,
        }
    }

    fn handle_answers(&mut self, answers: &[u8]) -> Vec<(u64, Answer)> {
        self.list.handle_answers(answers).expect("valid answers");
        let mut all = Vec::new();
        while let Some((index, answer)) = self.list.poll_answer() {
            all.push((index, answer));
            if answer == Answer::Send {
                let contents = std::mem::take(&mut self.files[index as usize].1);
                let whole = contents.len() as u64;
                // The first piece is left out if it is zeros: a hole.
                for (at, piece) in contents.chunks(100_000).enumerate() {
                    if piece.iter().any(|&byte| byte != 0) {
                        let head = self.list.data_head(at as u64 * 100_000, piece.len());
                        self.bytes.extend_from_slice(&head);
                        self.bytes.extend_from_slice(piece);
                    }
                }
                self.list.end(whole, Status::Whole, None, &mut self.bytes);
            }
        }
        if !self.is_complete && self.list.is_idle() {
            self.list.finish(0, &mut self.bytes);
            self.is_complete = true;
        }
        all
    }
}

/// Sends all of it over a real socket; each datagram is lost with a probability of `loss`.
fn send(to: SocketAddr, mut forward: Forward, loss: f64) -> Vec<(u64, Answer)> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(to).expect("connected");
    let (begun, mut dice) = (Instant::now(), fastrand::Rng::with_seed(1));
    let config = sender_config(begun.elapsed().subsec_nanos().into(), true);
    let mut sender = Sender::new(
        Duration::ZERO,
        dice.u64(..),
        config,
        Box::new(Cubic::new(1_472)),
    );
    let (mut datagrams, mut answers, mut all) = (Vec::new(), Vec::new(), Vec::new());
    let mut buffer = [0; 2_000];
    while sender.result().is_none() {
        let now = begun.elapsed();
        assert!(now < Duration::from_secs(60), "{sender:#?}");
        sender.handle_timeout(now);
        while let Some(run) = sender.poll_transmit(now, &forward) {
            run.copy(&forward, &mut datagrams);
            for datagram in datagrams.chunks(run.segment_size()) {
                if dice.f64() >= loss {
                    socket.send(datagram).expect("sent");
                }
            }
        }
        let wait = sender
            .poll_timeout()
            .map_or(Duration::ZERO, |at| at.saturating_sub(begun.elapsed()));
        socket
            .set_read_timeout(Some(wait.max(Duration::from_micros(100))))
            .expect("set");
        if let Ok(length) = socket.recv(&mut buffer)
            && dice.f64() >= loss
        {
            let taken = sender.handle_datagram(begun.elapsed(), &buffer[..length]);
            assert!(taken.is_ok(), "{taken:?}");
            answers.clear();
            sender.take_answers(&mut answers);
            all.extend(forward.handle_answers(&answers));
        }
    }
    assert_eq!(sender.result(), Some(Ok(())));
    all
}

fn entry(kind: Kind, path: &str) -> Entry {
    Entry {
        kind,
        path: path.into(),
        mode: 0o640,
        modified: Modified {
            seconds: 1_700_000_000,
            nanoseconds: 5,
        },
    }
}

fn file(path: &str, contents: Vec<u8>) -> (Entry, Vec<u8>) {
    let size = contents.len() as u64;
    (entry(Kind::File { size }, path), contents)
}

fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(length as u64).fill(&mut bytes);
    bytes
}

#[test]
fn a_foreign_receiver_stores_what_is_sent() {
    let Some(python) = python() else { return };
    for loss in [0.0, 0.01] {
        let folder = tempfile::tempdir().expect("a folder");
        let contents = bytes(3_000_000);
        let foreign = Foreign::start(python, &SharedCode::new(CODE).reveal(), folder.path());
        let forward = Forward::new(vec![file("film", contents.clone())]);
        assert_eq!(send(foreign.1, forward, loss), [(0, Answer::Send)]);
        assert_eq!(foreign.finish(), Some(0));
        assert!(fs::read(folder.path().join("film")).expect("stored") == contents);
    }
}

#[test]
fn a_foreign_receiver_stores_a_folder() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = vec![
        (entry(Kind::Folder, "a"), Vec::new()),
        file("a/empty", Vec::new()),
    ];
    files.extend((0..100).map(|number| file(&format!("a/{number}"), bytes(number * 31))));
    files.push(file(
        "a/hole",
        [vec![0; 200_000], bytes(5), vec![0; 300_000]].concat(),
    ));
    files.push(file("../outside", bytes(3)));
    let expected = files.clone();
    let foreign = Foreign::start(python, &SharedCode::new(CODE).reveal(), folder.path());
    let answers = send(foreign.1, Forward::new(files), 0.02);
    assert!(
        matches!(answers.last(), Some((_, Answer::Refused(_)))),
        "{answers:?}"
    );
    assert_eq!(foreign.finish(), Some(0));
    for (entry, contents) in &expected[1..expected.len() - 1] {
        let path = folder
            .path()
            .join(std::str::from_utf8(&entry.path).expect("ASCII"));
        assert!(fs::read(&path).expect("stored") == *contents, "{path:?}");
        let modified = fs::metadata(&path).expect("it").modified().expect("a time");
        assert_eq!(
            modified,
            std::time::UNIX_EPOCH + Duration::new(1_700_000_000, 5)
        );
    }
}
