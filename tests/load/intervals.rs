//! The figures of intervals: their lengths, and what becomes of them if nobody reads.

use std::io::Read;
use std::net::UdpSocket;
use std::process::Stdio;

use serde_json::Value;

use super::common::{Running, json_lines, udpraw};
use super::{balances, load, sum};

fn number(record: &Value, name: &str) -> u64 {
    let number = record[name].as_u64();
    number.unwrap_or_else(|| panic!("{name} of {record}"))
}

/// Waiting for what is on its way is no part of the last one.
#[test]
fn the_last_interval_is_as_long_as_it_was_sent_in() {
    // It never answers, so the load lingers.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = silent.local_addr().unwrap().to_string();
    for (time, arguments) in [
        (400, &["--rate", "1kpps"] as &[&str]),
        (350, &["--rate", "1kpps", "--flows", "4", "--workers", "2"]),
        (400, &["--closed", "8"]),
    ] {
        let for_ = format!("{time}ms");
        let timing = ["--for", &for_, "--interval", "100ms", "--linger", "600ms"];
        let (result, end) = load(&target, &[arguments, &timing].concat());
        balances(&result["round_trip"]);
        let lines = json_lines(&end.stdout);
        let all: Vec<_> = lines
            .iter()
            .filter(|line| line["event"] == "interval")
            .cloned()
            .collect();
        assert_eq!(all.len(), 4, "{arguments:?}: {}", end.stdout);
        let mut start = 0;
        for one in &all {
            assert_eq!(number(one, "start_ns"), start, "{one}");
            start += number(one, "elapsed_ns");
        }
        assert!(start <= time * 1_000_000, "{start}");
        assert_eq!(start, number(&result, "elapsed_ns"));
        let sent = sum(&all, "round_trip", "sent");
        assert_eq!(sent, number(&result["round_trip"], "sent"));
    }
}

/// A pipe that is full holds up neither the load nor its books, and takes no memory: intervals that nobody
/// reads are reported as one.
#[test]
fn a_reader_that_stands_still_holds_nothing_up() {
    let words = ["server", "--port", "0", "-q", "--json", "--allow-load"];
    let mut server = Running::start(udpraw(words));
    let first: Value = serde_json::from_str(&server.line()).unwrap();
    let target = format!("127.0.0.1:{}", first["local"]["port"]);
    let words = [
        "load",
        &target,
        "--one-way",
        "--json",
        "--rate",
        "1kpps",
        "--for",
        "2s",
        "--interval",
        "10ms",
        "--flows",
        "2",
        "--workers",
        "2",
    ];
    let mut running = udpraw(words).stdout(Stdio::piped()).spawn().unwrap();
    // The client has ended its session: it has sent all that it will send.
    while !server.line().contains("\"load_session\"") {}
    let mut text = String::new();
    let mut output = running.stdout.take().unwrap();
    output.read_to_string(&mut text).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0));
    let lines = json_lines(&text);
    let (result, lines) = lines.split_last().unwrap();
    let all: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "interval")
        .cloned()
        .collect();
    assert!(all.len() < 190, "{} intervals", all.len());
    let longest = all.iter().map(|one| number(one, "elapsed_ns")).max();
    assert!(longest > Some(100_000_000), "{longest:?}");
    let mut start = 0;
    for one in &all {
        assert_eq!(number(one, "start_ns"), start, "{one}");
        start += number(one, "elapsed_ns");
    }
    assert_eq!(number(&result["up"], "scheduled"), 2000);
    for field in ["scheduled", "sent"] {
        assert_eq!(sum(&all, "up", field), number(&result["up"], field));
    }
}
