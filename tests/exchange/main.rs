//! `udpraw client --exchange` and `udpraw server --exchange` as processes.

#[path = "../common/allocations.rs"]
mod allocations;
#[path = "../common/mod.rs"]
mod common;
mod floods;
mod hostile;
mod lossy;
mod quick;
mod relay;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::{Running, Server, ask, finish, json_lines, received, socket, udpraw, with_input};
use udpraw::protocol::exchange::{Frame, Kind};

fn frame(kind: Kind, id: u64, payload: &[u8]) -> Vec<u8> {
    numbered(kind, id, 1, payload)
}

fn numbered(kind: Kind, id: u64, attempt: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Frame {
        kind,
        id,
        attempt,
        payload,
    }
    .encode(&mut bytes);
    bytes
}

/// A frame of another version, whole.
fn of_version(version: u8, id: u64) -> Vec<u8> {
    let mut bytes = frame(Kind::Request, id, b"hello");
    bytes[4] = version;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..16]), &bytes[20..]);
    bytes[16..20].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// Between a client and a server: sends each datagram twice, and a broken copy before.
struct Doubler {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Doubler {
    fn before(server: SocketAddr) -> Self {
        let (inside, outside) = (socket(), socket());
        let address = outside.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let tick = Some(Duration::from_millis(1));
        inside.set_read_timeout(tick).unwrap();
        outside.set_read_timeout(tick).unwrap();
        let thread = thread::spawn(move || {
            let (mut buffer, mut client) = (vec![0; 65_535], None);
            let triple = |bytes: &mut [u8], socket: &UdpSocket, to: SocketAddr| {
                let last = bytes.len() - 1;
                for change in [1, 0, 0] {
                    bytes[last] ^= change;
                    // Nobody may listen there any more.
                    let _ = socket.send_to(bytes, to);
                    bytes[last] ^= change;
                }
            };
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((length, from)) = received(|| outside.recv_from(&mut buffer)) {
                    client = Some(from);
                    triple(&mut buffer[..length], &inside, server);
                }
                if let (Ok((length, _)), Some(client)) =
                    (received(|| inside.recv_from(&mut buffer)), client)
                {
                    triple(&mut buffer[..length], &outside, client);
                }
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Doubler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))));
        }
    }
}

#[test]
fn each_request_is_done_once_through_loss_duplication_and_corruption() {
    for io in [
        &[][..],
        &["--io", "auto"],
        &["--io", "batch", "--workers", "2"],
    ] {
        let place = ["--exchange", "--drop", "50%", "--seed", "7"];
        let server = Server::start(&[&place, io].concat());
        let doubler = Doubler::before(server.addresses[0]);
        let port = doubler.address.port().to_string();
        let lines: Vec<_> = (100..120).map(|number| format!("line {number}")).collect();
        let words = ["client", "--exchange", "-p", &port, "--stdin"];
        let more = ["--backoff", "book", "--tries", "50"];
        let end = with_input(&[&words[..], &more].concat(), lines.join("\n").as_bytes());
        assert_eq!(end.code, Some(0), "{io:?}: {}", end.stderr);
        let right =
            format!("The server ('127.0.0.1', {port}) replied 'Your data was 8 bytes long'\n");
        assert_eq!(end.stdout.matches(&right).count(), 20, "{}", end.stdout);
        assert!(
            end.stderr.contains("20 requests, 20 answered, "),
            "{}",
            end.stderr
        );
        // Each answer came twice, after a broken copy: that is told, line by line and in the sum.
        assert!(end.stderr.contains(" stale, "), "{}", end.stderr);
        assert!(
            end.stderr.contains(": its checksum is wrong: "),
            "{}",
            end.stderr
        );
        drop(doubler);
        let end = server.interrupt();
        for line in &lines {
            let said = format!(" says '{line}'\n");
            assert_eq!(
                end.stdout.matches(&said).count(),
                1,
                "{io:?}: {line}: {}",
                end.stdout
            );
        }
        assert!(end.stderr.contains(", 20 exchanges, "), "{}", end.stderr);
        for told in [
            " answered from the cache",
            " ignored as corrupt",
            " dropped on purpose",
        ] {
            assert!(end.stderr.contains(told), "{told}: {}", end.stderr);
        }
    }
}

#[test]
fn the_transcript_is_the_textbooks() {
    let server = Server::start(&["--exchange", "--count", "1"]);
    let port = server.port();
    let end = finish(&["client", "--exchange", "-p", &port.to_string()]);
    assert_eq!((end.stderr.as_str(), end.code), ("", Some(0)));
    let lines: Vec<_> = end.stdout.lines().collect();
    assert!(lines[0].starts_with("The OS assigned me the address ('0.0.0.0', "));
    let want = format!("The server ('127.0.0.1', {port}) replied 'Your data was 38 bytes long'");
    assert_eq!(lines[1..], [want]);
    let end = server.running.finish();
    assert!(end.stdout.contains(" says 'The time is "), "{}", end.stdout);
    let want = "1 datagram (62 bytes), 1 reply (51 bytes), 0 truncated, 1 exchange, 0 dropped by the \
                kernel\n";
    assert_eq!(end.stderr, want);
}

/// A server of the test's own, asked by the program: the frame that came, and where from.
fn asked_by(arguments: &[&str]) -> (UdpSocket, Running, u64, SocketAddr) {
    let server = socket();
    let port = server.local_addr().unwrap().port().to_string();
    let words = [&["client", "--exchange", "--port", &port], arguments].concat();
    let client = Running::start(udpraw(words));
    let mut buffer = [0; 2_000];
    let (length, from) = received(|| server.recv_from(&mut buffer)).expect("a request");
    let asked = Frame::parse(&buffer[..length]).expect("a frame");
    assert_eq!(asked.kind, Kind::Request);
    let id = asked.id;
    (server, client, id, from)
}

#[test]
fn forged_replies_are_not_accepted_and_are_counted() {
    let (server, client, id, from) = asked_by(&["--timeout", "20s", "-v"]);
    let send = |bytes: &[u8]| assert_eq!(server.send_to(bytes, from).unwrap(), bytes.len());
    send(&frame(Kind::Reply, id ^ 1, b"wrong id"));
    socket()
        .send_to(&frame(Kind::Reply, id, b"wrong source"), from)
        .unwrap();
    let mut bad = frame(Kind::Reply, id, b"bad checksum");
    bad[25] ^= 4;
    send(&bad);
    send(&bad[..22]);
    send(b"plain\x1b[2J");
    send(&of_version(9, id));
    send(&frame(Kind::Request, id, b"a request"));
    send(&frame(Kind::Reply, id, b"true"));
    let end = client.finish();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert_eq!(end.stdout.matches("replied").count(), 1);
    assert!(end.stdout.ends_with(" replied 'true'\n"), "{}", end.stdout);
    let account = "7 ignored (2 forged, 2 corrupt, 3 not a reply)";
    for told in [
        account,
        ": it answers no request that was sent there: ",
        ": its checksum is wrong: ",
        ": it is truncated: ",
        r": it is not a frame of an exchange: 'plain\x1b[2J'",
        ": its version 9 is not supported, only 2 is: ",
        "(SRTT ",
        "1 request, 1 answered, 7 ignored",
    ] {
        assert!(end.stderr.contains(told), "{told}: {}", end.stderr);
    }
    assert!(!end.stderr.contains('\x1b'));
}

#[test]
fn a_late_reply_is_not_taken_for_that_to_the_next_request() {
    let arguments = [
        "--count",
        "2",
        "--interval",
        "0",
        "--json",
        "--timeout",
        "20s",
    ];
    let (server, client, first, from) = asked_by(&arguments);
    for _ in 0..2 {
        server
            .send_to(&frame(Kind::Reply, first, b"first"), from)
            .unwrap();
    }
    let mut buffer = [0; 2_000];
    let (length, _) = received(|| server.recv_from(&mut buffer)).unwrap();
    let second = Frame::parse(&buffer[..length]).unwrap().id;
    assert_ne!(first, second);
    for (id, text) in [(first, &b"first"[..]), (second, b"second")] {
        server.send_to(&frame(Kind::Reply, id, text), from).unwrap();
    }
    let end = client.finish();
    let records = json_lines(&end.stdout);
    let of = |event: &str| {
        let of = records.iter().filter(|record| record["event"] == event);
        of.collect::<Vec<_>>()
    };
    let texts: Vec<_> = of("reply").iter().map(|reply| &reply["text"]).collect();
    assert_eq!(texts, ["first", "second"]);
    assert_eq!(of("reply")[1]["id"], format!("{second:016x}"));
    assert_eq!(
        (of("ignored").len(), &of("ignored")[1]["reason"]),
        (2, &"stale".into())
    );
    assert_eq!(of("rtt_estimate").len(), 2);
    assert!(of("rtt_estimate")[1]["srtt_ns"].as_f64().unwrap() > 0.0);
    let timeout = of("rtt_estimate")[1]["rto_ns"].as_f64().unwrap();
    // No floor of 1 s once there is a sample.
    assert!(timeout >= 1e6, "{timeout}");
    // On a busy machine it may have been repeated before the reply came; that was to the first.
    assert_eq!(of("reply")[1]["answered_attempt"], 1);
    assert_eq!(of("reply")[1]["rtt_ns"], of("reply")[1]["elapsed_ns"]);
    assert_eq!(of("summary")[0]["ignored"]["stale"], 2);
    assert!(
        records
            .iter()
            .all(|record| record["schema"] == "udpraw.client/1")
    );
}

#[test]
fn a_plain_client_and_an_exchange_server_find_out() {
    let server = Server::start(&["--exchange"]);
    let port = server.port().to_string();
    let end = finish(&["client", "-p", &port, "-m", "plain", "--tries", "1"]);
    assert_eq!(end.code, Some(1));
    let end = server.interrupt();
    let told = "sent no exchange (no --exchange there?): 'plain'";
    assert!(end.stderr.contains(told), "{}", end.stderr);
    assert!(
        end.stderr
            .contains("0 exchanges, 1 ignored as not an exchange"),
        "{}",
        end.stderr
    );
    assert_eq!(end.stdout.lines().count(), 0, "not served: {}", end.stdout);

    let server = Server::start(&["--count", "1"]);
    let port = server.port().to_string();
    let end = finish(&["client", "--exchange", "-p", &port, "--tries", "1"]);
    assert_eq!(end.code, Some(1));
    assert!(
        end.stderr
            .contains(": it is not a frame of an exchange: 'Your data was 62 bytes long'")
    );
    let hint =
        format!("127.0.0.1:{port} replies, but not with exchanges: start it with --exchange");
    assert!(end.stderr.contains(&hint), "{}", end.stderr);
}

#[test]
fn an_unknown_version_is_told_on_both_sides() {
    let server = Server::start(&["--exchange"]);
    let client = server.client();
    let answer = ask(&client, &of_version(9, 5));
    let versions = Frame {
        kind: Kind::Unsupported,
        id: 5,
        attempt: 0,
        payload: &[2],
    };
    assert_eq!(Frame::parse(&answer), Ok(versions));
    // An answer of whatever kind is not answered, even where its version is unknown: the next
    // datagram that comes back belongs to the next request.
    client.send(&answer).unwrap();
    client.send(&frame(Kind::Reply, 5, b"")).unwrap();
    let answer = ask(&client, &frame(Kind::Request, 6, b"hi"));
    assert_eq!(answer, frame(Kind::Reply, 6, b"Your data was 2 bytes long"));
    let end = server.interrupt();
    for told in [
        "was sent the reason: its version 9 is not supported, only 2 is",
        "does not support version 2 of the exchange",
        "sent a reply, and replies are never answered",
        "1 exchange, 1 of an unsupported version, 2 ignored as replies",
    ] {
        assert!(end.stderr.contains(told), "{told}: {}", end.stderr);
    }
    let (server, client, id, from) = asked_by(&["--timeout", "20s"]);
    server
        .send_to(&frame(Kind::Unsupported, id, &[1, 3]), from)
        .unwrap();
    let end = client.finish();
    assert_eq!(end.code, Some(1));
    let told = "does not support version 2 of the exchange; it reports that it supports 1, 3\n";
    assert!(end.stderr.ends_with(told), "{}", end.stderr);
}

#[test]
fn json_tells_what_the_server_did() {
    let words = ["server", "-p", "0", "--exchange", "--json", "--reply-text"];
    let text = "x".repeat(120);
    let mut running = Running::start(udpraw([&words[..], &[&text]].concat()));
    let listening = json_lines(&running.line()).remove(0);
    let port = listening["local"]["port"].as_u64().unwrap() as u16;
    let client = common::client_of(SocketAddr::from(([127, 0, 0, 1], port)));
    let long = frame(Kind::Request, 1, &[b'a'; 40]);
    assert_eq!(ask(&client, &long), ask(&client, &long));
    let answer = ask(&client, &frame(Kind::Request, 2, b"a"));
    assert_eq!(Frame::parse(&answer).unwrap().kind, Kind::TooLong);
    client.send(&frame(Kind::Request, 2, b"b")).unwrap();
    client.send(b"noise").unwrap();
    let port = port.to_string();
    let end = finish(&["client", "--exchange", "-p", &port, "-m", "short"]);
    assert_eq!(end.code, Some(1));
    let told =
        "executed the request, but its reply of 120 bytes is more than three times the request";
    assert!(end.stderr.contains(told), "{}", end.stderr);
    running.signal(nix::sys::signal::Signal::SIGTERM);
    let records = json_lines(&running.finish().stdout);
    let events: Vec<_> = records
        .iter()
        .map(|record| record["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        events,
        [
            "received",
            "replied",
            "retransmission",
            "received",
            "too_long",
            "ignored",
            "ignored",
            "received",
            "too_long",
            "summary"
        ]
    );
    assert_eq!(
        (&records[0]["id"], &records[0]["bytes"]),
        (&"0000000000000001".into(), &40.into())
    );
    assert_eq!(
        (&records[5]["reason"], &records[6]["reason"]),
        (&"reused-id".into(), &"not-exchange".into())
    );
    let sum = &records[9]["exchange"];
    assert_eq!(
        (&sum["requests"], &sum["retransmissions"], &sum["too_long"]),
        (&3.into(), &1.into(), &2.into())
    );
}
