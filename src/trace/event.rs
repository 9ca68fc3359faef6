//! The configuration of a tracer, and the events that it reports.

use super::call::Call;
use super::signal::Delivered;

/// How to trace.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Whether processes that a traced process starts are traced, too.
    pub follow: bool,
    /// The maximum number of bytes of a string that are shown.
    pub bytes: usize,
    /// Whether calls on sockets that are not UDP are shortened to one line.
    pub only_udp: bool,
    /// The maximum number of processes and threads that are traced at once. Beyond it, the started ones
    /// are ended and the attached ones are detached from. `None` for no limit.
    pub max_tracees: Option<usize>,
    /// Whether sockets are queried for their addresses if a call does not contain them.
    pub ask: bool,
    /// Whether a call during which another event occurs is reported in two parts, as strace does: when
    /// it begins ([`Event::Unfinished`]), and when it returns. Otherwise each call is one event, and a
    /// send is reported before the receive that it caused.
    pub overlaps: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            follow: true,
            bytes: 32,
            only_udp: true,
            max_tracees: None,
            ask: true,
            overlaps: false,
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It exited with this status.
    Exited(i32),
    /// It was killed by this signal.
    Killed(i32),
    /// The tracer detached from it, and it keeps running.
    Detached,
}

/// An event that the tracer reports.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A call returned, or will never return.
    Call(&'a Call),
    /// A call has begun, and another event precedes its return. Only with [`Config::overlaps`].
    Unfinished {
        /// The thread that makes it.
        thread: i32,
        /// The call as far as it is known (see [`Call::unfinished_line`]).
        call: Box<Call>,
    },
    /// A thread is about to receive a signal.
    Signal {
        /// The thread.
        thread: i32,
        /// The signal, and its sender.
        signal: Delivered,
    },
    /// A thread ended.
    Ended {
        /// The thread.
        thread: i32,
        /// Its process.
        process: i32,
        /// How.
        end: End,
    },
    /// A process executed another program, or a program was started.
    Program {
        /// The process.
        process: i32,
        /// Its file.
        file: String,
    },
    /// A limit of the trace, and its reason.
    Note {
        /// The process concerned.
        process: i32,
        /// The limit.
        note: Note,
    },
}

/// Something that the trace cannot show, or shows only slowly. Its `Display` is an English sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// process_vm_readv(2) is forbidden; `/proc/PID/mem` is read instead, which is slower.
    MemoryByFile,
    /// Both are forbidden; memory is read with `PTRACE_PEEKDATA`, one word at a time.
    MemoryByWords,
    /// seccomp(2) is not available, so each call stops the program twice.
    NoFilter {
        /// The reason.
        errno: i32,
    },
    /// The program uses io_uring(7), whose operations are not system calls.
    Uring,
    /// The program creates a socket with a call of another architecture; such calls are not shown.
    MixedAbi,
    /// A 32-bit program, whose calls are not shown.
    Program32 {
        /// Its file.
        file: String,
    },
}

/// The result of [`Tracer::step`], before it borrows the call.
#[derive(Debug)]
pub(super) enum Found {
    /// The call in [`Tracer::call`].
    Call,
    /// A call that waits for its turn.
    Later(Box<Call>),
    Other(Event<'static>),
}
