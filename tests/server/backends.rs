//! `udpraw server` on any backend, any number of workers, the same server.

use std::net::UdpSocket;

use crate::common::{Server, ask, client_of, finish, json_lines, received};
use nix::sys::signal::Signal;

const BACKENDS: [&str; 5] = ["single", "batch", "offload", "uring", "auto"];

/// Whether this machine lets a program use the backend; if not, its test is skipped.
fn has_backend(backend: &str) -> bool {
    let end = finish(&[
        "server", "-p", "0", "--count", "0", "--io", backend, "--stats", "1h",
    ]);
    if end.code != Some(0) {
        assert!(end.stderr.contains("backend"), "{}", end.stderr);
        crate::common::skip(&format!("backend {backend}: {}", end.stderr.trim()));
    }
    end.code == Some(0)
}

/// Sends datagrams without waiting between them, then takes as many replies.
fn burst(client: &UdpSocket, requests: &[Vec<u8>]) -> Vec<Vec<u8>> {
    for request in requests {
        client.send(request).unwrap();
    }
    replies(client, requests.len())
}

fn replies(client: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; 65_535];
    let mut take = || {
        let length = received(|| client.recv(&mut buffer)).expect("a reply");
        buffer[..length].to_vec()
    };
    (0..count).map(|_| take()).collect()
}

/// Datagrams of all kinds: empty, not ASCII, equal sizes in a row, and large ones.
fn requests() -> Vec<Vec<u8>> {
    let mut requests: Vec<Vec<u8>> = (0..20_u8)
        .map(|number| vec![b'a' + number; if number % 5 == 4 { 3 } else { 7 }])
        .collect();
    requests.extend([
        vec![],
        b"it's".to_vec(),
        vec![0xff, 0],
        vec![b'x'; 1_400],
        vec![b'y'; 9_000],
    ]);
    requests
}

#[test]
fn every_backend_gives_the_same_transcript_and_replies() {
    let requests = requests();
    let count = requests.len().to_string();
    let mut seen = Vec::new();
    for backend in BACKENDS.iter().filter(|backend| has_backend(backend)) {
        // A small buffer makes bursts wait in the socket, so that batches form; it loses none here.
        let server = Server::start(&["--io", backend, "--count", &count, "--stats", "1h"]);
        let client = server.client();
        let port = client.local_addr().unwrap().port().to_string();
        let replies = burst(&client, &requests);
        let end = server.running.finish();
        assert_eq!(end.code, Some(0), "{backend}: {}", end.stderr);
        let last = end.stderr.lines().last().unwrap_or_default().to_owned();
        seen.push((backend, end.stdout.replace(&port, "PORT"), replies, last));
    }
    let (_, transcript, replies, summary) = &seen[0];
    assert_eq!(replies[7], b"Your data was 7 bytes long");
    assert!(transcript.contains("says 'aaaaaaa'\n") && transcript.contains(r"says b'\xff\x00'"));
    for (backend, other, others, end) in &seen[1..] {
        assert_eq!(transcript, other, "{backend}");
        assert_eq!(replies, others, "{backend}");
        assert_eq!(summary, end, "{backend}");
    }
}

#[test]
fn every_backend_echoes_whole_runs() {
    for backend in BACKENDS.iter().filter(|backend| has_backend(backend)) {
        let server = Server::start(&["--io", backend, "-q", "--reply", "echo", "--stats", "1h"]);
        let client = server.client();
        for _ in 0..3 {
            // Stopped meanwhile, it finds them all at once: batches and runs.
            server.running.signal(Signal::SIGSTOP);
            for request in requests() {
                client.send(&request).unwrap();
            }
            server.running.signal(Signal::SIGCONT);
            assert_eq!(replies(&client, requests().len()), requests(), "{backend}");
        }
        let end = server.interrupt();
        assert!(
            end.stderr.contains("75 datagrams"),
            "{backend}: {}",
            end.stderr
        );
        assert!(
            end.stderr.contains("75 replies"),
            "{backend}: {}",
            end.stderr
        );
    }
}

#[test]
fn a_wildcard_ladder_replies_from_the_address_that_was_asked() {
    for backend in BACKENDS.iter().filter(|backend| has_backend(backend)) {
        for (host, asked) in [("0.0.0.0", "127.0.0.2"), ("::", "[::1]")] {
            for reply in ["length", "echo"] {
                let place = ["--host", host, "-p", "0"];
                let more = ["-q", "--io", backend, "--reply", reply, "--stats", "1h"];
                let server = Server::on(&place, &more, 1);
                let at = format!("{asked}:{}", server.port());
                // A connected socket takes nothing from anyone else.
                ask(&client_of(at.parse().unwrap()), b"where");
            }
        }
    }
}

#[test]
fn workers_share_a_port_and_their_figures_are_summed() {
    for backend in ["single", "auto"] {
        let server = Server::start(&["--io", backend, "--workers", "3", "--count", "60"]);
        let clients: Vec<_> = (0..20).map(|_| server.client()).collect();
        for client in clients.iter().cycle().take(60) {
            assert_eq!(ask(client, b"xyz"), b"Your data was 3 bytes long");
        }
        let end = server.running.finish();
        assert_eq!(end.stdout.matches(" says 'xyz'\n").count(), 60, "{backend}");
        let want = "60 datagrams (180 bytes), 60 replies (1560 bytes), 0 truncated";
        assert!(end.stderr.contains(want), "{backend}: {}", end.stderr);
    }
}

#[test]
fn several_ports_of_several_workers_are_all_served() {
    let server = Server::on(
        &["-p", "0,0"],
        &["--workers", "2", "-q", "--io", "batch"],
        2,
    );
    for address in &server.addresses {
        assert_eq!(
            ask(&client_of(*address), b"x"),
            b"Your data was 1 bytes long"
        );
    }
    let end = server.interrupt();
    assert!(end.stderr.contains("2 datagrams"), "{}", end.stderr);
}

#[test]
fn a_sink_counts_without_taking_the_payload() {
    for backend in BACKENDS.iter().filter(|backend| has_backend(backend)) {
        let arguments = [
            "-q",
            "--io",
            backend,
            "--reply",
            "none",
            "--no-copy",
            "--json",
        ];
        let port_line = ["server", "-p", "0", "--stats", "20ms"];
        let mut running = crate::common::Running::start(crate::common::udpraw(
            port_line.iter().chain(&arguments),
        ));
        let listening = json_lines(&running.line()).remove(0);
        let port = listening["local"]["port"].as_u64().expect("a port");
        let client = client_of(format!("127.0.0.1:{port}").parse().unwrap());
        for request in requests() {
            client.send(&request).unwrap();
        }
        // The intervals tell when all has been counted.
        let (mut datagrams, mut bytes) = (0, 0);
        let mut intervals = 0;
        while datagrams < 25 {
            intervals += 1;
            assert!(
                intervals < 500,
                "{backend}: {datagrams} datagrams after 10 s"
            );
            let interval = json_lines(&running.line()).remove(0);
            assert_eq!(interval["event"], "interval", "{backend}");
            datagrams += interval["datagrams"].as_u64().unwrap();
            bytes += interval["bytes"].as_u64().unwrap();
        }
        assert_eq!((datagrams, bytes), (25, 10_530), "{backend}");
        running.signal(Signal::SIGTERM);
        let end = running.finish();
        let summary = json_lines(&end.stdout).pop().expect("a summary");
        assert_eq!(summary["datagrams"], 25, "{backend}");
        assert_eq!(
            (&summary["truncated"], &summary["replies"]),
            (&0.into(), &0.into()),
            "{backend}"
        );
    }
}

#[test]
fn a_spinning_server_is_the_same_and_can_be_stopped() {
    for backend in BACKENDS.iter().filter(|backend| has_backend(backend)) {
        let server = Server::start(&["--io", backend, "--spin"]);
        assert_eq!(
            ask(&server.client(), b"spin"),
            b"Your data was 4 bytes long",
            "{backend}"
        );
        let end = server.interrupt();
        assert_eq!(end.code, Some(0), "{backend}");
        assert!(
            end.stderr.contains("1 datagram (4 bytes), 1 reply"),
            "{backend}: {}",
            end.stderr
        );
    }
}

#[test]
fn auto_says_what_it_chose_and_too_many_workers_are_warned_of() {
    let server = Server::start(&["--io", "auto", "--workers", "64", "-q"]);
    let end = server.interrupt();
    assert!(
        end.stderr.contains("backend offload: UDP_SEGMENT"),
        "{}",
        end.stderr
    );
    assert!(end.stderr.contains("64 workers for "), "{}", end.stderr);
}

#[test]
fn bad_input_is_answered_in_one_helpful_line() {
    let cases: crate::common::Refusals<'_> = &[
        (&["--io", "offlaod"], &["did you mean offload?"]),
        (&["--workers", "0"], &["--workers"]),
        (&["--workers", "1025"], &["--workers"]),
        (&["--stats", "0"], &["the shortest is 1ms"]),
        (&["--no-copy"], &["--quiet"]),
        (&["--no-copy", "-q", "--reply", "echo"], &["--reply none"]),
    ];
    crate::common::assert_refused(&["server", "-p", "0"], cases);
}

#[test]
fn a_bench_is_answered_only_where_it_is_allowed() {
    use udpraw::protocol::bench_handshake::{LENGTH, Question, Service};

    let question = Question {
        nonce: 0x0123_4567_89ab_cdef,
    };
    // Plain, and every backend, with and without a reply.
    for io in [
        &[][..],
        &["--io", "batch"],
        &["--io", "auto"],
        &["--io", "uring"],
    ] {
        if io.len() == 2 && !has_backend(io[1]) {
            continue;
        }
        for (reply, service) in [("none", Service::Sink), ("echo", Service::Echo)] {
            let more = ["-q", "--allow-bench", "--reply", reply];
            let server = Server::start(&[io, &more].concat());
            let client = server.client();
            for _ in 0..3 {
                client.send(&[b'x'; LENGTH]).unwrap();
            }
            if service == Service::Echo {
                assert_eq!(replies(&client, 3), vec![vec![b'x'; LENGTH]; 3]);
            }
            let answer = ask(&client, &question.encode());
            let answer = question.answer(&answer).expect("an answer");
            // What came before it on this flow has been counted, the question itself has not.
            assert_eq!(
                (answer.service, answer.received, answer.dropped),
                (service, 3, 0),
                "{io:?}"
            );
            assert!(answer.buffer > 0);
            let end = server.interrupt();
            assert!(
                end.stderr.contains("3 datagrams (120 bytes)"),
                "{io:?}: {}",
                end.stderr
            );
        }
        // Not allowed, it is a datagram like any other.
        let server = Server::start(&[io, &["-q", "--reply", "echo"]].concat());
        assert_eq!(ask(&server.client(), &question.encode()), question.encode());
    }
}
