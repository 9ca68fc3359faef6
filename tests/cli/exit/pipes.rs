//! The reader of standard output goes away, as `head -1` does: the command ends, quietly, with the
//! status of what it knows by then.

use std::fs::File;
use std::io::{BufRead, BufReader};

use crate::common::{Running, finish, listening, run, socket, udpraw};

/// Reads one line, closes the pipe, and waits for the end.
fn head(arguments: &[&str]) -> (Option<i32>, String) {
    let mut running = Running::start(udpraw(arguments));
    assert_ne!(running.line(), "", "{arguments:?}");
    let end = running.close_stdout();
    (end.code, end.stderr)
}

#[test]
fn the_verdict_stays() {
    let taken = socket();
    let port = taken.local_addr().unwrap().port().to_string();
    let quiet = String::new();
    // The kernel picks its own ports far above.
    assert_eq!(
        head(&["probe", "127.0.0.1", "1-200", "--all"]),
        (Some(1), quiet.clone())
    );
    assert_eq!(head(&["services", "list"]), (Some(0), quiet.clone()));
    assert_eq!(head(&["options"]), (Some(0), quiet.clone()));
    assert_eq!(head(&["ports", &port]), (Some(0), quiet.clone()));
    assert_eq!(head(&["tour"]), (Some(0), quiet.clone()));
    let words = ["trace", "--", "python3", "-c"];
    let program = "import socket\nfor _ in range(99): socket.socket().close()\nexit(7)";
    assert_eq!(head(&[&words[..], &[program]].concat()), (Some(7), quiet));
}

/// The answers that are written at once: a pager that quits is no error, and a full disk is one.
#[test]
fn a_page_that_nobody_reads_is_no_error_but_one_that_is_lost_is() {
    for arguments in [
        &["--help"][..],
        &["relay", "-h"],
        &["help", "trace"],
        &["--version"],
        &["-V"],
        &["man"],
        &["completions", "bash"],
        &["options", "SO_RCVBUF"],
        &["--json", "options"],
        &["services", "53"],
    ] {
        let end = Running::start(udpraw(arguments)).close_stdout();
        assert_eq!((end.code, &end.stderr[..]), (Some(0), ""), "{arguments:?}");
        let mut command = udpraw(arguments);
        command.stdout(File::create("/dev/full").unwrap());
        let end = run(command);
        let lost = "error: cannot write the output: no space left on device (ENOSPC)\n";
        assert_eq!(
            (end.code, &end.stderr[..]),
            (Some(2), lost),
            "{arguments:?}"
        );
    }
}

#[test]
fn what_waits_notices() {
    // Of this port alone: other tests' sockets may have owners that are not seen.
    let taken = socket();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_eq!(head(&["ports", "--watch", &port]), (Some(0), String::new()));
    let relay = ["relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"];
    for words in [&relay[..], &["server", "-p", "0", "--workers", "2"]] {
        let (code, talk) = head(words);
        assert_eq!(code, Some(0), "{words:?}");
        assert!(talk.contains("the output was closed"), "{talk}");
    }
    // Its input stays open, and nobody answers.
    let silent = socket();
    let port = silent.local_addr().unwrap().port().to_string();
    let mut command = udpraw(["client", "--stdin", "-p", &port]);
    command.stdin(std::process::Stdio::piped());
    let end = Running::start(command).close_stdout();
    assert_eq!((end.code, &end.stderr[..]), (Some(1), ""));
}

#[test]
fn a_server_answers_what_it_received() {
    for options in [&[][..], &["--exchange"]] {
        let words = [&["server", "-p", "0"], options].concat();
        let mut child = udpraw(words).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        drop(stdout);
        let at = listening(line.trim_end());
        let port = at.port().to_string();
        let asked = finish(&[&["client", "-p", &port], options].concat());
        assert_eq!(asked.code, Some(0), "{options:?}: {}", asked.stderr);
        let end = child.wait_with_output().unwrap();
        let talk = String::from_utf8(end.stderr).unwrap();
        assert_eq!(end.status.code(), Some(0), "{options:?}: {talk}");
        assert!(talk.contains("the output was closed"), "{talk}");
    }
}
