//! Every system call fails once with every plausible errno: never a wrong success, never a lost kept
//! part, never half a file under its name.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use nix::errno::Errno;
use tempfile::TempDir;

use super::calls::Call;
use super::faults;
use super::tests::{OVERWRITE, PLAIN, RESUME, file, folder, go_on, link, names, put, store};
use super::*;
use crate::protocol::transfer::manifest::Reason;

const SIZE: u64 = 100_000;
const KEPT: u64 = 80_000;

static BYTES: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..SIZE as u32).map(|i| (i / 5) as u8).collect());

fn plausible(call: Call) -> &'static [Errno] {
    use Errno::*;
    match call {
        Call::Openat2 => &[ENOSYS, EPERM, EAGAIN, EMFILE, ENOMEM],
        Call::OpenFolder => &[EMFILE, EACCES, EIO, ENOENT],
        Call::OpenFile => &[EACCES, EMFILE, ENOENT, EIO],
        Call::Create => &[ENOSPC, EDQUOT, EACCES, EROFS, EMFILE, EEXIST],
        Call::Stat => &[EIO, ESTALE],
        Call::StatAt => &[EACCES, EIO, ENAMETOOLONG],
        Call::Mkdir => &[ENOSPC, EACCES, EROFS, EMLINK, EDQUOT],
        Call::Symlink => &[EPERM, ENOSPC, EACCES],
        Call::Readlink => &[EACCES, EIO],
        Call::Link => &[EPERM, EMLINK, EEXIST, ENOSPC, EIO],
        Call::Unlink => &[EACCES, EIO, EROFS],
        Call::Rename => &[EACCES, ENOSPC, EIO, EISDIR],
        Call::RenameNoReplace => &[EINVAL, ENOSYS, EOPNOTSUPP, EEXIST, EIO, ENOSPC],
        Call::Chmod | Call::Chown | Call::Times => &[EPERM, EIO, EROFS],
        Call::Truncate => &[EFBIG, ENOSPC, EIO],
        Call::Lock => &[ENOLCK, ENOSYS, EOPNOTSUPP],
        Call::Read => &[EIO, ESTALE],
        Call::Write | Call::WriteState => &[ENOSPC, EDQUOT, EIO, EFBIG],
        Call::Sync => &[EIO, ENOSPC, EDQUOT, EINVAL],
        Call::SyncFolder => &[EINVAL, EACCES, EIO, EBADF],
        Call::SyncAll => &[EIO, ENOSPC],
        Call::Close | Call::CloseState => &[EIO, ENOSPC, EDQUOT],
        Call::List => &[EACCES, EMFILE],
    }
}

/// Whether a success after this would be a wrong one: the call is for what is stored, and it failed.
fn loses(call: Call, errno: Errno) -> bool {
    let is_lost = matches!(
        errno,
        Errno::EIO | Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG | Errno::EISDIR
    );
    is_lost
        && matches!(
            call,
            Call::Write
                | Call::Truncate
                | Call::Sync
                | Call::SyncFolder
                | Call::SyncAll
                | Call::Close
                | Call::Rename
                | Call::RenameNoReplace
        )
}

/// What a test does, in a folder that is prepared.
struct Scenario {
    name: &'static str,
    prepare: fn(&Path),
    run: fn(&Path) -> Result<Finished, Problem>,
    /// The file that is stored, and what it may have instead.
    path: &'static str,
    old: Option<&'static [u8]>,
    kept: u64,
    never: Option<(Call, Errno)>,
}

fn keep(path: &Path) {
    let mut store = store(path, PLAIN);
    let mut unfinished = store.begin(&file("x", SIZE), None).unwrap();
    unfinished.write_at(0, &BYTES[..KEPT as usize]).unwrap();
    assert!(unfinished.keep().is_some());
}

fn open(path: &Path, options: Options) -> Result<Store, Problem> {
    let place = Place::folder(path, options);
    let failed = |error| Problem::new(Reason::Storage, error);
    Ok(place.map_err(failed)?.store())
}

fn store_x(path: &Path, options: Options) -> Result<Finished, Problem> {
    let mut store = open(path, options)?;
    let finished = put(&mut store, &file("x", SIZE), &BYTES)?;
    store.sync()?;
    Ok(finished)
}

fn store_tree(path: &Path) -> Result<Finished, Problem> {
    let mut store = open(path, OVERWRITE)?;
    store.folder(0, &folder("a", 0o555))?;
    store.link(&link("a/link", "x"))?;
    let mut unfinished = store.begin(&file("a/b/x", SIZE), None)?;
    unfinished.write_at(0, &BYTES)?;
    // The last bytes of a file may be a hole.
    unfinished.finish(&mut store, SIZE, None)?;
    let mut finished = Finished::NameTaken("none".into());
    for index in 0..40 {
        let mut unfinished = store.begin(&file(&format!("a/{index}"), 9), None)?;
        unfinished.write_at(0, b"small")?;
        finished = unfinished.finish(&mut store, 9, None)?;
    }
    store.sync()?;
    Ok(finished)
}

const NEW: Scenario = Scenario {
    name: "a new file",
    prepare: |_| {},
    run: |path| store_x(path, PLAIN),
    path: "x",
    old: None,
    kept: 0,
    never: None,
};

const RESUMED: Scenario = Scenario {
    name: "a kept part",
    prepare: keep,
    run: |path| store_x(path, RESUME),
    kept: KEPT,
    ..NEW
};

#[test]
fn a_new_file() {
    each_call_fails_once(&NEW);
}

#[test]
fn a_new_file_without_renameat2() {
    each_call_fails_once(&Scenario {
        name: "a new file, without renameat2",
        never: Some((Call::RenameNoReplace, Errno::EINVAL)),
        ..NEW
    });
}

#[test]
fn a_kept_part() {
    each_call_fails_once(&RESUMED);
}

#[test]
fn a_kept_part_without_locks() {
    each_call_fails_once(&Scenario {
        name: "a kept part, without locks",
        never: Some((Call::Lock, Errno::ENOLCK)),
        ..RESUMED
    });
}

#[test]
fn a_kept_part_that_replaces_a_file() {
    each_call_fails_once(&Scenario {
        name: "a kept part that replaces a file",
        prepare: |path| {
            keep(path);
            fs::write(path.join("x"), "old").unwrap();
        },
        run: |path| {
            let overwrite = true;
            store_x(
                path,
                Options {
                    overwrite,
                    ..RESUME
                },
            )
        },
        old: Some(b"old"),
        ..RESUMED
    });
}

#[test]
fn a_replaced_file() {
    each_call_fails_once(&Scenario {
        name: "a replaced file",
        prepare: |path| fs::write(path.join("x"), "old").unwrap(),
        run: |path| store_x(path, OVERWRITE),
        old: Some(b"old"),
        ..NEW
    });
}

#[test]
fn a_tree() {
    each_call_fails_once(&Scenario {
        name: "a tree",
        run: store_tree,
        path: "a/b/x",
        ..NEW
    });
}

/// Runs it with a fault, and checks what is there afterwards.
fn run(scenario: &Scenario, fault: Option<(usize, Errno)>) -> (bool, Vec<Call>) {
    // In memory if possible: thousands of files are written to the disk.
    let there = TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap();
    let path = there.path();
    (scenario.prepare)(path);
    faults::start(fault, scenario.never);
    let result = (scenario.run)(path);
    let calls = faults::stop();
    let what = || {
        let call = fault.map(|(number, _)| calls[number]);
        format!("{}, {fault:?} {call:?}: {result:?}", scenario.name)
    };
    let target = fs::read(path.join(scenario.path)).ok();
    let is_whole = target.as_deref() == Some(BYTES.as_slice());
    match &result {
        Ok(Finished::Stored(_)) => assert!(is_whole, "{}", what()),
        Ok(Finished::NameTaken(name)) => {
            assert_eq!(fs::read(path.join(name)).unwrap(), *BYTES, "{}", what());
        }
        Err(_) => {}
    }
    assert!(
        is_whole || target.as_deref() == scenario.old,
        "half a file: {}",
        what()
    );
    for index in 0..40 {
        if let Ok(small) = fs::read(path.join(format!("a/{index}"))) {
            assert_eq!(small, b"small\0\0\0\0", "{}", what());
        }
    }
    if result.is_err() {
        // What is left of it can be found: it has a state, unless that is what failed.
        let call = fault.map(|(number, _)| calls[number]);
        let is_excused = matches!(
            call,
            Some(Call::Create | Call::WriteState | Call::CloseState | Call::Unlink)
        );
        for part in names(path).iter().filter(|name| name.ends_with(".part")) {
            let has_state = path.join(part).with_extension("state").exists();
            assert!(has_state || is_excused, "not found again: {}", what());
        }
    }
    if scenario.kept > 0 && !is_whole {
        let overwrite = true;
        let mut store = store(
            path,
            Options {
                overwrite,
                ..RESUME
            },
        );
        let found = store.examine(&file("x", SIZE), &mut go_on);
        let Ok(Found::Kept(kept)) = found else {
            panic!("lost: {}", what());
        };
        assert!(kept.length() >= scenario.kept, "{}", what());
    }
    // Once the trouble is over, it succeeds.
    let options = Options {
        overwrite: true,
        ..RESUME
    };
    let mut store = store(path, options);
    put(&mut store, &file(scenario.path, SIZE), &BYTES).unwrap();
    faults::close_copies();
    assert_eq!(
        fs::read(path.join(scenario.path)).unwrap(),
        *BYTES,
        "{}",
        what()
    );
    (result.is_ok(), calls)
}

fn each_call_fails_once(scenario: &Scenario) {
    let (is_ok, calls) = run(scenario, None);
    assert!(is_ok, "{}", scenario.name);
    let (mut cases, mut failed) = (0, 0);
    // Forty small files are stored by the same calls: those of the first, and the last ones.
    let is_worth = |index: &usize| *index < 45 || *index + 12 > calls.len();
    for index in (0..calls.len()).filter(is_worth) {
        let call = calls[index];
        let (is_ok, _) = run(scenario, Some((index, Errno::EINTR)));
        assert!(is_ok, "{}: EINTR of {call:?}", scenario.name);
        for errno in plausible(call) {
            let (is_ok, _) = run(scenario, Some((index, *errno)));
            let is_wrong = is_ok && loses(call, *errno);
            assert!(!is_wrong, "{}: {errno} of {call:?}, {index}", scenario.name);
            // A state is a help, and no part of the file.
            let is_state = matches!(call, Call::WriteState | Call::CloseState);
            assert!(is_ok || !is_state, "{}: {errno} of {call:?}", scenario.name);
            cases += 1;
            failed += u32::from(!is_ok);
        }
    }
    assert!(
        cases >= 40 && failed >= 10,
        "{cases} cases, {failed} failures"
    );
}
