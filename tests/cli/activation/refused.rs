//! What is no socket for the command, or bound elsewhere than the command line says, is refused.

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;

use super::{activated, bound};
use crate::common::{Finished, run};

pub(super) fn assert_refused(finished: &Finished, parts: &[&str]) {
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(2), ""),
        "{}",
        finished.stderr
    );
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    for part in parts {
        assert!(
            finished.stderr.contains(part),
            "no {part:?} in {}",
            finished.stderr
        );
    }
}

#[test]
fn what_is_no_bound_udp_socket_is_refused() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let unix = UnixDatagram::unbound().expect("a socket");
    let file = fs::File::open("/dev/null").expect("a file");
    let unbound = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Inet,
        nix::sys::socket::SockType::Datagram,
        nix::sys::socket::SockFlag::empty(),
        None,
    );
    let unbound = unbound.expect("a socket");
    let cases: [(&dyn AsFd, &str); 4] = [
        (&tcp, "it is a TCP socket"),
        (&unix, "it is a Unix socket"),
        (&file, "it is not a UDP socket"),
        (&unbound, "it is not bound"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let stored = folder.path().join("stored");
    let stored = stored.to_str().expect("UTF-8");
    for (socket, reason) in cases {
        for arguments in [
            &["server"][..],
            &["relay", "--to", "127.0.0.1:9"],
            &["recv", "-o", stored],
        ] {
            let finished = run(activated(&[socket], "", arguments));
            assert_refused(&finished, &["file descriptor 3 of LISTEN_FDS", reason]);
        }
    }
}

#[test]
fn sockets_and_ports_must_match() {
    let (one, _) = bound("127.0.0.1:0");
    let (two, _) = bound("127.0.0.1:0");
    let both: &[&dyn AsFd] = &[&one, &two];
    let more = ["the 2 sockets of LISTEN_FDS", "the command line is for 1"];
    assert_refused(&run(activated(both, "", &["server"])), &more);
    assert_refused(
        &run(activated(both, "", &["relay", "--to", "127.0.0.1:9"])),
        &more,
    );
    assert_refused(
        &run(activated(both, "", &["recv", "-o", "/nowhere/f"])),
        &more,
    );
    let fewer = activated(&[&one], "", &["server", "--port", "1060,1061"]);
    assert_refused(&run(fewer), &["the 1 sockets", "for 2"]);
    let other = activated(&[&one], "", &["server", "-6"]);
    assert_refused(
        &run(other),
        &["it is no IPv6 socket", "leave out -4 and -6"],
    );
    let workers = activated(&[&one], "", &["server", "--workers", "2"]);
    assert_refused(&run(workers), &["--workers with LISTEN_FDS"]);
    for number in ["-1", "x", "99999999999", "1025"] {
        let command = activated(&[&one], &format!("LISTEN_FDS={number}"), &["server"]);
        assert_refused(
            &run(command),
            &[number, "it is not a number from 0 to 1024"],
        );
    }
}

/// The arguments, with one that ends the command at once should it start.
fn ending<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let end = match arguments.first() {
        Some(&"recv") => ["--wait", "1ms"],
        Some(&"relay") => ["--for", "1ms"],
        _ => ["--count", "0"],
    };
    [arguments, &end].concat()
}

/// A command line that names another place than the socket has is not overruled in silence.
#[test]
fn a_socket_bound_elsewhere_is_refused() {
    let (four, address) = bound("127.0.0.1:0");
    let (six, address6) = bound("[::1]:0");
    let folder = tempfile::tempdir().expect("a folder");
    let stored = folder.path().join("stored");
    let stored = stored.to_str().expect("UTF-8");
    let other = if address.port() == 1060 {
        "1061"
    } else {
        "1060"
    };
    let at = |port: u16| format!("127.0.0.1:{port}");
    let (same_port, other_port) = (at(address6.port()), format!("127.0.0.1:{other}"));
    let relay = |listen: &'static str| ["relay", "--to", "127.0.0.1:9", "--listen", listen];
    let by_host = "the command is for host '127.0.0.1'";
    for arguments in [
        &["server", "--host", "127.0.0.1"][..],
        &["server", &same_port],
        &["recv", "-o", stored, "--bind", "127.0.0.1"],
        &["recv", "-o", stored, &same_port],
        &["relay", "--to", "127.0.0.1:9", "--listen", &same_port],
        &relay("127.0.0.1"),
    ] {
        let finished = run(activated(&[&six], "", &ending(arguments)));
        let subject = format!("the passed socket at {address6}");
        assert_refused(&finished, &[&subject, by_host, "leave out the host"]);
    }
    let by_port = format!("the command is for port {other}");
    for arguments in [
        &["server", "--port", other][..],
        &["server", &other_port],
        &["recv", "-o", stored, "--port", other],
        &["relay", "--to", "127.0.0.1:9", "--listen", &other_port],
    ] {
        let finished = run(activated(&[&four], "", &ending(arguments)));
        let subject = format!("the passed socket at {address}");
        assert_refused(&finished, &[&subject, &by_port, "leave out the port"]);
    }
    for (variable, reason) in [
        ("UDPRAW_HOST=::1", "the command is for host '::1'"),
        ("UDPRAW_PORT=1", "the command is for port 1;"),
    ] {
        let finished = run(activated(&[&four], variable, &ending(&["server"])));
        assert_refused(&finished, &[reason]);
    }
    // In another order than the ports.
    let ports = format!("{},{}", address6.port(), address.port());
    let swapped = ending(&["server", "--port", &ports]);
    let swapped = activated(&[&four, &six], "", &swapped);
    assert_refused(&run(swapped), &["the command is for port"]);
    // The place that the socket has, or any port.
    let own = address.to_string();
    for arguments in [
        &["server", &own, "--count", "0"][..],
        &["server", "localhost", "-4", "--port", "0", "--count", "0"],
        &["server", "--count", "0"],
    ] {
        let finished = run(activated(&[&four], "", arguments));
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    }
}
