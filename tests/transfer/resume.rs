//! A transfer that was cut off goes on where it was.

use std::fs;

use nix::sys::signal::Signal;

use crate::{Recv, Send, folder_with, stream, text};

const LENGTH: usize = 6_000_000;
const HALF: usize = LENGTH / 2;

/// Cuts a transfer off after half of it, and carries the rest; `cut` ends one of the ends.
fn cut_off(cut: impl FnOnce(Recv, Send)) {
    let bytes = stream(LENGTH, 10);
    let (folder, source) = folder_with("source", &bytes);
    let target = folder.path().join("target");
    let words = ["-o", text(&target), "--json", "--timeout", "500ms"];
    let mut recv = Recv::start(&words);
    let mut send = Send::start(recv.address, &["--timeout", "1s"]);
    send.write(&bytes[..HALF]);
    recv.process.await_bytes(HALF as u64);
    cut(recv, send);
    let part = folder.path().join("target.part");
    assert!(!target.exists());
    assert!(fs::read(&part).expect("a part") == bytes[..HALF]);

    let recv = Recv::start(&[&words[..], &["--resume"]].concat());
    let sent = Send::start(recv.address, &[text(&source), "--json"]).finish();
    let received = recv.finish();
    for end in [sent.last(), received.last()] {
        assert_eq!(end["event"], "done");
        assert_eq!(end["bytes"], LENGTH);
        assert_eq!(end["resumed_bytes"], HALF);
    }
    let digest = twox_hash::XxHash3_128::oneshot(&bytes);
    assert_eq!(received.last()["xxh3_128"], format!("{digest:032x}"));
    let datagrams = sent.last()["datagrams"].as_u64().expect("it");
    assert!(datagrams < HALF as u64 / 1_000, "{datagrams} datagrams");
    assert!(fs::read(&target).expect("it") == bytes);
    assert!(!part.exists());
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
        for part in ["from the sender for 500ms", "kept 3.00 MB in", "--resume"] {
            assert!(message.contains(part), "{message}");
        }
    });
}

#[test]
fn after_the_receiver_was_killed() {
    cut_off(|recv, mut send| {
        recv.process.signal(Signal::SIGKILL);
        recv.finish();
        // What is sent now meets a closed port.
        send.write(&stream(100_000, 11));
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
fn another_stream_is_not_mixed_with_what_was_kept() {
    let (folder, source) = folder_with("source", &stream(100_000, 12));
    let target = folder.path().join("target");
    let part = folder.path().join("target.part");
    fs::write(&part, stream(50_000, 13)).expect("a part");
    let recv = Recv::start(&["-o", text(&target), "--resume"]);
    let sent = Send::start(recv.address, &[text(&source)]).finish();
    sent.is(
        1,
        "not the beginning of this stream; receive it again, without --resume",
    );
    recv.finish().is(1, "kept 50.0 kB in");
    assert!(!target.exists());
    assert!(fs::read(&part).expect("it") == stream(50_000, 13));
}
