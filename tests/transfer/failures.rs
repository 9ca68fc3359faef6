//! What goes wrong at one end is told at both, and nothing half is left under a file's name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The one part that is kept in a folder.
#[track_caller]
fn part_in(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_part = |path: &PathBuf| path.extension().is_some_and(|part| part == "part");
    let parts: Vec<_> = paths.filter(is_part).collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts.into_iter().next().expect("one")
}

/// `udpraw` under a limit of the size of files, in bytes.
fn limited(bytes: u64, words: &[&str]) -> Command {
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", bytes / 1024);
    let mut command = Command::new("bash");
    command.args(["-c", &script, "-"]);
    command.arg(env!("CARGO_BIN_EXE_udpraw")).args(words);
    command
}

/// A folder `films` with files of these sizes, named `0`, `1`...
fn films(folder: &Path, sizes: &[usize]) -> PathBuf {
    let films = folder.join("films");
    fs::create_dir(&films).expect("a folder");
    for (at, size) in sizes.iter().enumerate() {
        fs::write(films.join(at.to_string()), stream(*size, at as u64)).expect("a file");
    }
    films
}

#[test]
fn a_file_that_is_too_large_keeps_its_part_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let films = films(folder.path(), &[1_000, 3_000_000, 1_000]);
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("a folder");
    let words = ["recv", "--port", "0", "--into", text(&target), "--json"];
    let words = [&words[..], &["--count", "1"]].concat();
    let recv = Recv::run(limited(1 << 20, &words));
    let sent = Send::start(recv.address, &[text(&films)]).finish();
    sent.is(1, "not stored: films/1: it is too large for the receiver");
    sent.is(1, "1 file or folder is not stored");
    let received = recv.finish();
    let part = part_in(&target.join("films"));
    let events = received.json();
    let failed: Vec<_> = (events.iter().filter(|event| event["what"] == "failed")).collect();
    assert_eq!(failed.len(), 1, "{events:?}");
    assert_eq!(failed[0]["part"], text(&part), "{failed:?}");
    let message = failed[0]["message"].as_str().expect("it");
    let kept = format!("; kept 1.05 MB in {}; udpraw recv --resume", text(&part));
    assert!(message.contains(&kept), "{message}");
    // What is whole is there, and what is not is not counted as if it were.
    let last = received.last();
    assert_eq!((received.code, &last["event"]), (Some(1), &"done".into()));
    for name in ["0", "2"] {
        let stored = fs::read(target.join("films").join(name)).expect("it");
        assert!(stored == fs::read(films.join(name)).expect("it"));
    }
    let recv = Recv::start(&["--into", text(&target), "--resume", "--count", "1"]);
    Send::start(recv.address, &[text(&films), "--resume"])
        .finish()
        .is(0, "films/1: going on after the 1.05 MB that were there");
    recv.finish().is(0, "received 4 entries");
    assert!(fs::read(target.join("films/1")).expect("it") == stream(3_000_000, 1));
}

#[test]
fn a_full_device() {
    let (_folder, source) = folder_with("source", &stream(1_000_000, 20));
    let recv = Recv::start(&["-o", "/dev/full"]);
    let sent = Send::start(recv.address, &[text(&source)]).finish();
    sent.is(1, "the receiver ended it: the receiver's disk is full");
    recv.finish().is(
        2,
        "cannot write /dev/full: no space left on device (ENOSPC)",
    );
}

#[test]
fn a_full_disk_keeps_what_it_has() {
    let (folder, source) = folder_with("source", &stream(5_000_000, 21));
    let target = folder.path().join("target");
    // A limit on the file's size stands for a full disk (EFBIG), where none can be mounted.
    let words = ["recv", "--port", "0", "-o", text(&target)];
    let recv = Recv::run(limited(1_024_000, &words));
    let sent = Send::start(recv.address, &[text(&source)]).finish();
    sent.is(1, "not stored: source: it is too large for the receiver");
    let received = recv.finish();
    received.is(1, "file too large (EFBIG)");
    let part = part_in(folder.path());
    let kept = format!(
        "; kept 1.02 MB in {}; udpraw recv --resume continues from there",
        text(&part)
    );
    received.is(1, &kept);
    assert!(!target.exists());

    let recv = Recv::start(&["-o", text(&target), "--resume"]);
    Send::start(recv.address, &[text(&source)])
        .finish()
        .is(0, "after 1.02 MB that were there before");
    recv.finish().is(0, "received source");
    assert!(fs::read(&target).expect("it") == stream(5_000_000, 21));
}

#[test]
fn a_full_file_system() {
    let (folder, source) = folder_with("source", &stream(5_000_000, 22));
    let place = folder.path().join("disk");
    fs::create_dir(&place).expect("a folder");
    let script = "mount -t tmpfs -o size=1m none \"$1\" && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", script, "-", text(&place)])
        .arg(env!("CARGO_BIN_EXE_udpraw"))
        .args(["recv", "--port", "0", "-o"])
        .arg(place.join("target"));
    let probe = Command::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "none", text(&place)])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return common::skip("no file system can be mounted here");
    }
    let recv = Recv::run(command);
    let sent = Send::start(recv.address, &[text(&source)]).finish();
    sent.is(1, "the receiver's disk is full");
    let received = recv.finish();
    received.is(2, "no space left on device (ENOSPC)");
    received.is(2, "; kept ");
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let films = films(folder.path(), &[400_000; 6]);
    let place = folder.path().join("disk");
    fs::create_dir(&place).expect("a folder");
    let probe = Command::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "none", text(&place)])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return common::skip("no file system can be mounted here");
    }
    // What is on the disk then goes where it can be seen.
    let script = "mount -t tmpfs -o size=1500k none \"$1\"; place=$1; shift; \"$@\"; code=$?; \
                  cp -a \"$place/films\" \"$place/../kept\"; exit $code";
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", script, "-", text(&place)])
        .arg(env!("CARGO_BIN_EXE_udpraw"))
        .args([
            "recv",
            "--port",
            "0",
            "--count",
            "1",
            "--into",
            text(&place),
        ]);
    let recv = Recv::run(command);
    let sent = Send::start(recv.address, &[text(&films)]).finish();
    sent.is(1, "the receiver's disk is full; udpraw recv --resume there");
    let received = recv.finish();
    received.is(2, "disk/films/3: no space left on device (ENOSPC)");
    received.is(2, "; kept ");
    // What was whole stays whole, and the rest goes on with what was kept.
    let kept = folder.path().join("kept");
    part_in(&kept);
    for name in ["0", "1", "2"] {
        let stored = fs::read(kept.join(name)).expect("it");
        assert!(stored == fs::read(films.join(name)).expect("it"));
    }
    fs::rename(&kept, place.join("films")).expect("it");
    let recv = Recv::start(&["--into", text(&place), "--resume", "--count", "1"]);
    Send::start(recv.address, &[text(&films), "--resume"])
        .finish()
        .is(0, "films/3: going on after the ");
    recv.finish().is(0, "received 7 entries");
    for at in 0..6 {
        assert!(fs::read(place.join(format!("films/{at}"))).expect("it") == stream(400_000, at));
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
