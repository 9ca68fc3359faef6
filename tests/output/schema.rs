//! Each event of each schema in `docs/schema` is made by the program: no entry is dead.
//!
//! [`json_lines`] checks each line against its schema.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use udpraw::protocol::exchange::{Frame, Kind};

use crate::common::namespaces;
use crate::common::schema;
use crate::common::{
    PATIENCE, Running, ask, client_of, closed_port, finish, has, json_lines, received, run, skip,
    socket, udpraw, with_input,
};
use crate::forge::{Forger, v4};
use crate::process::{Process, Seen};

/// Events that this test does not provoke, and why.
const NOT_PROVOKED: [(&str, &str, &str); 1] = [(
    "relay",
    "next_target",
    "needs a name with two addresses in /etc/hosts: tests/server/strangers/relay.rs has it",
)];

/// Events that need ptrace(2).
const TRACED: [(&str, &str); 11] = [
    ("tour", "lesson"),
    ("tour", "remark"),
    ("tour", "command"),
    ("tour", "line"),
    ("tour", "call"),
    ("trace", "call"),
    ("trace", "signal"),
    ("trace", "ended"),
    ("trace", "program"),
    ("trace", "note"),
    ("trace", "datagram"),
];

fn frame(kind: Kind, id: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let attempt = 1;
    Frame {
        kind,
        id,
        attempt,
        payload,
    }
    .encode(&mut bytes);
    bytes
}

fn commands_that_look(seen: &mut Seen) {
    let folder = tempfile::tempdir().expect("a folder");
    let services = folder.path().join("services");
    fs::write(&services, "http 80/tcp\nbad\n").expect("written");
    let services = services.to_str().expect("UTF-8");
    let _socket = socket();
    seen.once(&["options", "--json"]);
    seen.once(&["options", "--set", "SO_RCVBUF=64KiB", "--json"]);
    seen.once(&["services", "list", "--json"]);
    seen.once(&["services", "check", services, "--json"]);
    seen.once(&["ports", "--json"]);
    let watch = ["ports", "--json", "--watch", "--count", "1"];
    seen.once(&[&watch[..], &["--openmetrics", ":0"]].concat());
    seen.once(&["mtu", "127.0.0.1", "--json"]);
    seen.once(&["probe", "127.0.0.1", &closed_port(), "--json"]);
    let mut shell = std::process::Command::new("sh");
    let program = env!("CARGO_BIN_EXE_udpraw");
    // Too few files for the backend uring, which is left out.
    let script = "ulimit -n 6; exec \"$0\" bench --json --only echo --io single,uring --size 64 \
                  --trials 1 --time 20ms";
    shell.args(["-c", script, program]);
    seen.add(&run(shell).stdout);
}

/// Whether programs can be traced here.
fn traces(seen: &mut Seen) -> bool {
    if finish(&["trace", "--", "true"]).stderr.contains("EPERM") {
        skip("programs cannot be traced here");
        return false;
    }
    seen.once(&["tour", "--json"]);
    // A datagram to nobody, a signal that is survived, and io_uring where it is allowed.
    let script = "trap : USR1; kill -USR1 $$; \"$0\" client -p \"$1\" --quiet --message x; \
                  \"$0\" bench --only echo --io uring --size 64 --trials 1 --time 20ms";
    let program = env!("CARGO_BIN_EXE_udpraw");
    let port = closed_port();
    seen.once(&[
        "trace",
        "-f",
        "--json",
        "--diagram",
        "--",
        "sh",
        "-c",
        script,
        program,
        &port,
    ]);
    learns(seen);
    true
}

fn learns(seen: &mut Seen) {
    let state = tempfile::tempdir().expect("a folder");
    for words in [
        &["all"][..],
        &["exercises"],
        &["check", "server", "--", "true"],
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_udpraw"));
        command.args(["learn", "--json"]).args(words);
        command.env("XDG_STATE_HOME", state.path());
        seen.add(&run(command).stdout);
    }
}

fn servers(seen: &mut Seen) {
    let mut plain = Process::start(&["server", "--json", "-p", "0", "--stats", "0.05"]);
    assert_eq!(
        ask(&client_of(plain.at), b"x"),
        b"Your data was 1 bytes long"
    );
    plain.until("replied");
    plain.until("interval");
    plain.interrupt(seen);
    let dropping = Process::start(&[
        "server", "--json", "-p", "0", "--drop", "100%", "--count", "1",
    ]);
    client_of(dropping.at).send(b"x").expect("sent");
    dropping.finish(seen);
    let text = "x".repeat(1000);
    let long = ["server", "--json", "-p", "0", "--reply-text", &text];
    let mut amplifying = Process::start(&long);
    client_of(amplifying.at).send(b"x").expect("sent");
    amplifying.until("amplification");
    amplifying.interrupt(seen);
    let mut exchanges = Process::start(&[&long[..], &["--exchange"]].concat());
    let client = client_of(exchanges.at);
    let request = frame(Kind::Request, 1, &[b'a'; 400]);
    assert_eq!(ask(&client, &request), ask(&client, &request));
    client.send(b"noise").expect("sent");
    exchanges.until("ignored");
    let port = exchanges.port();
    seen.once(&["client", "--json", "--exchange", "-p", &port, "-m", "short"]);
    exchanges.interrupt(seen);
}

/// A client whose server is the test: the socket, the client and who it is, and what it asked.
fn asked_by(arguments: &[&str]) -> (UdpSocket, Running, SocketAddr, Vec<u8>) {
    let server = socket();
    server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let port = server.local_addr().expect("bound").port().to_string();
    let words = ["client", "--json", "-p", &port, "--timeout", "20s"];
    let client = Running::start(udpraw(words.iter().chain(arguments)));
    let mut buffer = vec![0; 2000];
    let (length, from) = received(|| server.recv_from(&mut buffer)).expect("a request");
    buffer.truncate(length);
    (server, client, from, buffer)
}

fn clients(seen: &mut Seen) {
    seen.once(&["client", "--json", "-p", &closed_port(), "-m", "x"]);
    let silent = socket();
    let port = silent.local_addr().expect("bound").port().to_string();
    let words = ["client", "--json", "-p", &port, "-m", "x"];
    seen.once(&[&words[..], &["--tries", "1", "--timeout", "50ms"]].concat());
    // A stranger's datagram, and a second reply.
    let (server, client, from, _) = asked_by(&["--count", "2", "--interval", "50ms"]);
    socket().send_to(b"stranger", from).expect("sent");
    for text in [b"first", b"again"] {
        server.send_to(text, from).expect("sent");
    }
    let (_, from) = received(|| server.recv_from(&mut [0; 99])).expect("a request");
    server.send_to(b"second", from).expect("sent");
    seen.add(&client.finish().stdout);
    let (server, client, from, request) = asked_by(&["--exchange", "-m", "x"]);
    let id = Frame::parse(&request).expect("a frame").id;
    server.send_to(b"noise", from).expect("sent");
    server
        .send_to(&frame(Kind::Reply, id, b"reply"), from)
        .expect("sent");
    seen.add(&client.finish().stdout);
    let (server, client, from, request) = asked_by(&["--exchange", "-m", "x"]);
    let id = Frame::parse(&request).expect("a frame").id;
    server
        .send_to(&frame(Kind::Unsupported, id, &[1, 3]), from)
        .expect("sent");
    seen.add(&client.finish().stdout);
}

fn relays(seen: &mut Seen) {
    let (target, other) = (socket(), socket());
    target.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let to = target.local_addr().expect("bound").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let log = log.to_str().expect("UTF-8");
    let listen = ["relay", "--json", "--listen", ":0", "--to", &to];
    let logged = Process::start(&[&listen[..], &["--log", log, "--count", "1"]].concat());
    client_of(logged.at).send(b"first").expect("sent");
    logged.finish(seen);
    // The log is checked as well.
    json_lines(&fs::read_to_string(log).expect("a log"));
    received(|| target.recv_from(&mut [0; 9])).expect("a datagram");
    let replayed = Process::start(&[&listen[..], &["--replay", log, "--count", "1"]].concat());
    client_of(replayed.at).send(b"longer").expect("sent");
    replayed.finish(seen);
    received(|| target.recv_from(&mut [0; 9])).expect("a datagram");
    let more = ["--max-flows", "1", "--stats", "0.05"];
    let mut relay = Process::start(&[&listen[..], &more].concat());
    let client = client_of(relay.at);
    client.send(b"x").expect("sent");
    let (_, upstream) = received(|| target.recv_from(&mut [0; 9])).expect("a datagram");
    other.send_to(b"data", upstream).expect("sent");
    relay.until("unexpected_source");
    client_of(relay.at).send(b"one too many").expect("sent");
    relay.until("no_flow");
    // ICMP answers the next datagram.
    drop(target);
    client.send(b"x").expect("sent");
    relay.until("error");
    relay.until("interval");
    relay.interrupt(seen);
}

fn transfers(seen: &mut Seen) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, vec![7; 20_000_000]).expect("written");
    let file = file.to_str().expect("UTF-8");
    let into = folder.path().join("into");
    fs::create_dir(&into).expect("a folder");
    let into = into.to_str().expect("UTF-8");
    let recv = ["recv", "--json", "--port", "0", "--into", into];
    let receiver = Process::start(&[&recv[..], &["--count", "1"]].concat());
    let port = receiver.port();
    seen.once(&["send", "--json", "--port", &port, "127.0.0.1", file]);
    receiver.finish(seen);
    seen.once(&[&recv[..], &["--wait", "50ms"]].concat());
    seen.once(&[
        "send",
        "--json",
        "--port",
        &closed_port(),
        "127.0.0.1",
        file,
    ]);
    // A receiver into one file takes one transfer at a time: the second sender is refused.
    let output = folder.path().join("output");
    let output = output.to_str().expect("UTF-8");
    let mut receiver = Process::start(&["recv", "--json", "--port", "0", "-o", output]);
    let port = receiver.port();
    let words = ["send", "--json", "--port", &port, "127.0.0.1"];
    let first = Running::start({
        let mut command = udpraw(words);
        command.stdin(std::process::Stdio::piped());
        command
    });
    receiver.until("opened");
    seen.add(&with_input(&words, b"second").stdout);
    receiver.until("refused");
    first.signal(Signal::SIGINT);
    seen.add(&first.finish().stdout);
    receiver.finish(seen);
}

/// A folder, at a rate that leaves time for progress; its receiver is killed and started again.
fn folders(seen: &mut Seen) {
    let folder = tempfile::tempdir().expect("a folder");
    let [from, into] = ["from", "into"].map(|name| folder.path().join(name));
    fs::create_dir(&from).expect("a folder");
    fs::create_dir(&into).expect("a folder");
    fs::write(from.join("big"), vec![7; 2_000_000]).expect("written");
    // The receiver gives it another name, and the sender leaves the FIFO out.
    fs::write(from.join("-rf"), "x").expect("written");
    mkfifo(&from.join("fifo"), Mode::S_IRWXU).expect("a FIFO");
    // The receiver notes what a crash left long ago.
    let left = into.join("from/.udpraw-aaaaaaaaaaaaaaaa.part");
    fs::create_dir(into.join("from")).expect("a folder");
    let left = fs::File::create(left).expect("a file");
    left.set_modified(SystemTime::now() - Duration::from_secs(86_400))
        .expect("an old file");
    let [from, into] = [&from, &into].map(|path| path.to_str().expect("UTF-8"));
    let recv = ["recv", "--json", "--resume", "--into", into, "--port"];
    let mut receiver = Process::start(&[&recv[..], &["0"]].concat());
    let port = receiver.port();
    let words = ["send", "--json", "--resume", "--rate", "40Mbit", "--port"];
    let sender = Running::start(udpraw(words.iter().chain(&[&*port, "127.0.0.1", from])));
    receiver.until("progress");
    receiver.kill(seen);
    let again = Process::start(&[&recv[..], &[&port, "--count", "1"]].concat());
    let sent = sender.finish();
    assert_eq!(sent.code, Some(0), "{sent:?}");
    seen.add(&sent.stdout);
    again.finish(seen);
}

fn loads(seen: &mut Seen) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let reply = ["server", "--json", "-p", "0", "--reply", "echo"];
    let run = |echo: &Process, words: &str, seen: &mut Seen| {
        let target = echo.at.to_string();
        let mut line = vec!["load", &target, "--json", "--rate", "100pps"];
        line.extend(words.split(' '));
        seen.once(&line).stdout
    };
    let echo = Process::start(&reply);
    let short = "--for 300ms --interval 100ms --linger 100ms";
    let [old, new] = [(); 2].map(|()| run(&echo, short, seen));
    echo.interrupt(seen);
    let consents = Process::start(&[&reply[..], &["-q", "--allow-load"]].concat());
    run(&consents, "--session --for 100ms", seen);
    consents.interrupt(seen);
    // It soon answers no more, which ends the search.
    let tired = Process::start(&[&reply[..], &["--count", "100"]].concat());
    let search = "--saturate --for 20ms --searches 1 --linger 50ms";
    run(&tired, search, seen);
    tired.finish(seen);
    // Without its last line, the result, a run is cut off.
    let (cut, _) = new.trim_end().rsplit_once('\n').expect("lines");
    let [old, new, cut] = [("old", &*old), ("new", &*new), ("cut", cut)].map(|it| file(it.0, it.1));
    seen.once(&["report", "--json", &new, "--against", &old]);
    seen.once(&["report", "--json", &cut]);
}

/// What only a lie about the source can cause; `None` where no namespace can be made.
fn forged(seen: &mut Seen) -> Option<()> {
    if !namespaces::alone() {
        return None;
    }
    let forger = Forger::new();
    let mut server = Process::start(&["server", "--json", "-p", "1060"]);
    forger.send(v4(1, 0), v4(1, 1060), b"x");
    server.until("invalid_source");
    forger.send(v4(7, 7), v4(1, 1060), b"x");
    server.until("reply_loop");
    if has("nft") {
        namespaces::sh(
            "nft add table inet t; nft add chain inet t o '{ type filter hook output priority 0; }'
             nft add rule inet t o udp sport 1060 drop",
        );
        client_of(server.at).send(b"x").expect("sent");
        server.until("error");
    }
    server.interrupt(seen);
    let listen = ["--listen", "127.0.0.1:1061", "--to", "127.0.0.1:4000"];
    let mut relay = Process::start(&[&["relay", "--json"], &listen[..]].concat());
    forger.send(v4(1, 0), v4(1, 1061), b"x");
    relay.until("unanswerable");
    relay.interrupt(seen);
    Some(())
}

#[test]
fn each_event_of_each_schema_is_made() {
    let mut seen = Seen::default();
    let mut excused: Vec<_> = NOT_PROVOKED.map(|(name, event, _)| (name, event)).into();
    commands_that_look(&mut seen);
    if !traces(&mut seen) {
        excused.extend(TRACED);
    }
    servers(&mut seen);
    clients(&mut seen);
    relays(&mut seen);
    transfers(&mut seen);
    folders(&mut seen);
    loads(&mut seen);
    if forged(&mut seen).is_none() {
        excused.extend([
            ("server", "invalid_source"),
            ("server", "reply_loop"),
            ("server", "error"),
            ("relay", "unanswerable"),
        ]);
    } else if !has("nft") {
        excused.push(("server", "error"));
    }
    let mut named = BTreeSet::new();
    for entry in fs::read_dir(schema::folder()).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        // Neither has events of its own.
        if path.extension() != Some("json".as_ref()) || ["envelope", "relay-log"].contains(&&*name)
        {
            continue;
        }
        let events = schema::read(&name)["oneOf"].clone();
        for event in events.as_array().expect("events") {
            let reference = event["$ref"].as_str().expect("a reference");
            let event = reference.rsplit('/').next().expect("a name");
            named.insert((name.to_string(), event.to_owned()));
        }
    }
    let excused: BTreeSet<_> = (excused.into_iter())
        .map(|(name, event)| (name.to_owned(), event.to_owned()))
        .collect();
    let unknown: Vec<_> = excused.difference(&named).collect();
    assert!(unknown.is_empty(), "of no schema: {unknown:?}");
    let made: Vec<_> = excused.intersection(&seen.0).collect();
    assert!(made.is_empty(), "made, and said not to be: {made:?}");
    let dead: Vec<_> = named
        .difference(&seen.0)
        .filter(|it| !excused.contains(*it))
        .collect();
    assert!(dead.is_empty(), "never made: {dead:?}");
}
