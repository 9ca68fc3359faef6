//! The tracer's main loop: it waits for a stop, handles it, and continues the thread.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant, SystemTime};

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

/// The first and the longest sleep between two looks for an event ([`Tracer::next_event_until`]).
const NAPS: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

/// The flags that a program's signal handlers set for its tracer: the library installs no handlers.
#[derive(Clone, Copy, Debug)]
pub struct Signals<'a> {
    /// Set by a handler; the tracer clears it once it has handled the signal. The handler must
    /// interrupt a blocking call: no `SA_RESTART`.
    pub stop: &'a AtomicBool,
    /// The number of a signal that another process sent to this one, to be forwarded to the started
    /// program; 0 for none. Signals of the terminal reach that program directly.
    pub sent: &'a AtomicI32,
}

impl Signals<'_> {
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Traces programs.
///
/// To the kernel, a tracer is a thread: a `Tracer` stays on the thread that created it, and a thread
/// has one at a time. When that thread ends, the kernel detaches from the attached processes and ends
/// the started ones. The program itself waits for other children of the thread.
#[derive(Debug)]
pub struct Tracer {
    pub(super) config: Config,
    pub(super) tracees: Tracees,
    pub(super) stops: Stops,
    pub(super) order: Order,
    pub(super) session: Session,
    /// The current call, reused for each call.
    pub(super) call: Call,
    /// How memory is read, as last reported.
    pub(super) way: Way,
    /// ptrace(2) accepts requests only from the tracing thread.
    pub(super) thread: PhantomData<*const ()>,
}

impl Tracer {
    /// Makes a tracer that traces nothing yet.
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

    /// The first process that was started or attached to, and how it ended, if it has.
    pub fn root(&self) -> Option<(i32, Option<End>)> {
        self.session.root()
    }

    /// The number of threads that are traced now.
    pub fn threads(&self) -> usize {
        self.tracees.threads.len()
    }

    /// Waits for the next event; `None` once no thread is traced any more, or the rest is to be
    /// detached from.
    ///
    /// If a signal arrives (`signals`), an attached process is detached from. A started program
    /// receives the signal as long as it runs; once it has ended, the processes that it left behind are
    /// detached from, and those that still need a tracer ([`Tracer::remaining`]) are for
    /// [`Tracer::keep`].
    ///
    /// # Errors
    /// If there are more processes and threads than [`Config::max_tracees`]: then the started ones have
    /// been ended and the attached ones detached from.
    pub fn next_event(&mut self, signals: Option<Signals<'_>>) -> Result<Option<Event<'_>>> {
        self.event_until(signals, None)
    }

    /// Like [`Tracer::next_event`] without signals, but waits at most until that moment: `None` if it has
    /// passed, or if no thread is traced any more ([`Tracer::threads`]).
    ///
    /// # Errors
    /// As [`Tracer::next_event`].
    pub fn next_event_until(&mut self, until: Instant) -> Result<Option<Event<'_>>> {
        self.event_until(None, Some(until))
    }

    /// Ends every process that was started, and detaches from the others.
    pub fn end(&mut self) {
        self.give_up();
    }

    fn event_until(
        &mut self,
        signals: Option<Signals<'_>>,
        until: Option<Instant>,
    ) -> Result<Option<Event<'_>>> {
        let mut nap = NAPS.0;
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
            let (thread, status) = match self.listen(until.is_none()) {
                Word::From(thread, status) => (thread, status),
                Word::Nothing => match until {
                    Some(until) if Instant::now() >= until => return Ok(None),
                    Some(_) => {
                        std::thread::sleep(nap);
                        nap = (nap * 2).min(NAPS.1);
                        continue;
                    }
                    None => continue,
                },
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

    /// Whether the call that has just returned can be reported now.
    fn is_first(&mut self) -> bool {
        let thread = self.call.thread;
        if self.config.overlaps {
            return self.order.is_empty();
        }
        let (tracees, call) = (&self.tracees, &self.call);
        self.order.is_first(thread, || senders(tracees, call))
    }

    /// Whether a signal asks to detach from all. While the started program runs, it receives the
    /// signal.
    fn is_to_leave(&self, signals: Signals<'_>) -> bool {
        if self.session.is_attached {
            return signals.is_stopped();
        }
        match self.session.root() {
            Some((root, None)) => {
                signals.stop.store(false, Ordering::Relaxed);
                let number = signals.sent.swap(0, Ordering::Relaxed);
                if let Ok(signal) = nix::sys::signal::Signal::try_from(number) {
                    // It is our child, and not collected yet: its pid is not reused.
                    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(root), signal);
                }
                false
            }
            _ => signals.is_stopped(),
        }
    }

    /// Stops at each call of a process from now on; its thread `thread` is stopped.
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

    /// Stops the other threads of a process, so that they continue in its new mode.
    pub(super) fn interrupt_others(&mut self, process: i32, thread: i32) {
        for (other, tracee) in &self.tracees.threads {
            if tracee.process == process && *other != thread {
                let _ = ptrace::interrupt(*other);
            }
        }
    }

    /// Continues a stopped thread in its process's mode.
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
        // ESRCH: killed meanwhile; the next wait reports its end.
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
            // The first stop of a new thread: its registers are a copy of its creator's.
            libc::PTRACE_EVENT_STOP => self.restore_flag(thread),
            _ => {}
        }
        self.go_on(thread, 0);
    }

    /// Restores CLONE_UNTRACED in its register.
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

    /// Reports once that memory is read by a slower method.
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

    /// Queues a note.
    pub(super) fn note(&mut self, process: i32, note: Note) {
        let event = Event::Note { process, note };
        self.order.push(event);
    }
}

/// The threads in a call that may have sent the datagram that `call` received.
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

/// A child that the tracer does not follow: with the filter and without a tracer, its socket calls
/// would fail.
pub(super) const UNTRACED: u64 = libc::CLONE_UNTRACED as u64;

/// The current time, since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
