//! The system calls that the program makes, as strace sees them.

use std::process::{Command, Stdio};

use crate::common::{Running, ask, client_of, has, listening};

/// The names of the traced calls in a trace, in order, with what is asked about each.
fn calls(trace: &str) -> Vec<&str> {
    trace
        .lines()
        .filter(|line| !line.starts_with("---") && !line.starts_with("+++"))
        .collect()
}

fn names<'a>(calls: &[&'a str]) -> Vec<&'a str> {
    calls
        .iter()
        .map(|call| call.split('(').next().unwrap_or_default())
        .collect()
}

/// Runs the program under strace; the trace goes to a file of its own.
fn traced(expression: &str, arguments: &[&str]) -> (Running, tempfile::NamedTempFile) {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command
        .arg("-o")
        .arg(trace.path())
        .args(["-e", expression, "--"]);
    command.arg(env!("CARGO_BIN_EXE_udpraw")).args(arguments);
    // cargo test adds places to look for libraries in, each of which costs a call a library.
    command
        .env_remove("UDPRAW_HOST")
        .env_remove("UDPRAW_PORT")
        .env_remove("LD_LIBRARY_PATH");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    (Running::start(command), trace)
}

fn serve(options: &[&str], expression: &str, datagrams: usize) -> String {
    let count = datagrams.to_string();
    let arguments = [&["server", "--port", "0", "--count", &count], options].concat();
    let (mut running, trace) = traced(expression, &arguments);
    let client = client_of(listening(&running.line()));
    for _ in 0..datagrams {
        ask(&client, b"traced");
    }
    assert_eq!(running.finish().code, Some(0));
    std::fs::read_to_string(trace.path()).unwrap()
}

#[test]
fn the_server_makes_just_the_calls_that_matter() {
    if !has("strace") {
        return;
    }
    let trace = serve(&[], "trace=%network", 3);
    let calls = calls(&trace);
    let mut want = vec!["socket", "bind", "getsockname"];
    want.extend(["recvfrom", "sendto"].repeat(3));
    // After the last datagram, the summary asks what the kernel dropped.
    want.push("getsockopt");
    assert_eq!(names(&calls), want, "{trace}");
    assert_eq!(
        calls[0],
        "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_UDP) = 3"
    );
    assert!(calls[3].contains(r#"recvfrom(3, "traced", 65535, 0, {sa_family=AF_INET"#));
    assert!(calls[4].starts_with(r#"sendto(3, "Your data was 6 bytes long", 26, 0, {"#));
    assert!(calls.last().unwrap().contains("SO_MEMINFO"));
}

#[test]
fn each_option_asked_for_is_one_setsockopt() {
    if !has("strace") {
        return;
    }
    let options = ["--reuseaddr", "--rcvbuf", "64KiB", "-O", "IP_RECVTOS=1"];
    let trace = serve(&options, "trace=%network", 2);
    let calls = calls(&trace);
    let mut want = vec![
        "socket",
        "setsockopt",
        "setsockopt",
        "setsockopt",
        "bind",
        "getsockname",
    ];
    // A control message is asked for, so the datagrams come by recvmsg.
    want.extend(["recvmsg", "sendto", "recvmsg", "sendto", "getsockopt"]);
    assert_eq!(names(&calls), want, "{trace}");
    assert!(calls[1].contains("SO_REUSEADDR, [1]"), "{trace}");
    assert!(calls[2].contains("SO_RCVBUF, [65536]"), "{trace}");
    assert!(
        calls[6].contains("cmsg_type=IP_TOS") && !calls[6].contains("MSG_CTRUNC"),
        "{trace}"
    );
}

#[test]
fn a_datagram_costs_one_write_beside_its_two_calls() {
    if !has("strace") {
        return;
    }
    let trace = serve(&[], "trace=all", 3);
    let names = names(&calls(&trace));
    let first = names.iter().position(|name| *name == "recvfrom").unwrap();
    assert_eq!(
        names[first..first + 9],
        ["recvfrom", "write", "sendto"].repeat(3),
        "{trace}"
    );
    // From execve to the socket: what a start costs. nc takes 56.
    let socket = names.iter().position(|name| *name == "socket").unwrap();
    assert!(socket <= 75, "{socket} calls before socket:\n{trace}");
}

#[test]
fn the_client_makes_the_textbooks_calls() {
    if !has("strace") {
        return;
    }
    let server = crate::common::Server::start(&["--count", "1"]);
    let port = server.port().to_string();
    let (running, trace) = traced("trace=%network,ppoll", &["client", "--port", &port]);
    assert_eq!(running.finish().code, Some(0));
    let trace = std::fs::read_to_string(trace.path()).unwrap();
    let calls = calls(&trace);
    let start = calls
        .iter()
        .position(|call| call.starts_with("socket"))
        .unwrap();
    let want = [
        "socket",
        "setsockopt",
        "sendto",
        "getsockname",
        "ppoll",
        "recvfrom",
    ];
    assert_eq!(names(&calls[start..]), want, "{trace}");
    assert!(calls[start + 1].contains("IP_RECVERR, [1]"), "{trace}");
}
