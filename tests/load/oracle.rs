//! The relay as an oracle: what it did by its log is what a load measures.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;
use udpraw::protocol::load::CONTROL;

use super::common::{Running, Server, json_lines, udpraw};
use super::{balances, load};

struct Relay {
    running: Running,
    address: SocketAddr,
}

impl Relay {
    fn start(to: SocketAddr, arguments: &[&str]) -> Self {
        let to = to.to_string();
        let words = [
            "relay",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--to",
            &to,
            "--for",
            "60s",
        ];
        let mut running = Running::start(udpraw(words.iter().chain(arguments)));
        let told: Value = serde_json::from_str(&running.line()).unwrap();
        let (host, port) = (&told["local"]["address"], &told["local"]["port"]);
        let address = format!("{}:{port}", host.as_str().unwrap());
        let address = address.parse().unwrap();
        Self { running, address }
    }

    /// The datagrams of load in its log, by direction.
    fn end(self, log: &Path) -> HashMap<String, Vec<Value>> {
        self.running.signal(Signal::SIGINT);
        self.running.finish();
        let mut ways: HashMap<String, Vec<Value>> = HashMap::new();
        for line in json_lines(&std::fs::read_to_string(log).unwrap()) {
            if line["bytes"] != CONTROL {
                let way = line["direction"].as_str().unwrap().to_owned();
                ways.entry(way).or_default().push(line);
            }
        }
        ways
    }
}

/// What became of one direction's datagrams by the log: sent, lost, copies.
fn logged(lines: &[Value]) -> [u64; 3] {
    let lost = lines
        .iter()
        .filter(|line| line["outcome"] == "lost")
        .count();
    let copies = lines
        .iter()
        .filter(|line| line["duplicate_delay_ns"].is_u64())
        .count();
    [lines.len() as u64, lost as u64, copies as u64]
}

fn measured(stream: &Value) -> [u64; 3] {
    ["sent", "lost", "duplicates"].map(|name| stream[name].as_u64().unwrap())
}

/// Those that are held back until the next one has left arrive behind it (RFC 4737), if that is of load, and
/// comes before the relay's patience is at its end.
fn held_back(lines: &[Value]) -> u64 {
    let (mut waiting, mut reordered) = (Vec::new(), 0);
    for line in lines.iter().filter(|line| line["outcome"] == "passes") {
        let at = |name: &str| line[name].as_u64().unwrap();
        let flow = at("flow");
        if line["order"] == "held-back" {
            waiting.push((flow, at("elapsed_ns") + at("delay_ns")));
        } else {
            let released = |held: &(u64, u64)| held.0 == flow;
            let behind = |held: &(u64, u64)| released(held) && held.1 > at("elapsed_ns");
            reordered += waiting.iter().filter(|held| behind(held)).count() as u64;
            waiting.retain(|held| !released(held));
        }
    }
    reordered
}

#[test]
fn a_load_measures_what_the_relay_did() {
    for (seed, impairments) in [
        ("1", &["--loss", "2%", "--duplicate", "1%"] as &[&str]),
        (
            "2",
            &[
                "--up",
                "loss=5%,delay=30ms",
                "--down",
                "loss=1%,delay=10ms,duplicate=3%",
            ],
        ),
        ("3", &["--reorder", "5%"]),
        (
            "4",
            &[
                "--up",
                "reorder=10%,loss=3%",
                "--down",
                "reorder=5%,loss=2%",
            ],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let server = Server::start(&["-q", "--allow-load", "--io", "auto"]);
        let path = log.to_str().unwrap();
        let words = [&["--log", path, "--seed", seed], impairments].concat();
        let relay = Relay::start(server.addresses[0], &words);
        let target = relay.address.to_string();
        let (result, end) = load(&target, &["--session", "--rate", "2kpps", "--for", "1"]);
        assert_eq!(end.code, Some(0), "{impairments:?}: {}", end.stderr);
        let ways = relay.end(&log);
        for way in ["up", "down"] {
            balances(&result[way]);
            assert_eq!(
                measured(&result[way]),
                logged(&ways[way]),
                "{impairments:?} {way}"
            );
            if !impairments.iter().any(|one| one.contains("delay")) {
                let reordered = result[way]["reordered"].as_u64().unwrap();
                assert_eq!(reordered, held_back(&ways[way]), "{impairments:?} {way}");
            }
        }
        balances(&result["round_trip"]);
        let lost = |way: &str| result[way]["lost"].as_u64().unwrap();
        // A copy may stand in for a loss.
        let whole = lost("round_trip");
        assert!(whole <= lost("up") + lost("down"), "{whole}");
    }
}

#[test]
fn what_the_server_sends_is_measured_too() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = Server::start(&["-q", "--allow-load"]);
    let words = [
        "--log",
        log.to_str().unwrap(),
        "--seed",
        "5",
        "--loss",
        "3%",
        "--duplicate",
        "2%",
    ];
    let relay = Relay::start(server.addresses[0], &words);
    let target = relay.address.to_string();
    let (result, end) = load(&target, &["--both", "--rate", "2kpps", "--for", "500ms"]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let ways = relay.end(&log);
    for way in ["up", "down"] {
        balances(&result[way]);
        assert_eq!(measured(&result[way]), logged(&ways[way]), "{way}");
    }
}

/// Eight clients with many flows through one relay: each has its own losses, and together the relay's.
#[test]
fn many_clients_share_the_losses() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = Server::start(&["-q", "--allow-load", "--io", "auto"]);
    let words = [
        "--log",
        log.to_str().unwrap(),
        "--seed",
        "6",
        "--loss",
        "2%",
        "--duplicate",
        "1%",
    ];
    let relay = Relay::start(server.addresses[0], &words);
    let target = relay.address.to_string();
    let words = [
        "load",
        &target,
        "--json",
        "--session",
        "--flows",
        "25",
        "--rate",
        "500pps",
        "--for",
        "1",
    ];
    let running: Vec<_> = (0..8).map(|_| Running::start(udpraw(words))).collect();
    let mut sums: HashMap<&str, [u64; 3]> = HashMap::new();
    for client in running {
        let end = client.finish();
        assert_eq!(end.code, Some(0), "{}", end.stderr);
        let lines = json_lines(&end.stdout);
        let result = lines.last().unwrap();
        for way in ["up", "down"] {
            balances(&result[way]);
            let sum = sums.entry(way).or_default();
            for (sum, one) in sum.iter_mut().zip(measured(&result[way])) {
                *sum += one;
            }
        }
    }
    let ways = relay.end(&log);
    for way in ["up", "down"] {
        assert_eq!(sums[way], logged(&ways[way]), "{way}");
    }
}
