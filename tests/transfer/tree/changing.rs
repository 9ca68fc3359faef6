//! Sources that change at the worst moment.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::marker::Send;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use udpraw::protocol::transfer::manifest::Status;

use super::peer::Peer;
use super::{folder, send};

/// Sends a folder with `a` and `b`, does something when an entry has been listed, and returns how
/// `b` ended.
fn changed(
    size: usize,
    at: &'static str,
    change: impl FnMut(&Path) + Send + 'static,
) -> (Status, Peer) {
    let (outer, top) = folder("top");
    fs::write(top.join("a"), crate::stream(size, 1)).unwrap();
    fs::create_dir(top.join("sub")).unwrap();
    fs::write(top.join("sub/b"), crate::stream(size, 2)).unwrap();
    fs::write(top.join("z"), "the rest").unwrap();
    let mut change = change;
    let path = top.clone();
    let on_record = move |record: &str| {
        if record.contains(at) {
            change(&path);
        }
    };
    let mut peer = Peer {
        on_record: Some(Box::new(on_record)),
        ..Peer::default()
    };
    let finished = send(&top, &mut peer);
    drop(outer);
    assert_eq!(peer.named("top/z").contents(), b"the rest");
    let status = peer.named("top/sub/b").end.expect("an end").status;
    assert_eq!(finished.failed, u64::from(status != Status::Whole));
    assert_eq!(peer.has_event("Failed"), status != Status::Whole);
    (status, peer)
}

#[test]
fn a_source_that_changes_fails_and_the_rest_goes_on() {
    let append = |path: &Path| {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    };
    let listed = "Entry top/sub/b";
    for size in [100, 1 << 20] {
        assert_eq!(changed(size, "never", |_| ()).0, Status::Whole);
        let grown = changed(size, listed, move |top| append(&top.join("sub/b")));
        assert_eq!(grown.0, Status::Changed);
        let cut = changed(size, listed, |top| {
            File::options()
                .write(true)
                .open(top.join("sub/b"))
                .unwrap()
                .set_len(50)
                .unwrap();
        });
        assert_eq!(cut.0, Status::Changed);
        let gone = changed(size, listed, |top| {
            fs::remove_file(top.join("sub/b")).unwrap()
        });
        assert_eq!(gone.0, Status::Vanished);
        let folder = changed(size, listed, |top| {
            fs::remove_dir_all(top.join("sub")).unwrap()
        });
        assert_eq!(folder.0, Status::Vanished);
        let same = changed(size, listed, move |top| {
            // As long and as old as before: another inode.
            let path = top.join("sub/b");
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            fs::write(top.join("new"), crate::stream(size, 3)).unwrap();
            File::options()
                .write(true)
                .open(top.join("new"))
                .unwrap()
                .set_modified(modified)
                .unwrap();
            fs::rename(top.join("new"), path).unwrap();
        });
        assert_eq!(same.0, Status::Changed);
        assert!(same.1.named("top/sub/b").data.is_empty());
    }
    // In the middle of the contents.
    let middle = changed(4 << 20, "Data top/sub/b", move |top| {
        append(&top.join("sub/b"))
    });
    assert_eq!(middle.0, Status::Changed);
    let shrunk = changed(4 << 20, "Data top/sub/b", |top| {
        File::options()
            .write(true)
            .open(top.join("sub/b"))
            .unwrap()
            .set_len(9)
            .unwrap();
    });
    assert_eq!(shrunk.0, Status::Changed);
}

#[test]
fn what_is_replaced_by_a_link_or_a_fifo_leads_nowhere() {
    let listed = "Entry top/sub/b";
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("b"), "secret").unwrap();
    let target = secret.path().to_owned();
    let link = target.clone();
    let linked = changed(100, listed, move |top| {
        fs::remove_file(top.join("sub/b")).unwrap();
        symlink(link.join("b"), top.join("sub/b")).unwrap();
    });
    assert_eq!(linked.0, Status::Changed);
    let folder = changed(100, listed, move |top| {
        fs::rename(top.join("sub"), top.join("old")).unwrap();
        symlink(&target, top.join("sub")).unwrap();
    });
    assert_eq!(folder.0, Status::Changed);
    for size in [100, 1 << 20] {
        let fifo = changed(size, listed, |top| {
            fs::remove_file(top.join("sub/b")).unwrap();
            mkfifo(&top.join("sub/b"), Mode::S_IRWXU).unwrap();
        });
        assert_eq!(fifo.0, Status::Changed);
    }
}
