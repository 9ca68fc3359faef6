//! Verdicts on this machine: no namespace, no privilege.

use std::net::UdpSocket;
use std::thread;

use nix::sys::signal::Signal;

use super::finding;
use crate::common::namespaces;
use crate::common::{
    Running, Server, closed_port, closed_port_of, finish, json_lines, received, socket, udpraw,
};

#[test]
fn a_server_is_open_and_shown() {
    let server = Server::start(&["--quiet"]);
    let port = server.port().to_string();
    let end = finish(&["probe", "127.0.0.1", &port]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(end.stdout.starts_with(&format!(
        "127.0.0.1:{port} is open: a reply of 26 bytes after "
    )));
    assert!(
        end.stdout.ends_with(", 'Your data was 0 bytes long'\n"),
        "{}",
        end.stdout
    );
    assert_eq!(end.stdout.lines().count(), 1);
    // HOST:PORT, as the client takes it.
    let end = finish(&["probe", &format!("127.0.0.1:{port}")]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(
        end.stdout
            .starts_with(&format!("127.0.0.1:{port} is open: "))
    );
    // What is no answer of the protocol is still a reply, and said to be none.
    let (it, code) = finding(&["127.0.0.1", &port, "--as", "dns"]);
    assert_eq!((it["verdict"].as_str(), code), (Some("open"), Some(0)));
    assert_eq!(it["evidence"]["match"], "none");
    assert_eq!(it["evidence"]["text"], "Your data was 17 bytes long");
    for (arguments, bytes) in [
        (&["--payload", "it's"][..], 4),
        (&["--payload", "c3 a9 00", "--hex"], 3),
        (&["--payload", ""], 0),
        (&["--as", "udpraw"], 29),
    ] {
        let (it, _) = finding(&[&["127.0.0.1", &port][..], arguments].concat());
        let want = format!("Your data was {bytes} bytes long");
        assert_eq!(it["evidence"]["text"], want, "{arguments:?}");
    }
}

#[test]
fn round_trips_are_counted() {
    let server = Server::start(&["--quiet"]);
    let port = server.port().to_string();
    let (it, code) = finding(&["127.0.0.1", &port, "--count", "5", "--interval", "1ms"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        (&it["rounds"], &it["answered"], &it["attempts"]),
        (&5.into(), &5.into(), &5.into())
    );
    let [min, median, max] =
        ["rtt_min_ns", "rtt_median_ns", "rtt_max_ns"].map(|name| it[name].as_u64());
    assert!(0 < min.unwrap() && min <= median && median <= max);
    let end = finish(&[
        "probe",
        "127.0.0.1",
        &port,
        "--count",
        "3",
        "--interval",
        "0",
    ]);
    assert!(
        end.stdout.contains("\n  3 of 3 answered; round trip min "),
        "{}",
        end.stdout
    );
}

#[test]
fn a_lost_try_is_repeated_and_no_round_trip_is_made_up() {
    let server = socket();
    let address = server.local_addr().unwrap();
    let serve = thread::spawn(move || {
        // The first is lost; the second is answered.
        received(|| server.recv_from(&mut [0; 100])).unwrap();
        let (_, client) = received(|| server.recv_from(&mut [0; 100])).unwrap();
        server.send_to(b"here", client).unwrap();
    });
    let (it, code) = finding(&["127.0.0.1", &address.port().to_string()]);
    serve.join().unwrap();
    assert_eq!((it["verdict"].as_str(), code), (Some("open"), Some(0)));
    assert_eq!(it["attempts"], 2);
    // Karn's rule: nobody knows which of the two was answered.
    assert!(it["rtt_min_ns"].is_null() && it["evidence"]["rtt_ns"].is_null());
}

#[test]
fn a_reply_that_comes_twice_is_one_answer() {
    // With an id (STUN's) and without one.
    for protocol in ["stun", "empty"] {
        let server = socket();
        let port = server.local_addr().unwrap().port().to_string();
        let serve = thread::spawn(move || {
            for _ in 0..3 {
                let mut question = [0; 100];
                let (length, client) = received(|| server.recv_from(&mut question)).unwrap();
                (question[0], question[1]) = (1, 1);
                for _ in 0..2 {
                    server.send_to(&question[..length], client).unwrap();
                }
            }
        });
        let words = [
            "127.0.0.1",
            &port,
            "--as",
            protocol,
            "--count",
            "3",
            "--interval",
            "30ms",
        ];
        let (it, code) = finding(&words);
        serve.join().unwrap();
        assert_eq!((it["verdict"].as_str(), code), (Some("open"), Some(0)));
        assert_eq!(
            (&it["attempts"], &it["answered"]),
            (&3.into(), &3.into()),
            "{it}"
        );
    }
}

#[test]
fn a_flood_from_elsewhere_does_not_hold_it_up() {
    let server = socket();
    let port = server.local_addr().unwrap().port();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flooding = stop.clone();
    let serve = thread::spawn(move || {
        let (_, client) = received(|| server.recv_from(&mut [0; 100])).unwrap();
        let stranger = socket();
        while !flooding.load(std::sync::atomic::Ordering::Relaxed) {
            let _ = stranger.send_to(b"flood", client);
        }
    });
    let (it, code) = finding(&["127.0.0.1", &port.to_string()]);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    serve.join().unwrap();
    assert_eq!(
        (it["verdict"].as_str(), code),
        (Some("wrong-source"), Some(1))
    );
}

#[test]
fn a_closed_port_is_told_at_once_and_by_whom() {
    for (host, by) in [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
    ] {
        let port = closed_port_of(host);
        let (it, code) = finding(&[host, &port]);
        assert_eq!(
            (it["verdict"].as_str(), code),
            (Some("closed"), Some(1)),
            "{host}"
        );
        assert_eq!(it["evidence"]["offender"], by);
        assert_eq!(it["evidence"]["message"], "port unreachable");
        assert_eq!(it["attempts"], 1);
    }
}

#[test]
fn silence_says_nothing_and_is_never_open() {
    let server = socket();
    let port = server.local_addr().unwrap().port().to_string();
    let end = finish(&["probe", "127.0.0.1", &port]);
    assert_eq!(end.code, Some(1));
    let text = format!("127.0.0.1:{port} is silent: no reply to 3 tries over 7");
    assert!(end.stdout.starts_with(&text), "{}", end.stdout);
    assert!(end.stdout.contains("ms (inconclusive): "), "{}", end.stdout);
    assert!(!end.stdout.contains("is open"));
    let end = finish(&[
        "probe",
        "127.0.0.1",
        &port,
        "--as",
        "syslog",
        "--tries",
        "1",
    ]);
    assert!(
        end.stdout.contains("syslog has no replies"),
        "{}",
        end.stdout
    );
    let (it, code) = finding(&["127.0.0.1", &port, "--timeout", "30ms"]);
    assert_eq!((it["verdict"].as_str(), code), (Some("silent"), Some(1)));
    assert_eq!(it["attempts"], 1);
    assert_eq!(it["evidence"]["kind"], "none");
    // Nothing of a round without end is open either.
    let (it, _) = finding(&[
        "127.0.0.1",
        &port,
        "--timeout",
        "1ms",
        "--count",
        "3",
        "--interval",
        "0",
    ]);
    assert_eq!((&it["rounds"], &it["answered"]), (&3.into(), &0.into()));
}

#[test]
fn a_reply_from_elsewhere_is_no_open_port() {
    let server = socket();
    let port = server.local_addr().unwrap().port();
    let serve = thread::spawn(move || {
        let elsewhere = UdpSocket::bind(("127.0.0.2", port)).unwrap();
        let (_, client) = received(|| server.recv_from(&mut [0; 100])).unwrap();
        elsewhere.send_to(b"not \x1b me", client).unwrap();
    });
    let end = finish(&["probe", "127.0.0.1", &port.to_string()]);
    serve.join().unwrap();
    assert_eq!(end.code, Some(1));
    let (start, text) = end.stdout.split_once(" after ").expect("a time");
    assert_eq!(
        start,
        format!(
            "127.0.0.1:{port} is answered from another address: a reply of 8 bytes from 127.0.0.2:{port}"
        )
    );
    assert!(
        text.ends_with(r", 'not \x1b me'") || text.ends_with("\\x1b me'\n"),
        "{text}"
    );
}

#[test]
fn another_port_of_the_host_is_elsewhere_but_not_for_tftp() {
    for (protocol, verdict, exit) in [("empty", "wrong-source", 1), ("tftp", "open", 0)] {
        let server = socket();
        let port = server.local_addr().unwrap().port();
        let serve = thread::spawn(move || {
            let other = socket();
            let (_, client) = received(|| server.recv_from(&mut [0; 100])).unwrap();
            other.send_to(b"\0\x05\0\x01no\0", client).unwrap();
        });
        let (it, code) = finding(&["127.0.0.1", &port.to_string(), "--as", protocol]);
        serve.join().unwrap();
        assert_eq!((it["verdict"].as_str(), code), (Some(verdict), Some(exit)));
    }
}

#[test]
fn the_right_reply_wins_over_a_stranger_that_comes_first() {
    let server = socket();
    let port = server.local_addr().unwrap().port();
    let serve = thread::spawn(move || {
        let (_, client) = received(|| server.recv_from(&mut [0; 100])).unwrap();
        socket().send_to(b"stranger", client).unwrap();
        server.send_to(b"server", client).unwrap();
    });
    let (it, code) = finding(&["127.0.0.1", &port.to_string()]);
    serve.join().unwrap();
    assert_eq!((it["verdict"].as_str(), code), (Some("open"), Some(0)));
    assert_eq!(it["evidence"]["text"], "server");
}

#[test]
fn ctrl_c_keeps_what_is_known() {
    let server = socket();
    let silent = server.local_addr().unwrap().port();
    let closed = closed_port();
    let ports = format!("{closed},{silent}");
    let words = ["probe", "--json", "127.0.0.1", &ports, "--timeout", "1h"];
    let mut running = Running::start(udpraw(words));
    let first = json_lines(&running.line()).remove(0);
    assert_eq!(first["verdict"], "closed");
    running.signal(Signal::SIGINT);
    let end = running.finish();
    assert_eq!(end.code, Some(1));
    let summary = json_lines(&end.stdout).remove(0);
    assert_eq!(
        (&summary["reported"], &summary["targets"]),
        (&1.into(), &2.into())
    );
    assert!(
        end.stderr.contains("1 of 2 targets have no result"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let words = ["probe", "127.0.0.1", "1-40", "--all", "--rate", "100"];
    let mut running = Running::start(udpraw(words));
    running.line();
    let end = running.close_stdout();
    // The verdict is not known yet, and nobody is there to read it: that is no success.
    assert_eq!((end.code, end.stderr.as_str()), (Some(1), ""));
}

#[test]
fn a_group_answers_from_the_addresses_of_its_members() {
    if !namespaces::alone() {
        return;
    }
    namespaces::sh("ip link set lo multicast on; ip route add 224.0.0.0/4 dev lo");
    let member = UdpSocket::bind("0.0.0.0:1900").unwrap();
    let group = "239.255.255.250".parse().unwrap();
    member
        .join_multicast_v4(&group, &"127.0.0.1".parse().unwrap())
        .unwrap();
    let serve = thread::spawn(move || {
        let mut search = [0; 500];
        let (length, client) = received(|| member.recv_from(&mut search)).unwrap();
        assert!(search[..length].starts_with(b"M-SEARCH * "));
        member
            .send_to(b"HTTP/1.1 200 OK\r\nST: lamp\r\n\r\n", client)
            .unwrap();
    });
    let end = finish(&["probe", "239.255.255.250", "1900"]);
    serve.join().unwrap();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let want = "239.255.255.250:1900 is open: a reply of 29 bytes from 127.0.0.1:1900 after ";
    assert!(end.stdout.starts_with(want), "{}", end.stdout);
    assert!(
        end.stdout
            .ends_with(", SSDP 'HTTP/1.1 200 OK', ST 'lamp'\n"),
        "{}",
        end.stdout
    );
}
