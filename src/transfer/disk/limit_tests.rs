//! Limits, permissions and full disks that are real: each test runs its second half in a process of its
//! own, in which they apply.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use nix::sys::signal::SigSet;
use nix::sys::stat::Mode;
use tempfile::TempDir;

use super::tests::{PLAIN, RESUME, file, folder, go_on, names, put, store};
use super::*;
use crate::protocol::transfer::manifest::Reason;

const FOLDER: &str = "UDPRAW_TEST_FOLDER";

/// In the process of its own: the folder.
fn inside() -> Option<PathBuf> {
    let folder = env::var_os(FOLDER)?;
    // As the thread that stores files.
    SigSet::all().thread_block().unwrap();
    Some(folder.into())
}

/// Runs the test of that name in a process of its own: `start` is a shell's command line that ends in
/// starting it.
fn outside(name: &str, start: &str, folder: &Path) {
    let test = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
    let output = Command::new("sh")
        .args(["-c", start])
        .arg(env::current_exe().unwrap())
        .args([&test, "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    if output.status.code() == Some(77) {
        println!("SKIPPED {name}, which is not permitted here: {stderr}");
        return;
    }
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}{stderr}");
}

fn refused(result: Result<Finished, Problem>, want: Reason) -> Problem {
    let problem = result.unwrap_err();
    assert_eq!(problem.reason(), want, "{problem:?}");
    problem
}

#[test]
fn a_limit_of_file_sizes_is_an_error_and_no_signal() {
    let Some(path) = inside() else {
        let there = TempDir::new().unwrap();
        let start = "ulimit -f 200 && exec \"$0\" \"$@\"";
        let name = "a_limit_of_file_sizes_is_an_error_and_no_signal";
        return outside(name, start, there.path());
    };
    let bytes = vec![7; 1 << 20];
    let mut plain = store(&path, PLAIN);
    let problem = refused(
        put(&mut plain, &file("x", 1 << 20), &bytes),
        Reason::TooLarge,
    );
    assert!(
        problem.error().to_string().contains("ulimit -f"),
        "{problem:?}"
    );
    put(&mut plain, &file("small", 5), b"small").unwrap();
    // The length alone, of a hole.
    let unfinished = plain.begin(&file("hole", 1 << 20), None).unwrap();
    refused(
        unfinished.finish(&mut plain, 1 << 20, None),
        Reason::TooLarge,
    );
    assert!(!path.join("x").exists() && !path.join("hole").exists());
    let found = store(&path, RESUME).examine(&file("x", 1 << 20), &mut go_on);
    let Ok(Found::Kept(kept)) = found else {
        panic!("what was written is kept");
    };
    assert!(kept.length() >= 100 << 10);
}

/// Mounts a small file system in a namespace of its own.
const MOUNT: &str = "exec unshare -m sh -c 'mount -t tmpfs -o size=300k,nr_inodes=60 none \
     \"$UDPRAW_TEST_FOLDER\" || exit 77; exec \"$0\" \"$@\"' \"$0\" \"$@\"";

/// Whether namespaces of mounts can be made.
fn can_mount() -> bool {
    let made = Command::new("unshare").args(["-m", "true"]).output();
    let can = made.is_ok_and(|output| output.status.success());
    if !can {
        println!("SKIPPED: unshare -m is not permitted here");
    }
    can
}

#[test]
fn a_full_disk_ends_the_transfer_and_keeps_what_is_whole() {
    let Some(path) = inside() else {
        let there = TempDir::new().unwrap();
        if can_mount() {
            let name = "a_full_disk_ends_the_transfer_and_keeps_what_is_whole";
            outside(name, MOUNT, there.path());
        }
        return;
    };
    // No inode is left, then no block.
    for (sub, size) in [("inodes", 10), ("blocks", 70_000)] {
        let bytes = vec![7; size];
        let entry = |index: usize| file(&format!("{sub}/{index}"), size as u64);
        let mut plain = store(&path, PLAIN);
        plain.folder(0, &folder(sub, 0o755)).unwrap();
        let full =
            (0..100).find_map(|index| Some((index, put(&mut plain, &entry(index), &bytes).err()?)));
        let (stored, problem) = full.unwrap();
        assert!(stored >= 2, "{stored}");
        assert_eq!(problem.reason(), Reason::Space);
        assert!(problem.ends_transfer());
        assert!(
            problem.error().to_string().contains("--resume"),
            "{problem:?}"
        );
        for index in 0..stored {
            let stored = fs::read(path.join(format!("{sub}/{index}"))).unwrap();
            assert_eq!(stored, bytes, "{index}");
        }
        assert!(!path.join(format!("{sub}/{stored}")).exists());
        // Some space is made, and it goes on.
        fs::remove_file(path.join(format!("{sub}/0"))).unwrap();
        let mut resume = store(&path, RESUME);
        assert!(matches!(
            resume.examine(&entry(1), &mut go_on),
            Ok(Found::Equal)
        ));
        put(&mut resume, &entry(stored), &bytes).unwrap();
        resume.sync().unwrap();
        assert_eq!(names(&path.join(sub)).len(), stored, "nothing else is left");
        fs::remove_dir_all(path.join(sub)).unwrap();
    }
}

#[test]
fn a_disk_that_became_read_only() {
    let Some(path) = inside() else {
        let there = TempDir::new().unwrap();
        if can_mount() {
            outside("a_disk_that_became_read_only", MOUNT, there.path());
        }
        return;
    };
    put(&mut store(&path, PLAIN), &file("x", 1), b"1").unwrap();
    let mut unfinished = store(&path, PLAIN).begin(&file("y", 3), None).unwrap();
    unfinished.write_at(0, b"12").unwrap();
    assert!(unfinished.keep().is_some());
    let before = names(&path);
    let remount = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&path)
        .status();
    assert!(remount.unwrap().success());
    let mut resume = store(&path, RESUME);
    assert!(matches!(
        resume.examine(&file("x", 1), &mut go_on),
        Ok(Found::Equal)
    ));
    let problem = refused(put(&mut resume, &file("y", 3), b"123"), Reason::Permission);
    assert!(
        problem.error().to_string().contains("read-only"),
        "{problem:?}"
    );
    assert!(problem.ends_transfer());
    assert_eq!(names(&path), before);
}

#[test]
fn permissions_apply_to_a_user_without_rights() {
    let Some(path) = inside() else {
        if !nix::unistd::geteuid().is_root() {
            println!("SKIPPED: only root can become another user");
            return;
        }
        let there = TempDir::new().unwrap();
        let path = there.path();
        put(&mut store(path, PLAIN), &file("equal", 1), b"1").unwrap();
        let mut unfinished = store(path, PLAIN).begin(&file("roots", 3), None).unwrap();
        unfinished.write_at(0, b"12").unwrap();
        assert!(unfinished.keep().is_some());
        for (name, mode) in [("closed", 0o700), ("open", 0o777), ("drop", 0o733)] {
            use std::os::unix::fs::PermissionsExt;
            fs::create_dir(path.join(name)).unwrap();
            fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // A copy that nobody can read where it is: the build's folder may be closed.
        let copy = path.join("program");
        fs::copy(env::current_exe().unwrap(), &copy).unwrap();
        let start = format!(
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups {} \"$@\"",
            copy.display()
        );
        return outside("permissions_apply_to_a_user_without_rights", &start, path);
    };
    let mut resume = store(&path, RESUME);
    assert!(matches!(
        resume.examine(&file("equal", 1), &mut go_on),
        Ok(Found::Equal)
    ));
    // Somebody else's part is none of ours.
    let found = resume.examine(&file("roots", 3), &mut go_on);
    assert!(matches!(found, Ok(Found::New)), "{found:?}");
    for name in ["new", "closed/x"] {
        refused(put(&mut resume, &file(name, 1), b"1"), Reason::Permission);
    }
    for name in ["open/x", "drop/x", "open/deep/er/x"] {
        put(&mut resume, &file(name, 1), b"1").unwrap();
    }
    resume.sync().unwrap();
    assert_eq!(names(&path.join("open")), ["deep", "x"]);
    assert_eq!(fs::read(path.join("drop/x")).unwrap(), b"1");
    // The folder of a drop box can be neither read nor written to the disk, and that is said.
    let notes: Vec<_> = resume
        .take_notes()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("write to the disk the folder")),
        "{notes:?}"
    );
}

/// A FIFO waits for its reader: only the thread that opens it does.
#[test]
fn a_fifo_without_a_reader_stalls_its_own_thread_alone() {
    let there = TempDir::new().unwrap();
    let path = there.path().join("fifo");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
    let place = Place::file(&path, PLAIN).unwrap();
    let mut fifo = place.store();
    let (sender, receiver) = mpsc::channel();
    let writer = thread::spawn(move || {
        sender.send("begun").unwrap();
        let mut unfinished = fifo.begin(&file("x", 5), None).unwrap();
        sender.send("open").unwrap();
        unfinished.write_at(0, b"bytes").unwrap();
        unfinished.finish(&mut fifo, 5, None).unwrap();
    });
    assert_eq!(receiver.recv(), Ok("begun"));
    put(&mut store(there.path(), PLAIN), &file("y", 1), b"1").unwrap();
    let found = place.store().examine(&file("x", 5), &mut go_on);
    assert!(matches!(found, Ok(Found::New)));
    assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Empty));
    assert_eq!(fs::read(&path).unwrap(), b"bytes");
    writer.join().unwrap();
    assert_eq!(receiver.recv(), Ok("open"));
}
