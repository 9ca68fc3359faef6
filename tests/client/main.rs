//! `udpraw client` as a process, from its servers' side.

mod addresses;
#[path = "../common/mod.rs"]
mod common;
mod input;

use std::net::{SocketAddr, UdpSocket};

use common::{Running, Server, closed_port, finish, json_lines, received, socket, udpraw};

/// A server of the test's own, and the client that asks it.
struct Asked {
    server: UdpSocket,
    client: Running,
}

impl Asked {
    fn by(arguments: &[&str]) -> Self {
        let server = socket();
        let port = server.local_addr().unwrap().port().to_string();
        let words = [&["client", "--port", &port], arguments].concat();
        Self {
            client: Running::start(udpraw(words)),
            server,
        }
    }

    /// Waits for the next request.
    fn request(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = vec![0; 65_535];
        let (length, client) = received(|| self.server.recv_from(&mut buffer)).expect("a request");
        buffer.truncate(length);
        (buffer, client)
    }

    fn reply(&self, text: &[u8], client: SocketAddr) {
        self.server.send_to(text, client).unwrap();
    }

    fn server_tuple(&self) -> String {
        format!(
            "('127.0.0.1', {})",
            self.server.local_addr().unwrap().port()
        )
    }
}

/// Whether a text is `The time is YYYY-MM-DD HH:MM:SS.ffffff`, or without the microseconds.
fn is_the_time(text: &str) -> bool {
    let shape: String = text
        .strip_prefix("The time is ")
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00 00:00:00.000000" || shape == "0000-00-00 00:00:00"
}

#[test]
fn the_textbooks_transcript() {
    let asked = Asked::by(&[]);
    let (request, client) = asked.request();
    let text = String::from_utf8(request).unwrap();
    assert!(is_the_time(&text), "{text}");
    asked.reply(b"Your data was 38 bytes long", client);
    let tuple = asked.server_tuple();
    let end = asked.client.finish();
    let want = format!(
        "The OS assigned me the address ('0.0.0.0', {})\n\
         The server {tuple} replied 'Your data was 38 bytes long'\n",
        client.port()
    );
    assert_eq!(
        (end.stdout, end.stderr, end.code),
        (want, String::new(), Some(0))
    );
}

#[test]
fn a_stranger_is_named_and_ignored() {
    let asked = Asked::by(&["-m", "who?"]);
    let (_, client) = asked.request();
    let stranger = socket();
    stranger.send_to(b"me!\x1b[2J", client).unwrap();
    asked.reply(b"I", client);
    let tuple = asked.server_tuple();
    let end = asked.client.finish();
    assert_eq!(end.code, Some(0));
    assert!(
        end.stdout
            .ends_with(&format!("The server {tuple} replied 'I'\n")),
        "{}",
        end.stdout
    );
    assert!(!end.stdout.contains("me!"));
    let port = stranger.local_addr().unwrap().port();
    let note = format!(r"ignored: ('127.0.0.1', {port}) was not asked: 'me!\x1b[2J'");
    assert!(end.stderr.contains(&note), "{}", end.stderr);
}

#[test]
fn promiscuous_believes_the_stranger() {
    let asked = Asked::by(&["--promiscuous"]);
    let (_, client) = asked.request();
    let stranger = socket();
    stranger.send_to(b"me!", client).unwrap();
    let end = asked.client.finish();
    let port = stranger.local_addr().unwrap().port();
    let want = format!("The server ('127.0.0.1', {port}) replied 'me!'\n");
    assert!(end.stdout.ends_with(&want), "{}", end.stdout);
}

#[test]
fn connected_the_kernel_refuses_strangers() {
    let asked = Asked::by(&["--connect"]);
    let (_, client) = asked.request();
    socket().send_to(b"me!", client).unwrap();
    asked.reply(b"I", client);
    let tuple = asked.server_tuple();
    let end = asked.client.finish();
    let want = format!(
        "Client socket name is ('127.0.0.1', {})\nThe server {tuple} replied 'I'\n",
        client.port()
    );
    assert_eq!((end.stdout, end.stderr), (want, String::new()));
}

#[test]
fn a_closed_port_is_told_at_once() {
    for extra in [&[][..], &["--connect"]] {
        for host in ["127.0.0.1", "::1"] {
            let port = closed_port();
            let end = finish(&[&["client", host, "--port", &port], extra].concat());
            let at = if host == "::1" {
                format!("[::1]:{port}")
            } else {
                format!("{host}:{port}")
            };
            let want = format!("nobody listens at {at}: connection refused (ECONNREFUSED)\n");
            // Nothing of a second try: the first answer was enough.
            assert_eq!((end.stderr, end.code), (want, Some(1)), "{host} {extra:?}");
        }
    }
}

#[test]
fn silence_by_the_book_takes_five_tries() {
    let asked = Asked::by(&["-m", "hello?"]);
    let end = asked.client.finish();
    let want = "Waiting up to 0.2 seconds for a reply\n\
                Waiting up to 0.4 seconds for a reply\n\
                Waiting up to 0.8 seconds for a reply\n\
                Waiting up to 1.6 seconds for a reply\n\
                I think the server is down\n";
    assert_eq!((end.stderr.as_str(), end.code), (want, Some(1)));
    asked.server.set_nonblocking(true).unwrap();
    let mut requests = 0;
    while received(|| asked.server.recv_from(&mut [0; 99])).is_ok() {
        requests += 1;
    }
    assert_eq!(requests, 5);
}

#[test]
fn tries_and_timeout_bound_the_wait() {
    let silent = socket();
    let port = silent.local_addr().unwrap().port().to_string();
    for (arguments, further) in [
        (&["--tries", "1"][..], 0),
        (&["--tries", "2"], 1),
        (&["--timeout", "150ms"], 1),
        (&["--backoff", "rfc8085", "--timeout", "10ms"], 0),
        (&["--timeout", "1us"], 0),
    ] {
        let end = finish(&[&["client", "--port", &port], arguments].concat());
        assert_eq!(end.code, Some(1), "{arguments:?}");
        assert_eq!(
            end.stderr.matches("Waiting up to").count(),
            further,
            "{arguments:?}"
        );
        assert!(
            end.stderr.ends_with("I think the server is down\n"),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_lost_request_is_sent_again_and_gives_no_sample() {
    let asked = Asked::by(&["--json", "-m", "again", "-v"]);
    let (first, _) = asked.request();
    let (second, client) = asked.request();
    assert_eq!(
        (first.as_slice(), second.as_slice()),
        (&b"again"[..], &b"again"[..])
    );
    asked.reply(b"ok", client);
    let end = asked.client.finish();
    let records = json_lines(&end.stdout);
    let reply = records
        .iter()
        .find(|record| record["event"] == "reply")
        .expect("a reply");
    assert!(reply["attempts"].as_u64().unwrap() >= 2, "{reply}");
    assert!(
        reply["rtt_ns"].is_null() && reply["elapsed_ns"].as_u64().unwrap() >= 100_000_000,
        "{reply}"
    );
    assert_eq!(records.last().unwrap()["answered"], 1);
    // Nobody knows which of them was answered, so the estimate has learnt nothing (Karn's rule).
    assert!(!end.stderr.contains("SRTT"), "{}", end.stderr);
}

#[test]
fn a_second_reply_does_not_answer_the_next_request() {
    let asked = Asked::by(&["--count", "2", "--interval", "50ms", "--json"]);
    let (_, client) = asked.request();
    asked.reply(b"first", client);
    asked.reply(b"first again", client);
    let (_, client) = asked.request();
    asked.reply(b"second", client);
    let records = json_lines(&asked.client.finish().stdout);
    let texts = |event: &str| {
        let of = records.iter().filter(|record| record["event"] == event);
        of.map(|record| record["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(texts("reply"), ["first", "second"]);
    assert_eq!(texts("late_reply"), ["first again"]);
}

#[test]
fn requests_are_counted_and_their_round_trips_told() {
    let server = Server::start(&["--count", "3"]);
    let port = server.port().to_string();
    let arguments = [
        "client",
        "-p",
        &port,
        "-m",
        "x",
        "--count",
        "3",
        "--interval",
        "1ms",
        "-v",
    ];
    let end = finish(&arguments);
    assert_eq!(end.stdout.matches("replied").count(), 3);
    assert_eq!(end.stdout.matches("The OS assigned me").count(), 1);
    assert_eq!(end.stderr.matches("SRTT").count(), 3);
    assert!(
        end.stderr
            .contains("3 requests, 3 answered; round trip min"),
        "{}",
        end.stderr
    );
}

#[test]
fn ctrl_c_ends_a_wait_with_the_account() {
    let asked = Asked::by(&["--count", "9", "--interval", "1h"]);
    let (_, client) = asked.request();
    asked.reply(b"ok", client);
    // Its reply line is out, so it has gone on to pause for the hour, or is about to.
    let mut running = asked.client;
    while !running.line().contains("replied") {}
    running.signal(nix::sys::signal::Signal::SIGINT);
    let end = running.finish();
    assert!(
        end.stderr.starts_with("1 request, 1 answered"),
        "{}",
        end.stderr
    );
}

#[test]
fn bad_input_is_answered_in_one_helpful_line() {
    let cases: common::Refusals<'_> = &[
        (&["--port", "0"], &["port 0"]),
        (&["--port", "65536"], &["65536", "65535"]),
        (&["--port", "domian"], &["domian", "domain"]),
        (
            &["no.such.host.invalid"],
            &["no.such.host.invalid", "check its spelling"],
        ),
        (&["127.0.0.1", "-6"], &["no IPv6 address"]),
        (&["--hex", "-m", "123"], &["3 digits"]),
        (
            &["--backoff", "never"],
            &["neither book, rfc8085 nor rfc9002"],
        ),
        (
            &["--backoff", "rfc9002"],
            &["name the attempt", "add --exchange"],
        ),
        (
            &["--timeout", "0"],
            &["no reply can come in no time", "leave it out"],
        ),
        (
            &["127.0.0.1:1060", "--port", "1061"],
            &[
                "it names port 1060, and --port names 1061",
                "leave one of them out",
            ],
        ),
        (&["127.0.0.1:"], &["its port is missing"]),
        (&["127.0.0.1:0"], &["port 0"]),
        (&["fe80::1%lo:5"], &["write [fe80::1%lo]:5"]),
        (&["--tries", "0"], &["--tries"]),
        (&["--timeout=-1s"], &["--timeout", "-1s", "negative"]),
        (&["--timeout", "10000h"], &["longer than a year"]),
        (&["--local", "::1"], &["the server's address is IPv4"]),
        (
            &["--local", "198.51.100.7"],
            &["198.51.100.7:0", "(EADDRNOTAVAIL)"],
        ),
        (&["--sndbuf", "1e99"], &["SO_SNDBUF", "1e99"]),
    ];
    common::assert_refused(&["client"], cases);
}

#[test]
fn a_rate_that_was_not_reached_is_reported() {
    let server = Server::start(&["-q"]);
    let port = server.port().to_string();
    let words = ["client", "-p", &port, "-m", "x", "--count", "200"];
    // Ten million a second are more than one request at a time can be.
    let fast = ["--interval", "100ns"];
    let end = finish(&[&words[..], &fast].concat());
    let told = " requests per second instead of 10000000: ";
    assert!(end.stderr.contains(told), "{}", end.stderr);
    let end = finish(&[&words[..], &fast, &["--json"]].concat());
    let records = json_lines(&end.stdout);
    let sum = records.last().unwrap();
    assert_eq!(sum["target_requests_per_second"], 1e7);
    assert!(sum["requests_per_second"].as_f64().unwrap() < 9e6, "{sum}");
    assert!(sum["limited_by"].is_string(), "{sum}");
    assert_eq!(
        (&sum["sent"], &sum["rtt_samples"]),
        (&200.into(), &200.into())
    );
    // As fast as they are answered: no rate was asked for.
    let end = finish(&[&words[..], &["--interval", "0", "--json"]].concat());
    let records = json_lines(&end.stdout);
    assert!(records.last().unwrap()["target_requests_per_second"].is_null());
}
