//! What is stored, and what is refused.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use nix::sys::stat::Mode;
use tempfile::TempDir;

use super::store::Side;
use super::*;
use crate::protocol::transfer::manifest::{Entry, Kind, Modified, Reason};

pub(super) const TIME: Modified = Modified {
    seconds: 1_600_000_000,
    nanoseconds: 123_456_789,
};

pub(super) fn file(path: &str, size: u64) -> Entry {
    Entry {
        kind: Kind::File { size },
        path: path.into(),
        mode: 0o644,
        modified: TIME,
    }
}

pub(super) fn folder(path: &str, mode: u16) -> Entry {
    Entry {
        kind: Kind::Folder,
        mode,
        ..file(path, 0)
    }
}

pub(super) fn link(path: &str, target: &str) -> Entry {
    let target = target.into();
    Entry {
        kind: Kind::Link { target },
        ..file(path, 0)
    }
}

pub(super) fn store(path: &Path, options: Options) -> Store {
    Place::folder(path, options).unwrap().store()
}

pub(super) const RESUME: Options = Options {
    overwrite: false,
    resume: true,
    compare: Compare::SizeAndTime,
    digest: true,
};
pub(super) const PLAIN: Options = Options {
    resume: false,
    ..RESUME
};
pub(super) const OVERWRITE: Options = Options {
    overwrite: true,
    ..PLAIN
};

pub(super) fn go_on(_: Checked) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

const PIECE: usize = 50_000;

/// Stores a file as a transfer does, with whatever is kept of it.
pub(super) fn put(store: &mut Store, entry: &Entry, bytes: &[u8]) -> Result<Finished, Problem> {
    let kept = match store.examine(entry, &mut go_on)? {
        Found::Kept(kept) => {
            let mut digest = crate::protocol::transfer::Digest::default();
            digest.update(&bytes[..kept.length() as usize]);
            (digest.value() == kept.digest().value()).then_some(kept)
        }
        Found::Equal => return Ok(Finished::NameTaken("equal".into())),
        _ => None,
    };
    let mut unfinished = store.begin(entry, kept.map(|kept| *kept))?;
    let at = unfinished.position() as usize;
    for (index, piece) in bytes[at..].chunks(PIECE).enumerate() {
        unfinished.write_at((at + index * PIECE) as u64, piece)?;
    }
    let mut digest = crate::protocol::transfer::Digest::default();
    digest.update(bytes);
    unfinished.finish(store, bytes.len() as u64, Some(digest.value()))
}

fn reason<T: std::fmt::Debug>(result: Result<T, Problem>) -> Reason {
    result.unwrap_err().reason()
}

/// The names in a folder.
pub(super) fn names(path: &Path) -> Vec<String> {
    let names = fs::read_dir(path).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_tree_is_stored_with_modes_times_and_links() {
    let there = TempDir::new().unwrap();
    let mut store = store(there.path(), PLAIN);
    store.folder(0, &folder("a", 0o550)).unwrap();
    store.folder(1, &folder("a/b", 0o4_755)).unwrap();
    let mut script = file("a/b/run", 3);
    script.mode = 0o6_555;
    let stored = put(&mut store, &script, b"#!x").unwrap();
    let want = Placed {
        path: "a/b/run".into(),
        is_renamed: false,
    };
    assert_eq!(stored, Finished::Stored(want));
    store.link(&link("a/up", "../c")).unwrap();
    store.folder(2, &folder("c", 0o700)).unwrap();
    put(&mut store, &file("d/e/-f", 0), b"").unwrap();
    store.settled(2);
    let metadata = |path: &str| there.path().join(path).symlink_metadata().unwrap();
    let is_timed = |path: &str| {
        let metadata = metadata(path);
        (metadata.mtime(), metadata.mtime_nsec()) == (TIME.seconds, TIME.nanoseconds.into())
    };
    assert!(is_timed("a"), "left and settled");
    store.sync().unwrap();
    assert_eq!(metadata("a").mode() & 0o7777, 0o550);
    assert_eq!(metadata("a/b").mode() & 0o7777, 0o755);
    assert_eq!(metadata("a/b/run").mode() & 0o7777, 0o555);
    for path in ["a", "a/b", "a/b/run", "a/up", "c", "d/e/%2Df"] {
        assert!(is_timed(path), "{path}");
    }
    assert_eq!(
        fs::read_link(there.path().join("a/up")).unwrap(),
        Path::new("../c")
    );
    assert_eq!(names(&there.path().join("a/b")), ["run"]);
    assert_eq!(store.take_notes(), []);
}

#[test]
fn what_is_in_the_way_is_refused_and_untouched() {
    let (there, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = there.path();
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    fs::write(path.join("file"), "mine").unwrap();
    fs::create_dir(path.join("folder")).unwrap();
    nix::unistd::mkfifo(&path.join("fifo"), Mode::S_IRWXU).unwrap();
    symlink(&secret, path.join("link")).unwrap();
    symlink(outside.path(), path.join("out")).unwrap();
    fs::hard_link(&secret, path.join("hard")).unwrap();
    for openat2 in [true, false] {
        let mut plain = store(path, PLAIN);
        let mut over = store(path, OVERWRITE);
        if let (false, Side::Folder(a), Side::Folder(b)) = (openat2, &mut plain.0, &mut over.0) {
            a.folders.without_openat2();
            b.folders.without_openat2();
        }
        for name in ["file", "link", "hard"] {
            assert_eq!(
                reason(put(&mut plain, &file(name, 1), b"x")),
                Reason::Exists
            );
        }
        for store in [&mut plain, &mut over] {
            assert_eq!(reason(put(store, &file("fifo", 1), b"x")), Reason::Special);
            assert_eq!(reason(put(store, &file("folder", 1), b"x")), Reason::Kind);
            let through = reason(put(store, &file("out/x", 1), b"x"));
            assert!(
                matches!(through, Reason::Path | Reason::Kind),
                "{through:?}"
            );
            assert_eq!(reason(put(store, &file("file/x", 1), b"x")), Reason::Kind);
            assert_eq!(
                reason(store.folder(0, &folder("file", 0o755))),
                Reason::Kind
            );
            assert_eq!(reason(store.folder(0, &folder("out", 0o755))), Reason::Path);
            for target in ["/etc", "..", "a/../../x"] {
                assert_eq!(reason(store.link(&link("new", target))), Reason::Path);
            }
            let long = "x".repeat(256);
            assert_eq!(reason(put(store, &file(&long, 1), b"x")), Reason::Name);
        }
    }
    let mut over = store(path, OVERWRITE);
    for name in ["link", "hard"] {
        put(&mut over, &file(name, 1), b"x").unwrap();
        assert_eq!(fs::read(path.join(name)).unwrap(), b"x");
    }
    over.link(&link("file", "folder")).unwrap();
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(names(outside.path()), ["secret"]);
    assert_eq!(
        names(path),
        ["fifo", "file", "folder", "hard", "link", "out"]
    );
}

#[test]
fn a_replaced_file_keeps_its_mode_without_the_bits_that_give_rights() {
    let there = TempDir::new().unwrap();
    let path = there.path().join("x");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4_751)).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(1), Some(1)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4_751)).unwrap();
    }
    put(&mut store(there.path(), OVERWRITE), &file("x", 3), b"new").unwrap();
    let metadata = path.metadata().unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.len()), (0o751, 3));
    if nix::unistd::geteuid().is_root() {
        assert_eq!((metadata.uid(), metadata.gid()), (1, 1));
    }
}

#[test]
fn a_name_that_is_taken_meanwhile_is_left() {
    let there = TempDir::new().unwrap();
    let mut plain = store(there.path(), PLAIN);
    let mut unfinished = plain.begin(&file("x", 3), None).unwrap();
    unfinished.write_at(0, b"new").unwrap();
    fs::write(there.path().join("x"), "theirs").unwrap();
    let Finished::NameTaken(kept) = unfinished.finish(&mut plain, 3, None).unwrap() else {
        panic!("it was replaced");
    };
    assert_eq!(fs::read(there.path().join("x")).unwrap(), b"theirs");
    assert_eq!(fs::read(there.path().join(kept)).unwrap(), b"new");
    // It is not lost: the next one may take it.
    let options = Options {
        overwrite: true,
        ..RESUME
    };
    let mut again = store(there.path(), options);
    let Found::Kept(kept) = again.examine(&file("x", 3), &mut go_on).unwrap() else {
        panic!("it was not found");
    };
    let unfinished = again.begin(&file("x", 3), Some(*kept)).unwrap();
    unfinished.finish(&mut again, 3, None).unwrap();
    assert_eq!(fs::read(there.path().join("x")).unwrap(), b"new");
    assert_eq!(names(there.path()), ["x"]);
}

#[test]
fn an_interrupted_file_goes_on_where_it_ended() {
    let there = TempDir::new().unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i / 7) as u8).collect();
    let entry = file("film", bytes.len() as u64);
    // Somebody's own files, with names as ours.
    fs::write(there.path().join("film.part"), "mine").unwrap();
    fs::write(there.path().join(".udpraw-aaaaaaaaaaaaaaaa.state"), "mine").unwrap();
    fs::write(there.path().join(".udpraw-aaaaaaaaaaaaaaaa.part"), "mine").unwrap();
    let mut first = store(there.path(), PLAIN);
    let mut unfinished = first.begin(&entry, None).unwrap();
    unfinished.write_at(0, &bytes[..2_000_000]).unwrap();
    // Another receiver in the same folder.
    let mut second = store(there.path(), RESUME);
    assert_eq!(reason(second.examine(&entry, &mut go_on)), Reason::Busy);
    drop(unfinished);
    // Another source is another file.
    let mut other = entry.clone();
    other.modified.seconds += 1;
    let mut second = store(there.path(), RESUME);
    assert!(matches!(second.examine(&other, &mut go_on), Ok(Found::New)));
    let mut calls = 0;
    let mut stop = |checked: Checked| {
        calls += 1;
        assert_eq!(checked.total, 2_000_000);
        ControlFlow::Break(())
    };
    assert!(matches!(
        second.examine(&entry, &mut stop),
        Ok(Found::Stopped)
    ));
    assert_eq!(calls, 1);
    let Found::Kept(kept) = second.examine(&entry, &mut go_on).unwrap() else {
        panic!("it was not found");
    };
    assert_eq!(kept.length(), 2_000_000);
    let mut unfinished = second.begin(&entry, Some(*kept)).unwrap();
    unfinished.write_at(2_000_000, &bytes[2_000_000..]).unwrap();
    // A wrong digest: what was kept before is kept.
    let length = bytes.len() as u64;
    assert!(unfinished.finish(&mut second, length, Some(1)).is_err());
    let mut third = store(there.path(), RESUME);
    put(&mut third, &entry, &bytes).unwrap();
    assert_eq!(fs::read(there.path().join("film")).unwrap(), bytes);
    let found = store(there.path(), RESUME).examine(&entry, &mut go_on);
    assert!(matches!(found, Ok(Found::Equal)));
    let aaa = ".udpraw-aaaaaaaaaaaaaaaa";
    let want = [
        &format!("{aaa}.part"),
        &format!("{aaa}.state"),
        "film",
        "film.part",
    ];
    assert_eq!(names(there.path()), want);
}

#[test]
fn a_part_that_differs_stays_until_the_new_file_is_complete() {
    let there = TempDir::new().unwrap();
    let entry = file("x", 2_000_000);
    let mut first = store(there.path(), PLAIN);
    let mut unfinished = first.begin(&entry, None).unwrap();
    unfinished.write_at(0, &[1; 1_500_000]).unwrap();
    assert!(unfinished.keep().is_some());
    let mut second = store(there.path(), RESUME);
    let found = second.examine(&entry, &mut go_on).unwrap();
    assert!(matches!(&found, Found::Kept(kept) if kept.length() == 1_500_000));
    drop(found);
    let mut unfinished = second.begin(&entry, None).unwrap();
    unfinished.write_at(0, &[2; 1_000]).unwrap();
    drop(unfinished);
    assert_eq!(names(there.path()).len(), 4, "two parts");
    put(&mut store(there.path(), RESUME), &entry, &[2; 2_000_000]).unwrap();
    assert_eq!(names(there.path()), ["x"]);
}

#[test]
fn holes_stay_holes() {
    let there = TempDir::new().unwrap();
    let mut plain = store(there.path(), PLAIN);
    let mut unfinished = plain.begin(&file("x", 100 << 20), None).unwrap();
    unfinished.write_at(50 << 20, b"middle").unwrap();
    unfinished.finish(&mut plain, 100 << 20, None).unwrap();
    let file = fs::File::open(there.path().join("x")).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 100 << 20);
    assert!(file.metadata().unwrap().blocks() < 1 << 10);
    let mut middle = [0; 6];
    file.read_exact_at(&mut middle, 50 << 20).unwrap();
    assert_eq!(&middle, b"middle");
}

#[test]
fn an_output_is_written_once_and_must_be_writable() {
    let there = TempDir::new().unwrap();
    let path = there.path().join("x");
    fs::write(&path, "").unwrap();
    let closed = fs::File::open(&path).unwrap();
    assert!(Place::output(closed.into(), "standard output").is_err());
    let place = Place::output(fs::File::create(&path).unwrap().into(), "x").unwrap();
    let mut first = place.store();
    let mut unfinished = first.begin(&file("whatever", 5), None).unwrap();
    assert_eq!(
        reason(place.store().begin(&file("y", 5), None)),
        Reason::Busy
    );
    unfinished.write_at(3, b"ab").unwrap();
    unfinished.finish(&mut first, 5, None).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"\0\0\0ab");
    let full = Place::file(Path::new("/dev/full"), PLAIN).unwrap();
    let mut full = full.store();
    let mut unfinished = full.begin(&file("x", 1), None).unwrap();
    assert_eq!(reason(unfinished.write_at(0, b"x")), Reason::Space);
}

#[test]
fn a_file_of_the_user_is_stored_under_the_users_name() {
    let there = TempDir::new().unwrap();
    let path = there.path().join("-mine");
    let mut one = Place::file(&path, PLAIN).unwrap().store();
    put(&mut one, &file("../theirs", 1), b"x").unwrap();
    assert!(one.folder(0, &folder("a", 0o755)).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"x");
    assert_eq!(
        Place::file(&path, PLAIN).unwrap_err().errno(),
        Some(libc::EEXIST)
    );
    assert_eq!(
        Place::file(there.path(), PLAIN).unwrap_err().errno(),
        Some(libc::EISDIR)
    );
}
