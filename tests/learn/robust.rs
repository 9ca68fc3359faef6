//! Programs that cannot be judged get a helpful line in the learner's language, and nothing of them runs
//! on.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::common::{Finished, Running, has, run, skip, wait_until};
use crate::exercises::{check, is_untraceable};
use crate::learn;

/// Checks a program of these lines.
fn check_lines(folder: &Path, lines: &str, arguments: &[&str]) -> Finished {
    let file = folder.join("program.py");
    fs::write(&file, lines).expect("a file");
    check(
        "server",
        &["python3", file.to_str().expect("UTF-8")],
        arguments,
    )
}

/// A UDP socket, and io_uring_setup(2), whose number is the same on every architecture. Where a sandbox
/// forbids it, the attempt counts as well.
const URING: &str = "import ctypes, socket, time\n\
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
    ctypes.CDLL(None).syscall(425, 4, ctypes.create_string_buffer(120))\n\
    time.sleep(1000)\n";

/// Whether a process that has this word in its arguments runs.
fn runs(word: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let mut commands = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    commands.any(|command| String::from_utf8_lossy(&command).contains(word))
}

#[test]
fn what_cannot_be_judged_is_told_in_the_learners_language() {
    if is_untraceable() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (lines, english, chinese) in [
        (
            "import os\nwhile True:\n    os.fork()\n",
            "more than 32 processes",
            "超过 32 个进程",
        ),
        (
            "pass\n",
            "ended without making a UDP socket",
            "没有创建 UDP 套接字就结束了",
        ),
        (
            "import time\ntime.sleep(1000)\n",
            "made no UDP socket within 5 s",
            "5 秒内没有创建 UDP 套接字",
        ),
        (
            "import socket\nsocket.socket().listen()\n",
            "made a TCP socket",
            "创建的是 TCP 套接字",
        ),
        ("x = 1 / 0\n", "ZeroDivisionError", "ZeroDivisionError"),
        (URING, "uses io_uring", "使用 io_uring"),
        (
            "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
             s.bind((\"127.0.0.1\", 0))\nwhile True: s.sendto(b\"x\", s.getsockname())\n",
            "take the port from the last argument",
            "请从最后一个参数读取端口",
        ),
    ] {
        for (language, hint) in [("en", english), ("zh", chinese)] {
            let finished = check_lines(folder.path(), lines, &["--lang", language]);
            assert_eq!(finished.code, Some(1), "{lines}: {}", finished.stderr);
            let text: String = finished.stdout.split_whitespace().collect();
            let hint: String = hint.split_whitespace().collect();
            assert!(text.contains(&hint), "{lines}: {}", finished.stdout);
        }
    }
    let mine = folder.path().to_str().expect("UTF-8");
    wait_until("all have ended", || !runs(mine));
}

#[test]
fn what_it_leaves_behind_is_ended() {
    if is_untraceable() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // A daemon: a session of its own, and the first process ends.
    let lines = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\n";
    let finished = check_lines(folder.path(), lines, &[]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let mine = folder.path().to_str().expect("UTF-8");
    wait_until("the daemon has ended", || !runs(mine));
}

#[test]
fn a_program_that_does_not_start_is_an_error_with_a_remedy() {
    for (program, language, told) in [
        ("/no/such/program", "en", "cannot be run and watched"),
        ("no-such-program", "zh", "无法运行并观察 no-such-program"),
        ("/etc/passwd", "en", "chmod +x"),
    ] {
        let finished = check("server", &[program], &["--lang", language]);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(2), ""),
            "{program}"
        );
        assert!(finished.stderr.contains(told), "{}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    }
}

#[test]
fn a_tracer_that_is_traced_itself_says_so() {
    if !has("strace") {
        return skip("no strace");
    }
    let state = tempfile::tempdir().expect("a folder");
    let inner = learn(
        state.path(),
        &["check", "server", "--lang", "zh", "--", "true"],
    );
    let mut command = Command::new("strace");
    command
        .args(["-f", "-o", "/dev/null", "-e", "trace=none"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env("XDG_STATE_HOME", state.path());
    let finished = run(command);
    assert_eq!(
        finished.code,
        Some(2),
        "{}{}",
        finished.stdout,
        finished.stderr
    );
    assert!(
        finished.stderr.contains("无法运行并观察 true"),
        "{}",
        finished.stderr
    );
}

#[test]
fn unknown_exercises_are_answered_with_the_known() {
    let finished = check("algebra", &["true"], &[]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished
            .stderr
            .contains("the exercises are: server, unicode"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_kill_in_the_middle_of_a_check_ends_the_program() {
    if is_untraceable() {
        return;
    }
    let state = tempfile::tempdir().expect("a folder");
    let file = state.path().join("program.py");
    let ready = state.path().join("ready");
    let lines = format!("import time\nopen({ready:?}, \"w\").close()\ntime.sleep(1000)\n");
    fs::write(&file, lines).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let running = Running::start(learn(
        state.path(),
        &["check", "server", "--", "python3", file],
    ));
    wait_until("the program runs", || ready.exists());
    running.signal(Signal::SIGKILL);
    drop(running);
    wait_until("the program has ended", || !runs(file));
}

#[test]
fn ctrl_c_ends_a_check_at_once() {
    if is_untraceable() {
        return;
    }
    let state = tempfile::tempdir().expect("a folder");
    let file = state.path().join("program.py");
    let ready = state.path().join("ready");
    let lines = format!("import time\nopen({ready:?}, \"w\").close()\ntime.sleep(1000)\n");
    fs::write(&file, lines).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let running = Running::start(learn(
        state.path(),
        &["check", "server", "--", "python3", file],
    ));
    wait_until("the program runs", || ready.exists());
    running.signal(Signal::SIGINT);
    let finished = running.finish();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (None, ""),
        "{}",
        finished.stderr
    );
    assert!(!runs(file));
}
