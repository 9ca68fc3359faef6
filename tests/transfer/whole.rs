//! What arrives is what was sent.

use std::fs;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use udpraw::error::Error;
use udpraw::protocol::transfer::crypto::SharedCode;
use udpraw::transfer::tree::{Exclude, Roots, Tree};
use udpraw::transfer::{SendConfig, Sending};

use crate::{Recv, Send, folder_with, stream, text};

/// Sends a file into a file, and says what both told.
fn carry(bytes: &[u8], receive: &[&str], send: &[&str]) -> (crate::ends::End, crate::ends::End) {
    let (folder, source) = folder_with("source", bytes);
    let target = folder.path().join("target");
    let recv = Recv::start(&[&["-o", text(&target), "--json"], receive].concat());
    let words = [&[text(&source), "--json"], send].concat();
    let sent = Send::start(recv.address, &words).finish();
    let received = recv.finish();
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(received.code, Some(0), "{received:?}");
    assert!(fs::read(&target).expect("the target") == bytes);
    assert!(!folder.path().join("target.part").exists());
    (sent, received)
}

#[test]
fn files_of_every_size() {
    for size in [0, 1, 1_199, 65_507, 1_000_003, 30_000_000] {
        let bytes = stream(size, 1);
        let (sent, received) = carry(&bytes, &[], &[]);
        let (sent, received) = (sent.last(), received.last());
        for (end, schema) in [(&sent, "udpraw.send/1"), (&received, "udpraw.recv/1")] {
            assert_eq!(end["schema"], schema);
            assert_eq!(end["event"], "done");
            assert_eq!(end["bytes"], size);
            assert_eq!(end["resumed_bytes"], 0);
        }
        assert_eq!(received["name"], "source");
        assert_eq!(received["encrypted"], true);
        assert_eq!(received["stored_entries"], 1);
    }
}

#[test]
fn every_backend_carries_it() {
    let bytes = stream(3_000_000, 2);
    for backend in ["single", "batch", "offload", "uring"] {
        if backend == "uring" && !has_uring() {
            crate::common::skip("io_uring is not to be had here");
            continue;
        }
        let (sent, _) = carry(&bytes, &["--io", backend], &["--io", backend]);
        assert_eq!(sent.last()["backend"], backend);
    }
}

fn has_uring() -> bool {
    let end = crate::common::finish(&["server", "--io", "uring", "--port", "0", "--count", "0"]);
    end.code == Some(0)
}

#[test]
fn ipv6_and_short_datagrams() {
    let bytes = stream(500_000, 3);
    let (sent, _) = carry(&bytes, &["--bind", "::1"], &["--max-datagram", "512"]);
    let sent = sent.last();
    assert_eq!(sent["datagram_bytes"], 512);
    assert!(sent["datagrams"].as_u64().expect("it") > 1_000);
}

#[test]
fn each_address_is_tried_until_one_answers() {
    let (folder, source) = folder_with("source", b"hello");
    let target = folder.path().join("target");
    let recv = Recv::start(&["-o", text(&target)]);
    let closed = crate::common::socket().local_addr().expect("it");
    let silent = crate::common::socket();
    let silent = (silent.local_addr().expect("it"), silent);
    let mut roots = Roots::new();
    roots.add(&source).expect("it");
    let tree = Tree::new(roots, Exclude::default());
    let key = crate::ends::CODE.parse::<SharedCode>().expect("it");
    let key = Some(key.pre_shared_key());
    let mut config = SendConfig::new(tree, vec![closed, silent.0, recv.address], key);
    config.timeout = Duration::from_secs(1);
    let mut sending = Sending::new(config).expect("an address");
    let sent = sending.run(&AtomicBool::new(false), |_| Ok::<(), Error>(()));
    let sent = sent.expect("no error of this end");
    assert_eq!((sent.outcome, sent.destination), (Ok(()), recv.address));
    recv.finish().is(0, "received source from ('127.0.0.1'");
    assert_eq!(fs::read(target).expect("it"), b"hello");
}

#[test]
fn pipes_at_both_ends() {
    let bytes = stream(5_000_000, 4);
    let recv = Recv::start(&[]);
    let mut send = Send::start(recv.address, &["-"]);
    let writer = std::thread::spawn({
        let bytes = bytes.clone();
        move || {
            bytes.chunks(77_777).for_each(|part| send.write(part));
            send.finish()
        }
    });
    let received = recv.finish();
    received.is(0, "received stdin from");
    assert!(received.stdout == bytes);
    writer.join().expect("it writes").is(0, "sent stdin to");
}

#[test]
fn a_folder_goes_by_tar() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir_all(from.join("inner")).expect("it");
    fs::create_dir(&to).expect("it");
    fs::write(from.join("inner/a"), stream(100_000, 5)).expect("it");
    let recv = Recv::start(&["-o", "-"]);
    let tar = |words: &[&str]| {
        let mut tar = Command::new("tar");
        tar.args(words);
        tar
    };
    let mut pack = tar(&["c", "-C", text(&from), "."])
        .stdout(Stdio::piped())
        .spawn()
        .expect("tar");
    let (host, port) = (
        recv.address.ip().to_string(),
        recv.address.port().to_string(),
    );
    let mut send = crate::common::udpraw(["send", &host, "-", "--port", &port]);
    send.stdin(pack.stdout.take().expect("a pipe"));
    let send = crate::ends::Process::start(send);
    let archive = folder.path().join("archive");
    fs::write(&archive, recv.finish().stdout).expect("it");
    send.finish().is(0, "sent");
    assert!(pack.wait().expect("tar").success());
    let unpacked = tar(&["x", "-C", text(&to), "-f", text(&archive)]).status();
    assert!(unpacked.expect("tar").success());
    assert_eq!(
        fs::read(to.join("inner/a")).expect("it"),
        stream(100_000, 5)
    );
}

#[test]
fn two_senders_at_once_into_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let recv = Recv::start(&["--into", text(folder.path()), "--count", "2"]);
    let (one, two) = (stream(4_000_000, 6), stream(4_000_001, 7));
    let mut first = Send::start(recv.address, &["--name", "one"]);
    let mut second = Send::start(recv.address, &["--name", "two"]);
    // Neither can end before the other has begun.
    for (a, b) in one.chunks(500_000).zip(two.chunks(500_000)) {
        first.write(a);
        second.write(b);
    }
    second.write(&two[4_000_000..]);
    first.finish().is(0, "sent");
    second.finish().is(0, "sent");
    recv.finish().is(0, "received two from");
    assert!(fs::read(folder.path().join("one")).expect("it") == one);
    assert!(fs::read(folder.path().join("two")).expect("it") == two);
}

#[test]
fn a_name_that_is_taken_is_refused_unless_it_may_be_replaced() {
    let (folder, _) = folder_with("a", b"old");
    let into = ["--into", text(folder.path()), "--count", "1"];
    let recv = Recv::start(&into);
    let send = |recv: &Recv, name: &str| {
        let mut send = Send::start(recv.address, &["--name", name]);
        send.write(b"new");
        send.finish()
    };
    send(&recv, "a").is(1, "not stored: a: the receiver has one of that name");
    recv.finish().is(1, "not stored: a: ");
    assert_eq!(fs::read(folder.path().join("a")).expect("it"), b"old");
    let recv = Recv::start(&into);
    send(&recv, "\x1b[2J").is(0, "sent");
    let received = recv.finish();
    assert!(!received.stderr.contains('\x1b'), "{}", received.stderr);
    assert_eq!(fs::read_dir(folder.path()).expect("it").count(), 2);

    let recv = Recv::start(&[&into[..], &["--overwrite"]].concat());
    send(&recv, "a").is(0, "sent");
    recv.finish().is(0, "received a from");
    assert_eq!(fs::read(folder.path().join("a")).expect("it"), b"new");
}

#[test]
fn a_file_is_replaced_when_the_new_one_is_whole() {
    let (folder, target) = folder_with("target", b"old");
    let mut recv = Recv::start(&["-o", text(&target), "--json", "--overwrite"]);
    let mut send = Send::start(recv.address, &[]);
    send.write(b"new ");
    recv.process.await_bytes(4);
    assert_eq!(fs::read(&target).expect("it"), b"old");
    send.write(b"file");
    send.finish().is(0, "sent");
    recv.finish().is(0, "");
    assert_eq!(fs::read(&target).expect("it"), b"new file");
    assert_eq!(fs::read_dir(folder.path()).expect("it").count(), 1);
}

#[test]
fn a_slow_reader_loses_nothing_and_costs_no_memory() {
    let bytes = stream(40_000_000, 8);
    let (_folder, source) = folder_with("source", &bytes);
    let mut recv = Recv::start(&[]);
    let words = [text(&source), "--json", "--timeout", "2s"];
    let mut send = Send::start(recv.address, &words);
    // Until its window is used up, the sender gets ahead; then it waits.
    send.process.await_bytes(100_000);
    let (mut last, mut same) = (0, 0);
    // An event comes each 100 ms: that is longer than a receiver may be silent.
    while same < 24 {
        let bytes = send.process.event()["bytes"].as_u64().expect("progress");
        same = if bytes == last { same + 1 } else { 0 };
        last = bytes;
    }
    assert!(last < 20_000_000, "{last} bytes were acknowledged");
    let pages = recv.process.resident();
    assert!(pages < 15_000, "{pages} pages");
    let mut got = Vec::new();
    while got.len() < bytes.len() {
        got.extend(recv.process.read((bytes.len() - got.len()).min(1_000_000)));
    }
    assert!(got == bytes);
    assert_eq!(send.finish().code, Some(0));
    recv.finish().is(0, "received source");
}

/// What a command shows on a terminal, and its exit code.
fn on_a_terminal(words: &str) -> (String, Option<i32>) {
    let line = format!("stty cols 100; {} {words}", env!("CARGO_BIN_EXE_udpraw"));
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .env("NO_COLOR", "1")
        .env("UDPRAW_CODE", crate::ends::CODE)
        .stdin(Stdio::null());
    let end = crate::ends::Process::start(script).finish();
    let shown = String::from_utf8(end.stdout).expect("UTF-8");
    (shown, end.code)
}

#[test]
fn both_ends_show_the_file_in_progress_and_the_whole() {
    if !crate::common::has("script") {
        return crate::common::skip("no script(1)");
    }
    let (folder, source) = folder_with("film", &stream(400_000, 11));
    let films = source.with_file_name("films");
    fs::create_dir(&films).expect("a folder");
    fs::rename(&source, films.join("film")).expect("it");
    fs::write(films.join("other"), stream(400_000, 12)).expect("a file");
    let recv = Recv::start(&["--into", text(folder.path()), "--json", "--count", "1"]);
    let port = recv.address.port();
    let rate = "--rate 8Mbit --name again";
    let (shown, code) = on_a_terminal(&format!(
        "send 127.0.0.1 --port {port} {} {rate}",
        text(&films)
    ));
    assert_eq!(code, Some(0), "{shown}");
    // The file's share and rest, then the whole.
    let share = |name: &str| {
        let mut lines = shown.split(['\r', '\n']);
        let is_file = |line: &str| line.contains(&format!("again/{name} ")) && line.contains(" % ");
        lines.any(|line| is_file(line) && line.contains("kB/800.00 kB"))
    };
    assert!(share("film") && share("other"), "{shown:?}");
    let events = recv.finish().json();
    let is_share = |event: &&serde_json::Value| {
        event["file"] == "again/other"
            && event["file_total_bytes"] == 400_000
            && event["file_remaining_ns"].is_u64()
            && event["remaining_ns"].is_u64()
    };
    assert!(events.iter().any(|event| is_share(&event)), "{events:?}");
}

#[test]
fn holes_are_counted_apart_at_both_ends() {
    let (folder, source) = folder_with("disk.img", b"one");
    let file = fs::OpenOptions::new().write(true).open(&source);
    let file = file.expect("it");
    // A hole in the middle, and one at the end.
    file.write_all_at(&stream(4_096, 13), 5_000_000)
        .expect("room");
    file.set_len(10_500_000).expect("longer");
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("a folder");
    let recv = Recv::start(&["--into", text(&target), "--json", "--count", "1"]);
    let sent = Send::start(recv.address, &[text(&source), "--json"]).finish();
    let (sent, received) = (sent.last(), recv.finish().last());
    assert_eq!(sent["bytes"], 10_500_000);
    let holes = sent["hole_bytes"].as_u64().expect("a number");
    // As the file system has it: in blocks, of at most 64 KiB.
    assert!((10_300_000..10_495_904).contains(&holes), "{holes}");
    for field in ["bytes", "hole_bytes", "resumed_bytes", "failed_entries"] {
        assert_eq!(sent[field], received[field], "{field}");
    }
    assert!(fs::read(target.join("disk.img")).expect("it") == fs::read(&source).expect("it"));

    let recv = Recv::start(&["-o", text(&target.join("again"))]);
    let sent = Send::start(recv.address, &[text(&source)]).finish();
    sent.is(0, ", and 10.5 MB of holes");
    recv.finish().is(0, ", and 10.5 MB of holes");
}

#[test]
fn a_progress_bar_is_for_terminals_and_without_colours() {
    if !crate::common::has("script") {
        return;
    }
    let (folder, source) = folder_with("source", &stream(1_000_000, 9));
    let recv = Recv::start(&["-o", text(&folder.path().join("target"))]);
    let (port, path) = (recv.address.port(), text(&source));
    let (shown, code) = on_a_terminal(&format!("send 127.0.0.1 --port {port} {path}"));
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("MB/1.00 MB"), "{shown:?}");
    // SGR sequences end in m (ECMA-48); others move the cursor.
    let mut sequences = shown.split("\x1b[").skip(1);
    let is_colour = |rest: &str| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
            .starts_with('m')
    };
    assert!(!sequences.any(is_colour), "{shown:?}");
    // This one's talk is a pipe.
    let received = recv.finish();
    received.is(0, "received source");
    assert!(!received.stderr.contains("MB/"), "{}", received.stderr);
}

#[test]
fn a_small_window_carries_a_whole_file() {
    let bytes = stream(2_000_000, 9);
    let small = ["--max-window", "64KiB"];
    for (receive, send) in [(&small[..], &[][..]), (&[], &small)] {
        carry(&bytes, receive, send);
    }
    for words in [
        ["recv", "--max-window", "63KiB"],
        ["send", "--max-window=0", "127.0.0.1"],
    ] {
        let end = crate::common::run(crate::common::udpraw(words));
        assert_eq!(end.code, Some(2), "{end:?}");
        assert!(
            end.stderr.contains("the smallest is 64KiB"),
            "{}",
            end.stderr
        );
    }
}
