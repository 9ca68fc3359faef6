//! Streams that somebody made non-blocking, and options whose value reads otherwise.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use crate::common::{finish, listening, udpraw};

/// A pipe whose writer does not wait, as the parent of a pipeline may leave it. Programs of other tests, which
/// may have few files, do not inherit it.
fn nonblocking_pipe() -> (File, File) {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
    fcntl(&write, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    (read.into(), write.into())
}

#[test]
fn recv_waits_for_a_pipe_that_does_not_block() {
    let (mut read, write) = nonblocking_pipe();
    let mut command = udpraw(["recv", "--port", "0"]);
    command.stdout(Stdio::from(write));
    let mut receiving = command.spawn().unwrap();
    drop(command);
    let mut talk = BufReader::new(receiving.stderr.take().unwrap());
    let mut line = String::new();
    talk.read_line(&mut line).unwrap();
    let port = listening(line.trim_end()).port().to_string();
    // Far more than a pipe holds.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream");
    let bytes: Vec<u8> = (0..1 << 20)
        .map(|byte: u32| byte.to_le_bytes()[1])
        .collect();
    std::fs::write(&path, &bytes).unwrap();
    let path = path.to_str().unwrap().to_owned();
    let sending =
        std::thread::spawn(move || finish(&["send", "127.0.0.1", &path, "--port", &port]));
    let mut received = Vec::new();
    read.read_to_end(&mut received).unwrap();
    let sent = sending.join().unwrap();
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    assert!(receiving.wait().unwrap().success());
    assert!(received == bytes);
}

#[test]
fn what_the_kernel_made_of_an_option_says_why() {
    for (name, limit) in [("SO_RCVBUF", "rmem_max"), ("SO_SNDBUF", "wmem_max")] {
        let most = std::fs::read_to_string(format!("/proc/sys/net/core/{limit}")).unwrap();
        let most: u64 = most.trim().parse().unwrap();
        // Cut to half and doubled, it looks as if it had been granted.
        let setting = format!("{name}={}", 2 * most);
        let end = finish(&["options", "--set", &setting]);
        let want = format!("limited by {limit} to {most}, then doubled; {name}FORCE");
        assert!(end.stdout.contains(&want), "{}", end.stdout);
        let end = finish(&["options", "--json", "--set", &setting]);
        let want = "\"as_requested\":false";
        assert!(end.stdout.contains(want), "{}", end.stdout);
    }
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let end = finish(&[
        "client",
        "127.0.0.1",
        "--port",
        "9",
        "-v",
        "-O",
        "SO_RCVBUFFORCE=8MiB",
    ]);
    let want = "effective 16777216 (twice the value is stored";
    assert!(end.stderr.contains(want), "{}", end.stderr);
}
