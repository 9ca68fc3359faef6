//! Folders, codes and who may send: real processes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use crate::{Recv, Send, common, stream, text};

/// A folder with a bit of everything.
fn make(from: &Path) {
    fs::create_dir_all(from.join("inner/deep")).expect("it");
    fs::create_dir(from.join("empty")).expect("it");
    fs::write(from.join("a"), stream(300_000, 1)).expect("it");
    fs::write(from.join("inner/b"), b"").expect("it");
    fs::write(from.join("inner/deep/c.o"), b"object").expect("it");
    fs::set_permissions(from.join("a"), fs::Permissions::from_mode(0o755)).expect("it");
    symlink("inner/b", from.join("link")).expect("it");
    let sparse = fs::File::create(from.join("sparse")).expect("it");
    sparse.set_len(50_000_000).expect("it");
}

#[test]
fn a_folder_arrives_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir(&to).expect("it");
    make(&from);
    let recv = Recv::start(&["--into", text(&to), "--count", "1", "--json"]);
    let sent = Send::start(recv.address, &[text(&from), "--exclude", "*.o"]).finish();
    let received = recv.finish();
    sent.is(0, "sent from (8 entries)");
    assert_eq!(received.last()["failed_entries"], 0);
    let there = to.join("from");
    assert!(fs::read(there.join("a")).expect("it") == stream(300_000, 1));
    assert_eq!(fs::read(there.join("inner/b")).expect("it"), b"");
    assert!(there.join("empty").is_dir() && there.join("inner/deep").is_dir());
    assert!(!there.join("inner/deep/c.o").exists());
    let link = fs::read_link(there.join("link")).expect("a link");
    assert_eq!(link, Path::new("inner/b"));
    let metadata = |path: &Path| fs::symlink_metadata(path).expect("it");
    let (a, b) = (metadata(&from.join("a")), metadata(&there.join("a")));
    assert_eq!((a.mode() & 0o777, a.mtime()), (b.mode() & 0o777, b.mtime()));
    let sparse = metadata(&there.join("sparse"));
    assert_eq!(sparse.len(), 50_000_000);
    assert!(sparse.blocks() < 1_000, "{} blocks", sparse.blocks());
}

#[test]
fn everything_excluded_is_an_error_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = folder.path().join("from");
    make(&from);
    let recv = Recv::start(&[
        "--into",
        text(folder.path()),
        "--count",
        "1",
        "--wait",
        "9s",
    ]);
    let words = [text(&from), "--exclude", "*"];
    Send::start(recv.address, &words)
        .finish()
        .is(2, "--exclude leaves out everything");
    assert_eq!(recv.finish().code, Some(1));
}

#[test]
fn a_folder_onto_a_file_and_a_file_onto_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    make(&from);
    // A folder has the name of the file, and a file that of the folder.
    fs::create_dir_all(to.join("from/a")).expect("it");
    fs::write(to.join("from/inner"), b"mine").expect("it");
    let recv = Recv::start(&["--into", text(&to), "--count", "1"]);
    let sent = Send::start(recv.address, &[text(&from)]).finish();
    sent.is(1, "not stored: from/a: ");
    sent.is(1, "not stored: from/inner: ");
    recv.finish().is(1, "not stored: from/a: ");
    assert!(to.join("from/a").is_dir());
    assert_eq!(fs::read(to.join("from/inner")).expect("it"), b"mine");
    assert!(
        to.join("from/link").symlink_metadata().is_ok(),
        "the rest arrived"
    );
}

#[test]
fn the_wrong_code_makes_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = ["--into", text(folder.path()), "--count", "1"];
    let recv = Recv::start(&into);
    let code = "CWZZ-WCJ2-8ETF-8GC4-GEHT-C1FZ-VCYH";
    let wrong = Send::start(recv.address, &["/etc/hostname", "--code", code]).finish();
    wrong.is(1, "wrong code");
    let open = Send::start(recv.address, &["/etc/hostname", "--open"]).finish();
    open.is(1, "takes only senders with its code");
    assert_eq!(fs::read_dir(folder.path()).expect("it").count(), 0);
    Send::start(recv.address, &["/etc/hostname"])
        .finish()
        .is(0, "sent hostname");
    recv.finish().is(0, "refused ");
}

#[test]
fn a_code_can_be_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, target) = (folder.path().join("code"), folder.path().join("target"));
    let recv = Recv::start(&["-o", text(&target), "--code-file", text(&file)]);
    let mode = fs::metadata(&file).expect("it was made").mode();
    assert_eq!(mode & 0o777, 0o600);
    let words = ["/etc/hostname", "--code-file", text(&file)];
    Send::start(recv.address, &words).finish().is(0, "sent");
    recv.finish().is(0, "Code: ");
    assert!(target.exists());
}

#[test]
fn only_who_is_named_may_send() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = [
        "--into",
        text(folder.path()),
        "--count",
        "1",
        "--wait",
        "1s",
    ];
    let recv = Recv::start(&[&into[..], &["--from", "192.0.2.0/24"]].concat());
    let words = ["/etc/hostname", "--timeout", "500ms"];
    Send::start(recv.address, &words)
        .finish()
        .is(1, "no reply from");
    recv.finish().is(1, "no sender for 1s");
    let recv = Recv::start(&[&into[..], &["--from", "127.0.0.0/8"]].concat());
    Send::start(recv.address, &words).finish().is(0, "sent");
    recv.finish().is(0, "received hostname");
}

#[test]
fn a_stranger_does_not_put_off_the_end_of_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let recv = Recv::start(&["--into", text(folder.path()), "--wait", "500ms"]);
    let socket = common::client_of(recv.address);
    socket.send(b"nothing that is known").expect("sent");
    recv.finish().is(1, "no sender for 500ms");
}

#[test]
fn a_rate_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source");
    fs::write(&source, stream(5_000_000, 2)).expect("it");
    let target = folder.path().join("target");
    let recv = Recv::start(&["-o", text(&target)]);
    let words = [text(&source), "--rate", "20Mbit", "--json"];
    let sent = Send::start(recv.address, &words).finish();
    recv.finish().is(0, "received source");
    let goodput = sent.last()["goodput_bits_per_second"].as_f64().expect("it");
    // That it is reached is for benchmarks: a busy machine may be slower.
    assert!(goodput < 20.6e6, "{goodput}");
}

#[test]
fn files_of_one_size_and_time_are_told_apart_by_their_contents_if_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir_all(to.join("from")).expect("it");
    fs::create_dir(&from).expect("it");
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for (path, content) in [(from.join("a"), "new"), (to.join("from/a"), "old")] {
        fs::write(&path, content).expect("it");
        let file = fs::File::options().write(true).open(&path).expect("it");
        file.set_modified(time).expect("it");
    }
    for (flags, content) in [(&[][..], "old"), (&["--checksum"][..], "new")] {
        let words = [
            "--into",
            text(&to),
            "--count",
            "1",
            "--resume",
            "--overwrite",
        ];
        let recv = Recv::start(&[&words[..], flags].concat());
        Send::start(recv.address, &[text(&from)]).finish().is(0, "");
        recv.finish().is(0, "");
        assert_eq!(fs::read_to_string(to.join("from/a")).expect("it"), content);
    }
}
