//! `-q` leaves out what its help says.

use std::net::UdpSocket;

use crate::common::{Server, finish, socket};

#[test]
fn a_quiet_client_prints_replies_alone() {
    let server = Server::start(&["-q"]);
    let port = server.port().to_string();
    let end = finish(&[
        "client",
        "-q",
        "-p",
        &port,
        "--count",
        "3",
        "--interval",
        "0",
    ]);
    assert_eq!((end.code, &end.stderr[..]), (Some(0), ""));
    assert_eq!(end.stdout.lines().count(), 3, "{}", end.stdout);
    assert!(
        end.stdout
            .lines()
            .all(|line| line.starts_with("The server "))
    );
    let closed = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let port = closed.port().to_string();
    let end = finish(&["client", "-q", "-p", &port]);
    assert_eq!(
        (end.code, &end.stdout[..], &end.stderr[..]),
        (Some(1), "", "")
    );
    // An error is no matter of taste.
    let end = finish(&["client", "-q", "--hex", "-m", "zz"]);
    assert!(end.stderr.starts_with("error: "), "{}", end.stderr);
}

#[test]
fn a_quiet_server_leaves_out_the_line_a_datagram() {
    let server = Server::start(&["-q", "--count", "1"]);
    crate::common::ask(&server.client(), b"hello");
    let end = server.running.finish();
    assert_eq!((end.code, &end.stdout[..]), (Some(0), ""));
}

#[test]
fn a_quiet_transfer_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "content").unwrap();
    // A port that is free now; -q does not tell which one the kernel picks.
    let port = socket().local_addr().unwrap().port().to_string();
    let words = [
        "recv", "-q", "--port", &port, "--count", "1", "--wait", "20s", "--into",
    ];
    let mut recv = crate::common::udpraw(words);
    recv.arg(folder.path().join("."));
    let recv = std::thread::spawn(move || crate::common::run(recv));
    let end = loop {
        // Until it listens.
        let end = finish(&[
            "send",
            "-q",
            "127.0.0.1",
            file.to_str().unwrap(),
            "--name",
            "other",
            "--port",
            &port,
        ]);
        if end.code == Some(0) {
            break end;
        }
        assert!(end.stderr.contains("nobody listens"), "{}", end.stderr);
    };
    assert_eq!((&end.stdout[..], &end.stderr[..]), ("", ""));
    let end = recv.join().unwrap();
    assert_eq!(
        (end.code, &end.stdout[..], &end.stderr[..]),
        (Some(0), "", "")
    );
}
