//! `udpraw load`, as a person runs it: against echoes, consenting servers, bad networks and bad input.

#[path = "../common/mod.rs"]
mod common;
mod hlog;
mod intervals;
mod job;
mod limits;
mod oracle;
mod robust;
mod screen;
mod session;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use common::{Finished, finish, json_lines, received};

/// An echo, until it is dropped.
struct Echo {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    fn start() -> Self {
        Self::answering(|request| Some(request.to_vec()))
    }

    fn answering(mut answer: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let address = socket.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_535];
            while !is_over.load(Ordering::Relaxed) {
                if let Ok((length, client)) = received(|| socket.recv_from(&mut buffer))
                    && let Some(answer) = answer(&buffer[..length])
                {
                    let _ = socket.send_to(&answer, client);
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

impl Drop for Echo {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Runs a load with `--json`: its result, and what it left.
fn load(target: &str, arguments: &[&str]) -> (Value, Finished) {
    let end = finish(&[&["load", target, "--json"], arguments].concat());
    let lines = json_lines(&end.stdout);
    let last = lines
        .last()
        .unwrap_or_else(|| panic!("nothing: {}", end.stderr));
    assert_eq!(last["event"], "result", "{}", end.stderr);
    (last.clone(), end)
}

/// The books of a stream: every datagram is accounted for.
fn balances(stream: &Value) {
    let at = |name: &str| {
        stream[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} of {stream}"))
    };
    assert_eq!(
        at("scheduled"),
        at("sent") + at("send_errors") + at("unsent"),
        "{stream}"
    );
    assert_eq!(
        at("sent"),
        at("arrived") + at("lost") + at("in_flight"),
        "{stream}"
    );
}

fn sum(lines: &[Value], stream: &str, field: &str) -> u64 {
    let of = lines.iter().filter_map(|line| line[stream][field].as_u64());
    of.sum()
}

#[test]
fn an_echo_returns_what_was_due() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    let arguments = [
        "load",
        &target,
        "--json",
        "--rate",
        "2kpps",
        "--for",
        "500ms",
        "--interval",
        "100ms",
    ];
    let end = finish(&arguments);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let lines = json_lines(&end.stdout);
    let (result, intervals) = lines.split_last().unwrap();
    assert!(intervals.len() >= 5, "{}", intervals.len());
    let trip = &result["round_trip"];
    balances(trip);
    assert_eq!(
        (&trip["scheduled"], &trip["unsent"]),
        (&1000.into(), &0.into())
    );
    // On a busy machine the echo's buffer may be full for a while.
    let arrived = trip["arrived"].as_u64().unwrap();
    assert!(arrived > 100, "{trip}");
    assert_eq!(
        (&result["balanced"], &result["open_loop"]),
        (&true.into(), &true.into())
    );
    assert_eq!(result["latency"]["count"], arrived);
    assert!(result["latency"]["p50_ns"].as_u64() >= result["rtt"]["p50_ns"].as_u64());
    // The intervals add up.
    for field in ["scheduled", "sent", "arrived", "sent_bytes"] {
        assert_eq!(
            Some(sum(intervals, "round_trip", field)),
            trip[field].as_u64(),
            "{field}"
        );
    }
    let counted: u64 = intervals
        .iter()
        .filter_map(|one| one["latency"]["count"].as_u64())
        .sum();
    assert_eq!(counted, arrived);
}

#[test]
fn every_way_to_send_balances() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    let folder = tempfile::tempdir().unwrap();
    let replay = folder.path().join("replay");
    std::fs::write(&replay, "# sizes\n0 64\n0.05\n0.05 900\n0.1 40\n").unwrap();
    for (arguments, scheduled) in [
        (&["--rate", "1kpps..3kpps/200ms"] as &[&str], Some(400)),
        (&["--rate", "1kpps/100ms,2kpps/100ms"], Some(300)),
        (&["--rate", "512kbit", "--for", "200ms"], Some(200)),
        (
            &[
                "--rate",
                "1kpps",
                "--for",
                "200ms",
                "--flows",
                "10",
                "--workers",
                "2",
            ],
            Some(200),
        ),
        (
            &["--rate", "1kpps", "--for", "200ms", "--io", "single"],
            Some(200),
        ),
        (
            &[
                "--rate", "1kpps", "--for", "200ms", "--io", "batch", "--size", "1400",
            ],
            Some(200),
        ),
        (
            &[
                "--rate",
                "1kpps",
                "--for",
                "200ms",
                "--flows",
                "4",
                "--source",
                "127.0.0.1,127.0.0.3",
            ],
            Some(200),
        ),
        (
            &[
                "--rate",
                "1kpps",
                "--for",
                "200ms",
                "--arrivals",
                "poisson",
                "--seed",
                "7",
            ],
            None,
        ),
        (&["--closed", "8", "--for", "200ms"], None),
        (&["--replay", replay.to_str().unwrap()], Some(4)),
    ] {
        let (result, end) = load(&target, arguments);
        assert_eq!(end.code, Some(0), "{arguments:?}: {}", end.stderr);
        let trip = &result["round_trip"];
        balances(trip);
        if let Some(scheduled) = scheduled {
            assert_eq!(trip["scheduled"], scheduled, "{arguments:?}");
        }
        assert!(
            trip["arrived"].as_u64().unwrap() > 3,
            "{arguments:?}: {trip}"
        );
        assert_eq!(
            result["open_loop"],
            !arguments.contains(&"--closed"),
            "{arguments:?}"
        );
    }
}

/// A service of another protocol answers by its own id, in any order.
#[test]
fn other_protocols_answer_by_their_ids() {
    let mut held: Option<Vec<u8>> = None;
    let dns = Echo::answering(move |request| {
        let mut answer = request.to_vec();
        answer[2] |= 0x80;
        // Each two in the other order.
        match held.take() {
            None => {
                held = Some(answer);
                None
            }
            Some(_) => Some(answer),
        }
    });
    let target = dns.address.to_string();
    let (result, _) = load(
        &target,
        &[
            "--payload",
            "dns:example.org",
            "--rate",
            "1kpps",
            "--for",
            "200ms",
            "--linger",
            "300ms",
        ],
    );
    balances(&result["round_trip"]);
    assert_eq!(
        result["round_trip"]["arrived"], 100,
        "every second one is answered"
    );
    assert_eq!(result["payload_bytes"], 29);

    let ntp = Echo::answering(|request| {
        let mut answer = vec![0; 48];
        answer[0] = 0b00_100_100;
        answer[24..32].copy_from_slice(&request[40..48]);
        Some(answer)
    });
    let (result, end) = load(
        &ntp.address.to_string(),
        &["--payload", "ntp", "--rate", "1kpps", "--for", "100ms"],
    );
    assert_eq!(
        (&result["round_trip"]["arrived"], end.code),
        (&100.into(), Some(0))
    );

    let echo = Echo::answering(|_| Some(b"yes".to_vec()));
    let (result, end) = load(
        &echo.address.to_string(),
        &[
            "--payload",
            "hex:00 ff",
            "--rate",
            "1kpps",
            "--for",
            "100ms",
        ],
    );
    assert_eq!(
        (&result["round_trip"]["arrived"], end.code),
        (&100.into(), Some(0))
    );
    let twice = Echo::answering(|request| Some([request, &[0; 8]].concat()));
    let (result, _) = load(
        &twice.address.to_string(),
        &["--rate", "1kpps", "--for", "100ms"],
    );
    assert_eq!(
        result["round_trip"]["arrived"], 100,
        "a longer answer is one too"
    );
}

#[test]
fn objectives_decide_the_exit_status() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    let run = |objective| {
        load(
            &target,
            &["--rate", "1kpps", "--for", "100ms", "--fail-if", objective],
        )
    };
    for (objective, kept) in [
        ("p50>50s", true),
        ("loss>0", true),
        ("rate<1pps", true),
        ("p50>1ns", false),
        ("rate<1Mpps", false),
        ("up.loss>0", false),
    ] {
        let (result, end) = run(objective);
        assert_eq!(end.code, Some(if kept { 0 } else { 1 }), "{objective}");
        let told = &result["objectives"][0];
        assert_eq!(
            (&told["objective"], &told["kept"]),
            (&objective.into(), &kept.into())
        );
    }
    let end = finish(&[
        "load",
        &target,
        "--rate",
        "1kpps",
        "--for",
        "100ms",
        "--fail-if",
        "p50>1ns",
    ]);
    assert!(
        end.stdout.contains("BROKEN   fail if p50>1ns: "),
        "{}",
        end.stdout
    );
    assert_eq!(end.code, Some(1));
}
