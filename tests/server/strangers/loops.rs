//! Two servers that are set on each other by a forged datagram.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use serde_json::Value;
use udpraw::protocol::bench_handshake::Question;
use udpraw::protocol::exchange::{Frame, Kind};

use super::forge::{Forger, v4};
use crate::common::namespaces::alone;
use crate::common::{Running, udpraw};

const MODES: [&[&str]; 9] = [
    &[],
    &["--reply-text", "Your data was {bytes} bytes long."],
    &["--reply", "echo"],
    &["--reply", "echo", "--io", "offload"],
    &["--io", "batch", "--workers", "2"],
    &["--exchange"],
    &["--reply", "none"],
    &["--allow-bench", "--reply", "echo"],
    &["--reply-text", "I have taken {bytes} bytes"],
];

/// A running server, whose events are read.
struct Ours {
    running: Running,
    at: SocketAddrV4,
    /// Replies to the other server so far.
    replies: u64,
}

impl Ours {
    fn start(at: SocketAddrV4, mode: &[&str]) -> Self {
        let (host, port) = (at.ip().to_string(), at.port().to_string());
        let place = ["--json", "server", "--host", &host, "--port", &port];
        let mut running = Running::start(udpraw(place.iter().chain(mode)));
        assert!(running.line().contains("listening"));
        let replies = 0;
        Self {
            running,
            at,
            replies,
        }
    }

    /// Sends a datagram of the test's own, and reads what happens until the server has seen it.
    fn mark(&mut self, other: SocketAddrV4, mark: &str) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.send_to(mark.as_bytes(), self.at).unwrap();
        loop {
            let event: Value = serde_json::from_str(&self.running.line()).expect("NDJSON");
            let client = &event["client"];
            let is_other =
                client["port"] == other.port() && client["address"] == other.ip().to_string();
            self.replies += u64::from(event["event"] == "replied" && is_other);
            if event["text"] == mark
                && event["client"]["port"] == socket.local_addr().unwrap().port()
            {
                return;
            }
        }
    }
}

/// The replies of each of two servers to the other, after forged datagrams from the second to the
/// first.
fn set_on_each_other(modes: [&[&str]; 2], places: [SocketAddrV4; 2]) -> [u64; 2] {
    let mut request = Vec::new();
    Frame {
        kind: Kind::Request,
        id: 7,
        attempt: 1,
        payload: b"x",
    }
    .encode(&mut request);
    let mut most = [0; 2];
    for payload in [&b"x"[..], b"", &request, &Question { nonce: 7 }.encode()] {
        let mut first = Ours::start(places[0], modes[0]);
        let mut second = Ours::start(places[1], modes[1]);
        Forger::new().send(places[1], places[0], payload);
        // A loop is at work while these are served. They are few: of what is ignored, only the first
        // ten are told.
        for turn in 0..4 {
            let mark = format!("mark {turn}");
            first.mark(places[1], &mark);
            second.mark(places[0], &mark);
        }
        most = [most[0].max(first.replies), most[1].max(second.replies)];
    }
    most
}

fn all_pairs(places: [SocketAddrV4; 2], most: u64) {
    for first in MODES {
        for second in MODES {
            let replies = set_on_each_other([first, second], places);
            assert!(
                replies.iter().all(|replies| *replies <= most),
                "{first:?} {second:?}: {replies:?}"
            );
        }
    }
}

#[test]
fn servers_of_one_port_never_answer_each_other() {
    if alone() {
        all_pairs([v4(1, 1060), v4(2, 1060)], 0);
    }
}

#[test]
fn servers_of_two_ports_answer_each_other_once() {
    if alone() {
        all_pairs([v4(1, 1060), v4(1, 1061)], 1);
    }
}

/// Of a client's port too.
#[test]
fn servers_at_ports_of_clients_answer_each_other_once() {
    if alone() {
        all_pairs([v4(1, 40_060), v4(1, 40_061)], 1);
    }
}

#[test]
fn sources_that_nobody_has_are_counted_and_not_answered() {
    if !alone() {
        return;
    }
    let impossible = [
        v4(1, 0),
        SocketAddrV4::new(Ipv4Addr::BROADCAST, 9),
        SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 1), 9),
    ];
    for mode in [
        &[][..],
        &["--reply", "echo", "--io", "offload"],
        &["--exchange"],
    ] {
        let mut server = Ours::start(v4(1, 1060), mode);
        let forger = Forger::new();
        for source in impossible {
            forger.send(source, server.at, b"x");
        }
        server.mark(v4(9, 9), "mark");
        server.running.signal(nix::sys::signal::Signal::SIGINT);
        let end = server.running.finish();
        let summary: Value = serde_json::from_str(end.stdout.lines().last().unwrap()).unwrap();
        // The kernel itself keeps some of them out.
        let impossible = summary["invalid_sources"].as_u64().unwrap();
        assert!((1..=3).contains(&impossible), "{summary}");
        assert_eq!(
            impossible + 1,
            summary["datagrams"].as_u64().unwrap(),
            "{summary}"
        );
        assert_eq!(summary["errors"], 0);
        assert!(summary["replies"].as_u64() <= Some(1), "{summary}");
    }
}
