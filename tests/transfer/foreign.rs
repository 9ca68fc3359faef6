//! `udpraw send` to a receiver that is not udpraw: receiver.py, which was written from
//! docs/protocols.md.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use udpraw::protocol::transfer::crypto::SharedCode;

use crate::common::python_with;
use crate::relayed::relay;
use crate::{Send, folder_with, stream, text};

const RECEIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transfer/receiver.py");

struct Foreign {
    child: Child,
    address: SocketAddr,
}

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
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { child, address }
    }

    fn finish(mut self) -> Option<i32> {
        self.child.wait().expect("a child").code()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn code() -> String {
    SharedCode::new([7; 16]).reveal()
}

/// Whether two files have the same SHA-256 (FIPS 180-4), by sha256sum(1).
#[track_caller]
fn assert_same(one: &Path, other: &Path) {
    let digest = |path: &Path| {
        let output = Command::new("sha256sum")
            .arg(path)
            .output()
            .expect("sha256sum");
        String::from_utf8(output.stdout).expect("ASCII")[..64].to_owned()
    };
    assert_eq!(digest(one), digest(other));
}

#[test]
fn a_foreign_receiver_stores_a_file() {
    let Some(python) = python_with("cryptography") else {
        return;
    };
    let (folder, source) = folder_with("film", &stream(5_000_000, 1));
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("it");
    let foreign = Foreign::start(python, &code(), &target);
    let sent = Send::start(foreign.address, &[text(&source), "--code", &code()]).finish();
    sent.is(0, "sent film");
    assert_eq!(foreign.finish(), Some(0));
    assert_same(&source, &target.join("film"));
}

#[test]
fn a_foreign_receiver_stores_a_file_in_spite_of_loss() {
    let Some(python) = python_with("cryptography") else {
        return;
    };
    let (folder, source) = folder_with("film", &stream(3_000_000, 2));
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("it");
    let foreign = Foreign::start(python, &code(), &target);
    let (_relay, at) = relay(foreign.address, &["--loss", "1%", "--seed", "3"]);
    let sent = Send::start(at, &[text(&source), "--code", &code(), "--json"]).finish();
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert!(
        sent.last()["retransmitted_bytes"].as_u64() > Some(0),
        "{sent:?}"
    );
    assert_eq!(foreign.finish(), Some(0));
    assert_same(&source, &target.join("film"));
}

#[test]
fn a_foreign_receiver_stores_a_folder() {
    let Some(python) = python_with("cryptography") else {
        return;
    };
    let (folder, source) = folder_with("first", b"1");
    let (from, target) = (folder.path().join("from"), folder.path().join("target"));
    fs::create_dir_all(from.join("inner/deep")).expect("it");
    fs::create_dir(&target).expect("it");
    fs::rename(&source, from.join("first")).expect("it");
    for number in 0..200 {
        let name = from.join(format!("inner/deep/{number}"));
        fs::write(name, stream(number * 13, number as u64)).expect("it");
    }
    let sparse = fs::File::create(from.join("sparse")).expect("it");
    sparse.set_len(20_000_000).expect("it");
    let foreign = Foreign::start(python, &code(), &target);
    let sent = Send::start(foreign.address, &[text(&from), "--code", &code()]).finish();
    sent.is(0, "sent from (205 entries)");
    assert_eq!(foreign.finish(), Some(0));
    let names = [
        "first",
        "sparse",
        "inner/deep/0",
        "inner/deep/1",
        "inner/deep/199",
    ];
    for name in names {
        assert_same(&from.join(name), &target.join("from").join(name));
    }
}

#[test]
fn a_foreign_receiver_knows_another_code() {
    let Some(python) = python_with("cryptography") else {
        return;
    };
    let (folder, source) = folder_with("film", b"secret");
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("it");
    let foreign = Foreign::start(python, &code(), &target);
    let other = SharedCode::new([8; 16]).reveal();
    let sent = Send::start(foreign.address, &[text(&source), "--code", &other]).finish();
    sent.is(1, "code");
    assert_eq!(fs::read_dir(&target).expect("it").count(), 0);
}
