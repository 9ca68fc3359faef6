//! A signal ends each command, whichever of its streams is blocked; `scripts/measure-signals` measures
//! how soon. Here the bounds are those that only a hang breaks.

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{PATIENCE, socket, udpraw, wait_until};

/// A pipe that takes nothing more, and what keeps it open.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().unwrap();
    let flags = OFlag::from_bits_retain(fcntl(writer.as_fd(), FcntlArg::F_GETFL).unwrap());
    fcntl(writer.as_fd(), FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).unwrap();
    for piece in [&[b'x'; 4096][..], b"x"] {
        while writer.write(piece).is_ok() {}
    }
    fcntl(writer.as_fd(), FcntlArg::F_SETFL(flags)).unwrap();
    assert!(writer.as_raw_fd() > 2);
    (reader, writer)
}

/// Until the process handles SIGINT.
pub(crate) fn until_handled(pid: u32) {
    wait_until("it handles SIGINT", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        caught.is_some_and(|set| set >> (Signal::SIGINT as i32 - 1) & 1 == 1)
    });
}

/// Until the process sleeps: it is blocked, or has nothing to do.
fn until_asleep(child: &mut Child) {
    let (began, mut before) = (Instant::now(), None);
    while began.elapsed() < Duration::from_secs(2) && child.try_wait().unwrap().is_none() {
        let pid = child.id();
        let ran = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let sleeps = stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('S'));
        if sleeps && ran == before {
            return;
        }
        before = ran;
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for the end; kills it if that does not come.
fn end(mut child: Child, what: &str) -> ExitStatus {
    let (pid, (ended, end)) = (Pid::from_raw(child.id() as i32), mpsc::channel());
    let waiting = thread::spawn(move || ended.send(child.wait().expect("a child")));
    let status = end.recv_timeout(PATIENCE);
    if status.is_err() {
        // It is not waited for yet, so its number is still its own.
        let _ = kill(pid, Signal::SIGKILL);
    }
    let _ = waiting.join();
    status.unwrap_or_else(|_| panic!("{what}: it did not end"))
}

/// Which of its streams are full.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Full {
    Stdout,
    Stderr,
    Both,
}

fn blocked(arguments: &[&str], full: Full, signals: &[Signal]) {
    let (_reader, writer) = full_pipe();
    let stream = |is_full: bool| {
        if is_full {
            Stdio::from(writer.try_clone().unwrap())
        } else {
            Stdio::null()
        }
    };
    let mut command = udpraw(arguments);
    command
        .stdout(stream(full != Full::Stderr))
        .stderr(stream(full != Full::Stdout));
    signalled(
        command,
        signals,
        &format!("{arguments:?} {full:?} {signals:?}"),
    );
}

fn signalled(mut command: Command, signals: &[Signal], what: &str) {
    let mut child = command.spawn().unwrap();
    until_asleep(&mut child);
    for signal in signals {
        let _ = kill(Pid::from_raw(child.id() as i32), *signal);
        // Of two, the second comes while the first is dealt with.
        thread::sleep(Duration::from_millis(if signals.len() > 1 {
            120
        } else {
            0
        }));
    }
    end(child, what);
}

#[test]
fn each_command_ends_on_a_signal_while_its_output_is_blocked() {
    let silent = socket();
    let to = silent.local_addr().unwrap().to_string();
    let port = silent.local_addr().unwrap().port().to_string();
    let commands: &[&[&str]] = &[
        &["server", "-p", "0", "-v"],
        &["server", "-p", "0", "--workers", "2", "--stats", "20ms"],
        &["client", "-p", &port, "--timeout", "60s", "-v"],
        &[
            "send",
            "127.0.0.1",
            "/etc/passwd",
            "--port",
            &port,
            "--timeout",
            "60s",
        ],
        &["recv", "--port", "0"],
        &["recv", "--port", "0", "--into", "/tmp", "--json"],
        &["services", "list"],
        &["options"],
        &["ports", "--watch"],
        &["probe", "127.0.0.1", "1-200", "--all"],
        &["mtu", "127.0.0.1", "-p", &port],
        &["bench", "--time", "1s", "--size", "64"],
        &[
            "relay",
            "--listen",
            "127.0.0.1:0",
            "--to",
            &to,
            "--stats",
            "20ms",
        ],
        &["tour"],
        &["trace", "--", "sh", "-c", "echo; sleep 60"],
    ];
    thread::scope(|scope| {
        for arguments in commands {
            scope.spawn(move || {
                for full in [Full::Stdout, Full::Stderr, Full::Both] {
                    blocked(arguments, full, &[Signal::SIGINT]);
                    blocked(arguments, full, &[Signal::SIGTERM]);
                    blocked(arguments, full, &[Signal::SIGINT, Signal::SIGINT]);
                }
            });
        }
    });
}

#[test]
fn each_command_ends_on_a_signal_while_its_input_is_blocked() {
    let silent = socket();
    let port = silent.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let fifo = fifo.to_str().unwrap();
    let relay = ["relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"];
    let commands: &[&[&str]] = &[
        &["client", "--stdin", "-p", &port],
        &["send", "127.0.0.1", "-", "--port", &port],
        &["send", "127.0.0.1", fifo, "--port", &port],
        &["services", "list", "--file", fifo],
        &["services", "check", fifo],
        &["probe", "domain", "--resolv-conf", fifo],
        &[&relay[..], &["--replay", fifo]].concat(),
        &[&relay[..], &["--log", fifo]].concat(),
        &["recv", "--port", "0", "-o", fifo],
        &["trace", "-o", fifo, "--", "true"],
    ];
    thread::scope(|scope| {
        for arguments in commands {
            scope.spawn(move || {
                for signals in [
                    &[Signal::SIGINT][..],
                    &[Signal::SIGTERM],
                    &[Signal::SIGHUP],
                    &[Signal::SIGINT, Signal::SIGINT],
                ] {
                    let (reader, _writer) = io::pipe().unwrap();
                    let mut command = udpraw(*arguments);
                    command
                        .stdin(reader)
                        .stdout(Stdio::null())
                        .stderr(Stdio::null());
                    signalled(command, signals, &format!("{arguments:?} {signals:?}"));
                }
            });
        }
    });
}

#[test]
fn what_was_read_is_told_nevertheless() {
    let (reader, _writer) = io::pipe().unwrap();
    let mut command = udpraw(["client", "--stdin", "-p", "9"]);
    command.stdin(reader);
    let mut child = command.spawn().unwrap();
    until_handled(child.id());
    until_asleep(&mut child);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), &talk[..]),
        (Some(1), "0 requests, 0 answered\n")
    );
}

#[test]
fn a_forced_end_is_one_by_the_signal() {
    use std::os::unix::process::ExitStatusExt;
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (_reader, writer) = full_pipe();
        let mut command = udpraw(["server", "-p", "0"]);
        command.stdout(writer).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        until_handled(child.id());
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(end(child, "server").signal(), Some(signal as i32));
    }
}
