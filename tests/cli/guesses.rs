//! What a stranger types first works, or its error names what works.

use std::io::Write;
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use crate::common::{
    Finished, Running, Server, closed_port, finish, left, listening, run, udpraw, with_input,
};

/// The note about input that is not read.
const UNREAD: &str = "note: standard input is not read; use --stdin to send each of its lines";

/// A socket that answers what is sent to it, and its port.
fn echo() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let answering = socket.try_clone().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, client)) = answering.recv_from(&mut buffer) {
            let _ = answering.send_to(&buffer[..length], client);
        }
    });
    (socket, port)
}

fn assert_success(end: &Finished, line: &[&str]) {
    assert_eq!(end.code, Some(0), "{line:?}: {}{}", end.stdout, end.stderr);
}

/// Each line is refused with status 2 before anything happens, and its error has each of the parts.
fn assert_hints(cases: &[(&str, &str)]) {
    for (line, want) in cases {
        let end = finish(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(end.code, Some(2), "{line}: {}{}", end.stdout, end.stderr);
        assert!(end.stderr.contains(want), "{line}: {}", end.stderr);
        assert_eq!(end.stderr.lines().count(), 1, "{line}: {}", end.stderr);
        assert!(!end.stderr.contains("as a value"), "{line}: {}", end.stderr);
    }
}

#[test]
fn every_command_takes_an_address_as_it_is_guessed() {
    let (_socket, port) = echo();
    let (whole, colon) = (format!("127.0.0.1:{port}"), format!(":{port}"));
    let places: [&[&str]; 6] = [
        &["127.0.0.1", &port],
        &[&whole],
        &[&colon],
        &[&port],
        &["127.0.0.1", "-p", &port],
        &["localhost", &port, "-4"],
    ];
    for command in ["client", "mtu"] {
        for place in places {
            let line = [&[command], place].concat();
            assert_success(&finish(&line), &line);
        }
    }
    for place in [places[0], places[1], places[2], places[4]] {
        let line = [&["probe"], place, &["--as", "echo"]].concat();
        assert_success(&finish(&line), &line);
    }
    let line = [
        "client",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "-u",
        "-w",
        "5s",
        "-J",
    ];
    assert_success(&finish(&line), &line);
}

#[test]
fn a_server_listens_where_it_is_told_in_any_way() {
    let lines: [&[&str]; 8] = [
        &["127.0.0.1:0"],
        &["127.0.0.1", "0"],
        &[":0"],
        &["0"],
        &["-l", "0"],
        &["-ul", "127.0.0.1", "0"],
        &["-l", "-p", "0"],
        &["--bind", "127.0.0.1", "--port", "0"],
    ];
    for line in lines {
        let mut server = Running::start(udpraw([&["server"], line].concat()));
        let address = listening(&server.line());
        assert!(
            address.ip().is_loopback() && address.port() != 0,
            "{line:?}"
        );
        let receiver = Running::start(udpraw([&["recv", "-o", "/dev/null"], line].concat()));
        drop(receiver);
    }
    // Several ports, in a list.
    let [first, second] = [closed_port(), closed_port()];
    let server = Server::on(&["127.0.0.1", &format!("{first},{second}")], &[], 2);
    let ports = server
        .addresses
        .iter()
        .map(|address| address.port().to_string());
    assert_eq!(ports.collect::<Vec<_>>(), [first, second]);
}

#[test]
fn recv_and_send_meet_at_an_address_in_two_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file").to_str().unwrap().to_owned();
    std::fs::write(&path, "contents").unwrap();
    for form in 0..2 {
        let received = folder.path().join(format!("received{form}"));
        let received = received.to_str().unwrap();
        let line = ["recv", "127.0.0.1", "0", "-o", received];
        let mut receiving = udpraw(line).stderr(Stdio::piped()).spawn().unwrap();
        let mut talk = std::io::BufReader::new(receiving.stderr.take().unwrap());
        let mut first = String::new();
        std::io::BufRead::read_line(&mut talk, &mut first).unwrap();
        let port = listening(first.trim_end()).port().to_string();
        let whole = format!("127.0.0.1:{port}");
        let line: &[&str] = match form {
            0 => &["send", "127.0.0.1", &port, &path],
            _ => &["send", &whole, &path],
        };
        assert_success(&finish(line), line);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut talk, &mut rest).unwrap();
        assert!(receiving.wait().unwrap().success(), "{rest}");
        assert!(
            rest.contains("0 duplicates, 0 unneeded, 0 out of order, "),
            "{rest}"
        );
        assert_eq!(std::fs::read_to_string(received).unwrap(), "contents");
        std::fs::remove_file(received).unwrap();
    }
    assert_hints(&[
        (
            "send 127.0.0.1 1061",
            "if it is the port, write it with the host: udpraw send 127.0.0.1:1061 FILE",
        ),
        (
            &format!("send {path} 127.0.0.1"),
            "the receiver comes first: udpraw send 127.0.0.1 /",
        ),
        (
            "recv no.such.file",
            "for a file write: udpraw recv -o no.such.file",
        ),
    ]);
}

#[test]
fn an_address_with_two_meanings_is_refused_before_anything_is_sent() {
    for command in ["client", "mtu", "probe", "bench", "send", "ports", "server"] {
        assert_hints(&[
            (&format!("{command} ::1:1060"), "write [::1]:1060"),
            (
                &format!("{command} udp://127.0.0.1:1060"),
                "leave out what is before it: 127.0.0.1:1060",
            ),
        ]);
    }
    assert_hints(&[
        ("relay --listen ::1:1060 --to :53", "write [::1]:1060"),
        (
            "client 127.0.0.1:1 2",
            "it names port 1, and --port names 2",
        ),
        ("client 127.0.0.1 5-9", "one port is needed here"),
        ("probe 127.0.0.1", "as in: udpraw probe 127.0.0.1 domain"),
    ]);
}

#[test]
fn ports_and_services_are_named_without_ceremony() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let (range, list) = (format!("{}-{port}", port - 1), format!("{port},9"));
    let (whole, colon, one) = (
        format!("127.0.0.1:{port}"),
        format!(":{port}"),
        port.to_string(),
    );
    for line in [
        &["ports", range.as_str()][..],
        &["ports", &list],
        &["ports", &whole],
        &["ports", &colon],
        &["ports", "127.0.0.1", &one],
        &["ports", "-ulnp", &one],
        &["ports", "-i", &colon],
        &["ports", "-p", &one],
    ] {
        let end = finish(line);
        assert_success(&end, line);
        assert!(end.stdout.contains(&whole), "{line:?}: {}", end.stdout);
    }
    let elsewhere = finish(&["ports", &format!("127.0.0.2:{port}")]);
    assert_eq!(elsewhere.code, Some(1), "{}", elsewhere.stdout);
    drop(socket);
    let end = finish(&["services", "1812", "domain"]);
    assert_success(&end, &["services"]);
    assert!(end.stdout.contains("radius") && end.stdout.contains("53/udp"));
    assert_eq!(finish(&["services", "lookup", "1812"]).code, Some(0));
}

#[test]
fn a_relay_says_what_it_does_each_way() {
    let relay = |flags: &[&str]| {
        let ends = [
            "relay",
            "-l",
            "127.0.0.1",
            "0",
            "--to",
            "127.0.0.1",
            "9",
            "--for",
            "10ms",
        ];
        let line = [&ends, flags].concat();
        let end = finish(&line);
        assert_success(&end, &line);
        end.stderr
    };
    for (flags, want) in [
        (
            &["--drop", "20%", "--up", "50ms"][..],
            "clients → target: loss 20 %, delay 50 ms; target → clients: loss 20 %\n",
        ),
        (
            &["--down", "50ms"],
            "clients → target: nothing; target → clients: delay 50 ms\n",
        ),
        (
            &["--latency", "5ms", "--down", "loss=1%", "--duration", "1ms"],
            "clients → target: delay 5 ms; target → clients: loss 1 %, delay 5 ms\n",
        ),
        (
            &["--up", "30%"],
            "clients → target: loss 30 %; target → clients: nothing\n",
        ),
    ] {
        let said = relay(flags);
        assert!(said.contains(want), "{flags:?}: {said}");
    }
    let ends = "as in: udpraw relay --listen 127.0.0.1:5300 --to 127.0.0.1:53 --delay 50ms";
    assert_hints(&[
        ("relay --down 50ms", ends),
        ("relay --to :53", ends),
        ("relay --listen :0", ends),
        (
            "relay delay 50ms",
            "impairments are flags, as in --loss 20% --delay 50ms",
        ),
    ]);
}

#[test]
fn a_trace_ends_after_a_time() {
    let end = finish(&["trace", "--for", "300ms", "--", "sleep", "60"]);
    if end.stderr.contains("EPERM") {
        return crate::common::skip(&end.stderr);
    }
    assert_eq!(end.code, Some(128 + libc::SIGTERM), "{}", end.stderr);
    let mut sleeping = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = sleeping.id().to_string();
    let end = finish(&["trace", "--duration", "300ms", "-p", &pid]);
    let is_running = sleeping.try_wait().unwrap().is_none();
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
    assert_success(&end, &["trace", "-p"]);
    assert!(is_running);
}

#[test]
fn input_that_is_not_read_is_reported() {
    let (_socket, port) = echo();
    let line = ["client", "127.0.0.1", port.as_str()];
    // Whether the pipe is filled before or after the start.
    let end = with_input(&line, b"hi\n");
    assert_success(&end, &line);
    assert_eq!(end.stderr.matches(UNREAD).count(), 1, "{}", end.stderr);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"hi\n").unwrap();
    let mut command = udpraw(line);
    command.stdin(Stdio::from(file));
    assert!(run(command).stderr.contains(UNREAD));
    // Neither where it is read, nor where another text was chosen, nor where nobody talks.
    for flag in [&["--stdin"][..], &["-m", "x"], &["-q"]] {
        let end = with_input(&[&line[..], flag].concat(), b"hi\n");
        assert!(!end.stderr.contains(UNREAD), "{flag:?}: {}", end.stderr);
    }
    // Nothing is there, now or ever: /dev/null, a closed descriptor, an empty file, an idle pipe.
    let mut silent = vec![udpraw(line)];
    let mut empty = udpraw(line);
    empty.stdin(Stdio::from(tempfile::tempfile().unwrap()));
    silent.push(empty);
    let mut closed = Command::new("sh");
    closed.args(["-c", "exec \"$0\" \"$@\" <&-", env!("CARGO_BIN_EXE_udpraw")]);
    closed.args(line).stdin(Stdio::null());
    silent.push(closed);
    for command in silent {
        let end = run(command);
        assert_eq!(end.code, Some(0), "{}", end.stderr);
        assert!(!end.stderr.contains("standard input"), "{}", end.stderr);
    }
    let (_held, idle) = nix::unistd::pipe()
        .map(|(read, write)| (write, read))
        .unwrap();
    let mut command = udpraw(line);
    command.stdin(Stdio::from(idle));
    let end = left(command.output().unwrap());
    assert!(!end.stderr.contains("standard input"), "{}", end.stderr);
}

#[test]
fn a_flag_of_another_program_is_answered_with_what_does_it_here() {
    assert_hints(&[
        (
            "listen 1060",
            "there is no command 'listen'; did you mean server?",
        ),
        (
            "nc 127.0.0.1 1060",
            "did you mean client, or server to listen?",
        ),
        ("nmap 127.0.0.1", "did you mean probe?"),
        ("ss -ulnp", "did you mean ports?"),
        ("scp a b", "did you mean send?"),
        ("netem", "did you mean relay?"),
        (
            "client --no-wait",
            "udpraw client has no --no-wait; it waits for the reply",
        ),
        ("client -l 1060", "to listen: udpraw server"),
        (
            "client 127.0.0.1 1060 hello",
            "text to send stands behind -m, as in -m 'hello'",
        ),
        ("client -z 127.0.0.1 1060", "udpraw probe HOST PORT"),
        ("server --echo", "--reply echo"),
        ("server --for 5s", "timeout 5 udpraw server"),
        ("ports -tulpn", "UDP sockets are all that is shown"),
        ("bench -s", "udpraw server --allow-bench --reply echo"),
        ("trace -e trace=network true", "--only all"),
        ("mtu -M do 127.0.0.1", "the size is what is found"),
        ("send -r 127.0.0.1 .", "tar c DIR | udpraw send HOST"),
        ("recv --force", "--overwrite"),
        ("server --xyzzy", "udpraw server --help lists what there is"),
    ]);
}

#[test]
fn a_tour_ends_with_what_to_do_next() {
    let end = finish(&["tour", "exchange"]);
    assert_success(&end, &["tour"]);
    let (_, next) = end.stdout.split_once("\nTry next\n").expect(&end.stdout);
    let commands: Vec<_> = next.lines().collect();
    assert!(commands.len() >= 4, "{next}");
    for command in commands {
        // Each is a command line that can be read.
        let words = command.trim_start().split("   ").next().unwrap();
        let words: Vec<_> = words.split(' ').skip(1).take(1).chain(["--help"]).collect();
        assert_success(&finish(&words), &words);
    }
    let json = finish(&["tour", "exchange", "--json"]);
    assert!(!json.stdout.contains("Try next"));
}

#[test]
fn a_client_on_a_terminal_says_how_its_input_ends() {
    if !crate::common::has("script") {
        return;
    }
    let (_socket, port) = echo();
    let line = format!("{} client {port} --stdin", env!("CARGO_BIN_EXE_udpraw"));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().unwrap();
    // script(1) passes the end of its input on as the Ctrl-D that it is on a terminal.
    child.stdin.take().unwrap().write_all(b"hi\n").unwrap();
    let end = left(child.wait_with_output().unwrap());
    assert_eq!(end.code, Some(0), "{}", end.stdout);
    for want in [
        "each line that you type is sent; Ctrl-D ends it",
        "replied 'hi'",
    ] {
        assert!(end.stdout.contains(want), "{}", end.stdout);
    }
}
