//! `udpraw trace`: the calls of real programs, beside strace's.

#[path = "../common/mod.rs"]
mod common;
mod fallbacks;
mod foreign;
mod letting_go;
mod library;
mod modes;
mod normal;
mod notation;
mod odd;
mod options;
mod outlives;
mod refusals;
mod strace;

use std::process::{Command, Stdio};

use common::{Finished, Running, Server, finish, has, json_lines, run, skip, udpraw};
use nix::sys::signal::Signal;
use normal::{about_sockets, is_named_by_us};

/// What strace is asked for: the calls that are traced.
const CALLS: &str = "trace=%network,read,write,readv,writev,close,poll,ppoll,select,pselect6,epoll_ctl,\
                     epoll_wait,epoll_pwait,dup,dup2,dup3,fcntl,ioctl,close_range,preadv,pwritev,\
                     preadv2,pwritev2,sendfile,splice,?epoll_create,epoll_create1,epoll_pwait2,\
                     io_uring_setup,io_uring_enter,io_uring_register";

/// Whether this machine lets a program be traced at all.
fn may_trace() -> bool {
    let end = finish(&["trace", "--", "true"]);
    if end.code != Some(0) {
        skip(&format!("tracing is not allowed here: {}", end.stderr));
    }
    end.code == Some(0)
}

/// The real interpreter: a wrapper would be traced, too.
fn python() -> Option<String> {
    if !has("python3") {
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-c", "import sys; print(sys.executable)"]);
    Some(run(command).stdout.trim().to_owned())
}

/// Traces a program by us, into a file.
fn ours(options: &[&str], program: &[&str]) -> (Finished, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let words = [&["trace", "-o", &path], options, &["--"], program].concat();
    let end = run(udpraw(words));
    (end, std::fs::read_to_string(file.path()).unwrap())
}

/// Traces a program by strace, into a file.
fn theirs(program: &[&str]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-e", CALLS, "-o"]).arg(file.path());
    command.args(program).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("strace runs").code().is_some());
    std::fs::read_to_string(file.path()).unwrap()
}

fn compare(program: &[&str]) {
    let (end, ours) = ours(&["--only", "all"], program);
    let (ours, theirs) = (about_sockets(&ours), about_sockets(&theirs(program)));
    assert!(!ours.is_empty(), "{}", end.stderr);
    assert_same(&ours, &theirs);
}

fn assert_same(ours: &[String], theirs: &[String]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        if is_named_by_us(ours) {
            let head = |line: &str| line.split(", ").next().unwrap_or_default().to_owned();
            assert_eq!(head(ours), head(theirs));
        } else {
            assert_eq!(ours, theirs);
        }
    }
    assert_eq!(ours.len(), theirs.len(), "{ours:#?}\n{theirs:#?}");
}

#[test]
fn every_kind_of_call_is_what_strace_writes() {
    let (true, true, Some(python)) = (may_trace(), has("strace"), python()) else {
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/calls.py");
    compare(&[&python, "-S", "-E", script]);
}

#[test]
fn other_programs_make_the_calls_that_strace_sees() {
    if !(may_trace() && has("strace")) {
        return;
    }
    let server = Server::start(&["--quiet"]);
    let port = server.port().to_string();
    if has("nc") {
        compare(&["nc", "-u", "-z", "-w1", "127.0.0.1", &port]);
    }
    if has("socat") {
        compare(&[
            "socat",
            "-T0.3",
            "-u",
            "OPEN:/etc/hostname",
            &format!("UDP4-SENDTO:127.0.0.1:{port}"),
        ]);
    }
    compare(&[
        env!("CARGO_BIN_EXE_udpraw"),
        "client",
        "--port",
        &port,
        "--message",
        "traced",
        "--quiet",
    ]);
    server.interrupt();
}

#[test]
fn no_call_is_missed_among_many() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    let script = "import socket,threading,os\n\
        def work():\n s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('127.0.0.1',0))\n \
        [ (s.sendto(b'x',s.getsockname()), s.recv(9)) for _ in range(500) ]\n s.close()\n\
        if os.fork(): os.wait()\n\
        t=[threading.Thread(target=work) for _ in range(4)]\n[x.start() for x in t]; [x.join() for x in t]\n";
    let (end, trace) = ours(&[], &[&python, "-S", "-E", "-c", script]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let count = |name: &str| trace.lines().filter(|line| line.contains(name)).count();
    for (name, want) in [
        (" socket(", 8),
        (" bind(", 8),
        (" sendto(", 4000),
        (" recvfrom(", 4000),
        (" close(", 8),
    ] {
        assert_eq!(count(name), want, "{name}");
    }
    let threads: std::collections::BTreeSet<_> = trace
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(threads.len(), 10);
}

#[test]
fn exit_codes_and_signals_are_passed_on() {
    if !may_trace() {
        return;
    }
    for (script, want) in [("exit 7", 7), ("kill -9 $$", 128 + 9), ("exec true", 0)] {
        let end = finish(&["trace", "--", "sh", "-c", script]);
        assert_eq!(end.code, Some(want), "{script}: {}", end.stderr);
    }
    let mut running = Running::start(udpraw(["trace", "--", "udpraw-none"]));
    assert_eq!(running.line(), "");
    assert_eq!(running.finish().code, Some(2));
    // A server under trace ends as one that is not: SIGTERM reaches it.
    let mut command = udpraw([
        "trace",
        "-o",
        "/dev/null",
        "--",
        env!("CARGO_BIN_EXE_udpraw"),
        "server",
        "--port",
        "0",
    ]);
    command.stderr(Stdio::null());
    let mut running = Running::start(command);
    assert!(running.line().starts_with("Listening at "));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.finish().code, Some(0));
}

#[test]
fn a_running_server_is_attached_to_and_let_go() {
    if !may_trace() {
        return;
    }
    let server = Server::start(&["--reply", "echo"]);
    let pid = server.running.id().to_string();
    let mut tracer = Running::start(udpraw(["trace", "--json", "-p", &pid]));
    assert!(tracer.line().contains("\"event\":\"program\""));
    let client = server.client();
    assert_eq!(common::ask(&client, b"attached"), b"attached");
    let call = loop {
        let record: serde_json::Value = serde_json::from_str(&tracer.line()).expect("NDJSON");
        if record["name"] == "recvmsg" {
            break record;
        }
    };
    assert_eq!(call["datagrams"][0]["first_bytes"]["text"], "attached");
    assert_eq!(call["local"]["port"], server.port());
    tracer.signal(Signal::SIGINT);
    assert_eq!(tracer.finish().code, Some(0));
    assert_eq!(common::ask(&client, b"still there"), b"still there");
    assert_eq!(server.interrupt().code, Some(0));
}

#[test]
fn lost_datagrams_are_shown_as_lost() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    let script = "import socket\n\
        a=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); a.bind(('127.0.0.1',0))\n\
        b=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n\
        b.sendto(b'first',a.getsockname()); b.sendto(b'second',a.getsockname()); a.recvfrom(99)\n\
        b.sendto(b'third',('127.0.0.1',9))\n";
    let end = finish(&[
        "trace",
        "--json",
        "--diagram",
        "--",
        &python,
        "-S",
        "-E",
        "-c",
        script,
    ]);
    let fates: Vec<String> = json_lines(&end.stdout)
        .iter()
        .filter(|record| record["event"] == "datagram")
        .map(|record| format!("{} {}", record["first_bytes"]["text"], record["delivery"]))
        .collect();
    assert_eq!(
        fates,
        [
            "\"first\" \"received\"",
            "\"second\" \"lost\"",
            "\"third\" \"outbound\""
        ]
    );
    let end = finish(&[
        "trace",
        "--diagram",
        "--",
        &python,
        "-S",
        "-E",
        "-c",
        script,
    ]);
    assert!(end.stdout.contains("\"second\" (lost)"), "{}", end.stdout);
    assert!(
        end.stdout
            .contains("3 datagrams: 1 received, 1 lost, 0 refused, 1 to"),
        "{}",
        end.stdout
    );
}

#[test]
fn what_is_on_standard_input_and_moved_about_is_followed() {
    let (true, true, Some(python)) = (may_trace(), has("strace"), python()) else {
        return;
    };
    // As inetd does it: a socket on 0 and 1, across an exec.
    let script = "import socket,os,sys\n\
        s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('127.0.0.1',0)); s.connect(s.getsockname())\n\
        os.dup2(s.fileno(),0); os.dup2(s.fileno(),1)\n\
        os.execv(sys.executable,[sys.executable,'-S','-E','-c','import os; os.write(1,b\"hello\"); os.read(0,99)'])";
    let program = [python.as_str(), "-S", "-E", "-c", script];
    let (end, trace) = ours(&[], &program);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    for want in [
        "write(1, \"hello\", 5)",
        "read(0, \"hello\", 99)",
        "dup2(3, 0)",
    ] {
        assert!(trace.contains(want), "no {want} in {trace}");
    }
    let _ = theirs(&program);
}

#[test]
fn explanations_are_made_of_the_calls_own_values() {
    if !may_trace() {
        return;
    }
    let server = Server::start(&["--quiet"]);
    let port = server.port().to_string();
    let end = finish(&[
        "trace",
        "--explain",
        "--",
        env!("CARGO_BIN_EXE_udpraw"),
        "client",
        "--port",
        &port,
        "-m",
        "plain",
    ]);
    let text = end.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for want in [
        "Python: s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        &format!("5 bytes leave as one datagram to 127.0.0.1 port {port}."),
        &format!("Python: s.sendto(b\"plain\", (\"127.0.0.1\", {port}))"),
        "because it was not bound.",
        "The program sets IP_RECVERR to on; it keeps ICMP errors",
        "2 datagrams: 1 received (1 from programs not traced), 0 lost, 0 refused, 1 to programs not traced",
    ] {
        assert!(text.contains(want), "no {want:?} in\n{}", end.stdout);
    }
    server.interrupt();
}
