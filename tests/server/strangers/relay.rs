//! What a relay is sent, and by whom.

use std::net::{SocketAddr, UdpSocket};

use super::forge::{Forger, v4};
use crate::common::namespaces::{alone, sh};
use crate::common::{Running, ask, client_of, finish, json_lines, received, socket, udpraw};

struct Relay {
    running: Running,
    address: SocketAddr,
}

impl Relay {
    fn start(arguments: &[&str]) -> Self {
        let words = ["--json", "relay", "--listen", "127.0.0.1:0"];
        let mut running = Running::start(udpraw(words.iter().chain(arguments)));
        let event: serde_json::Value = serde_json::from_str(&running.line()).unwrap();
        let address = format!("127.0.0.1:{}", event["local"]["port"])
            .parse()
            .unwrap();
        Self { running, address }
    }

    /// The next event of that name.
    fn event(&mut self, name: &str) -> serde_json::Value {
        loop {
            let event: serde_json::Value = serde_json::from_str(&self.running.line()).unwrap();
            if event["event"] == name {
                return event;
            }
        }
    }

    fn ledger(self) -> serde_json::Value {
        self.running.signal(nix::sys::signal::Signal::SIGINT);
        let end = self.running.finish();
        json_lines(&end.stdout).pop().expect("a ledger")
    }
}

#[test]
fn an_answer_from_another_port_is_counted_and_told() {
    let (target, other) = (socket(), socket());
    let to = target.local_addr().unwrap().to_string();
    let mut relay = Relay::start(&["--to", &to]);
    let client = client_of(relay.address);
    client.send(b"read").unwrap();
    let (_, upstream) = received(|| target.recv_from(&mut [0; 9])).unwrap();
    other.send_to(b"data", upstream).unwrap();
    let foreign = relay.event("unexpected_source");
    assert_eq!(
        foreign["source"]["port"],
        other.local_addr().unwrap().port()
    );
    assert_eq!(
        foreign["target"]["port"],
        target.local_addr().unwrap().port()
    );
    // The target's own answer gets through, and the flow goes on.
    target.send_to(b"own", upstream).unwrap();
    let mut buffer = [0; 9];
    assert_eq!(received(|| client.recv(&mut buffer)).unwrap(), 3);
    client.send(b"again").unwrap();
    assert_eq!(
        received(|| target.recv_from(&mut [0; 9])).unwrap().1,
        upstream
    );
    let ledger = relay.ledger();
    assert_eq!(ledger["down"]["lost"]["rejected_source"], 1, "{ledger}");
    assert_eq!(
        (&ledger["balanced"], &ledger["down"]["sent"]),
        (&true.into(), &1.into())
    );
}

#[test]
fn what_can_be_done_about_it_is_told() {
    let (target, other) = (socket(), socket());
    let to = target.local_addr().unwrap().to_string();
    let mut running = Running::start(udpraw([
        "relay", "--listen", ":0", "--to", &to, "--count", "2",
    ]));
    let client = client_of(crate::common::listening(&running.line()));
    client.send(b"read").unwrap();
    let (_, upstream) = received(|| target.recv_from(&mut [0; 9])).unwrap();
    other.send_to(b"data", upstream).unwrap();
    let end = running.finish();
    assert!(end.stderr.contains("TFTP"), "{}", end.stderr);
    assert!(end.stdout.contains("lost, wrong sender"), "{}", end.stdout);
}

#[test]
fn the_next_address_of_a_name_is_tried() {
    if !alone() {
        return;
    }
    // A name with two addresses, of which the resolver puts ::1 first; nobody listens there.
    let hosts = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(hosts.path(), "::1 both.test\n127.0.0.1 both.test\n").unwrap();
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
    sh(&format!(
        "mount --make-rprivate /; mount --bind {} /etc/hosts",
        hosts.path().display()
    ));
    let target = UdpSocket::bind("127.0.0.1:4000").unwrap();
    target
        .set_read_timeout(Some(crate::common::PATIENCE))
        .unwrap();
    let mut relay = Relay::start(&["--to", "both.test:4000"]);
    let client = client_of(relay.address);
    client.send(b"lost").unwrap();
    let next = relay.event("next_target");
    assert_eq!(next["refused"]["address"], "::1");
    assert_eq!(next["next"]["address"], "127.0.0.1");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (_, from) = received(|| target.recv_from(&mut [0; 9])).unwrap();
            target.send_to(b"here", from).unwrap();
        });
        assert_eq!(ask(&client, b"again"), b"here");
    });
}

#[test]
fn forged_clients_are_counted_and_not_served() {
    if !alone() {
        return;
    }
    let target = UdpSocket::bind("127.0.0.1:4000").unwrap();
    target
        .set_read_timeout(Some(crate::common::PATIENCE))
        .unwrap();
    let mut relay = Relay::start(&["--to", "127.0.0.1:4000"]);
    let at = v4(1, relay.address.port());
    let forger = Forger::new();
    for source in [v4(1, 0), v4(7, 7), v4(7, 19), at] {
        forger.send(source, at, b"x");
    }
    for want in ["invalid-source", "responder", "responder", "own-port"] {
        assert_eq!(relay.event("unanswerable")["reason"], want);
    }
    let client = client_of(relay.address);
    client.send(b"honest").unwrap();
    let mut buffer = [0; 9];
    assert_eq!(received(|| target.recv_from(&mut buffer)).unwrap().0, 6);
    let ledger = relay.ledger();
    assert_eq!(ledger["up"]["lost"]["rejected_source"], 4, "{ledger}");
    assert_eq!(
        (&ledger["flows_opened"], &ledger["balanced"]),
        (&1.into(), &true.into())
    );
}

#[test]
fn the_default_number_of_flows_fits_the_limit_of_open_files() {
    let limited = |limits: &str| {
        let binary = env!("CARGO_BIN_EXE_udpraw");
        let script = format!("{limits}; exec {binary} relay --listen :0 --to :9 --for 1ms");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]);
        crate::common::run(shell)
    };
    let lowered = limited("ulimit -n 64");
    assert_eq!(lowered.code, Some(0), "{}", lowered.stderr);
    assert!(
        lowered.stderr.contains("allows only 32 flows"),
        "{}",
        lowered.stderr
    );
    let raised = limited("ulimit -Sn 64");
    assert_eq!(raised.code, Some(0), "{}", raised.stderr);
    assert!(!raised.stderr.contains("flows only"), "{}", raised.stderr);
}

#[test]
fn a_target_that_is_many_hosts_is_refused() {
    for to in [
        "255.255.255.255:9",
        "239.1.2.3:9",
        "127.255.255.255:9",
        "[ff02::1%lo]:9",
    ] {
        let end = finish(&["relay", "--listen", ":0", "--to", to]);
        assert_eq!(end.code, Some(2), "{to}: {}", end.stderr);
        assert!(!end.stderr.contains("--broadcast"), "{to}: {}", end.stderr);
    }
}
