//! However many datagrams strangers send, what is said of them is short.

use std::net::UdpSocket;

use super::common::{Server, client_of, socket, udpraw};
use super::forge::{Forger, v4};
use super::namespaces::alone;

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
            super::common::Running::start(udpraw(["server", "--port", "0"].iter().chain(mode)));
        let line = running.line();
        let at = if json {
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            format!("127.0.0.1:{}", event["at"]["port"])
                .parse()
                .unwrap()
        } else {
            super::common::listening(&line)
        };
        flood(&client_of(at));
        running.signal(nix::sys::signal::Signal::SIGINT);
        let end = running.finish();
        assert_eq!(end.code, Some(0));
        assert!(end.stderr.len() < MOST, "{} bytes", end.stderr.len());
        assert!(end.stdout.len() < MOST, "{} bytes", end.stdout.len());
        assert!(
            end.stderr.contains("more datagrams that are no request"),
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
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..HOSTILE {
                let source = if number % 2 == 0 { v4(1, 0) } else { v4(7, 19) };
                forger.send(source, v4(1, 1060), b"hostile");
            }
            forger.send(v4(7, 19), v4(1, 1060), b"the last");
            let last = client_of("127.0.0.1:1060".parse().unwrap());
            last.send(b"the last").unwrap();
        });
        while !stdout.line().contains("the last") {}
    });
    stdout.signal(nix::sys::signal::Signal::SIGINT);
    let end = stdout.finish();
    assert!(end.stderr.len() < MOST, "{} bytes", end.stderr.len());
    assert!(
        end.stderr.contains("nobody can send from"),
        "{}",
        end.stderr
    );
    assert!(
        end.stderr.contains("would answer the answer"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_client_says_little_of_strangers() {
    let server = socket();
    let port = server.local_addr().unwrap().port().to_string();
    let running = super::common::Running::start(udpraw([
        "client",
        "-p",
        &port,
        "--timeout",
        "2s",
        "--message",
        "x",
    ]));
    let (_, from) = server.recv_from(&mut [0; 9]).unwrap();
    let stranger = socket();
    stranger.connect(from).unwrap();
    flood(&stranger);
    server.send_to(b"reply", from).unwrap();
    let end = running.finish();
    assert!(end.stderr.len() < MOST, "{} bytes", end.stderr.len());
    assert!(end.stderr.contains("was not asked"), "{}", end.stderr);
}
