//! Input that makes no sense, and resolv.conf in every state.

use std::fs;
use std::thread;

use super::findings;
use crate::common::namespaces;
use crate::common::{assert_refused, finish, received, socket};

#[test]
fn arguments_that_make_no_sense() {
    let long = "x".repeat(65_508);
    let name = "a.".repeat(130);
    assert_refused(
        "probe".split(' ').collect::<Vec<_>>().as_slice(),
        &[
            (&[], &["required"]),
            (&["127.0.0.1", "0"], &["it is not a valid destination"]),
            (&["127.0.0.1", "9-1"], &["the range is reversed"]),
            (&["127.0.0.1", "70000"], &["70000"]),
            (&["127.0.0.1", ""], &["it is empty"]),
            (&["127.0.0.1", "domian"], &["the nearest is domain"]),
            (&["127.0.0.1", "1", "2"], &["2"]),
            (&["ntp"], &["without a host", "name the host first"]),
            (&["127.0.0.1", "9", "--as", "gopher"], &["allowed: dns"]),
            (
                &["127.0.0.1", "9", "--as", "\x1b[31m"],
                &["unknown protocol"],
            ),
            (&["127.0.0.1", "9", "--hex"], &["--payload"]),
            (
                &["127.0.0.1", "9", "--payload", "c3a", "--hex"],
                &["3 digits"],
            ),
            (&["127.0.0.1", "9", "--payload", &long], &["at most 65507"]),
            (&["127.0.0.1", "53", "--query", "a..b"], &["1 to 63 bytes"]),
            (&["127.0.0.1", "53", "--query", &name], &["at most 253"]),
            (&["127.0.0.1", "9", "--rate", "0"], &["0.001"]),
            (&["127.0.0.1", "9", "--rate", "NaN"], &["0.001"]),
            (&["127.0.0.1", "9", "--tries", "0"], &["0"]),
            (&["127.0.0.1", "9", "--count", "0"], &["0"]),
            (&["127.0.0.1", "9", "--timeout", "-1s"], &["-1"]),
            (&["::1", "9", "--ipv4"], &["no IPv4 address"]),
            (&["", "9"], &["address ''"]),
        ],
    );
}

#[test]
fn a_resolv_conf_that_is_missing_or_broken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolv.conf");
    let shown = path.to_str().unwrap().to_owned();
    let refused = |want: &[&str]| {
        let end = finish(&["probe", "domain", "--resolv-conf", &shown]);
        assert_eq!(
            (end.code, end.stdout.as_str()),
            (Some(2), ""),
            "{}",
            end.stderr
        );
        assert_eq!(end.stderr.lines().count(), 1, "{}", end.stderr);
        for want in want
            .iter()
            .chain(&[shown.as_str(), "udpraw probe 127.0.0.1 domain"])
        {
            assert!(end.stderr.contains(want), "no {want:?} in {}", end.stderr);
        }
    };
    refused(&["(ENOENT)"]);
    fs::write(&path, "").unwrap();
    refused(&["no nameserver line"]);
    fs::write(&path, "search example.org\n#nameserver 127.0.0.1\n").unwrap();
    refused(&["no nameserver line"]);
    fs::write(&path, b"\nnameserver \xff\x1b[31m\n").unwrap();
    refused(&[r"line 2: '\xff\x1b[31m' is not an address"]);
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    refused(&["larger than 1 MiB"]);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&["(EISDIR)"]);
}

#[test]
fn without_a_host_the_configured_resolvers_are_asked() {
    if !namespaces::alone() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolv.conf");
    fs::write(&path, "nameserver 127.0.0.1\nnameserver nonsense\nnameserver 127.0.0.2\nnameserver ::1\nnameserver 127.0.0.4\n").unwrap();
    let server = std::net::UdpSocket::bind("127.0.0.2:53").unwrap();
    thread::spawn(move || {
        let mut reply = [0; 512];
        let (length, client) = received(|| server.recv_from(&mut reply)).unwrap();
        (reply[2], reply[3]) = (0x80, 5);
        server.send_to(&reply[..length], client).unwrap();
    });
    let path = path.to_str().unwrap();
    let (lines, code) = findings(&["domain", "--resolv-conf", path]);
    assert_eq!(code, Some(0), "one of them answers");
    assert_eq!(lines.len(), 4);
    for line in &lines {
        let is_there = line["target"]["address"] == "127.0.0.2";
        assert_eq!(
            line["verdict"],
            if is_there { "open" } else { "closed" },
            "{line}"
        );
        assert_eq!(line["payload"], "dns");
        if is_there {
            assert_eq!(line["evidence"]["decoded"], "DNS REFUSED, no answer");
            assert_eq!(line["evidence"]["match"], "id");
        }
    }
    let end = finish(&["probe", "53", "--resolv-conf", path]);
    assert_eq!(end.code, Some(1), "it answered once alone");
    assert!(
        end.stderr
            .contains("resolv.conf:2: 'nonsense' is not an address"),
        "{}",
        end.stderr
    );
    assert!(end.stderr.contains("lists 4 servers"), "{}", end.stderr);
}

/// Replies of junk to every question: one line each, nothing that moves a terminal, exit code 0.
#[test]
fn junk_is_shown_and_survived() {
    let mut dice = fastrand::Rng::with_seed(1);
    let protocols = [
        "dns", "mdns", "ntp", "stun", "quic", "tftp", "snmp", "ssdp", "sip", "echo", "daytime",
        "time", "syslog", "udpraw", "empty",
    ];
    for protocol in protocols {
        let server = socket();
        let port = server.local_addr().unwrap().port().to_string();
        let length = dice.usize(..2000);
        let junk: Vec<u8> = (0..length).map(|_| dice.u8(..)).collect();
        let serve = thread::spawn(move || {
            let (_, client) = received(|| server.recv_from(&mut [0; 2000])).unwrap();
            server.send_to(&junk, client).unwrap();
        });
        let end = finish(&["probe", "127.0.0.1", &port, "--as", protocol]);
        serve.join().unwrap();
        assert_eq!(end.code, Some(0), "{protocol}: {}", end.stderr);
        assert_eq!(end.stdout.lines().count(), 1, "{protocol}");
        assert!(
            !end.stdout.contains('\x1b') && end.stdout.len() < 1200,
            "{}",
            end.stdout
        );
    }
}
