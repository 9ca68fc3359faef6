//! Every system call fails once with every plausible errno: never a wrong success, never a lost kept
//! part, never half a file under its name.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use nix::errno::Errno;
use tempfile::TempDir;

use super::calls::Call;
use super::faults;
use super::tests::{OVERWRITE, PLAIN, RESUME, file, folder, go_on, link, put, store};
use super::*;
use crate::protocol::transfer::manifest::Reason;

const KEPT: u64 = 1_200_000;

static BYTES: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..1_500_000_u32).map(|i| (i / 5) as u8).collect());

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
        Call::Write => &[ENOSPC, EDQUOT, EIO, EFBIG],
        Call::Sync => &[EIO, ENOSPC, EDQUOT, EINVAL],
        Call::SyncFolder => &[EINVAL, EACCES, EIO, EBADF],
        Call::SyncAll => &[EIO, ENOSPC],
        Call::Close => &[EIO, ENOSPC, EDQUOT],
        Call::List => &[EACCES, EMFILE],
    }
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

fn nothing(_: &Path) {}

fn keep(path: &Path) {
    let mut store = store(path, PLAIN);
    let mut unfinished = store.begin(&file("x", 1_500_000), None).unwrap();
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
    let finished = put(&mut store, &file("x", 1_500_000), &BYTES)?;
    store.sync()?;
    Ok(finished)
}

fn store_tree(path: &Path) -> Result<Finished, Problem> {
    let mut store = open(path, OVERWRITE)?;
    store.folder(0, &folder("a", 0o555))?;
    store.link(&link("a/link", "x"))?;
    let mut unfinished = store.begin(&file("a/b/x", 1_500_000), None)?;
    unfinished.write_at(0, &BYTES)?;
    // The last bytes of a file may be a hole.
    unfinished.finish(&mut store, 1_500_000, None)?;
    let mut finished = Finished::NameTaken("none".into());
    for index in 0..40 {
        let mut unfinished = store.begin(&file(&format!("a/{index}"), 9), None)?;
        unfinished.write_at(0, b"small")?;
        finished = unfinished.finish(&mut store, 9, None)?;
    }
    store.sync()?;
    Ok(finished)
}

const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "a new file",
        prepare: nothing,
        run: |path| store_x(path, PLAIN),
        path: "x",
        old: None,
        kept: 0,
        never: None,
    },
    Scenario {
        name: "a new file, without renameat2",
        prepare: nothing,
        run: |path| store_x(path, PLAIN),
        path: "x",
        old: None,
        kept: 0,
        never: Some((Call::RenameNoReplace, Errno::EINVAL)),
    },
    Scenario {
        name: "a kept part, without locks",
        prepare: keep,
        run: |path| store_x(path, RESUME),
        path: "x",
        old: None,
        kept: KEPT,
        never: Some((Call::Lock, Errno::ENOLCK)),
    },
    Scenario {
        name: "a kept part",
        prepare: keep,
        run: |path| store_x(path, RESUME),
        path: "x",
        old: None,
        kept: KEPT,
        never: None,
    },
    Scenario {
        name: "a replaced file",
        prepare: |path| fs::write(path.join("x"), "old").unwrap(),
        run: |path| store_x(path, OVERWRITE),
        path: "x",
        old: Some(b"old"),
        kept: 0,
        never: None,
    },
    Scenario {
        name: "a tree",
        prepare: nothing,
        run: store_tree,
        path: "a/b/x",
        old: None,
        kept: 0,
        never: None,
    },
];

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
    if scenario.kept > 0 && !is_whole {
        let mut store = store(path, RESUME);
        let found = store.examine(&file("x", 1_500_000), &mut go_on);
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
    put(&mut store, &file(scenario.path, 1_500_000), &BYTES).unwrap();
    assert_eq!(
        fs::read(path.join(scenario.path)).unwrap(),
        *BYTES,
        "{}",
        what()
    );
    (result.is_ok(), calls)
}

#[test]
fn each_call_fails_once() {
    let (mut cases, mut failed) = (0, 0);
    for scenario in &SCENARIOS {
        let (is_ok, calls) = run(scenario, None);
        assert!(is_ok, "{}", scenario.name);
        // Forty small files are stored by the same calls: those of the first, and the last ones.
        let is_worth = |index: &usize| *index < 45 || *index + 12 > calls.len();
        for index in (0..calls.len()).filter(is_worth) {
            let (is_ok, _) = run(scenario, Some((index, Errno::EINTR)));
            assert!(is_ok, "{}: EINTR of {:?}", scenario.name, calls[index]);
            for errno in plausible(calls[index]) {
                let (is_ok, _) = run(scenario, Some((index, *errno)));
                // What reports lost bytes is never a success.
                let loses = matches!(calls[index], Call::Write | Call::Sync | Call::Close)
                    && matches!(errno, Errno::EIO | Errno::ENOSPC | Errno::EDQUOT);
                let is_state = scenario.kept == 0 && calls[index] != Call::Sync;
                assert!(
                    !loses || !is_ok || is_state,
                    "{}: {errno} of {:?}",
                    scenario.name,
                    calls[index]
                );
                cases += 1;
                failed += u32::from(!is_ok);
            }
        }
    }
    assert!(
        cases >= 200 && failed >= 50,
        "{cases} cases, {failed} failures"
    );
}
