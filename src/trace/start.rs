//! How a trace begins: by starting a program, or by attaching to a running process.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use super::calls::{CALLS, Shape};
use super::collector::Collector;
use super::event::{Event, Note};
use super::listen::Word;
use super::program::Program;
use super::refusal::{self, Refusal};
use super::tracee::{self, Mode};
use super::tracer::{Signals, Tracer};
use crate::error::{Error, Result};
use crate::sys::ptrace::{self, Options, Status};
use crate::sys::seccomp;

/// How many times the threads of a process are listed: each round finds those that were created by
/// threads which the previous round had not seen.
const ROUNDS: usize = 1000;

/// How many times an attach is retried: the process may be in an exec.
const RETRIES: usize = 10;

impl Tracer {
    pub(super) fn options(&self) -> Options {
        let mut options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC;
        if self.config.follow {
            options |= Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACEVFORK
                | Options::PTRACE_O_TRACECLONE;
        }
        options
    }

    /// Starts a program and traces it; returns its pid.
    ///
    /// # Errors
    /// If it cannot be run (ENOENT, EACCES, ENOEXEC …) or may not be traced.
    pub fn start(&mut self, program: &Program) -> Result<i32> {
        // A child that is not followed would keep the filter without a tracer to answer it.
        let mode = if self.config.follow {
            Mode::Filtered
        } else {
            Mode::Every
        };
        let filter = (mode == Mode::Filtered).then(|| self.filter(&[], false));
        let waiting = program.fork(filter.as_deref())?;
        let pid = waiting.pid;
        // Without a tracer to answer the filter the program could not continue: it ends with the
        // tracer.
        let options = self.options() | Options::PTRACE_O_TRACESECCOMP | Options::PTRACE_O_EXITKILL;
        if let Err(source) = ptrace::seize(pid, options) {
            // It ends by itself once it finds that it will not be released.
            drop(waiting);
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
            return Err(refusal::refused(&program.subject(), None, source));
        }
        self.adopt(pid, pid, mode, true);
        self.session.begin(pid);
        let failure = waiting
            .release()
            .map_err(|source| Error::os("run", program.subject(), source))?;
        // The child stops at its own calls before it executes the program: continue it meanwhile.
        loop {
            match self.wait_for(pid)? {
                Status::Event { event, .. } if event == libc::PTRACE_EVENT_EXEC => break,
                Status::Exited(_) | Status::Killed(_) => {
                    self.vanished(pid);
                    let errno = failure.read().program.unwrap_or(libc::ESRCH);
                    return Err(program.refused(errno));
                }
                Status::Signal(signal) => self.go_on(pid, signal),
                _ => self.go_on(pid, 0),
            }
        }
        match failure.read().filter {
            None => self.session.has_filter |= mode == Mode::Filtered,
            Some(errno) => self.has_no_filter(pid, errno),
        }
        self.executed(pid);
        self.go_on(pid, 0);
        Ok(pid)
    }

    /// The kernel, or a sandbox, allows no filter: each call stops the program twice.
    fn has_no_filter(&mut self, process: i32, errno: i32) {
        if let Some(entry) = self.tracees.processes.get_mut(&process) {
            entry.mode = Mode::Every;
        }
        self.note(process, Note::NoFilter { errno });
    }

    fn wait_for(&mut self, pid: i32) -> Result<Status> {
        loop {
            match ptrace::wait(pid, true) {
                Ok(Some((_, status))) => return Ok(status),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::os("wait for", format!("process {pid}"), error)),
            }
        }
    }

    /// Attaches to a running process with all its threads; `pid` may be the id of any of them. The
    /// process stops at each of its calls from now on, which is slower than with [`Tracer::start`].
    ///
    /// If a signal arrives meanwhile (`signals`), it returns early and [`Tracer::next_event`] detaches.
    ///
    /// # Errors
    /// If there is no such process (ESRCH), or it may not be traced (EPERM): the remedy says why.
    pub fn attach(&mut self, pid: i32, signals: Option<Signals<'_>>) -> Result<()> {
        let subject = format!("process {pid}");
        let refused = |source| refusal::refused(&subject, Some(pid), source);
        let process = tracee::process_of(pid)
            .ok_or_else(|| refused(io::Error::from_raw_os_error(libc::ESRCH)))?;
        self.session.is_attached = true;
        self.session.begin(process);
        let is_stopped = || signals.is_some_and(|signals| signals.is_stopped());
        let failure =
            Collector::during(|collector| self.seize_all(process, &is_stopped, collector));
        let (failure, collected) = failure;
        collected
            .into_iter()
            .for_each(|thread| self.vanished(thread));
        if self.tracees.threads.is_empty() && !is_stopped() {
            let ended = || io::Error::from_raw_os_error(libc::EPERM);
            return Err(refused(failure.unwrap_or_else(ended)));
        }
        self.gather(&is_stopped);
        self.executed(process);
        Ok(())
    }

    /// Becomes the tracer of each thread of a process. Returns the last error.
    fn seize_all(
        &mut self,
        process: i32,
        is_stopped: &dyn Fn() -> bool,
        collector: &Collector,
    ) -> Option<io::Error> {
        let mut failure = None;
        // Threads may be created meanwhile: repeat until a round finds no new one. In an exec all
        // threads end except one, which takes the first one's id: if a round finds none, the next one
        // does.
        for round in 0..ROUNDS {
            let before = self.tracees.threads.len();
            for thread in tracee::threads(process) {
                if is_stopped() {
                    return failure;
                }
                if self.tracees.threads.contains_key(&thread) || tracee::is_dead(thread) {
                    continue;
                }
                match ptrace::seize(thread, self.options()) {
                    Ok(()) => {
                        collector.add(thread);
                        self.adopt(thread, process, Mode::Every, false);
                        // It may have ended meanwhile.
                        let _ = ptrace::interrupt(thread);
                    }
                    // The thread has ended, or a traced thread created it, so it is traced already.
                    Err(error) => failure = Some(error),
                }
            }
            if self.tracees.threads.len() == before && (before > 0 || round >= RETRIES) {
                break;
            }
            if self.tracees.threads.is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        failure
    }

    /// Waits until all threads have stopped, so that no later call is missed. A thread that cannot stop
    /// now, such as a parent in vfork(2), is not awaited.
    fn gather(&mut self, is_stopped: &dyn Fn() -> bool) {
        const PATIENCE: Duration = Duration::from_millis(200);
        let until = Instant::now() + PATIENCE;
        let mut moving: HashSet<i32> = self.tracees.threads.keys().copied().collect();
        let mut stopped = Vec::new();
        let mut nap = Duration::from_micros(20);
        while !moving.is_empty() && !is_stopped() && Instant::now() < until {
            match self.listen(false) {
                Word::From(thread, status) => {
                    moving.remove(&thread);
                    if self.tracees.threads.contains_key(&thread) {
                        stopped.push((thread, status))
                    } else {
                        self.stops.unknown(thread, status)
                    }
                }
                Word::Nothing => {
                    std::thread::sleep(nap);
                    nap = (nap * 2).min(Duration::from_millis(1));
                }
                Word::Nobody => break,
            }
        }
        for (thread, status) in stopped {
            self.stops.queue(thread, status);
        }
    }

    /// The filter that a program starts with, or (`needs_socket`) the one that its first sockets add.
    pub(super) fn filter(
        &self,
        ranges: &[(u32, u32)],
        needs_socket: bool,
    ) -> Vec<libc::sock_filter> {
        let mut always = numbers(|shape| {
            if needs_socket {
                shape.needs_socket()
            } else {
                shape.is_always()
            }
        });
        // This does not suffice: the program's own filter could refuse calls before ours sees them.
        if !needs_socket {
            always.extend([libc::SYS_seccomp, libc::SYS_prctl]);
        }
        seccomp::filter(&always, &numbers(Shape::is_by_fd), ranges, !needs_socket)
    }

    /// The filter for more sockets.
    pub(super) fn filter_by_fd(&self, range: (u32, u32)) -> Vec<libc::sock_filter> {
        seccomp::filter(&[], &numbers(Shape::is_by_fd), &[range], false)
    }

    /// A thread is traced from now on. Exceeding the limit is a failure.
    pub(super) fn adopt(&mut self, thread: i32, process: i32, mode: Mode, is_started: bool) {
        self.tracees.add(thread, process, mode, is_started);
        if let Some(most) = self.config.max_tracees
            && self.tracees.threads.len() > most
        {
            self.session.fail(|| {
                let reason = format!("more than {most} processes and threads");
                let (whom, refusal) = if is_started {
                    ("the program and what it starts", Refusal::StartedTooMany)
                } else {
                    ("the process and what it starts", Refusal::AttachedTooMany)
                };
                refusal.explain(Error::invalid("trace", whom, reason))
            });
        }
    }

    /// A process has executed a new program.
    pub(super) fn executed(&mut self, process: i32) {
        if let Some(entry) = self.tracees.processes.get_mut(&process) {
            entry.is_started = true;
            let thread = tracee::living(process);
            entry.is_32bit = tracee::is_32bit(thread);
            self.tracees.sockets.scan(&mut entry.table, thread);
            let file = std::fs::read_link(format!("/proc/{thread}/exe")).unwrap_or_default();
            let file = file.to_string_lossy().escape_debug().to_string();
            if entry.is_32bit {
                let file = file.clone();
                self.note(process, Note::Program32 { file });
            }
            let event = Event::Program { process, file };
            self.order.push(event);
        }
        self.cover(process, process);
    }
}

fn numbers(wanted: impl Fn(Shape) -> bool) -> Vec<i64> {
    let found = CALLS.iter().filter(|spec| wanted(spec.shape));
    found.map(|spec| spec.number).collect()
}
