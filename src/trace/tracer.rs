//! The loop: who stopped, why, and how it goes on.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::call::{Call, Returned};
use super::event::{Config, End, Event, Found};
use super::place::Place;
use super::signal;
use super::sockets::Sockets;
use super::tracee::{Mode, Process, Tracee};
use crate::error::{Error, Result};
use crate::sys::ptrace::{self, Info, Resume, Status};
use crate::sys::signal as kept;

/// Keeps SIGINT, SIGTERM and SIGHUP from ending this process: those that another process sends are
/// passed on to the first program, and those of the terminal reach it by themselves. For programs: the
/// handlers are the whole process's.
///
/// # Errors
/// Of sigaction(2).
pub fn pass_signals_on() -> Result<()> {
    kept::keep_signals().map_err(|source| Error::os("handle", "SIGINT and SIGTERM", source))
}

/// Traces programs.
#[derive(Debug)]
pub struct Tracer {
    pub(super) config: Config,
    pub(super) tracees: HashMap<i32, Tracee>,
    pub(super) processes: HashMap<i32, Process>,
    pub(super) sockets: Sockets,
    pub(super) call: Call,
    pub(super) found: VecDeque<Found>,
    /// Threads whose sends must be told before anything else: what they sent has been received.
    pub(super) awaited: Vec<i32>,
    /// The thread whose call was the last to begin, until something is told.
    pub(super) begun: Option<i32>,
    /// New threads that stopped before the call that made them told of them.
    pub(super) early: Vec<i32>,
    /// Ends that were seen before their turn.
    pub(super) late: Vec<(i32, Status)>,
    pub(super) place: Place,
    pub(super) root: Option<(i32, Option<End>)>,
    pub(super) is_attached: bool,
    pub(super) failure: Option<Error>,
}

impl Tracer {
    /// A tracer that traces nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            tracees: HashMap::new(),
            processes: HashMap::new(),
            sockets: Sockets::default(),
            call: Call::default(),
            found: VecDeque::new(),
            awaited: Vec::new(),
            begun: None,
            early: Vec::new(),
            late: Vec::new(),
            place: Place::default(),
            root: None,
            is_attached: false,
            failure: None,
        }
    }

    /// The first process that was started or taken over, and how it ended, if it has.
    pub fn root(&self) -> Option<(i32, Option<End>)> {
        self.root
    }

    /// How many threads are traced now.
    pub fn threads(&self) -> usize {
        self.tracees.len()
    }

    /// What happens next; `None` once nobody is traced any more.
    ///
    /// When a signal handler raises `stop`, a process that was taken over is let go.
    ///
    /// # Errors
    /// If there are more processes than [`Config::most`]: then all have been ended.
    pub fn next_event(&mut self, stop: Option<&AtomicBool>) -> Result<Option<Event<'_>>> {
        loop {
            if self.is_in_order() {
                match self.found.pop_front() {
                    Some(Found::Other(event)) => return Ok(Some(event)),
                    Some(Found::Later(call)) => {
                        self.call = *call;
                        return Ok(Some(Event::Call(&self.call)));
                    }
                    Some(Found::Call) | None => {}
                }
            }
            if let Some(failure) = self.failure.take() {
                self.end_all();
                return Err(failure);
            }
            if let (Some((root, None)), Some(number)) = (self.root, kept::taken()) {
                // It may have ended since: then there is nobody to tell.
                let signal = nix::sys::signal::Signal::try_from(number).ok();
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(root), signal);
            }
            let is_stopped = || stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
            if self.is_attached && !self.tracees.is_empty() && is_stopped() {
                self.detach_all();
                continue;
            }
            let word = match self.late.pop() {
                Some(word) => Ok(Some(word)),
                None => ptrace::wait(-1, true),
            };
            let (thread, status) = match word {
                Ok(Some(word)) => word,
                Ok(None) => continue,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                // ECHILD: nobody is left.
                Err(_) => return Ok(None),
            };
            match self.step(thread, status) {
                Some(Found::Call) if self.is_first() => return Ok(Some(Event::Call(&self.call))),
                Some(Found::Call) => {
                    let call = Box::new(std::mem::take(&mut self.call));
                    self.found.push_back(Found::Later(call));
                }
                Some(other) => self.found.push_back(other),
                None => {}
            }
        }
    }

    /// What a thread's end must wait for: the event before it is told first.
    pub(super) fn later(&mut self, thread: i32, status: Status) {
        self.late.push((thread, status));
    }

    /// Stops at each call of a process from now on, which `thread` is stopped in.
    pub(super) fn look_at_every(&mut self, process: i32, thread: i32) {
        if let Some(process) = self.processes.get_mut(&process)
            && process.is_started
            && process.mode == Mode::Filtered
        {
            process.mode = Mode::Every;
        } else {
            return;
        }
        self.interrupt_others(process, thread);
    }

    /// Has the other threads of a process stop, so that they go on in its new mode.
    pub(super) fn interrupt_others(&mut self, process: i32, thread: i32) {
        for (other, tracee) in &self.tracees {
            if tracee.process == process && *other != thread {
                let _ = ptrace::interrupt(*other);
            }
        }
    }

    /// Lets a stopped thread go on, as its process is traced.
    pub(super) fn go_on(&mut self, thread: i32, signal: i32) {
        let Some(tracee) = self.tracees.get_mut(&thread) else {
            return;
        };
        tracee.is_running = true;
        let process = self.processes.get(&tracee.process);
        let is_every = process.is_none_or(|process| process.mode == Mode::Every);
        let how = match tracee.entry.is_some() || is_every {
            true => Resume::ToSyscall,
            false => Resume::Continue,
        };
        self.place.resume(thread, || {
            // ESRCH: killed meanwhile; its end is told by the next wait.
            let _ = ptrace::resume(thread, how, signal);
        });
    }

    fn step(&mut self, thread: i32, status: Status) -> Option<Found> {
        if !self.tracees.contains_key(&thread) {
            match status {
                Status::Exited(_) | Status::Killed(_) => {
                    self.early.retain(|early| *early != thread)
                }
                _ if !self.early.contains(&thread) => self.early.push(thread),
                _ => {}
            }
            return None;
        }
        match status {
            Status::Syscall => self.syscall(thread),
            Status::Event { event, signal } => match event {
                libc::PTRACE_EVENT_SECCOMP => self.syscall(thread),
                libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                    self.born(thread);
                    self.go_on(thread, 0);
                    None
                }
                libc::PTRACE_EVENT_EXEC => {
                    self.replaced(thread);
                    self.go_on(thread, 0);
                    None
                }
                libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => {
                    // A group stop: it lasts until SIGCONT.
                    let _ = ptrace::resume(thread, Resume::Listen, 0);
                    None
                }
                _ => {
                    self.go_on(thread, 0);
                    None
                }
            },
            Status::Signal(signal) => {
                self.end_line(thread);
                let text = signal::text(thread, signal);
                self.go_on(thread, signal);
                Some(Found::Other(Event::Signal { thread, text }))
            }
            Status::Exited(code) => self.ended(thread, End::Exited(code)),
            Status::Killed(signal) => self.ended(thread, End::Killed(signal)),
        }
    }

    fn syscall(&mut self, thread: i32) -> Option<Found> {
        let found = match ptrace::syscall_info(thread) {
            Ok(Info::Entry {
                arch,
                number,
                arguments,
            }) => {
                self.entered(thread, arch, number, arguments);
                None
            }
            Ok(Info::Exit { value, is_error }) => {
                let returned = match is_error {
                    true => Returned::Error(i32::try_from(-value).unwrap_or_default()),
                    false => Returned::Value(value),
                };
                self.returned(thread, returned)
            }
            _ => None,
        };
        self.go_on(thread, 0);
        found
    }

    /// Something that a person should know.
    pub(super) fn note(&mut self, process: i32, text: String) {
        let event = Event::Note { process, text };
        self.found.push_back(Found::Other(event));
    }
}

/// Now, since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
