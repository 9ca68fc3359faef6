//! The relay as an oracle: what it did by its log is what a load measures.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
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

    /// Its log, by direction.
    fn end(self, log: &Path) -> HashMap<String, Vec<Value>> {
        self.end_with_clients(log).0
    }

    /// Its log by direction, and the address of each flow's client.
    fn end_with_clients(self, log: &Path) -> (HashMap<String, Vec<Value>>, HashMap<u64, String>) {
        self.running.signal(Signal::SIGINT);
        let end = self.running.finish();
        let mut clients = HashMap::new();
        for line in json_lines(&end.stdout) {
            if let (Some(flow), Some(client)) =
                (line["flow"].as_u64(), line["client"]["address"].as_str())
            {
                clients.insert(flow, client.to_owned());
            }
        }
        let mut ways: HashMap<String, Vec<Value>> = HashMap::new();
        for line in json_lines(&std::fs::read_to_string(log).unwrap()) {
            let way = line["direction"].as_str().unwrap().to_owned();
            ways.entry(way).or_default().push(line);
        }
        (ways, clients)
    }
}

fn is_load(line: &Value) -> bool {
    line["bytes"] != CONTROL
}

/// What became of one direction's datagrams by the log: sent, lost, copies.
fn logged(lines: &[Value]) -> [u64; 3] {
    let lines: Vec<_> = lines.iter().filter(|line| is_load(line)).collect();
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

/// Compares what a load measured in one direction with the log. On a busy machine the receiving socket's
/// buffer may have been full, which the load knows of: what was dropped there passed the relay.
fn compare(result: &Value, way: &str, lines: &[Value], about: &dyn Debug) {
    let stream = &result[way];
    balances(stream);
    let [sent, lost, copies] =
        ["sent", "lost", "duplicates"].map(|name| stream[name].as_u64().unwrap());
    let drops = if way == "up" {
        "peer_kernel_drops"
    } else {
        "kernel_drops"
    };
    let drops = result[drops].as_u64().unwrap_or(0);
    let logged = logged(lines);
    let near = |measured: u64, logged: u64| measured.abs_diff(logged) <= drops;
    let is_near = sent == logged[0] && near(lost, logged[1]) && near(copies, logged[2]);
    assert!(
        is_near,
        "{about:?} {way}, {drops} dropped: {sent}, {lost}, {copies}, by the log {logged:?}"
    );
}

/// Those that are held back until the next one has left arrive behind it (RFC 4737), if that is of load, and
/// comes before the relay's patience is at its end.
fn held_back(lines: &[Value]) -> u64 {
    let (mut waiting, mut reordered) = (Vec::new(), 0);
    for line in lines.iter().filter(|line| line["outcome"] == "passes") {
        let at = |name: &str| line[name].as_u64().unwrap();
        let flow = at("flow");
        if line["order"] == "held-back" {
            if is_load(line) {
                waiting.push((flow, at("elapsed_ns") + at("delay_ns")));
            }
        } else {
            let released = |held: &(u64, u64)| held.0 == flow;
            let behind = |held: &(u64, u64)| released(held) && held.1 > at("elapsed_ns");
            // Those that a question of the session releases are not behind another of load.
            let is_counted = u64::from(is_load(line));
            reordered += is_counted * waiting.iter().filter(|held| behind(held)).count() as u64;
            waiting.retain(|held| !released(held));
        }
    }
    reordered
}

/// Those that arrive behind a greater number (RFC 4737), if each leaves as late as the log says.
fn overtaken(lines: &[Value]) -> u64 {
    let mut arrivals = Vec::new();
    let passed = lines
        .iter()
        .filter(|line| is_load(line) && line["outcome"] == "passes");
    for line in passed {
        let at = |name: &str| line[name].as_u64();
        let delays = [at("delay_ns"), at("duplicate_delay_ns")];
        for delay in delays.into_iter().flatten() {
            arrivals.push((at("elapsed_ns").unwrap() + delay, at("number").unwrap()));
        }
    }
    arrivals.sort_unstable();
    let (mut seen, mut greatest, mut reordered) = (HashSet::new(), 0, 0);
    for (_, number) in arrivals {
        if seen.insert(number) {
            reordered += u64::from(number < greatest);
            greatest = greatest.max(number);
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
        (
            "5",
            &[
                "--up",
                "delay=30ms,loss=2%,duplicate=1%,reorder=5%",
                "--down",
                "delay=10ms,loss=2%,duplicate=1%,reorder=5%",
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
            compare(&result, way, &ways[way], &impairments);
            let reordered = result[way]["reordered"].as_u64().unwrap();
            let is_delayed = impairments.iter().any(|one| one.contains("delay"));
            let logged = if is_delayed {
                overtaken(&ways[way])
            } else {
                held_back(&ways[way])
            };
            assert_eq!(reordered, logged, "{impairments:?} {way}");
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
    let server = Server::start(&["-q", "--allow-load", "--io", "auto"]);
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
        compare(&result, way, &ways[way], &"both");
    }
}

/// Eight clients with many flows through one relay: the books of each are the relay's for its address.
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
    let sources: Vec<String> = (1..=8).map(|number| format!("127.0.1.{number}")).collect();
    let start = |source: &String| {
        let words = [
            "load",
            &target,
            "--json",
            "--session",
            "--flows",
            "25",
            "--source",
            source,
            "--rate",
            "500pps",
            "--for",
            "1",
        ];
        Running::start(udpraw(words))
    };
    let running: Vec<_> = sources.iter().map(start).collect();
    let ended: Vec<_> = running.into_iter().map(Running::finish).collect();
    let (ways, clients) = relay.end_with_clients(&log);
    for (source, end) in sources.iter().zip(ended) {
        assert_eq!(end.code, Some(0), "{}", end.stderr);
        let lines = json_lines(&end.stdout);
        let result = lines.last().unwrap();
        for way in ["up", "down"] {
            let of_client = |line: &&Value| clients[&line["flow"].as_u64().unwrap()] == *source;
            let own: Vec<Value> = ways[way].iter().filter(of_client).cloned().collect();
            compare(result, way, &own, source);
        }
    }
}
