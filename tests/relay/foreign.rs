//! Programs that know nothing of the relay: Python, dnsmasq and dig, and our own.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use super::Relay;
use super::common::{Running, Server, finish, has, listening, namespaces, run};

/// The textbook's server, for as many datagrams as it is told.
const PYTHON_SERVER: &str = "
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('127.0.0.1', 0))
print('Listening at {}'.format(sock.getsockname()), flush=True)
for _ in range(int(sys.argv[1])):
    data, address = sock.recvfrom(65535)
    sock.sendto('Your data was {} bytes long'.format(len(data)).encode('ascii'), address)
";

/// Requests over a connected socket, each repeated until its reply has come.
const PYTHON_CLIENT: &str = "
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(('127.0.0.1', int(sys.argv[1])))
sock.settimeout(0.05)
for length in range(1, 21):
    for _ in range(200):
        sock.send(b'x' * length)
        try:
            reply = sock.recv(65535)
        except socket.timeout:
            continue
        if reply == 'Your data was {} bytes long'.format(length).encode('ascii'):
            break
    else:
        sys.exit('no reply for {}'.format(length))
print('answered')
";

fn python(script: &str, argument: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", script, argument]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn python_talks_through_a_bad_network() {
    if !has("python3") {
        return;
    }
    let mut server = Running::start(python(PYTHON_SERVER, "1000000"));
    let bad = [
        "--loss",
        "20%",
        "--duplicate",
        "10%",
        "--reorder",
        "10%",
        "--delay",
        "1ms",
        "--seed",
        "5",
    ];
    let relay = Relay::start(listening(&server.line()), &bad);
    let end = run(python(PYTHON_CLIENT, &relay.address.port().to_string()));
    assert_eq!(
        (end.code, end.stdout.as_str()),
        (Some(0), "answered\n"),
        "{}",
        end.stderr
    );
    let (ledger, _) = relay.interrupt();
    assert!(ledger["up"]["received"].as_u64() >= Some(20));
}

#[test]
fn our_own_client_asks_until_it_is_answered() {
    let server = Server::start(&["--quiet"]);
    let relay = Relay::start(server.addresses[0], &["--loss", "30%", "--seed", "11"]);
    let port = relay.address.port().to_string();
    let ask = [
        "client",
        "--port",
        &port,
        "--count",
        "6",
        "--interval",
        "0",
        "--tries",
        "9",
        "--json",
    ];
    let end = finish(&ask);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let (ledger, _) = relay.interrupt();
    let number = |way: &str, what: &str| ledger[way][what].as_u64().unwrap();
    let lost = |way: &str| ledger[way]["lost"]["loss"].as_u64().unwrap();
    assert_eq!(number("up", "received"), number("up", "sent") + lost("up"));
    assert_eq!(number("down", "received"), number("up", "sent"));
    assert!(lost("up") + lost("down") > 0);
}

/// Killed and waited for, however the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn names_are_found_through_it() {
    if !(has("dnsmasq") && has("dig") && has("ip")) {
        return;
    }
    // The namespace is this thread's, and that of the processes that it starts: ports are free.
    if !namespaces::alone() {
        return;
    }
    let dnsmasq = Command::new("dnsmasq")
        .args([
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
        ])
        .args([
            "--port=5353",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--pid-file",
        ])
        .args(["--user=root", "--address=/example.test/192.0.2.7"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _dnsmasq = Killed(dnsmasq.expect("dnsmasq"));
    let to: SocketAddr = "127.0.0.1:5353".parse().unwrap();
    let relay = Relay::on(
        "127.0.0.1:5300",
        to,
        &["--loss", "30%", "--seed", "2", "--delay", "2ms"],
    );
    for _ in 0..10 {
        let mut dig = Command::new("dig");
        dig.args([
            "@127.0.0.1",
            "-p",
            "5300",
            "+short",
            "+tries=20",
            "+timeout=1",
            "example.test",
        ]);
        let end = run(dig);
        // Before it come remarks on the tries that were lost.
        let last = end.stdout.lines().last();
        assert_eq!((end.code, last), (Some(0), Some("192.0.2.7")), "{end:?}");
    }
    let (ledger, _) = relay.interrupt();
    assert!(
        ledger["flows_opened"].as_u64() >= Some(10),
        "dig takes a new port each time"
    );
    assert!(ledger["up"]["lost"]["loss"].as_u64() >= Some(1));
}
