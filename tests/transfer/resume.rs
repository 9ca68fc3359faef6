//! A transfer that was cut off goes on where it was.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::{Recv, Send, folder_with, stream, text};

const LENGTH: usize = 6_000_000;
const HALF: usize = LENGTH / 2;

/// What is kept of an interrupted transfer.
fn part(folder: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).expect("a folder");
    entries.find_map(|entry| {
        let path = entry.expect("it").path();
        (path.extension()? == "part").then_some(path)
    })
}

/// Cuts a transfer off after half of it, and carries the rest; `cut` ends both ends.
fn cut_off(cut: impl FnOnce(Recv, Send)) {
    let bytes = stream(LENGTH, 10);
    let (folder, source) = folder_with("source", &bytes);
    let target = folder.path().join("target");
    let words = ["-o", text(&target), "--json", "--timeout", "500ms"];
    let mut recv = Recv::start(&words);
    let slow = [text(&source), "--rate", "60Mbit", "--timeout", "1s"];
    let send = Send::start(recv.address, &slow);
    recv.process.await_bytes(HALF as u64);
    cut(recv, send);
    assert!(!target.exists());
    let path = part(folder.path()).expect("a part");
    let kept = fs::read(&path).expect("it");
    assert!(kept.len() >= HALF && kept == bytes[..kept.len()]);

    let recv = Recv::start(&[&words[..], &["--resume"]].concat());
    let sent = Send::start(recv.address, &[text(&source), "--json"]).finish();
    let received = recv.finish();
    for end in [sent.last(), received.last()] {
        assert_eq!(end["event"], "done");
        assert_eq!(end["bytes"], LENGTH);
        assert_eq!(end["resumed_bytes"], kept.len());
    }
    let datagrams = sent.last()["datagrams"].as_u64().expect("it");
    assert!(datagrams < HALF as u64 / 1_000, "{datagrams} datagrams");
    assert!(fs::read(&target).expect("it") == bytes);
    assert_eq!(part(folder.path()), None);
}

#[test]
fn after_the_sender_was_killed() {
    cut_off(|recv, send| {
        send.process.signal(Signal::SIGKILL);
        let received = recv.finish();
        assert_eq!(received.code, Some(1));
        let last = received.last();
        assert_eq!(
            (&last["event"], &last["reason"]),
            (&"failed".into(), &"silent".into())
        );
        let message = last["message"].as_str().expect("it");
        for part in ["from the sender for 500ms", "kept ", "--resume"] {
            assert!(message.contains(part), "{message}");
        }
    });
}

#[test]
fn after_the_receiver_was_killed() {
    cut_off(|recv, send| {
        recv.process.signal(Signal::SIGKILL);
        recv.finish();
        // What is sent now meets a closed port.
        send.finish()
            .is(1, "(ECONNREFUSED); udpraw recv --resume there");
    });
}

#[test]
fn after_ctrl_c_at_the_sender() {
    cut_off(|recv, send| {
        send.process.signal(Signal::SIGINT);
        let sent = send.process.finish();
        sent.is(1, "the sender was interrupted");
        let received = recv.finish();
        assert_eq!(received.code, Some(1));
        assert_eq!(received.last()["reason"], "interrupted");
    });
}

#[test]
fn after_ctrl_c_at_the_receiver() {
    cut_off(|recv, send| {
        recv.process.signal(Signal::SIGINT);
        let received = recv.finish();
        assert_eq!(received.code, Some(1));
        assert_eq!(received.last()["reason"], "interrupted");
        send.process
            .finish()
            .is(1, "the receiver ended it: the receiver was interrupted");
    });
}

#[test]
fn another_file_is_not_mixed_with_what_was_kept() {
    let (folder, source) = folder_with("source", &stream(6_000_000, 12));
    let target = folder.path().join("target");
    let words = ["-o", text(&target), "--json"];
    let mut recv = Recv::start(&words);
    let mut send = Send::start(recv.address, &["--name", "source"]);
    send.write(&stream(3_000_000, 13));
    recv.process.await_bytes(3_000_000);
    send.process.signal(Signal::SIGKILL);
    recv.process.signal(Signal::SIGINT);
    recv.finish();
    assert!(part(folder.path()).is_some());
    let recv = Recv::start(&["-o", text(&target), "--resume"]);
    Send::start(recv.address, &[text(&source)])
        .finish()
        .is(0, "sent");
    recv.finish().is(0, "received source");
    assert!(fs::read(&target).expect("it") == stream(6_000_000, 12));
}

/// A folder that was cut off in its middle: what is there and equal is not sent again.
#[test]
fn a_folder_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir_all(&from).expect("it");
    fs::create_dir(&to).expect("it");
    for number in 0..40 {
        let bytes = stream(500_000, number);
        fs::write(from.join(format!("file{number:02}")), bytes).expect("it");
    }
    let words = ["--into", text(&to), "--count", "1", "--json"];
    let mut recv = Recv::start(&words);
    let send = Send::start(recv.address, &[text(&from), "--rate", "40Mbit"]);
    recv.process.await_bytes(5_000_000);
    recv.process.signal(Signal::SIGINT);
    recv.finish();
    send.finish().is(1, "the receiver was interrupted");

    let recv = Recv::start(&[&words[..], &["--resume"]].concat());
    let sent = Send::start(recv.address, &[text(&from), "--json"]).finish();
    let received = recv.finish();
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    let resumed = sent.last()["resumed_bytes"].as_u64().expect("it");
    assert!(resumed >= 4_500_000, "{resumed} bytes were there");
    assert_eq!(received.last()["bytes"], 20_000_000);
    for number in 0..40 {
        let name = format!("from/file{number:02}");
        assert!(fs::read(to.join(name)).expect("it") == stream(500_000, number));
    }
    assert_eq!(part(&to), None);
}

/// With `--resume` at both ends, the sender goes on when its receiver is started again; `network` is what
/// is between them.
fn found_again<N>(network: impl FnOnce(SocketAddr) -> (N, SocketAddr)) {
    let bytes = stream(8_000_000, 14);
    let (folder, source) = folder_with("source", &bytes);
    let target = folder.path().join("target");
    let words = ["-o", text(&target), "--json", "--resume"];
    let mut recv = Recv::start(&words);
    let port = recv.address.port().to_string();
    let (_network, address) = network(recv.address);
    let rate = ["--rate", "40Mbit", "--resume", "--timeout", "20s"];
    let send = Send::start(address, &[&[text(&source)], &rate[..]].concat());
    recv.process.await_bytes(2_000_000);
    recv.process.signal(Signal::SIGKILL);
    recv.finish();
    let again = [&["recv", "--port", &port, "--wait", "60s"], &words[..]].concat();
    let recv = Recv::run(crate::common::udpraw(again));
    let sent = send.finish();
    let received = recv.finish();
    sent.is(0, "the receiver was started again; going on with it");
    assert_eq!(received.code, Some(0), "{}", received.stderr);
    let resumed = received.last()["resumed_bytes"].as_u64();
    assert!(resumed > Some(1_000_000), "{}", received.last());
    assert!(fs::read(&target).expect("it") == bytes);
}

#[test]
fn a_receiver_that_is_started_again_is_found_again() {
    found_again(|address| ((), address));
}

/// The sender does not learn that nobody was there for a while.
#[test]
fn a_receiver_behind_a_relay_is_found_again() {
    found_again(|address| crate::relayed::relay(address, &["--delay", "2ms"]));
}
