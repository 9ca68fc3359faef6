//! Programs whose calls depend on time, on chance and on other threads, beside strace's trace of them.
//!
//! Lines of waiting (epoll_wait, select) differ with every run, and two threads take turns as they like.
//! What each UDP socket goes through does not: its calls are compared from the one that made it to the
//! one that closed it, with what is in a payload (an id, a time) left out.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};

use crate::common::{self, Running, has, udpraw};
use crate::normal::{about_sockets, is_named_by_us};
use crate::{CALLS, assert_same, may_trace, ours, theirs};

/// strace's two halves of a call that another thread interrupted, as one line where it returned.
fn joined(trace: &str) -> String {
    let mut halves = BTreeMap::new();
    let mut whole = String::new();
    for line in trace.lines() {
        let (thread, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(half) = rest.trim_start().strip_suffix(" <unfinished ...>") {
            halves.insert(thread, half);
        } else if let Some((_, end)) = rest.split_once(" resumed>") {
            let half = halves.remove(thread).unwrap_or_default();
            whole.push_str(&format!("{thread} {half}{end}\n"));
        } else {
            whole.push_str(&format!("{line}\n"));
        }
    }
    whole
}

/// The line with each string's content left out.
fn without_strings(line: &str) -> String {
    let mut text = String::new();
    let (mut is_inside, mut is_escaped) = (false, false);
    for c in line.chars() {
        let is_quote = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        if !is_inside || is_quote {
            text.push(c);
        }
        is_inside ^= is_quote;
    }
    text.replace("\"...", "\"")
}

/// What each UDP socket went through. Its number is left out: it depends on who opened files first.
fn by_socket(trace: &str) -> Vec<Vec<String>> {
    let mut open: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut done = Vec::new();
    for line in about_sockets(&joined(trace)) {
        // strace knows no name for IP_PMTUDISC_OMIT.
        let line = without_strings(&line).replace("[5 /* omit */]", "[5]");
        let line = if is_named_by_us(&line) {
            line.splitn(4, ", ").take(3).collect::<Vec<_>>().join(", ")
        } else {
            line
        };
        let Some((name, rest)) = line.split_once('(') else {
            continue;
        };
        let result = line.rsplit_once(" = ").map_or("", |(_, result)| result);
        if name == "socket" {
            if rest.contains("SOCK_DGRAM") && !result.starts_with('-') {
                let line = line.replace(&format!(" = {result}"), " = FD");
                done.extend(open.insert(result.to_owned(), vec![line]));
            }
            continue;
        }
        let fd = rest.split([',', ')']).next().unwrap_or_default();
        if let Some(calls) = open.get_mut(fd) {
            calls.push(format!("{name}(FD{}", &rest[fd.len()..]));
        }
        if name == "close" {
            done.extend(open.remove(fd));
        }
    }
    done.extend(open.into_values());
    done.sort();
    done
}

fn compare_sockets(ours: &str, theirs: &str) {
    let (ours, theirs) = (by_socket(ours), by_socket(theirs));
    assert!(!ours.is_empty());
    assert_eq!(ours, theirs);
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// Starts a server by a shell, and waits for the line that says that it is ready.
fn ready(script: &str, words: &str) -> Running {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Running::start(command);
    loop {
        let line = server.line();
        assert!(!line.is_empty(), "{script} ended before it was ready");
        if line.contains(words) {
            return server;
        }
    }
}

#[test]
fn dig_asks_as_strace_sees_it() {
    if !(may_trace() && has("strace") && has("dig") && has("dnsmasq")) {
        return;
    }
    let port = free_port();
    let script = format!(
        "exec dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --pid-file= \
         --port={port} --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts \
         --address=/traced.test/127.0.0.9 --user=$(id -un) 2>&1"
    );
    let _server = ready(&script, "started");
    let program = [
        "dig",
        "@127.0.0.1",
        "-p",
        &port,
        "traced.test",
        "+short",
        "+tries=1",
    ];
    let (end, ours) = ours(&["--only", "all"], &program);
    assert_eq!(end.stdout.trim(), "127.0.0.9", "{}", end.stderr);
    compare_sockets(&ours, &theirs(&program));
}

#[test]
fn iperf3_sends_as_strace_sees_it() {
    if !(may_trace() && has("strace") && has("iperf3")) {
        return;
    }
    // A client takes a server's only test; nine datagrams are eight thousand bytes and a bit.
    let test = |trace: &dyn Fn(&[&str]) -> String| {
        let port = free_port();
        let script = format!("exec iperf3 -s -1 --forceflush -B 127.0.0.1 -p {port}");
        let server = ready(&script, "Server listening");
        let words = "iperf3 -c 127.0.0.1 -u -b 1M -n 8K -l 1000 -p";
        let program: Vec<&str> = words.split(' ').chain([port.as_str()]).collect();
        let trace = trace(&program);
        server.finish();
        // The port is the test's own, too.
        trace.replace(&format!("htons({port})"), "htons(SERVER)")
    };
    let seen = test(&|program| ours(&["--only", "all"], program).1);
    compare_sockets(&seen, &test(&theirs));
    let sent = by_socket(&seen).concat();
    let sent = sent.iter().filter(|line| line.ends_with(", 1000) = 1000"));
    assert_eq!(sent.count(), 9);
}

#[test]
fn our_server_answers_as_strace_sees_it() {
    if !(may_trace() && has("strace")) {
        return;
    }
    let server = [
        env!("CARGO_BIN_EXE_udpraw"),
        "server",
        "--port",
        "0",
        "--count",
        "2",
        "--reply",
        "echo",
    ];
    let serve = |tracer: &mut Command| {
        let file = tempfile::NamedTempFile::new().unwrap();
        tracer.arg(file.path()).arg("--").args(server);
        tracer
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut running = Running::start(std::mem::replace(tracer, Command::new("true")));
        let address = common::listening(&running.line());
        let client = common::client_of(address);
        for request in [&b"first"[..], b""] {
            assert_eq!(common::ask(&client, request), request);
        }
        assert_eq!(running.finish().code, Some(0));
        let trace = std::fs::read_to_string(file.path()).unwrap();
        about_sockets(&joined(&trace))
    };
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", CALLS, "-o"]);
    let ours = serve(&mut udpraw(["trace", "--only", "all", "-o"]));
    assert!(
        ours.iter().any(|line| line.contains("sendto(")),
        "{ours:#?}"
    );
    assert_same(&ours, &serve(&mut strace));
}
