//! The loop: who stopped, why, and how it goes on.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::call::{Call, Direction, Returned};
use super::calls::{CALLS, Shape};
use super::place::Place;
use super::program::Program;
use super::signal;
use super::sockets::Sockets;
use super::tracee::{self, Mode, Process, Tracee};
use crate::error::{Error, Result};
use crate::sys::ptrace::{self, Info, Options, Resume, Status};
use crate::sys::{seccomp, signal as kept};

/// How to trace.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Whether what a traced process starts is traced, too.
    pub follow: bool,
    /// How many bytes of a string are shown.
    pub bytes: usize,
    /// Whether calls on sockets of other kinds than UDP are one short line.
    pub only_udp: bool,
    /// How many processes and threads may be alive at once; beyond that all are ended.
    pub most: usize,
    /// Whether sockets are asked for their addresses where a call does not tell them.
    pub ask: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            follow: true,
            bytes: 32,
            only_udp: true,
            most: 1024,
            ask: true,
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
pub enum Event<'a> {
    /// A call returned, or will never return.
    Call(&'a Call),
    /// A thread is about to get a signal.
    Signal {
        /// The thread.
        thread: i32,
        /// In strace's notation: `SIGINT {si_signo=SIGINT, …}`.
        text: String,
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
        text: String,
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
    found: VecDeque<Found>,
    /// Threads whose sends must be told before anything else: what they sent has been received.
    awaited: Vec<i32>,
    /// New threads that stopped before the call that made them told of them.
    early: Vec<i32>,
    /// Ends that were seen before their turn.
    late: Vec<(i32, Status)>,
    place: Place,
    root: Option<(i32, Option<End>)>,
    is_attached: bool,
    failure: Option<Error>,
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

    fn options(&self) -> Options {
        let mut options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC;
        if self.config.follow {
            options |= Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACEVFORK
                | Options::PTRACE_O_TRACECLONE;
        }
        options
    }

    /// Runs a program; returns its pid.
    ///
    /// # Errors
    /// If it cannot be run (ENOENT, EACCES, ENOEXEC …) or may not be traced.
    pub fn start(&mut self, program: &Program) -> Result<i32> {
        // A child that is not followed would keep the filter, and nobody would answer it.
        let mode = match self.config.follow {
            true => Mode::Filtered,
            false => Mode::Every,
        };
        let inherited: Vec<(u32, u32)> = Vec::new();
        let filter = (mode == Mode::Filtered).then(|| self.filter(&inherited, false));
        let waiting = program.fork(filter.as_deref())?;
        let pid = waiting.pid;
        // Without a tracer to answer the filter the program could not go on: it ends with us.
        let options = self.options() | Options::PTRACE_O_TRACESECCOMP | Options::PTRACE_O_EXITKILL;
        ptrace::seize(pid, options).map_err(|source| refused(&program.subject(), source))?;
        self.adopt(pid, pid, mode);
        self.root.get_or_insert((pid, None));
        let failure = waiting
            .release()
            .map_err(|source| Error::os("run", program.subject(), source))?;
        // The child stops at calls of its own before it has the program: let it go on meanwhile.
        loop {
            match self.wait_for(pid)? {
                Status::Event { event, .. } if event == libc::PTRACE_EVENT_EXEC => break,
                Status::Exited(_) | Status::Killed(_) => {
                    self.tracees.remove(&pid);
                    self.processes.remove(&pid);
                    let errno = failure.errno().unwrap_or(libc::ESRCH);
                    return Err(program.refused(errno));
                }
                Status::Signal(signal) => self.go_on(pid, signal),
                _ => self.go_on(pid, 0),
            }
        }
        self.place.stay();
        self.executed(pid);
        self.go_on(pid, 0);
        Ok(pid)
    }

    fn wait_for(&mut self, pid: i32) -> Result<Status> {
        loop {
            match ptrace::wait(pid, true) {
                Ok(Some((_, status))) => return Ok(status),
                Ok(None) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::os("wait for", format!("process {pid}"), error)),
            }
        }
    }

    /// Takes over a running process, with all its threads. It stops at each of its calls from now on,
    /// which is slower than [`Tracer::start`].
    ///
    /// # Errors
    /// If there is no such process (ESRCH), or it may not be traced (EPERM): the remedy says why.
    pub fn attach(&mut self, pid: i32) -> Result<()> {
        let subject = format!("process {pid}");
        let process = tracee::process_of(pid)
            .ok_or_else(|| refused(&subject, std::io::Error::from_raw_os_error(libc::ESRCH)))?;
        self.is_attached = true;
        self.root.get_or_insert((process, None));
        // Threads may be born meanwhile: until a round finds no new one.
        loop {
            let before = self.tracees.len();
            let entries = std::fs::read_dir(format!("/proc/{process}/task"));
            let names = entries.into_iter().flatten().flatten();
            let threads = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            for thread in threads.collect::<Vec<i32>>() {
                if self.tracees.contains_key(&thread) {
                    continue;
                }
                match ptrace::seize(thread, self.options()) {
                    Ok(()) => {
                        self.adopt(thread, process, Mode::Every);
                        // It may have ended since. Once it stands, no call of its escapes.
                        let _ = ptrace::interrupt(thread);
                        let status = self.wait_for(thread)?;
                        self.later(thread, status);
                    }
                    Err(error) if thread == process => return Err(refused(&subject, error)),
                    // A thread that ended since.
                    Err(_) => {}
                }
            }
            if self.tracees.len() == before {
                break;
            }
        }
        if before_any(&self.tracees) {
            return Err(refused(
                &subject,
                std::io::Error::from_raw_os_error(libc::ESRCH),
            ));
        }
        self.place.stay();
        self.executed(process);
        Ok(())
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

    /// Whether nothing that was found must wait for a send that is still to return.
    fn is_in_order(&mut self) -> bool {
        let tracees = &self.tracees;
        let is_sending = |thread: &i32| tracees.get(thread).is_some_and(|t| t.entry.is_some());
        self.awaited.retain(is_sending);
        // A send of UDP returns at once; one that does not is waited for no longer.
        if self.found.len() > MOST_HELD {
            self.awaited.clear();
        }
        self.awaited.is_empty()
    }

    /// Whether the call that has just returned is to be told now. A datagram may be received before
    /// the call that sends it has returned: the cause is told first.
    fn is_first(&mut self) -> bool {
        if !self.awaited.is_empty() || !self.found.is_empty() {
            let thread = self.call.thread;
            let is_awaited = self.awaited.contains(&thread);
            self.awaited.retain(|awaited| *awaited != thread);
            return is_awaited;
        }
        let facts = &self.call.facts;
        let is_udp = facts.kind.is_some_and(|kind| kind.is_udp());
        if facts.direction != Some(Direction::In) || !is_udp || self.tracees.len() < 2 {
            return true;
        }
        let is_sending = |tracee: &Tracee| {
            let entry = tracee
                .entry
                .as_ref()
                .filter(|entry| entry.spec.shape.is_send());
            let process = self.processes.get(&tracee.process);
            let fd = entry.map(|entry| entry.arguments[0] as i32);
            let inode = fd
                .zip(process)
                .and_then(|(fd, process)| process.table.inode(fd));
            let socket = inode.and_then(|inode| self.sockets.get(inode));
            socket.is_some_and(|socket| socket.kind.is_udp())
        };
        let sending = self.tracees.iter().filter(|(_, tracee)| is_sending(tracee));
        self.awaited = sending.map(|(thread, _)| *thread).collect();
        self.awaited.is_empty()
    }

    /// The filter that a program starts with, or (`is_late`) the one that its first sockets add.
    pub(super) fn filter(&self, ranges: &[(u32, u32)], is_late: bool) -> Vec<libc::sock_filter> {
        let always = numbers(|shape| match is_late {
            true => shape.is_late(),
            false => shape.is_always(),
        });
        seccomp::filter(&always, &numbers(Shape::is_by_fd), ranges)
    }

    /// The filter for more sockets.
    pub(super) fn filter_by_fd(&self, range: (u32, u32)) -> Vec<libc::sock_filter> {
        seccomp::filter(&[], &numbers(Shape::is_by_fd), &[range])
    }

    /// What a thread's end must wait for: the event before it is told first.
    pub(super) fn later(&mut self, thread: i32, status: Status) {
        self.late.push((thread, status));
    }

    /// Has the other threads of a process stop, so that they go on in its new mode.
    pub(super) fn interrupt_others(&mut self, process: i32, thread: i32) {
        for (other, tracee) in &self.tracees {
            if tracee.process == process && *other != thread {
                let _ = ptrace::interrupt(*other);
            }
        }
    }

    pub(super) fn adopt(&mut self, thread: i32, process: i32, mode: Mode) {
        let tracee = Tracee {
            process,
            entry: None,
            is_running: true,
        };
        self.tracees.insert(thread, tracee);
        let entry = self.processes.entry(process).or_insert_with(|| Process {
            table: Default::default(),
            mode,
            threads: 0,
            covered: Vec::new(),
            is_late: false,
            is_foreign: false,
            is_started: false,
        });
        entry.threads += 1;
        if self.tracees.len() > self.config.most && self.failure.is_none() {
            let reason = format!("more than {} processes and threads", self.config.most);
            let error = Error::invalid("trace", "all that was started", reason);
            self.failure =
                Some(error.with_remedy("all were ended; --max-processes allows for more"));
        }
    }

    /// A process has a new program.
    pub(super) fn executed(&mut self, process: i32) {
        if let Some(entry) = self.processes.get_mut(&process) {
            entry.is_started = true;
            entry.is_foreign = tracee::is_foreign(process);
            self.sockets.scan(&mut entry.table, process);
            let file = std::fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
            let file = file.to_string_lossy().escape_debug().to_string();
            if entry.is_foreign {
                let text = format!(
                    "{file} is a 32-bit program: its calls have numbers of their own, and are not shown"
                );
                self.note(process, text);
            }
            let event = Event::Program { process, file };
            self.found.push_back(Found::Other(event));
        }
        self.cover(process, process);
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
                let text = signal_text(thread, signal);
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

    /// A thread or process was made by another.
    fn born(&mut self, parent: i32) {
        let Ok(child) = ptrace::event_message(parent) else {
            return;
        };
        let child = child as i32;
        let Some(maker) = self.tracees.get(&parent).map(|tracee| tracee.process) else {
            return;
        };
        let process = tracee::process_of(child).unwrap_or(child);
        let mode = self.processes.get(&maker).map_or(Mode::Every, |p| p.mode);
        self.adopt(child, process, mode);
        if process != maker
            && let Some(parent) = self.processes.get(&maker)
        {
            let table = self.sockets.fork(&parent.table);
            let (covered, is_late) = (parent.covered.clone(), parent.is_late);
            let (is_foreign, is_started) = (parent.is_foreign, parent.is_started);
            if let Some(child) = self.processes.get_mut(&process) {
                child.table = table;
                child.covered = covered;
                child.is_late = is_late;
                child.is_foreign = is_foreign;
                child.is_started = is_started;
            }
        }
        if let Some(at) = self.early.iter().position(|early| *early == child) {
            self.early.swap_remove(at);
            self.go_on(child, 0);
        }
    }

    /// A process runs another program: its other threads are gone, and this one has its pid.
    fn replaced(&mut self, thread: i32) {
        let former = ptrace::event_message(thread).unwrap_or(i64::from(thread)) as i32;
        let gone: Vec<i32> = self
            .tracees
            .iter()
            .filter(|(id, tracee)| tracee.process == thread && **id != thread)
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.tracees.remove(&id);
        }
        let _ = former;
        if let Some(tracee) = self.tracees.get_mut(&thread) {
            tracee.entry = None;
        }
        if let Some(process) = self.processes.get_mut(&thread) {
            process.threads = 1;
        }
        self.executed(thread);
    }

    fn ended(&mut self, thread: i32, end: End) -> Option<Found> {
        let has_call = self.never_returned(thread);
        let tracee = self.tracees.remove(&thread)?;
        if let Some(process) = self.processes.get_mut(&tracee.process) {
            process.threads -= 1;
            if process.threads == 0
                && let Some(process) = self.processes.remove(&tracee.process)
            {
                self.sockets.close_all(&process.table);
            }
        }
        if let Some((root, how)) = &mut self.root
            && *root == thread
        {
            *how = Some(end);
        }
        let event = Event::Ended {
            thread,
            process: tracee.process,
            end,
        };
        if has_call {
            self.found
                .push_back(Found::Later(Box::new(std::mem::take(&mut self.call))));
            self.found.push_back(Found::Other(event));
            return None;
        }
        Some(Found::Other(event))
    }

    /// Something that a person should know.
    pub(super) fn note(&mut self, process: i32, text: String) {
        let event = Event::Note { process, text };
        self.found.push_back(Found::Other(event));
    }

    /// Lets go of every process; each runs on.
    fn detach_all(&mut self) {
        for thread in self.tracees.keys() {
            let _ = ptrace::interrupt(*thread);
        }
        while let Some(thread) = self.tracees.keys().next().copied() {
            // Each stops at once, or has ended.
            let status = self.wait_for(thread);
            let process = self.tracees.remove(&thread).map_or(thread, |t| t.process);
            let end = match status {
                Ok(Status::Exited(code)) => End::Exited(code),
                Ok(Status::Killed(signal)) => End::Killed(signal),
                Ok(Status::Signal(signal)) => {
                    let _ = ptrace::resume(thread, Resume::Detach, signal);
                    End::Detached
                }
                _ => {
                    let _ = ptrace::resume(thread, Resume::Detach, 0);
                    End::Detached
                }
            };
            if let Some((root, how)) = &mut self.root
                && *root == thread
            {
                *how = Some(end);
            }
            self.found.push_back(Found::Other(Event::Ended {
                thread,
                process,
                end,
            }));
        }
    }

    /// Ends every process, and those that they start meanwhile.
    fn end_all(&mut self) {
        loop {
            for thread in self.tracees.keys().chain(&self.early) {
                let _ = nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(*thread),
                    nix::sys::signal::Signal::SIGKILL,
                );
            }
            match ptrace::wait(-1, true) {
                Ok(Some((thread, Status::Exited(_) | Status::Killed(_)))) => {
                    self.tracees.remove(&thread);
                    self.early.retain(|early| *early != thread);
                }
                Ok(Some((thread, _))) if !self.tracees.contains_key(&thread) => {
                    self.early.push(thread);
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.tracees.clear();
        self.processes.clear();
    }
}

/// How many events wait for a send to return.
const MOST_HELD: usize = 256;

fn numbers(wanted: impl Fn(Shape) -> bool) -> Vec<i64> {
    let found = CALLS.iter().filter(|spec| wanted(spec.shape));
    found.map(|spec| spec.number).collect()
}

fn before_any(tracees: &HashMap<i32, Tracee>) -> bool {
    tracees.is_empty()
}

/// Now, since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// `SIGINT {si_signo=SIGINT, si_code=SI_USER, si_pid=1, si_uid=0}`.
fn signal_text(thread: i32, number: i32) -> String {
    let name = signal::name(number);
    match ptrace::signal_info(thread) {
        Ok((code, pid, uid)) if code <= 0 || number == libc::SIGCHLD => {
            let code = match number {
                libc::SIGCHLD => signal::child_code(code),
                _ => signal::code(code),
            };
            format!("{name} {{si_signo={name}, si_code={code}, si_pid={pid}, si_uid={uid}}}")
        }
        Ok((code, ..)) => format!("{name} {{si_signo={name}, si_code={}}}", signal::code(code)),
        Err(_) => name,
    }
}

/// Why a process may not be traced, and what to do.
fn refused(subject: &str, source: std::io::Error) -> Error {
    let errno = source.raw_os_error();
    let error = Error::os("trace", subject, source);
    match errno {
        Some(libc::ESRCH) => error.with_remedy("there is no such process, or it has ended"),
        Some(libc::EPERM) => {
            let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
            let pid = subject.trim_start_matches("process ");
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name))?;
                line.split_whitespace().next().map(str::to_owned)
            };
            let ours = nix::unistd::geteuid().to_string();
            match (
                field("TracerPid:"),
                field("Uid:"),
                scope.as_deref().map(str::trim),
            ) {
                (Some(tracer), ..) if tracer != "0" => error.with_remedy(format!(
                    "process {tracer} traces it already: end that first"
                )),
                (_, Some(user), _) if user != ours => error.with_remedy(format!(
                    "it belongs to user {user}: run this as that user, or as root"
                )),
                (_, _, Ok("1" | "2" | "3")) => error.with_remedy(
                    "kernel.yama.ptrace_scope forbids it: start the program under udpraw trace, \
                     run this as root, or set the sysctl to 0",
                ),
                _ => error.with_remedy(
                    "ptrace is forbidden here, as in many containers: CAP_SYS_PTRACE allows it",
                ),
            }
        }
        _ => error,
    }
}
