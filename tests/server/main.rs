//! `udpraw server` as a process, from its clients' side.

mod backends;
#[path = "../common/mod.rs"]
mod common;
mod paths;
mod refusals;
mod strangers;

use std::net::{Ipv4Addr, UdpSocket};

use common::{Running, Server, ask, client_of, json_lines, received, udpraw};
use nix::sys::signal::Signal;
use socket2::{Domain, Socket, Type};

#[test]
fn the_textbooks_transcript() {
    let mut server = Server::start(&["--count", "2"]);
    let client = server.client();
    let address = client.local_addr().unwrap();
    let time = b"The time is 2026-11-21 23:33:38.123456";
    assert_eq!(ask(&client, time), b"Your data was 38 bytes long");
    let client_says = format!("The client at ('127.0.0.1', {}) says ", address.port());
    assert_eq!(
        server.line(),
        format!("{client_says}'The time is 2026-11-21 23:33:38.123456'")
    );
    assert_eq!(
        ask(&client, b"it's\n\"\x1b[31m\\"),
        b"Your data was 12 bytes long"
    );
    assert_eq!(
        server.line(),
        format!(r#"{client_says}'it\'s\n"\x1b[31m\\'"#)
    );
    let end = server.running.finish();
    assert_eq!((end.stdout.as_str(), end.code), ("", Some(0)));
    assert_eq!(
        end.stderr,
        "2 datagrams (50 bytes), 2 replies (54 bytes), 0 truncated, 0 dropped by the kernel\n"
    );
}

#[test]
fn the_older_textbooks_wording() {
    let server = Server::start(&["--reply-text", "Your data was {bytes} bytes long."]);
    assert_eq!(
        ask(&server.client(), b"1234567"),
        b"Your data was 7 bytes long."
    );
}

#[test]
fn any_bytes_are_shown_and_answered() {
    let mut server = Server::start(&["--count", "4"]);
    let client = server.client();
    assert_eq!(ask(&client, b""), b"Your data was 0 bytes long");
    assert!(server.line().ends_with(" says ''"));
    assert_eq!(
        ask(&client, &[0xff, b'\'', 0]),
        b"Your data was 3 bytes long"
    );
    assert!(server.line().ends_with(r#" says b"\xff'\x00""#));
    assert_eq!(
        ask(&client, "caf\u{e9}".as_bytes()),
        b"Your data was 5 bytes long"
    );
    assert!(server.line().ends_with(r" says b'caf\xc3\xa9'"));
    // Its line is larger than a pipe holds, and is written before the reply is sent.
    client.send(&[b'x'; 65_507]).unwrap();
    assert!(
        server
            .line()
            .ends_with(&format!(" says '{}'", "x".repeat(65_507)))
    );
    let mut reply = [0; 99];
    let length = received(|| client.recv(&mut reply)).unwrap();
    assert_eq!(&reply[..length], b"Your data was 65507 bytes long");
    assert_eq!(server.running.finish().code, Some(0));
}

#[test]
fn replies_of_each_kind() {
    let echo = Server::start(&["--reply", "echo"]);
    assert_eq!(ask(&echo.client(), b"\0\xff"), b"\0\xff");
    assert_eq!(ask(&echo.client(), b""), b"");

    let mut none = Server::start(&["--reply", "none", "--count", "1"]);
    let client = none.client();
    client.send(b"quiet").unwrap();
    assert!(none.line().ends_with("says 'quiet'"));
    let end = none.running.finish();
    assert!(
        end.stderr
            .starts_with("1 datagram (5 bytes), 0 replies (0 bytes)"),
        "{}",
        end.stderr
    );
    client.set_nonblocking(true).unwrap();
    assert!(
        received(|| client.recv(&mut [0; 9])).is_err(),
        "no reply, now that the server has ended"
    );
}

#[test]
fn one_process_serves_several_ports() {
    let mut server = Server::on(&["-p", "0,0", "-p", "0"], &["--count", "6"], 3);
    for _ in 0..2 {
        for address in server.addresses.clone() {
            assert_eq!(
                ask(&client_of(address), b"x"),
                b"Your data was 1 bytes long"
            );
            assert!(server.line().ends_with("says 'x'"));
        }
    }
    let end = server.running.finish();
    assert!(end.stderr.starts_with("6 datagrams"), "{}", end.stderr);
}

#[test]
fn ipv6_prints_four_tuples() {
    let mut server = Server::on(&["--host", "::1", "-p", "0"], &["--count", "1"], 1);
    let client = server.client();
    ask(&client, b"six");
    let port = client.local_addr().unwrap().port();
    assert_eq!(
        server.line(),
        format!("The client at ('::1', {port}, 0, 0) says 'six'")
    );
}

#[test]
fn a_wildcard_server_replies_from_the_address_that_was_asked() {
    // A connected socket takes nothing from anyone else: the reply's source is the assertion.
    for (host, asked) in [("0.0.0.0", "127.0.0.2"), ("::", "127.0.0.3"), ("::", "::1")] {
        let server = Server::on(&["--host", host, "-p", "0"], &["--count", "1"], 1);
        let client = client_of(
            format!("[{asked}]:{}", server.port())
                .parse()
                .unwrap_or_else(|_| {
                    format!("{asked}:{}", server.port())
                        .parse()
                        .expect("an address")
                }),
        );
        assert_eq!(
            ask(&client, b"where"),
            b"Your data was 5 bytes long",
            "{host} {asked}"
        );
    }
}

#[test]
fn loss_on_purpose_is_repeatable() {
    let pattern = |seed: &str| {
        let mut server = Server::start(&["--drop", "50%", "--seed", seed, "--count", "40"]);
        let client = server.client();
        let lines: Vec<_> = (0..40)
            .map(|_| {
                client.send(b"x").unwrap();
                server.line()
            })
            .collect();
        let dropped = format!(
            "Pretending to drop packet from ('127.0.0.1', {})",
            client.local_addr().unwrap().port()
        );
        lines
            .iter()
            .map(|line| *line == dropped)
            .collect::<Vec<_>>()
    };
    let first = pattern("1");
    assert_eq!(first, pattern("1"));
    assert_ne!(first, pattern("2"));
    let lost = first.iter().filter(|&&lost| lost).count();
    assert!((8..=32).contains(&lost), "{lost} of 40 at one half");
}

#[test]
fn ctrl_c_and_sigterm_end_it_with_the_summary() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        for ports in ["0", "0,0", "0,0,0"] {
            let mut server = Server::on(&["-p", ports], &[], ports.split(',').count());
            ask(&server.client(), b"before");
            server.line();
            server.running.signal(signal);
            let end = server.running.finish();
            assert_eq!(end.code, Some(0), "{signal} {ports}");
            assert!(
                end.stderr.starts_with("1 datagram (6 bytes), 1 reply"),
                "{}",
                end.stderr
            );
        }
    }
}

#[test]
fn what_the_kernel_dropped_is_accounted_for() {
    let server = Server::start(&["-q", "--reply", "none", "--rcvbuf", "4096"]);
    let client = server.client();
    // Stopped, it takes nothing, and the small buffer overflows.
    server.running.signal(Signal::SIGSTOP);
    for _ in 0..500 {
        client.send(&[0; 100]).unwrap();
    }
    server.running.signal(Signal::SIGCONT);
    let end = server.interrupt();
    let words: Vec<&str> = end.stderr.split_whitespace().collect();
    let received: u64 = words[0].parse().unwrap();
    let at = words
        .windows(4)
        .position(|w| w[1..] == ["dropped", "by", "the"])
        .unwrap();
    let dropped: u64 = words[at].parse().unwrap();
    assert!(dropped > 400, "{}", end.stderr);
    // Ctrl-C may come before the queue is empty, but nothing is counted twice.
    assert!(
        received + dropped <= 500 && received + dropped >= 480,
        "{}",
        end.stderr
    );
}

#[test]
fn json_tells_everything() {
    let arguments = ["server", "--json", "-p", "0", "--count", "2", "--drop", "0"];
    let mut running = Running::start(udpraw(arguments));
    let listening = running.line();
    let listening = &json_lines(&listening)[0];
    assert_eq!(listening["event"], "listening");
    assert_eq!(listening["schema"], "udpraw.server/1");
    let port = listening["local"]["port"].as_u64().unwrap();
    let client = client_of(format!("127.0.0.1:{port}").parse().unwrap());
    ask(&client, b"text");
    ask(&client, b"\xff\x00");
    let end = running.finish();
    let records = json_lines(&end.stdout);
    let events: Vec<_> = records
        .iter()
        .map(|record| record["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        events,
        ["received", "replied", "received", "replied", "summary"]
    );
    assert_eq!(records[0]["text"], "text");
    assert_eq!(records[1]["text"], "Your data was 4 bytes long");
    assert_eq!(records[2]["hex"], "ff00");
    assert_eq!(records[4]["datagrams"], 2);
    assert_eq!(records[4]["reply_bytes"], 52);
    assert_eq!(end.stderr, "");
}

#[test]
fn it_never_answers_itself() {
    let mut server = Server::start(&["--reuseaddr"]);
    // The wildcard is outranked by the server's address, so what is sent from here to the server
    // bears the server's own address as its source, and arrives there.
    let forger = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    forger.set_reuse_address(true).unwrap();
    let here = std::net::SocketAddr::from((Ipv4Addr::UNSPECIFIED, server.port()));
    forger.bind(&here.into()).unwrap();
    let forger = UdpSocket::from(forger);
    forger.send_to(b"loop", server.addresses[0]).unwrap();
    assert!(server.line().ends_with("says 'loop'"));
    assert_eq!(
        ask(&server.client(), b"still there"),
        b"Your data was 11 bytes long"
    );
    let end = server.interrupt();
    assert!(
        end.stderr.contains("would answer the reply"),
        "{}",
        end.stderr
    );
    assert!(
        end.stderr.contains("2 datagrams (15 bytes), 1 reply"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_reply_that_cannot_be_sent_does_not_stop_it() {
    let text = format!("{}{{bytes}}", "x".repeat(65_507));
    let allow = "--allow-amplification";
    let mut server = Server::start(&["--reply-text", &text, "--count", "1", allow]);
    server.client().send(b"x").unwrap();
    server.line();
    let end = server.running.finish();
    assert_eq!(end.code, Some(0));
    assert!(
        end.stderr.contains("cannot send 65508 bytes to 127.0.0.1:"),
        "{}",
        end.stderr
    );
    assert!(
        end.stderr.contains("(EMSGSIZE)") && end.stderr.contains("1 failed"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_closed_standard_output_ends_it_quietly() {
    let server = Server::start(&[]);
    let client = server.client();
    let address = server.addresses[0];
    let end = std::thread::scope(|scope| {
        let end = scope.spawn(|| server.running.close_stdout());
        // It notices at the first line that it cannot write, which may be the second datagram's,
        // should the first come before the pipe is closed. It need not be there for the last.
        while !end.is_finished() {
            let _ = client.send(b"anyone?");
            std::thread::yield_now();
        }
        end.join().unwrap()
    });
    assert_eq!(end.code, Some(0), "{address}: {}", end.stderr);
    assert!(!end.stderr.contains("error"), "{}", end.stderr);
}

#[test]
fn verbose_shows_the_fd_and_what_became_of_each_option() {
    let server = Server::start(&["-v", "--rcvbuf", "64KiB", "-O", "SO_REUSEADDR=1"]);
    let end = server.interrupt();
    let first = end.stderr.lines().next().unwrap();
    assert!(
        first.starts_with("fd ") && first.contains("AF_INET, SOCK_DGRAM"),
        "{}",
        end.stderr
    );
    let of = |name: &str| {
        end.stderr
            .lines()
            .find(|line| line.contains(name))
            .unwrap()
            .to_owned()
    };
    assert!(of("SO_RCVBUF").contains("65536") && of("SO_RCVBUF").contains("131072"));
    assert!(of("SO_REUSEADDR").contains("requested") && of("SO_REUSEADDR").contains("effective"));
}
