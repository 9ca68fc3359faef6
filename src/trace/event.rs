//! What a tracer is asked for, and what it tells.

use super::call::Call;
use super::signal::Delivered;

/// How to trace.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Whether what a traced process starts is traced, too.
    pub follow: bool,
    /// How many bytes of a string are shown.
    pub bytes: usize,
    /// Whether calls on sockets of other kinds than UDP are one short line.
    pub only_udp: bool,
    /// How many processes and threads may be traced at once. Beyond that those that were started are
    /// ended, and those that were attached to are let go. `None` for no limit.
    pub max_tracees: Option<usize>,
    /// Whether sockets are asked for their addresses where a call does not tell them.
    pub ask: bool,
    /// Whether a call during which something else happens is told in two parts, as strace does: as it
    /// begins ([`Event::Unfinished`]), and as it returns. Otherwise each call is one event, and a send
    /// is told before the receive that it caused.
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
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// The tracer let go of it, and it runs on.
    Detached,
}

/// What the tracer saw.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A call returned, or will never return.
    Call(&'a Call),
    /// A call has begun, and something else happens before it returns. Only with [`Config::overlaps`].
    Unfinished {
        /// The thread that makes it.
        thread: i32,
        /// What is known of it so far (see [`Call::unfinished_line`]).
        call: Box<Call>,
    },
    /// A thread is about to get a signal.
    Signal {
        /// The thread.
        thread: i32,
        /// Which one, and who sent it.
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
    /// A process runs another program from now on, or one has been started.
    Program {
        /// The process.
        process: i32,
        /// Its file.
        file: String,
    },
    /// Something that the trace cannot show, and why.
    Note {
        /// The process that it is about.
        process: i32,
        /// What a person should know.
        note: Note,
    },
}

/// Something that the trace cannot show, or only slowly. Its text is English.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// process_vm_readv(2) is forbidden; `/proc/PID/mem` is read instead, which is slower.
    MemoryByFile,
    /// That is forbidden, too: memory is read by `PTRACE_PEEKDATA`, a word at a time.
    MemoryByWords,
    /// seccomp(2) is not to be had, so that each call stops the program twice.
    NoFilter {
        /// Why.
        errno: i32,
    },
    /// The program uses io_uring(7), whose operations are no system calls.
    Uring,
    /// The program makes a socket by a call of another architecture; such calls are not shown.
    MixedAbi,
    /// A 32-bit program, whose calls are not shown.
    Program32 {
        /// Its file.
        file: String,
    },
}

/// What [`Tracer::step`] found, before it borrows the call.
#[derive(Debug)]
pub(super) enum Found {
    /// The call in [`Tracer::call`].
    Call,
    /// A call that waits for its turn.
    Later(Box<Call>),
    Other(Event<'static>),
}
