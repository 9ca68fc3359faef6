//! A sandbox around the tracer that forbids what it would like best.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Finished, run};
use crate::letting_go::built;
use crate::{may_trace, python};

const SCRIPT: &str = "import socket\n\
    s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('127.0.0.1',0))\n\
    s.sendto(b'in a sandbox',s.getsockname()); s.recvfrom(99); s.close()\nraise SystemExit(3)";

/// Traces the script where `calls` fail with `errno`.
fn traced(errno: i32, calls: &[&str]) -> Option<(Finished, String)> {
    let (true, Some(forbid), Some(python)) = (may_trace(), built("forbid"), python()) else {
        return None;
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(forbid.path().join("forbid"));
    command.arg(errno.to_string()).args(calls);
    command.args(["--", env!("CARGO_BIN_EXE_udpraw"), "trace", "-o"]);
    command
        .arg(file.path())
        .args(["--", &python, "-S", "-E", "-c", SCRIPT]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let end = run(command);
    Some((end, read(file.path())))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn assert_told(calls: &[&str], errno: i32, notes: &[&str]) {
    let Some((end, trace)) = traced(errno, calls) else {
        return;
    };
    assert_eq!(end.code, Some(3), "{calls:?}: {}", end.stderr);
    for want in ["bind(3, {sa_family=AF_INET", "\"in a sandbox\"", "close(3)"] {
        assert!(trace.contains(want), "{calls:?}: no {want} in {trace}");
    }
    for note in notes {
        let times = end.stderr.matches(note).count();
        assert_eq!(times, 1, "{calls:?}: {note} in {}", end.stderr);
    }
    assert_eq!(end.stderr.lines().count(), notes.len(), "{}", end.stderr);
}

#[test]
fn memory_is_read_by_the_file_where_the_call_is_forbidden() {
    for errno in [libc::EPERM, libc::ENOSYS] {
        assert_told(
            &["process_vm_readv"],
            errno,
            &["is read through /proc/PID/mem"],
        );
    }
}

#[test]
fn memory_is_read_word_by_word_where_nothing_else_is_left() {
    let calls = ["process_vm_readv", "process_vm_writev", "preadv"];
    assert_told(&calls, libc::EPERM, &["is read with PTRACE_PEEKDATA"]);
}

#[test]
fn a_filter_can_be_added_without_process_vm_writev() {
    assert_told(&["process_vm_writev"], libc::ENOSYS, &[]);
}

#[test]
fn without_seccomp_each_call_stops_the_program() {
    for errno in [libc::ENOSYS, libc::EINVAL, libc::EPERM, libc::EACCES] {
        assert_told(&["seccomp"], errno, &["seccomp(2) is not available here"]);
    }
}

#[test]
fn a_sandbox_without_ptrace_is_named() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let Some((end, _)) = traced(errno, &["ptrace"]) else {
            return;
        };
        assert_eq!(end.code, Some(2), "{}", end.stderr);
        assert!(end.stderr.contains("ptrace(2)"), "{}", end.stderr);
        assert_eq!(end.stderr.lines().count(), 1, "{}", end.stderr);
    }
}
