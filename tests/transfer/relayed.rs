//! Transfers over bad networks: through `udpraw relay`, and through two at once.

use std::fs;
use std::net::SocketAddr;

use crate::{Recv, Send, common, folder_with, stream, text};

/// A relay to `to`, and where it listens.
pub(crate) fn relay(to: SocketAddr, arguments: &[&str]) -> (common::Running, SocketAddr) {
    let to = to.to_string();
    let words = [
        "relay",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &to,
        "--for",
        "120s",
    ];
    let mut relay = common::Running::start(common::udpraw([&words, arguments].concat()));
    let line = relay.line();
    let at = common::listening(&line);
    (relay, at)
}

/// Sends so many bytes through a relay, and returns what the sender told at the end.
fn through(length: usize, network: &[&str], send: &[&str]) -> serde_json::Value {
    let bytes = stream(length, 11);
    let (folder, source) = folder_with("source", &bytes);
    let target = folder.path().join("target");
    let recv = Recv::start(&["-o", text(&target), "--json"]);
    let (_relay, at) = relay(recv.address, network);
    let sent = Send::start(at, &[&[text(&source), "--json"], send].concat()).finish();
    assert_eq!(sent.code, Some(0), "{network:?}: {sent:?}");
    let received = recv.finish();
    assert_eq!(received.code, Some(0), "{network:?}: {received:?}");
    assert!(
        fs::read(&target).expect("the target") == bytes,
        "{network:?}"
    );
    sent.last()
}

#[test]
fn loss_duplicates_and_disorder_are_survived() {
    for seed in ["1", "2", "3"] {
        let network = [
            "--loss",
            "10%",
            "--duplicate",
            "5%",
            "--reorder",
            "20%",
            "--seed",
            seed,
        ];
        let told = through(10_000_000, &network, &[]);
        assert!(told["retransmitted_bytes"].as_u64() > Some(0), "{told}");
    }
}

#[test]
fn everything_at_once_is_survived() {
    let network = [
        "--loss",
        "ge:2%,30%",
        "--duplicate",
        "10%",
        "--reorder",
        "30%",
        "--corrupt",
        "1%",
        "--truncate",
        "1%",
        "--delay",
        "2ms",
        "--jitter",
        "1ms",
        "--blackhole",
        "0.2s..0.5s",
        "--seed",
        "4",
    ];
    through(1_000_000, &network, &[]);
}

#[test]
fn the_mtu_of_the_path_is_found() {
    // Both count the headers of IP and UDP; DPLPMTUD stops when a step is not worth it any more.
    let network = ["--mtu", "1400", "--delay", "1ms", "--rate", "50Mbit"];
    let told = through(20_000_000, &network, &[]);
    let size = told["datagram_bytes"].as_u64().expect("a number");
    assert!((1_340..=1_372).contains(&size), "{told}");
}

#[test]
fn a_dead_path_is_told_of() {
    let (_folder, source) = folder_with("source", &stream(100_000, 3));
    let recv = Recv::start(&["--wait", "60s", "-o", "/dev/null"]);
    let (_relay, at) = relay(recv.address, &["--loss", "100%"]);
    let sent = Send::start(at, &[text(&source), "--timeout", "1s"]).finish();
    sent.is(1, "no reply from");
}

#[test]
fn a_cut_transfer_goes_on_over_a_bad_network() {
    let bytes = stream(4_000_000, 5);
    let (folder, source) = folder_with("source", &bytes);
    let target = folder.path().join("target");
    let network = [
        "--loss",
        "5%",
        "--reorder",
        "5%",
        "--rate",
        "50Mbit",
        "--seed",
        "9",
    ];
    let mut recv = Recv::start(&["-o", text(&target), "--json", "--resume"]);
    let (_relay, at) = relay(recv.address, &network);
    let send = Send::start(at, &[text(&source)]);
    recv.process.await_bytes(2_000_000);
    recv.process.signal(nix::sys::signal::Signal::SIGKILL);
    drop(recv);
    drop(send);
    let recv = Recv::start(&["-o", text(&target), "--json", "--resume"]);
    let (_relay, at) = relay(recv.address, &network);
    let sent = Send::start(at, &[text(&source), "--json"]).finish();
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert!(
        sent.last()["resumed_bytes"].as_u64() >= Some(1_000_000),
        "{sent:?}"
    );
    assert_eq!(recv.finish().code, Some(0));
    assert!(fs::read(&target).expect("the target") == bytes);
}

/// Through one narrow link, a transfer of low priority leaves most of it to another.
#[test]
fn a_low_priority_yields() {
    const NORMAL: u64 = 4_000_000;
    let (folder, slow) = folder_with("slow", &stream(60_000_000, 21));
    let (_folder, fast) = folder_with("fast", &stream(NORMAL as usize, 22));
    let into = folder.path().join("into");
    fs::create_dir(&into).expect("it");
    let mut recv = Recv::start(&["--into", text(&into), "--json"]);
    let link = [
        "--rate", "30Mbit", "--queue", "60", "--delay", "5ms", "--mtu", "1500",
    ];
    let (_relay, at) = relay(recv.address, &link);
    let path = ["--max-datagram", "1400", "--timeout", "60s"];
    let _low = Send::start(
        at,
        &[&[text(&slow), "--priority", "low"], &path[..]].concat(),
    );
    recv.process.await_bytes(1_500_000);
    // The progress of the only one so far.
    let progress = recv.process.event();
    let first = progress["id"].clone();
    let normal = Send::start(at, &[&[text(&fast)], &path[..]].concat());
    let (mut low, mut before) = (progress["bytes"].as_u64().expect("it"), None);
    loop {
        let event = recv.process.event();
        let is_first = event["id"] == first;
        match event["event"].as_str() {
            Some("opened") => before = Some(low),
            Some("progress") if is_first => low = event["bytes"].as_u64().expect("it"),
            Some("done") if !is_first => break,
            _ => {}
        }
    }
    normal.finish().is(0, "sent");
    let before = before.expect("it was opened");
    assert!(
        low - before < NORMAL / 2,
        "{} bytes beside {NORMAL}",
        low - before
    );
}
