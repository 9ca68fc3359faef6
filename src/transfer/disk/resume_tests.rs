//! What is found of earlier transfers, and names that a file system takes for one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::find::MAX_OPEN;
use super::tests::{OVERWRITE, PLAIN, RESUME, file, folder, go_on, link, names, put, store};
use super::*;
use crate::protocol::transfer::manifest::Reason;

fn reason<T: std::fmt::Debug>(result: Result<T, Problem>) -> Reason {
    result.unwrap_err().reason()
}

#[test]
fn equal_contents_are_found_by_their_digest() {
    let there = TempDir::new().unwrap();
    let path = there.path().join("x");
    fs::write(&path, "same").unwrap();
    let inode = path.metadata().unwrap().ino();
    let options = Options {
        compare: Compare::Digest,
        ..RESUME
    };
    let mut resume = store(there.path(), options);
    let Ok(Found::Kept(kept)) = resume.examine(&file("x", 4), &mut go_on) else {
        panic!("it was not compared");
    };
    assert_eq!(kept.length(), 4);
    let unfinished = resume.begin(&file("x", 4), Some(*kept)).unwrap();
    assert_eq!(unfinished.position(), 4);
    let mut digest = crate::protocol::transfer::Digest::default();
    digest.update(b"same");
    let digest = Some(digest.value());
    let finished = unfinished.finish(&mut resume, 4, digest).unwrap();
    assert!(matches!(finished, Finished::Stored(_)));
    let metadata = path.metadata().unwrap();
    assert_eq!(metadata.ino(), inode, "it was not written again");
    assert_eq!(metadata.mtime(), super::tests::TIME.seconds);
    // Other contents: only with --overwrite are they replaced.
    let found = store(there.path(), options).examine(&file("x", 3), &mut go_on);
    assert_eq!(reason(found), Reason::Exists);
    let mut plain = store(there.path(), options);
    assert_eq!(
        reason(put(&mut plain, &file("x", 4), b"diff")),
        Reason::Exists
    );
    assert_eq!(fs::read(&path).unwrap(), b"same");
    let overwrite = true;
    let mut over = store(
        there.path(),
        Options {
            overwrite,
            ..options
        },
    );
    put(&mut over, &file("x", 4), b"diff").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"diff");
}

/// As a file system does which takes `A` for `a`: both names lead to one file.
#[test]
fn two_names_of_one_transfer_never_become_one() {
    for options in [PLAIN, OVERWRITE, RESUME] {
        let there = TempDir::new().unwrap();
        let path = there.path();
        let mut store = store(path, options);
        put(&mut store, &file("A", 1), b"1").unwrap();
        fs::hard_link(path.join("A"), path.join("a")).unwrap();
        assert_eq!(
            reason(store.examine(&file("a", 1), &mut go_on)),
            Reason::Exists
        );
        assert_eq!(reason(store.begin(&file("a", 1), None)), Reason::Exists);
        assert_eq!(reason(store.link(&link("a", "b"))), Reason::Exists);
        // One that appears later.
        let mut unfinished = store.begin(&file("late", 1), None).unwrap();
        unfinished.write_at(0, b"2").unwrap();
        fs::hard_link(path.join("A"), path.join("late")).unwrap();
        let finished = unfinished.finish(&mut store, 1, None);
        assert!(!matches!(finished, Ok(Finished::Stored(_))));
        for name in ["A", "a", "late"] {
            assert_eq!(fs::read(path.join(name)).unwrap(), b"1", "{name}");
        }
        store.folder(0, &folder("B", 0o755)).unwrap();
        store.folder(1, &folder("B", 0o755)).unwrap();
        fs::rename(path.join("B"), path.join("b")).unwrap();
        assert_eq!(reason(store.folder(2, &folder("b", 0o755))), Reason::Exists);
    }
    // What was equal before is taken as well.
    let there = TempDir::new().unwrap();
    put(&mut store(there.path(), PLAIN), &file("A", 1), b"1").unwrap();
    let mut resume = store(there.path(), RESUME);
    assert!(matches!(
        resume.examine(&file("A", 1), &mut go_on),
        Ok(Found::Equal)
    ));
    fs::rename(there.path().join("A"), there.path().join("a")).unwrap();
    assert_eq!(
        reason(resume.examine(&file("a", 1), &mut go_on)),
        Reason::Exists
    );
}

#[test]
fn kept_parts_that_wait_hold_few_descriptors() {
    let there = TempDir::new().unwrap();
    let entries: Vec<_> = (0..MAX_OPEN + 5)
        .map(|index| file(&format!("{index:03}"), 3))
        .collect();
    let mut first = store(there.path(), PLAIN);
    for entry in &entries {
        let mut unfinished = first.begin(entry, None).unwrap();
        unfinished.write_at(0, b"ab").unwrap();
        assert!(unfinished.keep().is_some());
    }
    let mut second = store(there.path(), RESUME);
    let mut kept: Vec<_> = entries
        .iter()
        .map(|entry| match second.examine(entry, &mut go_on) {
            Ok(Found::Kept(kept)) => kept,
            found => panic!("{found:?}"),
        })
        .collect();
    let open = kept.iter().filter(|kept| kept.file.is_some()).count();
    assert_eq!(open, MAX_OPEN);
    // The last one changes while it is closed.
    let last = kept.pop().unwrap();
    let part = there
        .path()
        .join(std::str::from_utf8(&last.names.as_ref().unwrap().part).unwrap());
    fs::write(&part, "xy").unwrap();
    fs::File::open(&part)
        .unwrap()
        .set_modified(SystemTime::now())
        .unwrap();
    let begun = second.begin(entries.last().unwrap(), Some(*last));
    assert_eq!(reason(begun), Reason::Busy);
    for (entry, kept) in entries.iter().zip(kept) {
        let mut unfinished = second.begin(entry, Some(*kept)).unwrap();
        unfinished.write_at(2, b"c").unwrap();
        unfinished.finish(&mut second, 3, None).unwrap();
        let path = std::str::from_utf8(&entry.path).unwrap();
        assert_eq!(fs::read(there.path().join(path)).unwrap(), b"abc");
    }
    assert_eq!(fs::read(&part).unwrap(), b"xy", "it is kept");
}

/// A program that was killed leaves small parts that nothing describes: they are told of, and left.
#[test]
fn leftovers_of_a_crash_are_reported() {
    let there = TempDir::new().unwrap();
    let names_of = |letter: &str| format!(".udpraw-{}.part", letter.repeat(16));
    for letter in ["a", "b", "c"] {
        fs::write(there.path().join(names_of(letter)), "left").unwrap();
    }
    let day = Duration::from_secs(86_400);
    for letter in ["a", "b"] {
        let file = fs::File::options()
            .write(true)
            .open(there.path().join(names_of(letter)))
            .unwrap();
        file.set_modified(SystemTime::now() - day).unwrap();
    }
    let mut resume = store(there.path(), RESUME);
    for name in ["x", "y"] {
        put(&mut resume, &file(name, 1), b"1").unwrap();
    }
    let notes: Vec<_> = resume
        .take_notes()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("2 unfinished files"), "{notes:?}");
    assert_eq!(names(there.path()).len(), 5, "nothing is removed");
}

/// Neither the state of a part nor the part itself may be a link, to whatever it leads.
#[test]
fn links_in_place_of_parts_and_states_are_not_followed() {
    let (there, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let entry = file("x", 3);
    for ending in ["state", "part"] {
        let mut first = store(there.path(), PLAIN).begin(&entry, None).unwrap();
        first.write_at(0, b"ab").unwrap();
        let part = there.path().join(first.keep().unwrap().0);
        let (from, to) = (part.with_extension(ending), outside.path().join(ending));
        fs::copy(&from, &to).unwrap();
        fs::remove_file(&from).unwrap();
        std::os::unix::fs::symlink(&to, &from).unwrap();
        let found = store(there.path(), RESUME).examine(&entry, &mut go_on);
        assert!(matches!(found, Ok(Found::New)), "{ending}: {found:?}");
        fs::remove_file(part.with_extension("state")).unwrap();
        fs::remove_file(part).unwrap();
    }
    // Also when one takes the place of a file just before it is opened.
    std::os::unix::fs::symlink(outside.path().join("state"), there.path().join("l")).unwrap();
    let folder = fs::File::open(there.path()).unwrap();
    for is_writable in [false, true] {
        let opened = calls::open_file(&folder, b"l", is_writable);
        assert_eq!(opened.map(drop), Err(nix::errno::Errno::ELOOP));
    }
    // Nothing that exists makes it wait: here, for the writer of a FIFO.
    nix::unistd::mkfifo(&there.path().join("f"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(calls::open_file(&folder, b"f", false).is_ok());
}

#[test]
fn after_a_wrong_digest_only_what_was_confirmed_is_kept() {
    let there = TempDir::new().unwrap();
    let entry = file("x", 3);
    let mut first = store(there.path(), PLAIN).begin(&entry, None).unwrap();
    first.write_at(0, b"ab").unwrap();
    assert!(first.keep().is_some());
    let kept = |store: &mut Store| match store.examine(&entry, &mut go_on) {
        Ok(Found::Kept(kept)) => kept,
        found => panic!("{found:?}"),
    };
    let mut second = store(there.path(), RESUME);
    let part = kept(&mut second);
    let mut unfinished = second.begin(&entry, Some(*part)).unwrap();
    unfinished.write_at(2, b"!").unwrap();
    assert!(unfinished.finish(&mut second, 3, Some(1)).is_err());
    assert_eq!(kept(&mut store(there.path(), RESUME)).length(), 2);
}

#[test]
fn a_part_that_somebody_replaced_gets_no_name() {
    let there = TempDir::new().unwrap();
    let mut plain = store(there.path(), PLAIN);
    let mut unfinished = plain.begin(&file("x", 1), None).unwrap();
    unfinished.write_at(0, b"1").unwrap();
    let part = there.path().join(&names(there.path())[0]);
    // It still exists elsewhere, so that its inode is not used again.
    fs::rename(&part, there.path().join("moved")).unwrap();
    fs::write(&part, "theirs").unwrap();
    assert!(unfinished.finish(&mut plain, 1, None).is_err());
    assert!(!there.path().join("x").exists());
}

#[test]
fn a_folder_that_was_there_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    for options in [PLAIN, OVERWRITE, RESUME] {
        let there = TempDir::new().unwrap();
        let path = there.path().join("d");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let mut store = store(there.path(), options);
        store.folder(0, &folder("d", 0o755)).unwrap();
        store.sync().unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o700);
    }
}

#[test]
fn what_another_user_left_is_not_believed() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give files away");
        return;
    }
    let entry = file("x", 3);
    for ending in ["state", "part"] {
        let there = TempDir::new().unwrap();
        let mut first = store(there.path(), PLAIN).begin(&entry, None).unwrap();
        first.write_at(0, b"ab").unwrap();
        let part = there.path().join(first.keep().unwrap().0);
        let given = part.with_extension(ending);
        std::os::unix::fs::chown(given, Some(65_534), None).unwrap();
        let found = store(there.path(), RESUME).examine(&entry, &mut go_on);
        assert!(matches!(found, Ok(Found::New)), "{ending}: {found:?}");
    }
}

#[test]
fn a_link_in_the_middle_of_a_path_is_not_followed() {
    // Not even to another folder of the target.
    let there = TempDir::new().unwrap();
    fs::create_dir(there.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", there.path().join("link")).unwrap();
    for options in [PLAIN, OVERWRITE, RESUME] {
        let mut store = store(there.path(), options);
        put(&mut store, &file("link/x", 3), b"abc").unwrap_err();
        assert_eq!(fs::read_dir(there.path().join("real")).unwrap().count(), 0);
    }
}
