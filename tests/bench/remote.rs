//! A bench against a server in another process: with its consent, or not at all.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use udpraw::protocol::bench_handshake::{Answer, Question, Service};

use super::common;
use super::{bench, check, records};

#[test]
fn a_stranger_is_not_flooded() {
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let finished = bench(&["--server", &address, "--io", "offload"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""));
    assert!(
        finished.stderr.contains("does not consent") && finished.stderr.contains("--allow-bench")
    );
    // All that it got were a few questions of 40 bytes.
    stranger.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2048];
    let mut asked = 0;
    while let Ok(length) = common::received(|| stranger.recv(&mut buffer)) {
        assert_eq!((length, &buffer[..7]), (40, &b"udpraw?"[..]));
        asked += 1;
    }
    assert!((1..50).contains(&asked), "{asked} questions");

    drop(stranger);
    let finished = bench(&["--server", &address, "--io", "single"]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("ECONNREFUSED"),
        "{}",
        finished.stderr
    );
}

/// A server that consents and echoes, until the returned guard is dropped.
struct Consenting {
    address: String,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Consenting {
    fn start(service: Service) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let patience = Duration::from_millis(20);
        socket.set_read_timeout(Some(patience)).unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_535];
            let mut received = 0;
            while !is_over.load(Ordering::Relaxed) {
                let Ok((length, client)) = common::received(|| socket.recv_from(&mut buffer))
                else {
                    continue;
                };
                if let Some(question) = Question::decode(&buffer[..length]) {
                    let answer = Answer {
                        nonce: question.nonce,
                        service,
                        buffer: 212_992,
                        received,
                        dropped: 0,
                    };
                    socket.send_to(&answer.encode(), client).unwrap();
                    continue;
                }
                received += 1;
                if service == Service::Echo {
                    socket.send_to(&buffer[..length], client).unwrap();
                }
            }
        });
        Self {
            address,
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Consenting {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[test]
fn a_server_that_consents_is_measured() {
    for (service, scenario, other) in [
        (Service::Echo, "echo", "sink"),
        (Service::Sink, "sink", "echo"),
    ] {
        let server = Consenting::start(service);
        let words = ["--json", "--server", &server.address, "--size", "64,1400"];
        let words = [&words[..], &["--outstanding", "1,16", "--only"]].concat();
        let finished = bench(&[&words[..], &[scenario]].concat());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let (trials, rows) = records(&finished);
        assert!(rows.len() >= 8 && trials.len() == 2 * rows.len());
        for trial in &trials {
            check(trial, 2);
            assert_eq!(trial["receive"], "server");
            assert_eq!(
                (
                    &trial["cpu_ns_per_datagram_receive"],
                    &trial["kernel_drops"]
                ),
                (&Value::Null, &0.into())
            );
        }
        let finished = bench(&[&words[..], &[other]].concat());
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""));
        assert!(
            finished
                .stderr
                .contains("the server replies in another way"),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn a_server_that_allows_it_is_measured_and_any_other_is_left_alone() {
    for (reply, only) in [("none", "sink"), ("echo", "echo")] {
        for io in ["single", "auto"] {
            let more = ["-q", "--reply", reply, "--io", io, "--allow-bench"];
            let server = common::Server::start(&more);
            let at = server.addresses[0].to_string();
            let backend = if io == "auto" { "offload" } else { io };
            let end = bench(&["--json", "--only", only, "--server", &at, "--io", backend]);
            assert_eq!(end.code, Some(0), "{only} {io}: {}", end.stderr);
            let (trials, _) = records(&end);
            assert!(!trials.is_empty(), "{only} {io}: {}", end.stdout);
            for trial in &trials {
                check(trial, 2);
            }
        }
    }
    // Without its consent a server is asked, and not flooded.
    let server = common::Server::start(&["-q"]);
    let at = server.addresses[0].to_string();
    let end = bench(&["--only", "echo", "--server", &at, "--io", "single"]);
    assert_eq!(end.code, Some(2), "{}", end.stdout);
    assert!(end.stderr.contains("--allow-bench"), "{}", end.stderr);
    let told = server.interrupt().stderr;
    let received: u64 = told
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a count");
    assert!(received < 20, "{told}");
}
