//! A sender whose address changes in the middle of a transfer, and others who pretend to be it.

use std::fs;

use crate::nat::Nat;
use crate::{Recv, Send, stream, text};

const LENGTH: usize = 6_000_000;

/// A transfer of a pipe to whose network something is done in between, one `step` after the other;
/// returns what both ends report at its end.
fn carried(options: &[&str], steps: &[fn(&mut Nat)]) -> (serde_json::Value, serde_json::Value) {
    let bytes = stream(LENGTH, 50);
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("target");
    let words = ["-o", text(&target), "--json"];
    let mut recv = Recv::start(&[&words[..], options].concat());
    let mut nat = Nat::start(recv.address);
    let words = ["--json", "--timeout", "20s"];
    let mut send = Send::start(nat.address(), &[&words[..], options].concat());
    let mut parts = bytes.chunks(LENGTH / (steps.len() + 1));
    let mut written = 0;
    for step in steps {
        let part = parts.next().expect("another");
        send.write(part);
        // The rest of it is on its way.
        recv.process.await_bytes(written + part.len() as u64 / 2);
        written += part.len() as u64;
        step(&mut nat);
    }
    parts.for_each(|part| send.write(part));
    let (sent, received) = (send.finish(), recv.finish());
    assert_eq!(sent.code, Some(0), "{}", sent.last());
    assert_eq!(received.code, Some(0), "{}", received.last());
    assert!(fs::read(&target).expect("it") == bytes);
    let (sent, received) = (sent.last(), received.last());
    let peer = received["peer"]["port"].as_u64();
    assert_eq!(peer, Some(nat.outside().port().into()), "{received}");
    (sent, received)
}

#[test]
fn another_port_is_followed_after_a_challenge() {
    for options in [&[][..], &["--open"]] {
        let (sent, _) = carried(options, &[Nat::change_port, Nat::change_port]);
        let migrations = sent["migrations"].as_u64();
        assert!((Some(1)..=Some(2)).contains(&migrations), "{sent}");
    }
}

/// Whoever copies a sender's datagrams, and is faster, is sent challenges, and nothing else.
#[test]
fn whoever_copies_a_sender_does_not_become_it() {
    for options in [&[][..], &["--open"]] {
        let (sent, _) = carried(options, &[|nat| nat.copy(false)]);
        assert_eq!(sent["migrations"], 0, "{sent}");
    }
}

/// It also passes the challenges on, as a router would. The sender's answers are not from there.
#[test]
fn whoever_passes_challenges_on_does_not_become_the_sender() {
    for options in [&[][..], &["--open"]] {
        let (sent, received) = carried(options, &[|nat| nat.copy(true)]);
        assert_eq!(received["migrations"], 0, "{received}");
        // Each challenge makes the sender begin anew: they are few.
        assert!(sent["migrations"].as_u64() <= Some(3), "{sent}");
    }
}
