//! Hostile paths, and somebody who changes the folder meanwhile: nothing is ever written outside.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use super::store::Side;
use super::tests::{OVERWRITE, file, folder, link, names, put, store};
use super::*;

/// Somebody swaps folders for links while files are stored: nothing is written where they lead.
#[test]
fn a_race_writes_nothing_outside() {
    let (there, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (a, hidden) = (there.path().join("a"), there.path().join("hidden"));
    let over = AtomicBool::new(false);
    let mut stored = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let _ = fs::create_dir(&a);
                let _ = fs::rename(&a, &hidden);
                let _ = symlink(outside.path(), &a);
                std::thread::yield_now();
                let _ = fs::remove_file(&a);
                let _ = fs::rename(&hidden, &a);
            }
        });
        let start = Instant::now();
        for index in 0.. {
            let is_long = start.elapsed() > Duration::from_millis(700) && stored > 0;
            if is_long || start.elapsed() > Duration::from_secs(30) {
                break;
            }
            let mut store = store(there.path(), OVERWRITE);
            if let (true, Side::Folder(side)) = (index % 2 == 0, &mut store.0) {
                side.folders.without_openat2();
            }
            stored += u32::from(put(&mut store, &file("a/b/x", 1), b"x").is_ok());
            stored += u32::from(
                store
                    .folder(0, &folder(&format!("a/{index}"), 0o700))
                    .is_ok(),
            );
            let _ = store.link(&link("a/l", "x"));
            let _ = store.sync();
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(stored > 0);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Random operations on hostile paths, against links that lead outside: what succeeded is there, and
    /// nothing is outside.
    #[test]
    fn any_paths_stay_inside(operations in prop::collection::vec((0..4_u8, prop::collection::vec(
        prop::sample::select(vec!["a", "b", "..", ".", "", "out", "-", "%2E", "\n"]), 1..4)), 1..30)) {
        let around = TempDir::new().unwrap();
        let inside = around.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::create_dir(around.path().join("elsewhere")).unwrap();
        symlink("../elsewhere", inside.join("out")).unwrap();
        let mut store = store(&inside, OVERWRITE);
        for (index, (operation, path)) in operations.into_iter().enumerate() {
            let path = path.join("/");
            match operation {
                0 => drop(store.folder(index as u64, &folder(&path, 0o755))),
                1 => drop(store.link(&link(&path, "../out"))),
                2 => drop(store.link(&link(&path, "a"))),
                _ => {
                    if let Ok(Finished::Stored(placed)) = put(&mut store, &file(&path, 3), b"abc") {
                        prop_assert_eq!(fs::read(inside.join(&placed.path)).unwrap(), b"abc");
                        prop_assert!(inside.join(&placed.path).canonicalize().unwrap()
                            .starts_with(inside.canonicalize().unwrap()));
                        prop_assert_eq!(placed.is_renamed, placed.path.to_str() != Some(&path));
                    }
                }
            }
        }
        store.sync().unwrap();
        prop_assert_eq!(names(around.path()), ["elsewhere", "inside"]);
        prop_assert_eq!(fs::read_dir(around.path().join("elsewhere")).unwrap().count(), 0);
    }
}
