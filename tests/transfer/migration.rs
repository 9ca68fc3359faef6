//! A sender whose address changes in the middle of a transfer, and others who pretend to be it.

use std::fs;

use crate::nat::Nat;
use crate::{Recv, Send, folder_with, stream, text};

const LENGTH: usize = 6_000_000;

/// A transfer to whose network `meddle` does something after a quarter of it; returns what both ends
/// report at its end.
fn carried(
    options: &[&str],
    meddle: impl FnOnce(&mut Nat, &mut Recv),
) -> (serde_json::Value, serde_json::Value) {
    let bytes = stream(LENGTH, 50);
    let (folder, source) = folder_with("source", &bytes);
    let target = folder.path().join("target");
    let words = ["-o", text(&target), "--json"];
    let mut recv = Recv::start(&[&words[..], options].concat());
    let mut nat = Nat::start(recv.address);
    let words = [
        text(&source),
        "--json",
        "--rate",
        "80Mbit",
        "--timeout",
        "20s",
    ];
    let send = Send::start(nat.address(), &[&words[..], options].concat());
    recv.process.await_bytes(LENGTH as u64 / 4);
    meddle(&mut nat, &mut recv);
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
        let (sent, _) = carried(options, |nat, recv| {
            nat.change_port();
            recv.process.await_bytes(LENGTH as u64 / 2);
            nat.change_port();
        });
        assert_eq!(sent["migrations"], 2, "{sent}");
    }
}

/// Whoever copies a sender's datagrams, and is faster, is sent challenges, and nothing else.
#[test]
fn whoever_copies_a_sender_does_not_become_it() {
    for options in [&[][..], &["--open"]] {
        let (sent, _) = carried(options, |nat, _| nat.copy(false));
        assert_eq!(sent["migrations"], 0, "{sent}");
    }
}

/// It also passes the challenges on, as a router would. The sender's answers are not from there.
#[test]
fn whoever_passes_challenges_on_does_not_become_the_sender() {
    for options in [&[][..], &["--open"]] {
        let (sent, received) = carried(options, |nat, _| nat.copy(true));
        assert_eq!(received["migrations"], 0, "{received}");
        // Each challenge makes the sender begin anew: they are few.
        assert!(sent["migrations"].as_u64() <= Some(3), "{sent}");
    }
}
