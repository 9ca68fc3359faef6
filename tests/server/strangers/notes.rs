//! However many datagrams strangers send, what is said of them is short.

use std::net::UdpSocket;

use super::forge::{Forger, v4};
use crate::common::namespaces::alone;
use crate::common::{Server, client_of, socket, udpraw};

const HOSTILE: u32 = 100_000;
/// Ten notes of a kind, and then one a second.
const MOST: usize = 16 * 1024;

/// Sends datagrams that no mode expects, and waits until the last one was seen: `is_seen` asks.
fn flood(to: &UdpSocket) {
    let mut dice = fastrand::Rng::with_seed(1);
    let mut bytes = [0; 40];
    for _ in 0..HOSTILE {
        dice.fill(&mut bytes);
        // The kernel may drop some; that is not the point.
        let _ = to.send(&bytes);
    }
}

#[test]
fn an_exchange_server_says_little_of_what_is_none() {
    for json in [false, true] {
        let mode: &[&str] = if json {
            &["--exchange", "--json"]
        } else {
            &["--exchange"]
        };
        // With --json, where it listens is another line.
        let mut running =
            crate::common::Running::start(udpraw(["server", "--port", "0"].iter().chain(mode)));
        let line = running.line();
        let at = if json {
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            format!("127.0.0.1:{}", event["local"]["port"])
                .parse()
                .unwrap()
        } else {
            crate::common::listening(&line)
        };
        flood(&client_of(at));
        running.signal(nix::sys::signal::Signal::SIGINT);
        let end = running.finish();
        assert_eq!(end.code, Some(0));
        assert!(end.stderr.len() < MOST, "{} bytes", end.stderr.len());
        assert!(end.stdout.len() < MOST, "{} bytes", end.stdout.len());
        assert!(
            end.stderr.contains("more datagrams that are not requests"),
            "{}",
            end.stderr
        );
    }
}

#[test]
fn a_server_says_little_of_forged_sources() {
    if !alone() {
        return;
    }
    // Standard output is the transcript, and is asked for.
    let server = Server::on(&["--port", "1060"], &["--io", "batch"], 1);
    let mut stdout = server.running;
    let forger = Forger::new();
    let is_seen = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..HOSTILE {
                let source = if number % 2 == 0 { v4(1, 0) } else { v4(7, 19) };
                forger.send(source, v4(1, 1060), b"hostile");
            }
            // The flood may have left no room for it.
            while !is_seen.load(std::sync::atomic::Ordering::Relaxed) {
                forger.send(v4(7, 19), v4(1, 1060), b"the last");
                std::thread::yield_now();
            }
        });
        while !stdout.line().contains("the last") {}
        is_seen.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    stdout.signal(nix::sys::signal::Signal::SIGINT);
    let end = stdout.finish();
    assert!(end.stderr.len() < MOST, "{} bytes", end.stderr.len());
    assert!(
        end.stderr.contains("is not a possible source address"),
        "{}",
        end.stderr
    );
    assert!(
        end.stderr.contains("would answer the reply"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_group_that_is_not_joined_is_told_of() {
    if !alone() {
        return;
    }
    for (arguments, is_told) in [
        (
            &["server", "--host", "239.1.2.3", "--port", "1060"][..],
            true,
        ),
        (
            &[
                "server",
                "--host",
                "239.1.2.3",
                "--port",
                "1060",
                "--join",
                "239.1.2.3%lo",
            ],
            false,
        ),
        (
            &[
                "server",
                "--io",
                "batch",
                "--host",
                "ff12::7%lo",
                "--port",
                "1060",
            ],
            true,
        ),
    ] {
        let mut running = crate::common::Running::start(udpraw(arguments));
        running.line();
        running.signal(nix::sys::signal::Signal::SIGINT);
        let end = running.finish();
        let note = end.stderr.contains("is not a member of") && end.stderr.contains("--join ");
        assert_eq!(note, is_told, "{arguments:?}: {}", end.stderr);
        assert!(!end.stderr.contains("%1"), "{}", end.stderr);
    }
}

#[test]
fn an_interface_is_told_by_its_name() {
    if !alone() {
        return;
    }
    crate::common::namespaces::sh("ip -6 address add fe80::7/64 dev lo nodad");
    // Bound by one, so that the other's error names it.
    let server = Server::on(&["--host", "fe80::7%lo", "--port", "1060"], &[], 1);
    let end = crate::common::finish(&["server", "--host", "fe80::7%lo", "--port", "1060"]);
    assert!(
        end.stderr.contains("bind [fe80::7%lo]:1060: "),
        "{}",
        end.stderr
    );
    assert!(end.stderr.contains("held by "), "{}", end.stderr);
    let end = crate::common::finish(&["client", "fe80::7%lo", "-p", "9", "--message", "x"]);
    assert!(
        end.stderr.contains("listens at [fe80::7%lo]:9"),
        "{}",
        end.stderr
    );
    let end = crate::common::finish(&["ports", "1060"]);
    // The kernel tells the interface apart from the address here.
    assert!(end.stdout.contains("on lo"), "{}", end.stdout);
    let end = crate::common::finish(&["--json", "client", "fe80::7%lo", "-p", "9", "-m", "x"]);
    let json = end.stdout;
    assert!(json.contains("\"interface\":\"lo\""), "{json}");
    drop(server);
}

#[test]
fn a_client_says_little_of_strangers() {
    let server = socket();
    let port = server.local_addr().unwrap().port().to_string();
    let running = crate::common::Running::start(udpraw([
        "client",
        "-p",
        &port,
        "--timeout",
        "2s",
        "--message",
        "x",
    ]));
    let (_, from) = crate::common::received(|| server.recv_from(&mut [0; 9])).unwrap();
    let stranger = socket();
    stranger.connect(from).unwrap();
    flood(&stranger);
    server.send_to(b"reply", from).unwrap();
    let end = running.finish();
    assert!(end.stderr.len() < MOST, "{} bytes", end.stderr.len());
    assert!(end.stderr.contains("was not asked"), "{}", end.stderr);
}
