//! A traced thread, and the process that it belongs to.

use std::fs;
use std::time::Duration;

use super::calls::Spec;
use super::decode::EntrySnapshot;
use super::sockets::Table;

/// A call that has begun and not returned.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) spec: &'static Spec,
    pub(super) arguments: [u64; 6],
    pub(super) snapshot: EntrySnapshot,
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
    pub(super) shares_fd_table: bool,
    pub(super) entry: Option<Entry>,
    /// Whether it descends from a program that was started, and not from one that was attached to.
    pub(super) is_started: bool,
    /// Whether CLONE_UNTRACED was taken out of its register, and must be put back.
    pub(super) is_untraced: bool,
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
    /// Whether the filter hands over the calls that need a socket (`Shape::needs_socket`).
    pub(super) needs_socket: bool,
    /// Whether it has been said that it makes sockets by calls of another architecture.
    pub(super) mixed_abi: bool,
    /// A 32-bit program: its calls are not read.
    pub(super) is_32bit: bool,
    /// Whether the program has been started: before that it is ours.
    pub(super) is_started: bool,
}

/// A number of /proc/PID/status; `None` if the thread is no more.
pub(super) fn field(thread: i32, name: &str) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The process that a thread belongs to.
pub(super) fn process_of(thread: i32) -> Option<i32> {
    field(thread, "Tgid:")
}

/// A thread's state (`R`, `S`, `t`, `Z` …) and flags (PF_…), as /proc/PID/stat has them.
pub(super) fn state(thread: i32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{thread}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?.chars().next()?;
    Some((state, words.nth(5)?.parse().ok()?))
}

/// Whether a thread has ended, and still has its id.
pub(super) fn is_dead(thread: i32) -> bool {
    state(thread).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

/// The threads of a process, also those that have ended and still have an id.
pub(super) fn threads(process: i32) -> Vec<i32> {
    let entries = fs::read_dir(format!("/proc/{process}/task"));
    let names = entries.into_iter().flatten().flatten();
    names
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// A thread of a process that has not ended, by which /proc shows its files: its first, if that lives.
pub(super) fn living(process: i32) -> i32 {
    if !is_dead(process) {
        return process;
    }
    let threads = threads(process);
    let living = threads.into_iter().find(|thread| !is_dead(*thread));
    living.unwrap_or(process)
}

/// Whether a process runs a program of the other word size, by the fifth byte of its ELF header.
pub(super) fn is_32bit(process: i32) -> bool {
    use std::io::Read as _;
    let mut head = [0; 5];
    let read =
        fs::File::open(format!("/proc/{process}/exe")).and_then(|mut f| f.read_exact(&mut head));
    read.is_ok() && head[..4] == *b"\x7fELF" && head[4] == 1
}
