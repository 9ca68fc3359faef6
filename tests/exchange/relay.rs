//! `udpraw client --exchange` and `udpraw server --exchange` with `udpraw relay` between them.

use crate::common::{Running, Server, finish, json_lines, udpraw};

/// A relay to that port with these impairments, and the port where it listens.
fn relay(port: u16, impairments: &[&str]) -> (Running, String) {
    let to = format!("127.0.0.1:{port}");
    let words = ["relay", "--listen", "127.0.0.1:0", "--to", &to, "--json"];
    let mut running = Running::start(udpraw([&words[..], impairments].concat()));
    let listening = json_lines(&running.line()).remove(0);
    let port = listening["local"]["port"].as_u64().expect("a port");
    (running, port.to_string())
}

#[test]
fn fifty_exchanges_through_a_bad_network_are_quick_and_done_once() {
    let server = Server::start(&["--exchange"]);
    let bad = ["--loss", "30%", "--duplicate", "20%", "--reorder", "30%"];
    let (relay, port) = relay(server.port(), &[&bad[..], &["--seed", "3"]].concat());
    let words = ["client", "--exchange", "-p", &port, "--json", "-m", "hello"];
    let end = finish(&[&words[..], &["--count", "50", "--interval", "0"]].concat());
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let records = json_lines(&end.stdout);
    let of = |event: &str| {
        let of = records.iter().filter(|record| record["event"] == event);
        of.collect::<Vec<_>>()
    };
    let sum = of("summary")[0];
    assert_eq!(
        (&sum["requests"], &sum["answered"]),
        (&50.into(), &50.into())
    );
    // Every reply is a sample, also those to a repeat, and what was sent is what is told.
    assert_eq!(sum["rtt_samples"], 50);
    assert_eq!(sum["sent"], of("sent").len());
    assert!(sum["sent"].as_u64().unwrap() > 60, "{sum}");
    let replies = of("reply");
    let count = |field: &str| {
        let high = replies.iter().filter(|it| it[field].as_u64() > Some(1));
        high.count()
    };
    assert!(
        count("attempts") > 10 && count("answered_attempt") > 5,
        "{sum}"
    );
    for reply in &replies {
        let number = |field: &str| reply[field].as_f64().unwrap();
        assert!(number("answered_attempt") <= number("attempts"), "{reply}");
        assert!(number("rtt_ns") <= number("elapsed_ns"), "{reply}");
    }
    // A bound that a stuck timer would break: it took more than 200 s.
    let waited: f64 = replies
        .iter()
        .filter_map(|it| it["elapsed_ns"].as_f64())
        .sum();
    assert!(waited < 60e9, "{waited}");
    drop(relay);
    let end = server.interrupt();
    assert_eq!(end.stdout.matches(" says 'hello'").count(), 50);
    assert!(end.stderr.contains(", 50 exchanges, "), "{}", end.stderr);
}

/// The times of a path tell whether its round trip or its loss makes it slow.
#[test]
fn the_summary_tells_repeats_and_samples() {
    let server = Server::start(&["--exchange", "--drop", "50%", "--seed", "2"]);
    let port = server.port().to_string();
    let words = ["client", "--exchange", "-p", &port, "-v", "-m", "hello"];
    let end = finish(&[&words[..], &["--count", "20", "--interval", "0"]].concat());
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    for told in [
        "20 requests, 20 answered, ",
        " repeats, ",
        " datagrams (SRTT ",
    ] {
        assert!(end.stderr.contains(told), "{told}: {}", end.stderr);
    }
    assert_eq!(end.stderr.matches("(SRTT ").count(), 20, "{}", end.stderr);
}
