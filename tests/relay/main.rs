//! `udpraw relay` with real processes and sockets.

mod allocation;
#[path = "../common/allocations.rs"]
mod allocations;
#[path = "../common/mod.rs"]
mod common;
mod flows;
mod foreign;
mod outcomes;

use std::net::{SocketAddr, UdpSocket};

use common::{Finished, Running, assert_refused, client_of, finish, listening, socket, udpraw};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A running `udpraw relay --json` on a port that the OS picked.
struct Relay {
    running: Running,
    address: SocketAddr,
}

impl Relay {
    fn start(to: SocketAddr, arguments: &[&str]) -> Self {
        Self::on("127.0.0.1:0", to, arguments)
    }

    fn on(listen: &str, to: SocketAddr, arguments: &[&str]) -> Self {
        let to = to.to_string();
        let words = ["relay", "--json", "--listen", listen, "--to", &to];
        // A bound, so that a test that waits in vain fails.
        let bound: &[&str] = if arguments.contains(&"--for") {
            &[]
        } else {
            &["--for", "60s"]
        };
        let words = words.iter().chain(arguments).chain(bound);
        let mut running = Running::start(udpraw(words));
        let line = running.line();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        assert_eq!(told["event"], "listening");
        let at = &told["local"];
        let address = at["address"].as_str().unwrap().parse().unwrap();
        let address = SocketAddr::new(address, at["port"].as_u64().unwrap() as u16);
        Self { running, address }
    }

    /// The next event of that name.
    fn event(&mut self, name: &str) -> Value {
        loop {
            let line = self.running.line();
            assert_ne!(line, "", "no event {name} came");
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == name {
                return event;
            }
        }
    }

    /// Ends it as Ctrl-C does: the last record, and what it left behind.
    fn interrupt(self) -> (Value, Finished) {
        self.running.signal(Signal::SIGINT);
        self.finish()
    }

    fn finish(self) -> (Value, Finished) {
        let end = self.running.finish();
        let last = end.stdout.lines().last().expect("a ledger");
        let ledger: Value = serde_json::from_str(last).unwrap();
        assert_eq!(ledger["event"], "summary");
        assert_eq!(ledger["balanced"], true, "{ledger}");
        (ledger, end)
    }
}

/// Receives one datagram, and who sent it.
fn take(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_535];
    let (length, from) = common::received(|| socket.recv_from(&mut buffer)).expect("a datagram");
    buffer.truncate(length);
    (buffer, from)
}

#[test]
fn every_byte_passes_unharmed_both_ways() {
    let target = socket();
    let relay = Relay::start(target.local_addr().unwrap(), &[]);
    let client = client_of(relay.address);
    let all: Vec<u8> = (0..=255).collect();
    for bytes in [
        &b"hello"[..],
        b"",
        &all,
        &[0xff; 1472],
        &[7; 65_507],
        b"\x1b[2J",
    ] {
        client.send(bytes).unwrap();
        let (got, from) = take(&target);
        assert_eq!(got, bytes);
        target.send_to(bytes, from).unwrap();
        assert_eq!(take(&client), (bytes.to_vec(), relay.address));
    }
    let (ledger, end) = relay.interrupt();
    assert_eq!(end.code, Some(0));
    for way in ["up", "down"] {
        assert_eq!(
            (&ledger[way]["received"], &ledger[way]["sent"]),
            (&6.into(), &6.into())
        );
    }
}

#[test]
fn from_one_family_to_the_other() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return common::skip("no IPv6 on loopback");
    }
    for (listen, at) in [("[::1]:0", "127.0.0.1:0"), ("127.0.0.1:0", "[::1]:0")] {
        let target = UdpSocket::bind(at).unwrap();
        target.set_read_timeout(Some(common::PATIENCE)).unwrap();
        let relay = Relay::on(listen, target.local_addr().unwrap(), &[]);
        let client = client_of(relay.address);
        client.send(b"there").unwrap();
        let (got, from) = take(&target);
        assert_eq!(
            (got.as_slice(), from.is_ipv4()),
            (&b"there"[..], at.starts_with('1'))
        );
        target.send_to(b"back", from).unwrap();
        assert_eq!(take(&client), (b"back".to_vec(), relay.address));
    }
}

#[test]
fn replies_leave_from_the_address_that_was_asked() {
    for arguments in [&[][..], &["--delay", "1ms"], &["--log", "/dev/null"]] {
        let target = socket();
        let relay = Relay::on("0.0.0.0:0", target.local_addr().unwrap(), arguments);
        let client = socket();
        let mut upstream = Vec::new();
        for asked in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
            let asked = SocketAddr::new(asked.parse().unwrap(), relay.address.port());
            client.send_to(b"to you", asked).unwrap();
            let (_, from) = take(&target);
            target.send_to(b"from me", from).unwrap();
            assert_eq!(take(&client), (b"from me".to_vec(), asked));
            upstream.push(from);
        }
        upstream.dedup();
        assert_eq!(upstream.len(), 3, "a flow for each address that was asked");
    }
}

#[test]
fn text_tells_where_and_the_ledger() {
    let target = socket();
    let to = target.local_addr().unwrap().to_string();
    let words = [
        "relay",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &to,
        "--up",
        "loss=100%",
        "--count",
        "3",
        "--seed",
        "7",
        "-v",
    ];
    let mut running = Running::start(udpraw(words));
    let relay = listening(&running.line());
    let client = client_of(relay);
    for _ in 0..3 {
        client.send(b"gone").unwrap();
    }
    let end = running.finish();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let rows: Vec<Vec<_>> = end
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(rows.contains(&vec!["in", "3", "0"]), "{}", end.stdout);
    assert!(rows.contains(&vec!["out", "0", "0"]), "{}", end.stdout);
    assert!(
        rows.contains(&vec!["lost", "by", "loss", "3", "0"]),
        "{}",
        end.stdout
    );
    for want in [
        "seed 7",
        "backend offload",
        "flow 0 opened",
        "flow 0 closed: 3 datagrams up, 0 down",
    ] {
        assert!(end.stderr.contains(want), "{want}: {}", end.stderr);
    }
}

#[test]
fn it_ends_in_time_and_what_is_held_is_told() {
    let target = socket();
    let relay = Relay::start(
        target.local_addr().unwrap(),
        &["--delay", "1h", "--for", "300ms"],
    );
    client_of(relay.address).send(b"late").unwrap();
    let (ledger, end) = relay.finish();
    assert_eq!((end.code, &ledger["up"]["pending"]), (Some(0), &1.into()));
    // With a count, it waits for what is held.
    let relay = Relay::start(
        target.local_addr().unwrap(),
        &["--delay", "50ms", "--count", "1"],
    );
    client_of(relay.address).send(b"not so late").unwrap();
    assert_eq!(take(&target).0, b"not so late");
    let (ledger, _) = relay.finish();
    assert_eq!(
        (&ledger["up"]["pending"], &ledger["up"]["sent"]),
        (&0.into(), &1.into())
    );
}

#[test]
fn a_flow_is_not_idle_while_something_of_it_is_held() {
    let target = socket();
    let arguments = ["--idle", "1ms", "--delay", "200ms", "--count", "1"];
    let mut relay = Relay::start(target.local_addr().unwrap(), &arguments);
    client_of(relay.address).send(b"late").unwrap();
    assert_eq!(take(&target).0, b"late");
    relay.event("opened");
    let (ledger, _) = relay.finish();
    assert_eq!(ledger["up"]["lost"]["flow_closed"], 0);
}

/// On a terminal, a line is written over again each second.
#[test]
fn a_terminal_is_kept_up_to_date() {
    if !common::has("python3") {
        return;
    }
    const SPAWN: &str = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let words = ["relay", "--listen", ":0", "--to", ":9", "--for", "1100ms"];
    let mut python = std::process::Command::new("python3");
    python
        .args(["-c", SPAWN, env!("CARGO_BIN_EXE_udpraw")])
        .args(words);
    python.stdin(std::process::Stdio::null());
    let end = common::run(python);
    assert_eq!(end.code, Some(0), "{end:?}");
    let line = "\r\x1b[K1 s  0 flows  up: 0 in, 0 out, 0 lost";
    assert!(end.stdout.contains(line), "{:?}", end.stdout);
    let piped = finish(&words);
    assert!(!(piped.stdout + &piped.stderr).contains("1 s  0 flows"));
}

#[test]
fn intervals_are_told() {
    let target = socket();
    let mut relay = Relay::start(
        target.local_addr().unwrap(),
        &["--stats", "10ms", "--loss", "100%"],
    );
    client_of(relay.address).send(b"x").unwrap();
    let lost = loop {
        let interval = relay.event("interval");
        if interval["up"]["received"] != 0 {
            break interval;
        }
    };
    assert_eq!(
        (&lost["up"]["lost"], &lost["flows"]),
        (&1.into(), &1.into())
    );
    assert_eq!(relay.running.close_stdout().code, Some(0));
}

#[test]
fn nonsense_is_refused() {
    let taken = socket();
    let taken = taken.local_addr().unwrap().to_string();
    let none = std::env::temp_dir().join("no such folder/log");
    let none = none.to_str().unwrap();
    assert_refused(
        &["relay"],
        &[
            (&["--listen", ":0"], &["--to"]),
            (
                &["--listen", "127.0.0.1:1061", "--to", ":1061"],
                &["loop", "another port"],
            ),
            (
                &["--listen", "0.0.0.0:1061", "--to", "127.0.0.3:1061"],
                &["loop"],
            ),
            (
                &["--listen", "127.0.0.1:1061", "--to", "0.0.0.0:1061"],
                &["loop"],
            ),
            (
                &["--listen", ":0", "--to", "nowhere.invalid:1"],
                &["nowhere.invalid", "spelling"],
            ),
            (&["--listen", ":0", "--to", ":0"], &["port 0"]),
            (&["--listen", ":0", "--to", "127.0.0.1"], &["no port"]),
            (&["--listen", ":0", "--to", "::1:9"], &["brackets"]),
            (&["--listen", &taken, "--to", ":9"], &["EADDRINUSE"]),
            (
                &["--listen", ":0", "--to", ":9", "--loss", "101%"],
                &["'101%'", "100%"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--loss=-1%"],
                &["negative"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--corrupt", "\x1b"],
                &["\\u{1b}"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--loss", "ge:1%"],
                &["ge:P,R"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--rate", "10mbps"],
                &["10Mbit or 10MB"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--loss", "1"],
                &["1% or 100%"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--delay", "50"],
                &["50ms or 50s"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--up", "jitter=5"],
                &["5ms or 5s"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--blackhole", "5s"],
                &["2s..5s"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--up", "los=1%"],
                &["did you mean loss?"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--down", "loss"],
                &["NAME=VALUE"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--io", "uring"],
                &["uring", "offload"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--max-flows", "0"],
                &["--max-flows"],
            ),
            (&["--listen", ":0", "--to", ":9", "--idle", "0"], &["1ms"]),
            (
                &["--listen", ":0", "--to", ":9", "--replay", "/dev/zero"],
                &["line 1"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--replay", "/dev/null"],
                &["no datagrams"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--replay", none],
                &["ENOENT"],
            ),
            (
                &["--listen", ":0", "--to", ":9", "--log", none],
                &["create", "ENOENT"],
            ),
        ],
    );
}

#[test]
fn a_full_disk_ends_it_and_help_shows_an_outage() {
    let target = socket();
    let to = target.local_addr().unwrap();
    let relay = Relay::start(to, &["--log", "/dev/full", "--count", "1"]);
    client_of(relay.address).send(b"x").unwrap();
    let (_, end) = relay.finish();
    assert_eq!(end.code, Some(2));
    assert!(end.stderr.contains("cannot write '/dev/full'") && end.stderr.contains("ENOSPC"));
    let help = finish(&["relay", "--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("--up 'loss=100%'"));
}
