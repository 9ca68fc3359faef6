//! A traced thread, and the process that it belongs to.

use std::fs;
use std::time::Duration;

use super::calls::Spec;
use super::decode::Early;
use super::sockets::Table;

/// A call that has begun and not returned.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) spec: &'static Spec,
    pub(super) arguments: [u64; 6],
    pub(super) early: Early,
    pub(super) began: Duration,
    /// Whether its beginning has been told (`Event::Unfinished`).
    pub(super) is_told: bool,
}

/// A thread.
#[derive(Debug)]
pub(super) struct Tracee {
    /// The process, or for one that is apart the process whose descriptors it shares.
    pub(super) process: i32,
    /// Whether it is a process of its own that shares its maker's descriptors (CLONE_FILES without
    /// CLONE_THREAD).
    pub(super) is_apart: bool,
    pub(super) entry: Option<Entry>,
    /// Whether it has been seen to stop: a new one must, before it runs.
    pub(super) is_running: bool,
}

/// How the calls of a process come to the tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A filter in the process hands over those that matter.
    Filtered,
    /// Each and every one.
    Every,
}

/// A process: what its threads share.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) table: Table,
    pub(super) mode: Mode,
    pub(super) threads: usize,
    /// The descriptors whose calls the filter hands over, in ranges.
    pub(super) covered: Vec<(u32, u32)>,
    /// Whether the filter hands over the calls that are late (`Shape::is_late`).
    pub(super) is_late: bool,
    /// Whether it has been said that it makes sockets by calls of another architecture.
    pub(super) is_mixed: bool,
    /// A 32-bit program: its calls are not read.
    pub(super) is_foreign: bool,
    /// Whether the program has been started: before that it is ours.
    pub(super) is_started: bool,
}

/// The process that a thread belongs to.
pub(super) fn process_of(thread: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}

/// Whether a process runs a program of the other word size, by the fifth byte of its ELF header.
pub(super) fn is_foreign(process: i32) -> bool {
    use std::io::Read as _;
    let mut head = [0; 5];
    let read =
        fs::File::open(format!("/proc/{process}/exe")).and_then(|mut f| f.read_exact(&mut head));
    read.is_ok() && head[..4] == *b"\x7fELF" && head[4] == 1
}
