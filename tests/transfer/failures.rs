//! What goes wrong at one end is told at both, and nothing half is left under a file's name.

use std::fs;

use nix::sys::signal::Signal;

use crate::{Recv, Send, common, folder_with, stream, text};

#[test]
fn nobody_listens() {
    let port = common::socket()
        .local_addr()
        .expect("it")
        .port()
        .to_string();
    let (_folder, source) = folder_with("source", b"x");
    let words = [
        "send",
        "127.0.0.1",
        text(&source),
        "--port",
        &port,
        "--open",
    ];
    let end = common::finish(&words);
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    let want = format!(
        "nobody listens at 127.0.0.1:{port}: connection refused (ECONNREFUSED); is udpraw recv \
         running there?\n"
    );
    assert_eq!(end.stderr, want);
    let end = common::finish(&[&words[..], &["--json"]].concat());
    let last = common::json_lines(&end.stdout).pop().expect("an event");
    assert_eq!(
        (&last["event"], &last["reason"]),
        (&"failed".into(), &"unreachable".into())
    );
}

#[test]
fn nobody_answers() {
    let silent = common::socket();
    let port = silent.local_addr().expect("it").port().to_string();
    let words = [
        "send",
        "127.0.0.1",
        "/etc/hostname",
        "--port",
        &port,
        "--timeout",
        "300ms",
        "--open",
    ];
    let end = common::finish(&words);
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    let want = format!("no reply from 127.0.0.1:{port} for 0.30 s; is udpraw recv running");
    assert!(end.stderr.starts_with(&want), "{}", end.stderr);
}

#[test]
fn nobody_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("target");
    let end = Recv::start(&["-o", text(&target), "--wait", "200ms"]).finish();
    end.is(1, "no sender for 200ms");
    let end = Recv::start(&["-o", text(&target)]);
    end.process.signal(Signal::SIGINT);
    end.finish().is(1, "nothing was received");
    assert_eq!(fs::read_dir(folder.path()).expect("it").count(), 0);
}

#[test]
fn what_makes_no_sense_is_refused_beforehand() {
    common::assert_refused(
        &["recv"],
        &[
            (&["-o", "/"], &["is a directory (EISDIR)", "--into"]),
            (&["-o", "/nowhere/x"], &["(ENOENT)"]),
            (&["-o", "/etc/passwd"], &["(EEXIST)", "--overwrite"]),
            (&["--into", "/etc/passwd"], &["(ENOTDIR)"]),
            (&["--from", "192.0.2.0/33"], &["192.0.2.0/24"]),
            (&["--code-file", "/nowhere/code"], &["(ENOENT)"]),
            (&["--into", "/nowhere"], &["(ENOENT)"]),
            (&["--json"], &["standard output carries the stream", "-o"]),
            (&["--resume"], &["a pipe keeps nothing"]),
            (&["-o", "x", "--into", "."], &["cannot be used with"]),
            (&["--count", "0", "--into", "."], &["0"]),
            (&["--timeout", "0"], &["the shortest is 100ms"]),
            (&["--io", "ofload"], &["did you mean offload"]),
            (&["-o", "x", "--bind", "198.51.100.7"], &["(EADDRNOTAVAIL)"]),
        ],
    );
    common::assert_refused(
        &["send"],
        &[
            (&[], &["<HOST>"]),
            (
                &["127.0.0.1", "/nowhere"],
                &["cannot read /nowhere", "(ENOENT)"],
            ),
            (&["127.0.0.1", "/"], &["it has no name"]),
            (
                &[
                    "127.0.0.1",
                    "/etc",
                    "--code",
                    "0W3G-E1R7-0W3G-E1R7-0W3G-E1R7-0W1F",
                ],
                &["typing error"],
            ),
            (
                &["127.0.0.1", "/etc", "--code", "0W3G"],
                &["28 letters and digits"],
            ),
            (
                &[
                    "127.0.0.1",
                    "/etc/hostname",
                    "/etc",
                    "--name",
                    "x",
                    "--open",
                ],
                &["one name for several paths"],
            ),
            (
                &["127.0.0.1", "--port", "0"],
                &["it is not a valid destination"],
            ),
            (&["127.0.0.1", "--max-datagram", "511"], &["512 to 65507"]),
            (&["127.0.0.1", "--max-datagram", "65508"], &["512 to 65507"]),
            (&["127.0.0.1", "-6"], &["no IPv6 address"]),
        ],
    );
    assert!(!std::path::Path::new("x.part").exists());
    let mut without_code = common::udpraw(["send", "127.0.0.1", "/etc"]);
    let output = without_code.env_remove("UDPRAW_CODE").output();
    let output = output.expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    for part in ["udpraw recv prints it", "UDPRAW_CODE"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_reader_of_the_output_goes_away() {
    let (_folder, source) = folder_with("source", &stream(5_000_000, 23));
    let mut recv = Recv::start(&[]);
    let send = Send::start(recv.address, &[text(&source)]);
    recv.process.read(1_000);
    let received = recv.process.leave_stdout();
    assert_eq!((received.code, received.stderr.as_str()), (Some(1), ""));
    send.finish()
        .is(1, "the receiver ended it: the receiver could not write it");
}

#[test]
fn the_source_becomes_shorter() {
    let (_folder, source) = folder_with("source", &stream(60_000_000, 24));
    let mut recv = Recv::start(&[]);
    let send = Send::start(recv.address, &[text(&source)]);
    // Nobody reads on: the sender cannot have sent it all.
    recv.process.read(1_000);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&source)
        .expect("it");
    file.set_len(100_000).expect("shorter");
    let received = recv.finish();
    received.is(1, "not stored: source: it changed while it was sent");
    send.finish()
        .is(1, "not stored: source: it changed while it was sent");
}

#[test]
fn the_sender_vanishes_in_the_middle_of_a_pipe() {
    let mut recv = Recv::start(&["--timeout", "500ms"]);
    let mut send = Send::start(recv.address, &[]);
    send.write(&stream(100_000, 25));
    recv.process.read(100_000);
    send.process.signal(Signal::SIGKILL);
    recv.finish()
        .is(1, "nothing was received from the sender for 500ms");
}

#[test]
fn a_receiver_of_one_stream_takes_no_second() {
    let (folder, source) = folder_with("source", b"x");
    let target = folder.path().join("target");
    let mut recv = Recv::start(&["-o", text(&target), "--json"]);
    let mut first = Send::start(recv.address, &[]);
    first.write(b"first");
    recv.process.await_bytes(5);
    let second = Send::start(recv.address, &[text(&source)]).finish();
    second.is(1, "the receiver ended it: busy");
    first.finish().is(0, "sent");
    let received = recv.finish();
    assert_eq!(received.code, Some(0));
    assert!(
        received
            .json()
            .iter()
            .any(|event| event["event"] == "refused")
    );
    assert_eq!(fs::read(target).expect("it"), b"first");
}

#[test]
fn ctrl_c_is_heard_while_nobody_reads_the_output() {
    let (_folder, source) = folder_with("source", &stream(30_000_000, 26));
    let mut recv = Recv::start(&[]);
    let send = Send::start(recv.address, &[text(&source)]);
    recv.process.read(1_000);
    recv.process.signal(Signal::SIGINT);
    // Its output is read after its end alone.
    send.finish()
        .is(1, "the receiver ended it: the receiver was interrupted");
    recv.finish().is(1, "the receiver was interrupted");
}
