//! The sender's disk side: real folders against what Python's os.scandir finds in them, and sources
//! that change at the worst moment.

mod changing;
mod peer;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use peer::{Peer, Seen};
use tempfile::TempDir;
use udpraw::protocol::transfer::manifest::{Answer, Finished, Kind, Reason, Status};
use udpraw::transfer::tree::{Exclude, Roots, Tree};

fn roots(paths: &[&Path]) -> Roots {
    let mut roots = Roots::new();
    for path in paths {
        roots.add(path).expect("an argument");
    }
    roots
}

fn send(path: &Path, peer: &mut Peer) -> Finished {
    let tree = Tree::new(roots(&[path]), Exclude::default());
    let finished = tree.run(peer).expect("sent").expect("not stopped");
    let counts = tree.counts();
    assert_eq!(counts.done(), finished.entries);
    assert_eq!(counts.listed(), finished.entries);
    let (entries, bytes) = counts.totals().expect("totals");
    assert_eq!((counts.done(), counts.bytes()), (entries, bytes));
    finished
}

fn folder(name: &str) -> (TempDir, PathBuf) {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join(name);
    fs::create_dir(&folder).expect("a folder");
    (outer, folder)
}

/// What is in a folder, by Python: a line an entry.
fn oracle(folder: &Path) -> Vec<String> {
    let script = r"
import os, stat, sys, hashlib
def show(path, full):
    s = os.lstat(full)
    kind = 'link' if stat.S_ISLNK(s.st_mode) else 'folder' if stat.S_ISDIR(s.st_mode) else 'file'
    data = os.readlink(full) if kind == 'link' else open(full, 'rb').read() if kind == 'file' else b''
    print(path.hex(), kind, oct(s.st_mode & 0o7777), s.st_mtime_ns, data.hex())
    if kind == 'folder':
        for name in sorted(os.listdir(full)):
            m = os.lstat(full + b'/' + name).st_mode
            if stat.S_ISREG(m) or stat.S_ISDIR(m) or stat.S_ISLNK(m):
                show(path + b'/' + name, full + b'/' + name)
root = os.fsencode(sys.argv[1])
show(os.path.basename(root), root)
";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(folder)
        .output()
        .expect("python3");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("ASCII");
    text.lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn line(seen: &Seen) -> String {
    let (kind, data) = match &seen.entry.kind {
        Kind::File { .. } => ("file", hex(&seen.contents())),
        Kind::Folder => ("folder", String::new()),
        Kind::Link { target } => ("link", hex(target)),
        Kind::Stream => ("stream", hex(&seen.contents())),
    };
    let modified = seen.entry.modified;
    let nanoseconds =
        i128::from(modified.seconds) * 1_000_000_000 + i128::from(modified.nanoseconds);
    let line = format!(
        "{} {kind} 0o{:o} {nanoseconds} {data}",
        hex(&seen.entry.path),
        seen.entry.mode
    );
    line.trim_end().to_owned()
}

#[test]
fn a_folder_arrives_as_python_finds_it() {
    let (_outer, top) = folder("top");
    for name in ["b", "a", "a-", "a.d", "Z", "\u{e9}"] {
        fs::create_dir(top.join(name)).unwrap();
        for (at, size) in [0, 1, 1_000, 32 << 10, 100_000, 700_000]
            .into_iter()
            .enumerate()
        {
            fs::write(
                top.join(name).join(format!("f{at}")),
                crate::stream(size, at as u64),
            )
            .unwrap();
        }
    }
    fs::create_dir_all(top.join("a/empty/more")).unwrap();
    fs::write(top.join(std::ffi::OsStr::from_bytes(b"caf\xe9\n")), b"x").unwrap();
    symlink("../outside", top.join("link")).unwrap();
    symlink(".", top.join("a/loop")).unwrap();
    fs::hard_link(top.join("a/f2"), top.join("b/hard")).unwrap();
    fs::set_permissions(top.join("a/f1"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(top.join("b"), fs::Permissions::from_mode(0o1777)).unwrap();
    mkfifo(&top.join("a/fifo"), Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(top.join("b/socket")).unwrap();

    let mut peer = Peer::default();
    let finished = send(&top, &mut peer);
    let lines: Vec<_> = peer.seen.iter().map(line).collect();
    assert_eq!(lines, oracle(&top));
    assert_eq!((finished.failed, finished.unlisted), (0, 0));
    assert!(peer.has_event("Skipped") && peer.events.iter().any(|event| event.contains("a FIFO")));
    assert!(peer.events.iter().any(|event| event.contains("a socket")));
}

#[test]
fn twenty_thousand_files_keep_within_the_window() {
    let (_outer, top) = folder("many");
    for at in 0..20_000 {
        if at % 500 == 0 {
            fs::create_dir(top.join(format!("{}", at / 500))).unwrap();
        }
        fs::write(top.join(format!("{}/{at}", at / 500)), at.to_string()).unwrap();
    }
    let mut peer = Peer::default();
    let finished = send(&top, &mut peer);
    assert_eq!((finished.entries, finished.failed), (20_041, 0));
    for seen in &peer.seen {
        if matches!(seen.entry.kind, Kind::File { .. }) {
            let name = seen.entry.path.rsplit(|byte| *byte == b'/').next().unwrap();
            assert_eq!(seen.contents(), name);
        }
    }
    assert!(peer.most_open <= 8 * 1_024, "{}", peer.most_open);
    assert!(peer.totals.is_some());
}

#[test]
fn holes_are_neither_read_nor_sent() {
    let (_outer, top) = folder("sparse");
    let size = 64 << 20;
    let file = File::create(top.join("file")).unwrap();
    file.set_len(size).unwrap();
    let pieces = [
        (5 << 20, crate::stream(300_000, 1)),
        (33 << 20, crate::stream(5_000, 2)),
    ];
    for (at, bytes) in &pieces {
        file.write_all_at(bytes, *at).unwrap();
    }
    let mut peer = Peer::default();
    let finished = send(&top, &mut peer);
    assert!(finished.bytes < 1 << 20, "{}", finished.bytes);
    let want = fs::read(top.join("file")).unwrap();
    assert!(peer.named("sparse/file").contents() == want);
}

#[test]
fn deep_folders_need_few_descriptors_and_too_long_paths_are_reported() {
    let (_outer, top) = folder("deep");
    let mut fd: OwnedFd = File::open(&top).unwrap().into();
    for depth in 0..2_200 {
        if depth % 100 == 0 {
            for name in ["a", "z"] {
                let flags = nix::fcntl::OFlag::O_CREAT | nix::fcntl::OFlag::O_WRONLY;
                nix::fcntl::openat(&fd, name, flags, Mode::S_IRWXU).unwrap();
            }
        }
        nix::sys::stat::mkdirat(&fd, "d", Mode::S_IRWXU).unwrap();
        let flags = nix::fcntl::OFlag::O_DIRECTORY;
        fd = nix::fcntl::openat(&fd, "d", flags, Mode::empty()).unwrap();
    }
    let mut peer = Peer::default();
    let finished = send(&top, &mut peer);
    // "deep" and 2,045 times "/d" are 4,094 bytes.
    assert_eq!(finished.entries, 1 + 2_045 + 2 * 21);
    assert_eq!(finished.unlisted, 1);
    assert!(
        peer.events
            .iter()
            .any(|event| event.contains("ENAMETOOLONG"))
    );
}

#[test]
fn what_is_excluded_is_not_sent_and_excluding_all_is_an_error() {
    let (_outer, top) = folder("top");
    fs::create_dir_all(top.join("target/debug")).unwrap();
    fs::write(top.join("target/debug/x"), "x").unwrap();
    fs::create_dir(top.join("src")).unwrap();
    for name in ["a.o", "src/b.o", "src/c.rs"] {
        fs::write(top.join(name), "x").unwrap();
    }
    let run = |patterns: &[&str]| {
        let mut peer = Peer::default();
        let exclude = Exclude::new(patterns).unwrap();
        let result = Tree::new(roots(&[&top]), exclude).run(&mut peer);
        (result, peer)
    };
    let (result, peer) = run(&["*.o", "/target"]);
    assert!(result.is_ok());
    let paths: Vec<_> = peer.seen.iter().map(|seen| &seen.entry.path[..]).collect();
    assert_eq!(paths, [&b"top"[..], b"top/src", b"top/src/c.rs"]);
    for pattern in ["*", "top/"] {
        let (result, peer) = run(&[pattern]);
        let error = result.unwrap_err().to_string();
        assert!(error.contains("--exclude leaves out everything"), "{error}");
        assert!(peer.seen.is_empty() && !peer.is_complete);
    }
    // An empty folder is something.
    fs::remove_dir_all(&top).unwrap();
    fs::create_dir(&top).unwrap();
    assert!(run(&["*.o"]).0.is_ok());
}

#[test]
fn a_kept_part_is_compared() {
    let (_outer, top) = folder("top");
    let bytes = crate::stream(1 << 20, 4);
    fs::write(top.join("file"), &bytes).unwrap();
    for (kept, part, from) in [
        (400_000, bytes[..400_000].to_vec(), 400_000),
        (1 << 20, bytes.clone(), 1 << 20),
        (10, vec![0; 10], 0),
    ] {
        let mut peer = Peer {
            kept: Some((part, kept)),
            ..Peer::default()
        };
        let finished = send(&top, &mut peer);
        assert_eq!(finished.failed, 0);
        let seen = peer.named("top/file");
        assert_eq!(seen.resumed, Some(from));
        assert_eq!(finished.bytes, (1 << 20) - from);
        assert!(seen.contents()[from as usize..] == bytes[from as usize..]);
        assert!(peer.has_event("Checking") && peer.has_event("Resumed"));
    }
}

/// A pipe with this in it, whose writer is gone.
fn pipe(bytes: &[u8]) -> OwnedFd {
    let (reader, writer) = nix::unistd::pipe().unwrap();
    File::from(writer).write_all(bytes).unwrap();
    reader
}

#[test]
fn a_pipe_is_a_stream_that_can_resume_and_cannot_restart() {
    let bytes = crate::stream(50_000, 5);
    let run = |kept: Option<(Vec<u8>, u64)>| {
        let mut roots = Roots::new();
        roots.add_stream(pipe(&bytes), "stdin").unwrap();
        let mut peer = Peer {
            kept,
            ..Peer::default()
        };
        let finished = Tree::new(roots, Exclude::default())
            .run(&mut peer)
            .unwrap()
            .unwrap();
        (finished, peer)
    };
    let (finished, peer) = run(None);
    assert_eq!((finished.entries, finished.failed), (1, 0));
    assert!(peer.named("stdin").contents() == bytes);
    let (finished, peer) = run(Some((bytes[..9_000].to_vec(), 9_000)));
    assert_eq!((finished.failed, finished.bytes), (0, 41_000));
    assert!(peer.named("stdin").contents()[9_000..] == bytes[9_000..]);
    for kept in [(vec![1; 9_000], 9_000), (bytes.clone(), 50_001)] {
        let (finished, peer) = run(Some(kept));
        assert_eq!(finished.failed, 1);
        assert_eq!(peer.named("stdin").end.unwrap().status, Status::Different);
    }
}

#[test]
fn a_pipe_that_says_nothing_holds_up_its_own_thread_only_and_ends_when_nobody_wants_it() {
    let (_outer, top) = folder("top");
    let fifo = top.join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    // Returns although nobody writes.
    let roots = roots(&[&fifo]);
    let mut peer = Peer::default();
    let is_over = peer.is_over.clone();
    let (listed, was_listed) = std::sync::mpsc::channel();
    peer.on_record = Some(Box::new(move |record| {
        if record.contains("Entry") {
            listed.send(()).unwrap();
        }
    }));
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let result = Tree::new(roots, Exclude::default()).run(&mut peer).unwrap();
            assert_eq!(result, None);
        });
        was_listed.recv().unwrap();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        run.join().unwrap();
    });
}

#[test]
fn what_fails_at_the_receiver_is_not_sent_on() {
    let (_outer, top) = folder("top");
    fs::write(top.join("a"), crate::stream(8 << 20, 1)).unwrap();
    fs::write(top.join("b"), "b").unwrap();
    let mut peer = Peer {
        fail_at_data: Some(b"top/a".to_vec()),
        ..Peer::default()
    };
    let finished = send(&top, &mut peer);
    assert_eq!(finished.failed, 1);
    assert!(finished.bytes < 2 << 20, "{}", finished.bytes);
    assert_eq!(peer.named("top/a").end.unwrap().status, Status::Abandoned);
    assert_eq!(peer.named("top/b").contents(), b"b");
    assert!(
        peer.events
            .iter()
            .any(|event| event.contains("Refused") && event.contains("Space"))
    );
}

#[test]
fn answers_decide_what_is_sent() {
    let (_outer, top) = folder("top");
    for name in ["equal", "refused", "sent"] {
        fs::write(top.join(name), name).unwrap();
    }
    let mut peer = Peer {
        choose: Some(Box::new(|entry| match &entry.path[..] {
            b"top/equal" => Some(Answer::Equal),
            b"top/refused" => Some(Answer::Refused(Reason::Exists)),
            _ => None,
        })),
        ..Peer::default()
    };
    let finished = send(&top, &mut peer);
    assert_eq!((finished.bytes, finished.failed), (4, 0));
    assert_eq!(peer.named("top/sent").contents(), b"sent");
    assert!(peer.has_event("Refused"));
}

#[test]
fn arguments_arrive_under_their_names() {
    let (outer, top) = folder("top");
    fs::write(top.join("file"), "x").unwrap();
    symlink("top", outer.path().join("alias")).unwrap();
    let text = |end: &str| PathBuf::from(format!("{}{end}", top.display()));
    let alias = outer.path().join("alias");
    for (path, want) in [
        (top.clone(), "top"),
        (text("/"), "top"),
        (text("/."), "top"),
        (text("/../top"), "top"),
        (
            text("/.."),
            outer.path().file_name().unwrap().to_str().unwrap(),
        ),
        (top.join("file"), "file"),
        (alias, "alias"),
    ] {
        let roots = roots(&[&path]);
        let names: Vec<_> = roots.names().collect();
        assert_eq!(names, [want.as_bytes()], "{}", path.display());
    }
    let mut twice = roots(&[&top]);
    let error = twice.add(&text("/.")).unwrap_err().to_string();
    assert!(error.contains("two arguments have this name"), "{error}");
    assert!(
        Roots::new()
            .add(Path::new("/"))
            .unwrap_err()
            .to_string()
            .contains("no name")
    );
    assert_eq!(
        Roots::new().add(&top.join("no")).unwrap_err().errno(),
        Some(nix::libc::ENOENT)
    );

    // Several at once, and a file of /proc, which says that it is empty.
    let roots = roots(&[
        &top,
        &outer.path().join("alias"),
        Path::new("/proc/self/mounts"),
    ]);
    let mut peer = Peer::default();
    Tree::new(roots, Exclude::default())
        .run(&mut peer)
        .unwrap()
        .unwrap();
    let paths: Vec<_> = peer.seen.iter().map(|seen| seen.path()).collect();
    assert_eq!(paths, ["top", "top/file", "alias", "alias/file", "mounts"]);
    assert!(matches!(peer.seen[4].entry.kind, Kind::Stream));
    assert!(!peer.seen[4].contents().is_empty());
}
