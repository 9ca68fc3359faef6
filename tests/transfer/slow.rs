//! Disks that are slow, or stuck: they hold up their own transfer, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::ends::Process;
use crate::{Recv, Send, common, folder_with, stream, text};

/// What takes the time if it is the receiver's disk: the second if all was sent.
const SLOW: &[&str] = &["storing", "finishing"];
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transfer/slow_disk.py");

/// A folder behind a slow file system: slow_disk.py.
struct Disk {
    folder: TempDir,
    /// What the file system shows, for one command.
    shown: PathBuf,
    /// Where its files are in truth.
    backing: PathBuf,
}

impl Disk {
    /// None where it cannot be mounted, which is said.
    fn new() -> Option<Self> {
        if !common::has("python3") {
            common::skip("no python3");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (shown, backing) = (folder.path().join("disk"), folder.path().join("backing"));
        for path in [&shown, &backing] {
            fs::create_dir(path).expect("a folder");
        }
        let disk = Self {
            folder,
            shown,
            backing,
        };
        let probe = common::run(disk.command("0", &["--version"]));
        if probe.code == Some(77) {
            common::skip(probe.stderr.trim_end());
            return None;
        }
        assert_eq!(probe.code, Some(0), "{}", probe.stderr);
        Some(disk)
    }

    /// `udpraw`, which sees the disk.
    fn command(&self, delay: &str, words: &[&str]) -> Command {
        let mut command = Command::new("python3");
        command
            .arg(SERVER)
            .args([&self.shown, &self.backing])
            .arg(delay)
            .arg(env!("CARGO_BIN_EXE_udpraw"))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn recv(&self, delay: &str, into: &Path, words: &[&str]) -> Recv {
        let words = [
            &["recv", "--port", "0", "--json", "--into", text(into)],
            words,
        ];
        Recv::run(self.command(delay, &words.concat()))
    }

    fn send(&self, to: &Recv, words: &[&str]) -> Send {
        let (host, port) = (to.address.ip().to_string(), to.address.port().to_string());
        let words = [&["send", &host, "--port", &port, "--json"], words].concat();
        // So slow that much is still to be read when the receiver tells of its first bytes.
        Send::run(self.command("0.01", &words))
    }

    fn signal(&self, signal: Signal) {
        let server = fs::read_to_string(self.folder.path().join("server")).expect("its process");
        let server = Pid::from_raw(server.parse().expect("a process"));
        kill(server, signal).expect("it is there");
    }

    fn is_stuck(&self) {
        self.signal(Signal::SIGUSR1);
    }

    /// Nobody waited for it longer than for what a test awaits.
    fn was_not_awaited(&self) {
        assert!(!self.folder.path().join("waited").exists());
    }

    fn goes_on(&self) {
        self.signal(Signal::SIGUSR2);
    }
}

/// Reads events until one, after a time since the start, says that one of these takes the time.
fn await_activity(events: &mut Process, activities: &[&str], after: Duration) {
    let after = Some(after.as_nanos() as u64);
    loop {
        let event = events.event();
        let is_one = activities.iter().any(|one| event["activity"] == *one);
        if is_one && event["elapsed_ns"].as_u64() > after {
            return;
        }
    }
}

/// Both ends say that the receiver's disk is slow, and have not ended.
fn await_slow(recv: &mut Recv, send: &mut Send, after: Duration) {
    await_activity(&mut recv.process, SLOW, after);
    await_activity(&mut send.process, SLOW, after);
}

#[test]
fn a_slow_disk_is_told_of_at_both_ends() {
    let Some(disk) = Disk::new() else { return };
    let (_folder, source) = folder_with("film", &stream(6_000_000, 40));
    let mut recv = disk.recv("0.03", &disk.shown, &["--count", "1"]);
    let mut send = Send::start(recv.address, &[text(&source), "--json"]);
    await_slow(&mut recv, &mut send, Duration::ZERO);
    assert_eq!(send.finish().last()["event"], "done");
    assert_eq!(recv.finish().last()["event"], "done");
    assert!(fs::read(disk.backing.join("film")).expect("it") == stream(6_000_000, 40));
}

#[test]
fn a_stuck_disk_holds_up_its_own_transfer_only() {
    let Some(disk) = Disk::new() else { return };
    let (_folder, source) = folder_with("film", &stream(20_000_000, 41));
    let (_other, small) = folder_with("small", b"small");
    // The stuck folder is below the target: other names are on another disk.
    let film = source.with_file_name("disk");
    fs::create_dir(&film).expect("a folder");
    fs::rename(&source, film.join("film")).expect("it");
    let target = disk.folder.path().to_owned();
    let mut recv = disk.recv("0", &target, &["--count", "2", "--timeout", "2s"]);
    disk.is_stuck();
    let mut send = Send::start(recv.address, &[text(&film), "--json", "--timeout", "2s"]);
    await_slow(&mut recv, &mut send, Duration::ZERO);
    Send::start(recv.address, &[text(&small)])
        .finish()
        .is(0, "sent small");
    assert_eq!(fs::read(target.join("small")).expect("it"), b"small");
    // Longer than the timeout: both go on talking.
    await_slow(&mut recv, &mut send, Duration::from_secs(5));
    disk.goes_on();
    assert_eq!(send.finish().last()["event"], "done");
    let received = recv.finish();
    assert_eq!(
        (received.code, &received.last()["event"]),
        (Some(0), &"done".into())
    );
    assert!(fs::read(disk.backing.join("film")).expect("it") == stream(20_000_000, 41));
}

/// Interrupts one end of a transfer to a disk that is stuck: both end, though nothing gets it going.
fn interrupted(by_receiver: bool, length: usize) {
    let Some(disk) = Disk::new() else { return };
    let (_folder, source) = folder_with("film", &stream(length, 42));
    let mut recv = disk.recv("0", &disk.shown, &["--count", "1"]);
    disk.is_stuck();
    let mut send = Send::start(recv.address, &[text(&source), "--json"]);
    await_slow(&mut recv, &mut send, Duration::ZERO);
    let process = if by_receiver {
        &recv.process
    } else {
        &send.process
    };
    process.signal(Signal::SIGINT);
    let (sent, received) = (send.finish(), recv.finish());
    disk.was_not_awaited();
    for end in [&sent, &received] {
        assert_eq!(end.code, Some(1), "{end:?}");
        assert_eq!(end.last()["reason"], "interrupted", "{end:?}");
    }
}

#[test]
fn ctrl_c_at_the_receiver_ends_both_ends_though_the_disk_is_stuck() {
    interrupted(true, 30_000_000);
}

#[test]
fn ctrl_c_at_the_sender_ends_both_ends_though_the_disk_is_stuck() {
    interrupted(false, 30_000_000);
}

#[test]
fn ctrl_c_is_heard_while_the_last_bytes_are_stuck() {
    interrupted(true, 1_000);
    interrupted(false, 1_000);
}

#[test]
fn a_stuck_source_holds_up_nothing_but_itself() {
    let Some(disk) = Disk::new() else { return };
    let (folder, small) = folder_with("small", b"small");
    fs::write(disk.backing.join("film"), stream(30_000_000, 43)).expect("a file");
    let film = disk.shown.join("film");
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("a folder");
    let words = ["--into", text(&target), "--timeout", "2s", "--json"];
    let mut recv = Recv::start(&words);
    let mut send = disk.send(&recv, &[text(&film), "--timeout", "2s"]);
    recv.process.await_bytes(100_000);
    disk.is_stuck();
    let after = Duration::from_secs(5);
    await_activity(&mut send.process, &["reading"], after);
    await_activity(&mut recv.process, &["waiting"], after);
    Send::start(recv.address, &[text(&small)])
        .finish()
        .is(0, "sent small");
    disk.goes_on();
    assert_eq!(send.finish().last()["event"], "done");
    assert!(fs::read(target.join("film")).expect("it") == stream(30_000_000, 43));

    fs::remove_file(target.join("film")).expect("it");
    for at_sender in [true, false] {
        let count = ["--count", "1"];
        let mut recv = Recv::start(&[&words[..], &count].concat());
        let mut send = disk.send(&recv, &[text(&film)]);
        recv.process.await_bytes(100_000);
        disk.is_stuck();
        await_activity(&mut send.process, &["reading"], Duration::ZERO);
        let process = if at_sender {
            &send.process
        } else {
            &recv.process
        };
        process.signal(Signal::SIGINT);
        let ends = [send.finish(), recv.finish()];
        disk.was_not_awaited();
        for end in ends {
            assert_eq!(end.code, Some(1), "{end:?}");
            assert_eq!(end.last()["reason"], "interrupted", "{end:?}");
        }
    }
}

#[test]
fn a_sender_that_vanishes_after_the_last_byte_holds_up_nobody() {
    let Some(disk) = Disk::new() else {
        return;
    };
    let (_folder, source) = folder_with("film", &stream(100_000, 27));
    // A second for each write, after everything has arrived.
    let mut recv = disk.recv("1", &disk.shown, &["--count", "1"]);
    let mut send = Send::start(recv.address, &[text(&source), "--json"]);
    await_activity(&mut send.process, &["finishing"], Duration::ZERO);
    send.process.signal(Signal::SIGKILL);
    send.finish();
    while recv.process.event()["event"] != "done" {}
    let left = Instant::now();
    let received = recv.finish();
    assert_eq!(received.code, Some(0), "{received:?}");
    // The default of --timeout.
    assert!(left.elapsed() < udpraw::transfer::TIMEOUT / 2);
    let stored = fs::read(disk.backing.join("film")).expect("it");
    assert!(stored == stream(100_000, 27));
}
