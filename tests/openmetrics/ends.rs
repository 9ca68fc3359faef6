//! Where the endpoint listens, what it refuses, and how it ends.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::common::{Running, assert_refused, finish, udpraw};
use crate::{GET, Observed, answer, body, connect};

#[test]
fn an_address_in_use_ends_the_command_before_it_begins() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let wanted: &[&str] = &["cannot serve metrics at", &address, "EADDRINUSE", "port 0"];
    let log = log.to_str().unwrap();
    let relay = [
        "--listen",
        ":0",
        "--to",
        ":9",
        "--log",
        log,
        "--openmetrics",
        &address,
    ];
    assert_refused(
        &["server", "--port", "0", "--openmetrics", &address],
        &[(&[], wanted)],
    );
    assert_refused(
        &["ports", "--watch", "--openmetrics", &address],
        &[(&[], wanted)],
    );
    assert_refused(&["relay"], &[(&relay, wanted)]);
    assert!(!std::path::Path::new(log).exists());
}

#[test]
fn addresses_that_make_no_sense() {
    assert_refused(
        &["server", "--port", "0", "--openmetrics"],
        &[
            (&["127.0.0.1"], &["it has no port"]),
            (&["http://127.0.0.1:9100/metrics"], &["it is a URL"]),
            (&["127.0.0.1:99999"], &["99999"]),
            (&["192.0.2.1:9100"], &["EADDRNOTAVAIL"]),
        ],
    );
    assert_refused(&["ports", "--openmetrics", ":0"], &[(&[], &["--watch"])]);
}

#[test]
fn beyond_loopback_is_said_and_the_address_is_printed() {
    let words = [
        "server",
        "--port",
        "0",
        "-q",
        "--count",
        "0",
        "--openmetrics",
    ];
    for (address, start) in [
        (":0", "127.0.0.1:"),
        ("0", "127.0.0.1:"),
        ("0.0.0.0:0", "0.0.0.0:"),
    ] {
        let end = finish(&[&words[..], &[address]].concat());
        assert_eq!(end.code, Some(0));
        let line = end.stderr.lines().next().unwrap();
        assert!(
            line.starts_with(&format!("metrics at http://{start}")),
            "{line}"
        );
        let is_said = end.stderr.contains("whoever can reach 0.0.0.0:");
        assert_eq!(is_said, address == "0.0.0.0:0", "{}", end.stderr);
    }
}

/// Waits until the process has taken its SIGINT: a second one before that is none.
fn taken(id: u32) {
    let is_pending = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let mut pending = status.lines().filter(|line| line.contains("Pnd:\t"));
        pending.any(|line| line.ends_with(['2', '3', '6', '7', 'a', 'b', 'e', 'f']))
    };
    crate::common::wait_until("the signal is taken", || !is_pending());
}

/// A client in the middle of its request, and one that does not read, hold up nobody.
#[test]
fn it_ends_with_the_command() {
    for signals in 1..=2 {
        let server = Observed::server(&[]);
        let at = server.metrics;
        let mut slow = connect(at);
        slow.write_all(b"GET /met").unwrap();
        let mut deaf = connect(at);
        deaf.write_all(GET).unwrap();
        let began = Instant::now();
        server.running.signal(Signal::SIGINT);
        if signals == 2 {
            taken(server.running.id());
            // It may have ended.
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(server.running.id() as i32),
                Signal::SIGINT,
            );
        }
        let end = server.running.finish();
        assert!(began.elapsed() < Duration::from_secs(1));
        assert_eq!((end.code, &*end.stderr), (Some(0), ""));
        assert!(TcpStream::connect(at).is_err());
    }
}

/// The second Ctrl-C ends a command that cannot write its summary, scraped or not.
#[test]
fn two_signals_end_it_at_once() {
    let mut command = udpraw(["server", "--port", "0", "--openmetrics", ":0", "--json"]);
    command.stderr(std::process::Stdio::null());
    let mut running = Running::start(command);
    let first: serde_json::Value = serde_json::from_str(&running.line()).unwrap();
    let port = first["local"]["port"].as_u64().unwrap() as u16;
    let client = crate::common::client_of(([127, 0, 0, 1], port).into());
    // Its output is read no more: the pipe is full in the end.
    for _ in 0..3000 {
        client.send(&[7; 500]).unwrap();
    }
    let url = first["openmetrics"].as_str().unwrap();
    let at = url["http://".len()..].split('/').next().unwrap();
    let at = at.parse().unwrap();
    // The exporter answers though the server is blocked.
    body(&answer(at, GET));
    running.signal(Signal::SIGINT);
    taken(running.id());
    let began = Instant::now();
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(running.id() as i32),
        Signal::SIGINT,
    );
    crate::common::wait_until("it ends", || TcpStream::connect(at).is_err());
    assert!(began.elapsed() < Duration::from_secs(1));
    drop(running);
}
