//! Many targets at a time: addresses, ports, and more of them than files.

use std::net::UdpSocket;
use std::thread;

use super::findings;
use crate::common::{finish, namespaces, received};

#[test]
fn every_address_of_a_host_is_tried_and_told() {
    if !namespaces::alone() {
        return;
    }
    // localhost has both in this machine's hosts file, or one.
    let server = UdpSocket::bind("127.0.0.1:1060").unwrap();
    thread::spawn(move || {
        let (_, client) = received(|| server.recv_from(&mut [0; 100])).unwrap();
        server.send_to(b"here", client).unwrap();
    });
    let (lines, code) = findings(&["localhost", "1060"]);
    assert_eq!(code, Some(0), "open at one address is open");
    for line in &lines {
        let is_v4 = line["target"]["address"] == "127.0.0.1";
        assert_eq!(
            line["verdict"],
            if is_v4 { "open" } else { "closed" },
            "{line}"
        );
        assert_eq!(line["host"], "localhost");
    }
    assert!(
        lines
            .iter()
            .any(|line| line["target"]["address"] == "127.0.0.1")
    );
}

#[test]
fn a_thousand_ports() {
    if !namespaces::alone() {
        return;
    }
    let open = UdpSocket::bind("127.0.0.1:700").unwrap();
    let _silent = UdpSocket::bind("127.0.0.1:800").unwrap();
    thread::spawn(move || {
        let (_, client) = received(|| open.recv_from(&mut [0; 100])).unwrap();
        open.send_to(b"here", client).unwrap();
    });
    let end = finish(&["probe", "127.0.0.1", "1-1000"]);
    assert_eq!(end.code, Some(1), "not all are open");
    assert_eq!(end.stdout.lines().count(), 1, "{}", end.stdout);
    assert!(
        end.stdout.starts_with("127.0.0.1:700 is open"),
        "{}",
        end.stdout
    );
    assert!(
        end.stderr
            .contains("1000 targets: 1 open, 998 closed, 1 silent in "),
        "{}",
        end.stderr
    );
    assert!(
        end.stderr.contains("silent ports may be closed"),
        "{}",
        end.stderr
    );
    let (lines, _) = findings(&["127.0.0.1", "1-40,domain", "--rate", "100000"]);
    assert_eq!(lines.len(), 41);
    let domain = lines
        .iter()
        .find(|line| line["target"]["port"] == 53)
        .unwrap();
    assert_eq!(
        (&domain["service"], &domain["payload"]),
        (&"domain".into(), &"dns".into())
    );
    // Nobody bound them twice: each port is told once.
    let mut ports: Vec<_> = lines
        .iter()
        .map(|line| line["target"]["port"].as_u64())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 41);
}

#[test]
fn more_targets_than_files() {
    if !namespaces::alone() {
        return;
    }
    let sockets: Vec<_> = (2000..2040)
        .map(|port| UdpSocket::bind(("127.0.0.1", port)).unwrap())
        .collect();
    let program = env!("CARGO_BIN_EXE_udpraw");
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c",
        &format!("ulimit -n 16; exec {program} probe --json --timeout 20ms --rate 100000 127.0.0.1 2000-2039"),
    ]);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let (lines, code) = super::told(crate::common::run(command));
    assert_eq!((lines.len(), code), (sockets.len(), Some(1)));
    assert!(lines.iter().all(|line| line["verdict"] == "silent"));
}
