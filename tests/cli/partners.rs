//! Foreign partners: the textbook's program in Python, nc and socat, on either side.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::{Running, Server, finish, has, listening, udpraw};

/// What the textbook's server does, in few words; it ends after as many datagrams as it is told.
const PYTHON_SERVER: &str = "
import socket, sys
sock = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 0))
print('Listening at {}'.format(sock.getsockname()), flush=True)
for _ in range(int(sys.argv[2])):
    data, address = sock.recvfrom(65535)
    print('The client at {} says {!r}'.format(address, data.decode('ascii')), flush=True)
    sock.sendto('Your data was {} bytes long'.format(len(data)).encode('ascii'), address)
";

/// What the textbook's client does, with the text that it is told.
const PYTHON_CLIENT: &str = "
import socket, sys
sock = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(20)
sock.sendto(sys.argv[3].encode('ascii'), (sys.argv[1], int(sys.argv[2])))
print('The OS assigned me the address {}'.format(sock.getsockname()))
data, address = sock.recvfrom(65535)
print('The server {} replied {!r}'.format(address, data.decode('ascii')))
";

fn python(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", script]).args(arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A transcript with every port replaced by a letter, the same for the same port.
fn without_ports(transcript: &str) -> String {
    let mut ports: Vec<String> = Vec::new();
    let mut text = String::new();
    for part in transcript.split_inclusive("', ") {
        let digits = text
            .ends_with("', ")
            .then(|| part.find(|c: char| !c.is_ascii_digit()));
        match digits.flatten() {
            Some(end) if end > 0 => {
                let port = part[..end].to_owned();
                let at = ports
                    .iter()
                    .position(|seen| *seen == port)
                    .unwrap_or_else(|| {
                        ports.push(port);
                        ports.len() - 1
                    });
                text.push(char::from(b'A' + at as u8));
                text.push_str(&part[end..]);
            }
            _ => text.push_str(part),
        }
    }
    text
}

const TEXTS: [&str; 5] = [
    "plain",
    "it's",
    "\"both\" it's",
    "tab\tand\\",
    "line\nfeed \x7f\x01",
];

#[test]
fn the_server_prints_what_the_textbooks_server_prints() {
    if !has("python3") {
        return;
    }
    for host in ["127.0.0.1", "::1"] {
        let mut transcripts = Vec::new();
        let theirs = python(PYTHON_SERVER, &[host, "5"]);
        let ours = udpraw(["server", "--host", host, "-p", "0", "--count", "5"]);
        for mut server in [theirs, ours].map(Running::start) {
            let first = server.line();
            let client = crate::common::client_of(listening(&first));
            for text in TEXTS {
                let want = format!("Your data was {} bytes long", text.len());
                assert_eq!(
                    crate::common::ask(&client, text.as_bytes()),
                    want.as_bytes()
                );
            }
            let rest = server.finish().stdout;
            transcripts.push(without_ports(&format!("{first}\n{rest}")));
        }
        assert_eq!(transcripts[0], transcripts[1]);
        assert!(
            transcripts[0].contains("says 'plain'"),
            "{}",
            transcripts[0]
        );
    }
}

#[test]
fn the_client_prints_what_the_textbooks_client_prints() {
    if !has("python3") {
        return;
    }
    for host in ["127.0.0.1", "::1"] {
        for text in TEXTS {
            // Each asks the other's server, too.
            let mut server = Running::start(python(PYTHON_SERVER, &[host, "2"]));
            let port = listening(&server.line()).port().to_string();
            let theirs = crate::common::run(python(PYTHON_CLIENT, &[host, &port, text]));
            let ours = finish(&["client", host, "-p", &port, "-m", text]);
            assert_eq!((ours.code, ours.stderr.as_str()), (Some(0), ""), "{text:?}");
            assert_eq!(
                without_ports(&ours.stdout),
                without_ports(&theirs.stdout),
                "{text:?}"
            );
            server.finish();

            let place = ["--host", host, "-p", "0"];
            let server = Server::on(&place, &["--count", "1"], 1);
            let port = server.port().to_string();
            let theirs = crate::common::run(python(PYTHON_CLIENT, &[host, &port, text]));
            assert_eq!(
                without_ports(&ours.stdout),
                without_ports(&theirs.stdout),
                "{text:?}"
            );
        }
    }
}

#[test]
fn the_time_is_written_as_python_writes_it() {
    if !has("python3") {
        return;
    }
    // Zones with summer time, with odd offsets, none, and one that is no zone at all.
    for zone in [
        "America/New_York",
        "Asia/Kathmandu",
        "UTC",
        "Nowhere/AtAll",
        "",
    ] {
        let mut server = Running::start(python(PYTHON_SERVER, &["127.0.0.1", "1"]));
        let port = listening(&server.line()).port().to_string();
        let mut client = udpraw(["client", "-p", &port]);
        client.env("TZ", zone);
        assert_eq!(crate::common::run(client).code, Some(0));
        let said = server.finish().stdout;
        let time = said
            .split("The time is ")
            .nth(1)
            .expect("a time")
            .trim_end()
            .trim_end_matches('\'');
        // Python reads the text as its own, and it lies within seconds of Python's local time.
        let script = "import sys; from datetime import datetime as d; \
                      t = d.fromisoformat(sys.argv[1]); assert str(t) == sys.argv[1]; \
                      print(abs((d.now() - t).total_seconds()) < 60)";
        let mut judge = python(script, &[time]);
        judge.env("TZ", zone);
        assert_eq!(
            crate::common::run(judge).stdout,
            "True\n",
            "{zone:?}: {time}"
        );
    }
}

#[test]
fn nc_is_answered() {
    if !has("nc") {
        return;
    }
    let mut server = Server::start(&["--count", "1"]);
    let mut nc = Command::new("nc");
    nc.args(["-u", "-w", "1", "127.0.0.1", &server.port().to_string()]);
    nc.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut nc = nc.spawn().expect("nc");
    nc.stdin
        .take()
        .expect("a pipe")
        .write_all(b"from nc\n")
        .expect("written");
    assert!(server.line().ends_with(r"says 'from nc\n'"));
    let output = nc.wait_with_output().expect("nc");
    assert_eq!(output.stdout, b"Your data was 8 bytes long");
}

#[test]
fn socat_answers_and_is_answered() {
    if !has("socat") {
        return;
    }
    let mut server = Server::start(&["--count", "1"]);
    let mut socat = Command::new("socat");
    socat.args(["-t", "2", "-", &format!("UDP4:127.0.0.1:{}", server.port())]);
    socat
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut socat = socat.spawn().expect("socat");
    socat
        .stdin
        .take()
        .expect("a pipe")
        .write_all(b"from socat")
        .expect("written");
    assert!(server.line().ends_with("says 'from socat'"));
    let output = socat.wait_with_output().expect("socat");
    assert_eq!(output.stdout, b"Your data was 10 bytes long");
}
