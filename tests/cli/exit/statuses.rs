//! The table of docs/README.md, row by row.

use std::fs;

use nix::sys::signal::Signal;

use crate::common::{Running, Server, closed_port, finish, namespaces, socket, udpraw};

/// Each must end with this status; a failure tells all of its talk.
fn assert_statuses(cases: &[(i32, &[&str])]) {
    for (want, arguments) in cases {
        let end = finish(arguments);
        assert_eq!(end.code, Some(*want), "{arguments:?}: {}", end.stderr);
    }
}

#[test]
fn usage_and_help() {
    let commands = [
        "server", "client", "send", "recv", "services", "options", "ports", "probe", "mtu",
        "bench", "relay", "tour", "trace",
    ];
    for command in commands {
        assert_statuses(&[(0, &[command, "--help"]), (2, &[command, "--nonsense"])]);
    }
    assert_statuses(&[
        (0, &["--help"]),
        (0, &["--version"]),
        (2, &[]),
        (2, &["nonsense"]),
    ]);
}

#[test]
fn client_and_server() {
    let server = Server::start(&["--count", "1"]);
    let (port, closed) = (server.port().to_string(), closed_port());
    assert_statuses(&[
        (0, &["client", "-p", &port]),
        (1, &["client", "-p", &closed]),
        (2, &["client", "--hex", "-m", "zz"]),
        (2, &["server", "--host", "198.51.100.7"]),
    ]);
    assert_eq!(server.running.finish().code, Some(0));
    assert_eq!(Server::start(&[]).interrupt().code, Some(0));
}

#[test]
fn services_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    fs::write(&good, "my-service 5000/udp\n").unwrap();
    fs::write(&bad, "my-service udp\n").unwrap();
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    assert_statuses(&[
        (0, &["services", "lookup", "--file", good, "5000"]),
        (1, &["services", "lookup", "--file", good, "5000", "5001"]),
        (2, &["services", "lookup", "--file", "/nonexistent", "5000"]),
        (0, &["services", "list", "--file", good]),
        (1, &["services", "list", "--file", good, "--proto", "tcp"]),
        (2, &["services", "list", "--file", "/nonexistent"]),
        (0, &["services", "check", good]),
        (1, &["services", "check", bad]),
        (2, &["services", "check", "/nonexistent"]),
        (0, &["options"]),
        (0, &["options", "SO_RCVBUF"]),
        (1, &["options", "SO_RCVBUF", "SO_NONSENSE"]),
        (2, &["options", "--set", "SO_RCVBUF=much"]),
    ]);
}

#[test]
fn ports_and_probe() {
    let server = Server::start(&[]);
    let (open, closed) = (server.port().to_string(), closed_port());
    assert_statuses(&[
        (0, &["ports", &open]),
        (1, &["ports", &closed]),
        (2, &["ports", "no-such-service"]),
        (0, &["ports", "--watch", "--count", "1", &open]),
        (1, &["ports", "--watch", "--count", "1", &closed]),
        (0, &["probe", "127.0.0.1", &open]),
        (1, &["probe", "127.0.0.1", &closed]),
        (1, &["probe", "127.0.0.1", &format!("{open},{closed}")]),
        (2, &["probe", "127.0.0.1", "no-such-service"]),
        (0, &["mtu", "127.0.0.1", "-p", &closed]),
        (2, &["mtu", "--backoff", "nonsense", "127.0.0.1"]),
    ]);
}

#[test]
fn mtu_where_no_way_leads() {
    // Nothing leaves a namespace without an interface.
    if !namespaces::without_interfaces() {
        return;
    }
    assert_statuses(&[
        (1, &["mtu", "192.0.2.1"]),
        (1, &["send", "192.0.2.1", "/etc/passwd"]),
    ]);
}

#[test]
fn bench_and_tour_and_trace() {
    let one = [
        "bench",
        "--only",
        "sink",
        "--send",
        "single",
        "--receive",
        "single",
        "--size",
        "64",
    ];
    let quick = [&one[..], &["--trials", "1", "--time", "5ms"]].concat();
    assert_statuses(&[
        (0, &quick),
        (2, &["bench", "--send", "nonsense"]),
        (0, &["tour", "--list"]),
        (2, &["tour", "algebra"]),
        (3, &["trace", "--", "sh", "-c", "exit 3"]),
        (128 + 9, &["trace", "--", "sh", "-c", "kill -9 $$"]),
        (2, &["trace", "--", "/nonexistent"]),
    ]);
    // No trial was made, and so nothing is known.
    let long = Running::start(udpraw([&one[..], &["--time", "100s"]].concat()));
    super::signals::until_handled(long.id());
    long.signal(Signal::SIGINT);
    assert_eq!(long.finish().code, Some(1));
}

#[test]
fn send_and_recv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "content").unwrap();
    let (file, closed) = (file.to_str().unwrap(), closed_port());
    assert_statuses(&[
        (1, &["send", "127.0.0.1", file, "--port", &closed]),
        (2, &["send", "127.0.0.1", "/nonexistent", "--port", &closed]),
        (
            1,
            &["recv", "--port", "0", "--into", path, "--wait", "50ms"],
        ),
        (2, &["recv", "--port", "0", "--into", "/nonexistent"]),
    ]);
    // The folder has a file of that name, which is not replaced: the second is taken.
    for (name, send, receive) in [("file", 1, 1), ("other", 0, 0)] {
        let arguments = ["recv", "--port", "0", "--into", path, "--json"];
        let mut recv = Running::start(udpraw(arguments));
        let listening: serde_json::Value = serde_json::from_str(&recv.line()).unwrap();
        let port = listening["local"]["port"].to_string();
        let sent = finish(&["send", "127.0.0.1", file, "--port", &port, "--name", name]);
        assert_eq!(sent.code, Some(send), "{}", sent.stderr);
        recv.signal(Signal::SIGINT);
        assert_eq!(recv.finish().code, Some(receive), "{name}");
    }
}

#[test]
fn relay() {
    let target = socket();
    let to = target.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let log = log.to_str().unwrap();
    let base = ["relay", "--listen", "127.0.0.1:0", "--to", &to];
    assert_statuses(&[
        (0, &[&base[..], &["--for", "10ms"]].concat()),
        (2, &[&base[..], &["--replay", "/nonexistent"]].concat()),
    ]);
    // The record has a datagram of five bytes; one of three is not its traffic.
    for (option, payload, want) in [("--log", &b"12345"[..], 0), ("--replay", b"123", 1)] {
        let words = [&base[..], &[option, log, "--count", "1"]].concat();
        let mut relay = Running::start(udpraw(words));
        let at = crate::common::listening(&relay.line());
        socket().send_to(payload, at).unwrap();
        assert_eq!(relay.finish().code, Some(want), "{option}");
    }
}
