//! The loop: who stopped, why, and how it goes on.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, SystemTime};

use super::call::{Call, Direction, Returned};
use super::event::{Config, End, Event, Found, Note};
use super::listen::Word;
use super::memory::Way;
use super::order::Order;
use super::session::Session;
use super::signal::Delivered;
use super::stops::Stops;
use super::tracee::{Mode, Tracee};
use super::tracees::Tracees;
use crate::error::Result;
use crate::sys::inject;
use crate::sys::ptrace::{self, Info, Resume, Status};

/// What a program's signal handlers tell its tracer: the library installs none.
#[derive(Clone, Copy, Debug)]
pub struct Signals<'a> {
    /// Raised by a handler; the tracer lowers it where it has dealt with the signal. The handler must
    /// interrupt a blocking call: no `SA_RESTART`.
    pub stop: &'a AtomicBool,
    /// The number of a signal that another process sent to this one, for the program that was started;
    /// 0 for none. Those of the terminal reach that program by themselves.
    pub sent: &'a AtomicI32,
}

impl Signals<'_> {
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Traces programs.
///
/// The kernel knows a tracer by its thread: a `Tracer` stays on the one that made it, and a thread has one
/// at a time. The end of that thread lets go of all that was attached to, and ends what was started.
/// Other children of the thread are left to the program to wait for.
#[derive(Debug)]
pub struct Tracer {
    pub(super) config: Config,
    pub(super) tracees: Tracees,
    pub(super) stops: Stops,
    pub(super) order: Order,
    pub(super) session: Session,
    /// The call that is read, which is used again and again.
    pub(super) call: Call,
    /// How memory is read, as it was last told.
    pub(super) way: Way,
    /// ptrace(2) takes requests from the tracing thread alone.
    pub(super) thread: PhantomData<*const ()>,
}

impl Tracer {
    /// A tracer that traces nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            tracees: Tracees::default(),
            stops: Stops::default(),
            order: Order::default(),
            session: Session::default(),
            call: Call::default(),
            way: Way::Call,
            thread: PhantomData,
        }
    }

    /// The first process that was started or taken over, and how it ended, if it has.
    pub fn root(&self) -> Option<(i32, Option<End>)> {
        self.session.root()
    }

    /// How many threads are traced now.
    pub fn threads(&self) -> usize {
        self.tracees.threads.len()
    }

    /// What happens next; `None` once nobody is traced any more, or the rest is to be let go of.
    ///
    /// When `signals` tell of one, a process that was attached to is let go. A program that was started gets
    /// it, as long as it runs; once it has ended, whatever it left behind is let go, and what still
    /// needs a tracer then ([`Tracer::remaining`]) is for [`Tracer::keep`].
    ///
    /// # Errors
    /// If there are more processes and threads than [`Config::max_tracees`]: those that were started have
    /// been ended then, and those that were attached to let go.
    pub fn next_event(&mut self, signals: Option<Signals<'_>>) -> Result<Option<Event<'_>>> {
        loop {
            let threads = &self.tracees.threads;
            let is_sending = |id| threads.get(&id).is_some_and(|t| t.entry.is_some());
            match self.order.next(is_sending) {
                Some(Found::Other(event)) => return Ok(Some(event)),
                Some(Found::Later(call)) => {
                    self.call = *call;
                    return Ok(Some(Event::Call(&self.call)));
                }
                Some(Found::Call) | None => {}
            }
            if let Some(failure) = self.session.take_failure() {
                self.give_up();
                return Err(failure);
            }
            if self.session.is_leaving {
                return Ok(None);
            }
            if signals.is_some_and(|signals| self.is_to_leave(signals)) {
                self.detach();
                continue;
            }
            let (thread, status) = match self.listen(true) {
                Word::From(thread, status) => (thread, status),
                Word::Nothing => continue,
                Word::Nobody if self.order.is_empty() => return Ok(None),
                Word::Nobody => {
                    self.order.release();
                    continue;
                }
            };
            match self.step(thread, status) {
                Some(Found::Call) if self.is_first() => return Ok(Some(Event::Call(&self.call))),
                Some(Found::Call) => {
                    self.order.defer(std::mem::take(&mut self.call));
                }
                Some(Found::Later(call)) => self.order.defer(*call),
                Some(Found::Other(event)) => self.order.push(event),
                None => {}
            }
        }
    }

    /// Whether the call that has just returned is to be told now.
    fn is_first(&mut self) -> bool {
        let thread = self.call.thread;
        if self.config.overlaps {
            return self.order.is_empty();
        }
        let (tracees, call) = (&self.tracees, &self.call);
        self.order.is_first(thread, || senders(tracees, call))
    }

    /// Whether a signal asks to let go of all. While the program that was started runs, it gets it.
    fn is_to_leave(&self, signals: Signals<'_>) -> bool {
        if self.session.is_attached {
            return signals.is_stopped();
        }
        match self.session.root() {
            Some((root, None)) => {
                signals.stop.store(false, Ordering::Relaxed);
                let number = signals.sent.swap(0, Ordering::Relaxed);
                if let Ok(signal) = nix::sys::signal::Signal::try_from(number) {
                    // It is our child, and not collected: the pid is no one else's.
                    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(root), signal);
                }
                false
            }
            _ => signals.is_stopped(),
        }
    }

    /// Stops at each call of a process from now on, which `thread` is stopped in.
    pub(super) fn look_at_every(&mut self, process: i32, thread: i32) {
        if let Some(process) = self.tracees.processes.get_mut(&process)
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
        for (other, tracee) in &self.tracees.threads {
            if tracee.process == process && *other != thread {
                let _ = ptrace::interrupt(*other);
            }
        }
    }

    /// Lets a stopped thread go on, as its process is traced.
    pub(super) fn go_on(&mut self, thread: i32, signal: i32) {
        let Some(tracee) = self.tracees.threads.get_mut(&thread) else {
            return;
        };
        let process = self.tracees.processes.get(&tracee.process);
        let is_every = process.is_none_or(|process| process.mode == Mode::Every);
        let how = if tracee.entry.is_some() || tracee.is_untraced || is_every {
            Resume::ToSyscall
        } else {
            Resume::Continue
        };
        // ESRCH: killed meanwhile; its end is told by the next wait.
        let _ = ptrace::resume(thread, how, signal);
    }

    fn step(&mut self, thread: i32, status: Status) -> Option<Found> {
        if let Status::Event { event, .. } = status
            && event == libc::PTRACE_EVENT_EXEC
        {
            self.takes_over(thread);
        }
        if !self.tracees.threads.contains_key(&thread) {
            self.stops.unknown(thread, status);
            return None;
        }
        match status {
            Status::Syscall => self.syscall(thread),
            Status::Event { event, signal } => {
                self.at_event(thread, event, signal);
                None
            }
            Status::Signal(signal) => {
                self.end_line(thread);
                let delivered = Delivered::read(thread, signal);
                self.go_on(thread, signal);
                Some(Found::Other(Event::Signal {
                    thread,
                    signal: delivered,
                }))
            }
            Status::Exited(code) => self.ended(thread, End::Exited(code)),
            Status::Killed(signal) => self.ended(thread, End::Killed(signal)),
        }
    }

    fn at_event(&mut self, thread: i32, event: i32, signal: i32) {
        match event {
            libc::PTRACE_EVENT_SECCOMP => {
                // The entry of a call: it has no end yet.
                self.syscall(thread);
                return;
            }
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                self.born(thread);
            }
            libc::PTRACE_EVENT_EXEC => self.replaced(thread),
            // A group stop: it lasts until SIGCONT.
            libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => {
                let _ = ptrace::resume(thread, Resume::Listen, 0);
                return;
            }
            // A newborn's first stop: its registers are a copy of its maker's.
            libc::PTRACE_EVENT_STOP => self.restore_flag(thread),
            _ => {}
        }
        self.go_on(thread, 0);
    }

    /// Puts CLONE_UNTRACED back into the register that it was taken from.
    pub(super) fn restore_flag(&mut self, thread: i32) {
        if let Some(tracee) = self.tracees.threads.get_mut(&thread)
            && std::mem::take(&mut tracee.is_untraced)
            && inject::KEEPS_FIRST_ARGUMENT
        {
            let _ = inject::change_first_argument(thread, |flags| flags | UNTRACED);
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
                let returned = if is_error {
                    Returned::Error(i32::try_from(-value).unwrap_or_default())
                } else {
                    Returned::Value(value)
                };
                self.returned(thread, returned)
            }
            _ => None,
        };
        self.go_on(thread, 0);
        found
    }

    /// Says once that memory cannot be read in the best way.
    pub(super) fn note_way(&mut self, process: i32) {
        let way = super::memory::way();
        if std::mem::replace(&mut self.way, way) != way {
            let note = match way {
                Way::Call => return,
                Way::File => Note::MemoryByFile,
                Way::Words => Note::MemoryByWords,
            };
            self.note(process, note);
        }
    }

    /// Something that a person should know.
    pub(super) fn note(&mut self, process: i32, note: Note) {
        let event = Event::Note { process, note };
        self.order.push(event);
    }
}

/// The threads that are in a call which may have sent what `call` has received.
fn senders(tracees: &Tracees, call: &Call) -> Vec<i32> {
    let is_udp = call.facts.kind.is_some_and(|kind| kind.is_udp());
    if call.facts.direction != Some(Direction::In) || !is_udp || tracees.threads.len() < 2 {
        return Vec::new();
    }
    let is_sending = |tracee: &Tracee| {
        let entry = tracee
            .entry
            .as_ref()
            .filter(|entry| entry.spec.shape.is_send());
        let process = tracees.processes.get(&tracee.process);
        let fd = entry.map(|entry| entry.arguments[0] as i32);
        let inode = fd
            .zip(process)
            .and_then(|(fd, process)| process.table.inode(fd));
        let socket = inode.and_then(|inode| tracees.sockets.get(inode));
        socket.is_some_and(|socket| socket.kind.is_udp())
    };
    let threads = tracees.threads.iter();
    let sending = threads.filter(|(_, tracee)| is_sending(tracee));
    sending.map(|(thread, _)| *thread).collect()
}

/// A child that no tracer follows: with our filter, and without us, its calls on sockets would fail.
pub(super) const UNTRACED: u64 = libc::CLONE_UNTRACED as u64;

/// Now, since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
