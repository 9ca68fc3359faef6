//! The file of `-o` beside strace's, line by line.
//!
//! What differs on purpose, all of it where strace 6.1 knows less:
//! - Numbers that have a name get it in a comment, as `strace -X verbose` writes one.
//! - Options and control messages that are younger than strace 6.1, or that it leaves as bytes, are decoded:
//!   `IP_LOCAL_PORT_RANGE`, `SO_RCVPRIORITY`, `SO_PASSPIDFD`, `SO_MEMINFO`, `SO_COOKIE`, `SO_RCVTIMEO`;
//!   `UDP_SEGMENT`, `UDP_GRO`, `SO_RXQ_OVFL`, `SO_MARK`, `SO_TXTIME` and those of IPv6.
//! - A control message whose length is near 2^64 ends the list; strace 6.1 repeats it for ever.
//!
//! And where it knows more of what is not UDP's:
//! - Payloads of netlink(7) sockets are strings. Addresses of families other than `AF_UNIX`, `AF_INET`,
//!   `AF_INET6`, `AF_NETLINK`, `AF_PACKET` and `AF_VSOCK` are bytes, and so are most names of protocols,
//!   options and messages of other families, and those of the firewall's options.
//! - Calls that are not about sockets are left out, and of `io_uring_setup(2)` the structure.

use std::process::{Command, Stdio};

use crate::common::{has, run, udpraw};
use crate::{CALLS, may_trace, ours, python};

/// The program with odd arguments; the folder goes with the guard.
fn build() -> Option<(tempfile::TempDir, String)> {
    if !(may_trace() && has("strace") && has("gcc") && cfg!(target_arch = "x86_64")) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("odd");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-w", "-o"]).arg(&program);
    gcc.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/trace/odd_arguments.c"
    ));
    let built = run(gcc);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    let program = program.to_str().unwrap().to_owned();
    Some((folder, program))
}

/// Traces by strace, into a file of at most so many blocks of 512 bytes.
fn straces(expression: &str, program: &[&str]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 200000; exec \"$@\"", "sh"]);
    command
        .args(["strace", "-q", "-f", "-e", expression, "-o"])
        .arg(file.path());
    command.args(program).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("strace runs").code().is_some());
    std::fs::read_to_string(file.path()).unwrap()
}

/// Replaces the number behind each `key`, if it has at least so many digits.
fn blank(line: &str, key: &str, digits: usize, is_digit: fn(&char) -> bool) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(key) {
        let length = after.chars().take_while(is_digit).count();
        text.push_str(before);
        text.push_str(key);
        rest = if length >= digits {
            text.push('N');
            &after[length..]
        } else {
            after
        };
    }
    text + rest
}

/// A line without what differs from run to run; columns stay, as far as they are alike.
fn normal(line: &str) -> String {
    let mut line = line.to_owned();
    let decimal: fn(&char) -> bool = char::is_ascii_digit;
    let hexadecimal: fn(&char) -> bool = char::is_ascii_hexdigit;
    for key in ["0x7", "0x5"] {
        line = blank(&line, key, 11, hexadecimal).replace(&format!("{key}N"), "POINTER");
    }
    line = blank(&line, "htons(", 5, decimal);
    for key in [
        "si_pid=",
        "nl_pid=",
        "{pid=",
        ", pid=",
        "si_utime=",
        "si_stime=",
    ] {
        line = blank(&line, key, 1, decimal);
    }
    for key in ["tv_sec=", "tv_usec=", "tv_nsec="] {
        line = blank(&line, key, 4, decimal);
    }
    // Within a second of the clock's, few microseconds have few digits.
    for key in ["tv_sec=N, tv_usec=", "tv_sec=N, tv_nsec="] {
        line = blank(&line, key, 1, decimal);
    }
    match line.split_once("left {") {
        Some((before, _)) => format!("{before}left"),
        None => line,
    }
}

/// The line without comments.
fn bare(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(" /* ") {
        text.push_str(before);
        rest = after.split_once(" */").map_or("", |(_, rest)| rest);
    }
    text + rest
}

/// Whether a line is about what we tell better (see above).
fn is_better(line: &str) -> bool {
    let names = [
        "SO_MEMINFO",
        "COOKIE",
        "TIMEO_OLD",
        "SO_PASSPIDFD",
        "SO_RCVPRIORITY",
        "SO_PASSRIGHTS",
        "IP_LOCAL_PORT_RANGE",
        "IP_PROTOCOL",
        "IPV6_??? */",
        "SOL_SCTP",
        "SOL_IPX",
        "SOL_TLS",
        "SOL_XDP",
        "PACKET_RX_RING",
        "PACKET_TX_RING",
        "SOL_CAN_RAW",
        "AF_VSOCK, ",
        "PEERCRED, {pid=\"",
        "F_NOTIFY",
        "F_ADD_SEALS",
    ];
    names.iter().any(|name| line.contains(name))
}

/// The lines from the first socket on, without the pid in front.
fn lines(trace: &str) -> Vec<String> {
    let lines = trace.lines().filter_map(|line| line.split_once(' '));
    let lines = lines.map(|(_, line)| normal(line.trim_start()));
    lines
        .skip_while(|line| !line.starts_with("socket("))
        .collect()
}

fn compare(parts: &[&str]) {
    let Some((_folder, program)) = build() else {
        return;
    };
    for part in parts {
        let (end, ours) = ours(&[], &[&program, part]);
        assert_eq!(end.code, Some(0), "{part}: {}", end.stderr);
        let theirs = straces(CALLS, &[&program, part]);
        let (ours, theirs) = (lines(&ours), lines(&theirs));
        assert!(ours.len() > 100, "{part}: {}", ours.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            if ours != theirs && !is_better(ours) {
                assert_eq!(bare(ours), bare(theirs), "{part}");
            }
        }
        assert_eq!(ours.len(), theirs.len(), "{part}");
    }
}

#[test]
fn odd_sockets_addresses_and_names() {
    compare(&["sockets", "addresses", "names"]);
}

#[test]
fn odd_options() {
    compare(&["options", "options-ip", "options-udp"]);
}

#[test]
fn odd_options_of_ipv6() {
    compare(&["options-ipv6"]);
}

#[test]
fn odd_payloads_and_control_messages() {
    compare(&["control", "payloads"]);
}

#[test]
fn odd_messages_and_waits() {
    compare(&["messages", "many", "waits", "descriptors"]);
}

/// Processes, calls that overlap, signals, ends: whole files, but for numbers that differ from run to
/// run.
#[test]
fn the_file_of_two_processes_is_straces() {
    let (true, true, Some(python)) = (may_trace(), has("strace"), python()) else {
        return;
    };
    // The parent sleeps in each of its calls until the child makes it go on.
    let script = "import socket,os,select,time\n\
        a=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); a.bind(('127.0.0.1',0))\n\
        b=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); to=a.getsockname(); me=os.getpid()\n\
        def sleeps():\n while open(f'/proc/{me}/stat').read().split(')')[1].split()[0]!='S' or select.select([a],[],[],0)[0]: time.sleep(0.01)\n\
        p=os.fork()\n\
        if not p:\n for i in range(2): sleeps(); b.sendto(b'to you',to)\n sleeps(); os._exit(3)\n\
        a.recvfrom(9); a.recvmsg(9); os.waitpid(p,0)\n\
        q=os.fork()\n\
        os.waitpid(q,0) if q else os.kill(os.getpid(),9)\n";
    let program = [python.as_str(), "-S", "-E", "-c", script];
    let theirs = straces("trace=%network", &program);
    let (_, ours) = ours(&[], &program);
    let known = |line: &&str| {
        !["epoll_create1(", "close(", "pselect6("]
            .iter()
            .any(|name| line.contains(name))
    };
    // Each process's lines, in the order in which the processes appear. Which of two that run at once is
    // a step ahead is nobody's promise, so that the parts of a call are put together.
    let by_process = |trace: &str| {
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for line in trace.lines().filter(known) {
            let (pid, line) = line.split_once(' ').unwrap();
            let at = found.iter().position(|(known, _)| known == pid);
            let at = at.unwrap_or_else(|| {
                found.push((pid.to_owned(), Vec::new()));
                found.len() - 1
            });
            let lines = &mut found[at].1;
            match line.split_once(" resumed>") {
                Some((_, rest)) => {
                    let begun = lines.pop().unwrap();
                    let begun = begun.strip_suffix(" <unfinished ...>").unwrap();
                    // The column of the result is that of the second part.
                    let whole = format!("{begun}{}", normal(rest));
                    lines.push(whole.replace("  ", "").replace(" = ", "= "));
                }
                None if line.ends_with("<unfinished ...>") => lines.push(normal(line)),
                None => lines.push(normal(line).replace("  ", "").replace(" = ", "= ")),
            }
        }
        found
            .into_iter()
            .map(|(_, lines)| lines)
            .collect::<Vec<_>>()
    };
    assert_eq!(by_process(&ours), by_process(&theirs));
    let text: String = ours.lines().map(|line| normal(line) + "\n").collect();
    for want in [
        "recvfrom(3,  <unfinished ...>",
        "<... recvfrom resumed>\"to you\", 9, 0, {sa_family=",
        "<... recvmsg resumed>{msg_name=",
        "+++ exited with 3 +++",
        "si_status=3, si_utime=N, si_stime=N",
        "+++ killed by SIGKILL +++",
    ] {
        assert!(text.contains(want), "no {want:?} in\n{text}");
    }
}

/// On the screen, too, a result stands where strace has it.
#[test]
fn the_column_of_results_counts_what_stands_in_front() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    let script = "import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.close()";
    let (_, file) = ours(&[], &[&python, "-S", "-E", "-c", script]);
    let close = file.lines().find(|line| line.contains("close(3)")).unwrap();
    assert_eq!(close.find("= 0"), Some(40), "{close:?}");
    let end = run(udpraw(["trace", "--", &python, "-S", "-E", "-c", script]));
    let close = end.stdout.lines().find(|line| line.starts_with("close(3)"));
    assert_eq!(close.unwrap().find("= 0"), Some(40), "{}", end.stdout);
}
