//! How a trace ends before its programs do.
//!
//! An attached process continues unchanged: a pending signal is delivered, a group stop lasts. One loop
//! waits for all tracees, including new ones; the kernel detaches from those that cannot stop now (a
//! parent in vfork(2), a first thread that has ended) when the tracing thread ends.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::event::{End, Event};
use super::listen::Word;
use super::tracee::{self, Mode};
use super::tracer::Tracer;
use crate::sys::ptrace::{self, Resume, Status};

/// The time limit for all tracees to stop.
const PATIENCE: Duration = Duration::from_millis(400);

/// The first and the longest sleep between two checks of the tracees.
const NAPS: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

impl Tracer {
    /// Detaches from all tracees; each process keeps running.
    ///
    /// Returns within half a second. A program that was started and has a filter needs a tracer: it
    /// stays among [`Tracer::remaining`].
    pub fn detach(&mut self) {
        self.session.is_leaving = true;
        self.order.release();
        if self.session.has_filter {
            return;
        }
        self.let_all_go(PATIENCE);
        if self.session.is_attached {
            // The rest is not stopped; the kernel detaches from it when this thread ends.
            let rest: Vec<i32> = self.tracees.threads.keys().copied().collect();
            rest.into_iter()
                .for_each(|thread| self.let_gone(thread, End::Detached));
            self.forget_all();
        }
    }

    /// Like [`Tracer::detach`], but only for attached processes; started programs are still traced.
    pub fn detach_attached(&mut self) {
        if self.session.is_attached {
            self.detach();
        }
    }

    /// The started processes that still need this tracer after [`Tracer::detach`] or a signal: without
    /// it their socket calls would fail.
    pub fn remaining(&self) -> Vec<i32> {
        if !self.session.is_leaving {
            return Vec::new();
        }
        let processes = self.tracees.threads.values().map(|tracee| tracee.process);
        let mut processes: Vec<i32> = processes.collect();
        processes.sort_unstable();
        processes.dedup();
        processes
    }

    /// Serves the remaining processes silently until all have ended: for a tracer in the background.
    pub fn keep(&mut self) {
        self.stops.spin.stop();
        loop {
            match self.listen(true) {
                Word::From(thread, status) => self.wave_on(thread, status),
                Word::Nothing => {}
                Word::Nobody => return,
            }
        }
    }

    /// Ends the started processes and detaches from the rest.
    pub(super) fn give_up(&mut self) {
        self.session.is_leaving = true;
        let is_started = |thread: &i32| {
            self.tracees
                .threads
                .get(thread)
                .is_some_and(|t| t.is_started)
        };
        let has_others = self
            .tracees
            .threads
            .keys()
            .any(|thread| !is_started(thread));
        self.end_started();
        if has_others {
            self.let_all_go(PATIENCE);
        }
        self.forget_all();
    }

    /// Detaches from each thread that stops, until `patience` has passed.
    fn let_all_go(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        // New threads that have stopped already, before the event of the call that created them.
        let mut gone = HashSet::new();
        for (thread, status) in self.stops.take_newborns() {
            let_go(thread, status);
            gone.insert(thread);
        }
        let threads = self.tracees.threads.keys();
        for thread in threads.filter(|thread| !self.stops.is_queued(**thread)) {
            // ESRCH: it has ended.
            let _ = ptrace::interrupt(*thread);
        }
        let mut nap = NAPS.0;
        while !(self.tracees.threads.is_empty() && self.stops.is_queue_empty()) {
            match self.listen(false) {
                Word::From(thread, status) => {
                    self.let_one_go(thread, status, &mut gone);
                    nap = NAPS.0;
                }
                Word::Nobody => break,
                Word::Nothing if Instant::now() >= until => break,
                Word::Nothing => {
                    self.leave_dead_leaders();
                    std::thread::sleep(nap);
                    nap = (nap * 2).min(NAPS.1);
                }
            }
        }
    }

    fn let_one_go(&mut self, thread: i32, status: Status, gone: &mut HashSet<i32>) {
        if let Status::Event { event, .. } = status {
            match event {
                libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                    // The child is traced, too, and will stop before its first instruction.
                    let child = ptrace::event_message(thread).map_or(0, |child| child as i32);
                    if child > 0 && !gone.contains(&child) {
                        self.born(thread);
                    }
                }
                libc::PTRACE_EVENT_EXEC => self.takes_over(thread),
                _ => {}
            }
        }
        self.restore_flag(thread);
        let_go(thread, status);
        gone.insert(thread);
        let end = match status {
            Status::Exited(code) => End::Exited(code),
            Status::Killed(signal) => End::Killed(signal),
            _ => End::Detached,
        };
        self.let_gone(thread, end);
    }

    /// Removes a thread from the tables, and reports its end.
    fn let_gone(&mut self, thread: i32, end: End) {
        let Some(tracee) = self.tracees.threads.get(&thread) else {
            return;
        };
        let process = tracee.process;
        self.vanished(thread);
        self.session.ended(thread, end);
        let event = Event::Ended {
            thread,
            process,
            end,
        };
        self.order.push(event);
    }

    /// A first thread that has ended while others live reports nothing before their end.
    fn leave_dead_leaders(&mut self) {
        let dead = |thread: &&i32| tracee::is_dead(**thread);
        let dead: Vec<i32> = self.tracees.threads.keys().filter(dead).copied().collect();
        dead.into_iter()
            .for_each(|thread| self.let_gone(thread, End::Detached));
    }

    /// Ends every started process, and those that they start meanwhile.
    fn end_started(&mut self) {
        let until = Instant::now() + 10 * PATIENCE;
        let mut rest = HashSet::new();
        loop {
            let started = self
                .tracees
                .threads
                .iter()
                .filter(|(_, tracee)| tracee.is_started);
            rest.clear();
            rest.extend(started.map(|(thread, _)| *thread));
            if !self.session.is_attached {
                rest.extend(self.stops.new_threads());
            }
            for thread in &rest {
                let _ = kill(Pid::from_raw(*thread), Signal::SIGKILL);
            }
            match self.listen(false) {
                Word::From(thread, Status::Exited(_) | Status::Killed(_)) => self.vanished(thread),
                Word::From(thread, status) if !self.tracees.threads.contains_key(&thread) => {
                    self.stops.unknown(thread, status);
                }
                // It is being killed, whatever it stopped for; others are detached from later.
                Word::From(thread, status) if !rest.contains(&thread) => {
                    let_go(thread, status);
                    self.vanished(thread);
                }
                Word::From(..) => {}
                Word::Nobody => return,
                Word::Nothing if rest.is_empty() || Instant::now() >= until => return,
                Word::Nothing => std::thread::sleep(NAPS.0),
            }
        }
    }

    /// A thread that is only waited for.
    fn know(&mut self, thread: i32, is_untraced: bool) {
        if !self.tracees.threads.contains_key(&thread) {
            self.tracees.add(thread, thread, Mode::Every, true);
            if let Some(tracee) = self.tracees.threads.get_mut(&thread) {
                tracee.is_untraced = is_untraced;
            }
        }
    }

    /// Continues a thread that is no longer examined.
    fn wave_on(&mut self, thread: i32, status: Status) {
        let signal = match status {
            Status::Exited(_) | Status::Killed(_) => return self.vanished(thread),
            Status::Signal(signal) => signal,
            Status::Event { event, signal } => match event {
                libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP && self.session.has_filter => {
                    let _ = ptrace::resume(thread, Resume::Listen, 0);
                    return;
                }
                libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                    let child = ptrace::event_message(thread).map_or(0, |child| child as i32);
                    let is_untraced = self
                        .tracees
                        .threads
                        .get(&thread)
                        .is_some_and(|t| t.is_untraced);
                    self.know(child, is_untraced);
                    0
                }
                libc::PTRACE_EVENT_EXEC => {
                    let former = ptrace::event_message(thread).map_or(thread, |id| id as i32);
                    if former != thread {
                        self.vanished(former);
                    }
                    0
                }
                libc::PTRACE_EVENT_SECCOMP if self.follow_untraced(thread) => {
                    let _ = ptrace::resume(thread, Resume::ToSyscall, 0);
                    return;
                }
                _ => 0,
            },
            Status::Syscall => 0,
        };
        self.know(thread, false);
        self.restore_flag(thread);
        let how = if self.session.has_filter {
            Resume::Continue
        } else {
            Resume::Detach
        };
        let _ = ptrace::resume(thread, how, signal);
        if !self.session.has_filter {
            self.vanished(thread);
        }
    }
}

/// Detaches from a stopped thread and delivers its pending signal.
fn let_go(thread: i32, status: Status) {
    let signal = match status {
        Status::Exited(_) | Status::Killed(_) => return,
        Status::Signal(signal) => signal,
        Status::Syscall | Status::Event { .. } => 0,
    };
    // ESRCH: killed meanwhile.
    let _ = ptrace::resume(thread, Resume::Detach, signal);
}
