//! A traced thread, and its process.

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
    /// Whether its beginning has been reported (`Event::Unfinished`).
    pub(super) is_reported: bool,
}

/// A thread.
#[derive(Debug)]
pub(super) struct Tracee {
    /// Its process, or the process whose descriptors it shares.
    pub(super) process: i32,
    /// Whether it is a separate process that shares its creator's descriptors (CLONE_FILES without
    /// CLONE_THREAD).
    pub(super) shares_fd_table: bool,
    pub(super) entry: Option<Entry>,
    /// Whether it descends from a started program, not from an attached process.
    pub(super) is_started: bool,
    /// Whether CLONE_UNTRACED was cleared in its register, and must be restored.
    pub(super) is_untraced: bool,
}

/// How the calls of a process reach the tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A filter in the process hands over the relevant ones.
    Filtered,
    /// The process stops at each call.
    Every,
}

/// A process: the state that its threads share.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) table: Table,
    pub(super) mode: Mode,
    pub(super) threads: usize,
    /// The descriptors whose calls the filter hands over, in ranges.
    pub(super) covered: Vec<(u32, u32)>,
    /// Whether the filter hands over the calls that need a socket (`Shape::needs_socket`).
    pub(super) needs_socket: bool,
    /// Whether a note has reported that it creates sockets by calls of another architecture.
    pub(super) mixed_abi: bool,
    /// A 32-bit program: its calls are not decoded.
    pub(super) is_32bit: bool,
    /// Whether the program has been executed: before that the process runs our code.
    pub(super) is_started: bool,
}

/// Reads a number of /proc/PID/status; `None` if the thread has ended.
pub(super) fn field(thread: i32, name: &str) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The process that a thread belongs to.
pub(super) fn process_of(thread: i32) -> Option<i32> {
    field(thread, "Tgid:")
}

/// A thread's state (`R`, `S`, `t`, `Z` …) and flags (PF_…), from /proc/PID/stat.
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

/// The threads of a process, including ended ones that still have an id.
pub(super) fn threads(process: i32) -> Vec<i32> {
    let entries = fs::read_dir(format!("/proc/{process}/task"));
    let names = entries.into_iter().flatten().flatten();
    names
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// A live thread of a process, through which /proc shows its files: the first thread, if it lives.
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
