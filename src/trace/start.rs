//! How a trace begins: with a program, or with a process that runs already.

use std::io;

use super::calls::{CALLS, Shape};
use super::event::{Event, Found};
use super::program::Program;
use super::tracee::{self, Mode, Process, Tracee};
use super::tracer::Tracer;
use crate::error::{Error, Result};
use crate::sys::ptrace::{self, Options, Status};
use crate::sys::seccomp;

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
        self.executed(pid);
        self.go_on(pid, 0);
        Ok(pid)
    }

    pub(super) fn wait_for(&mut self, pid: i32) -> Result<Status> {
        loop {
            match ptrace::wait(pid, true) {
                Ok(Some((_, status))) => return Ok(status),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
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
            .ok_or_else(|| refused(&subject, io::Error::from_raw_os_error(libc::ESRCH)))?;
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
        if self.tracees.is_empty() {
            return Err(refused(&subject, io::Error::from_raw_os_error(libc::ESRCH)));
        }
        self.executed(process);
        Ok(())
    }

    /// The filter that a program starts with, or (`is_late`) the one that its first sockets add.
    pub(super) fn filter(&self, ranges: &[(u32, u32)], is_late: bool) -> Vec<libc::sock_filter> {
        let mut always = numbers(|shape| match is_late {
            true => shape.is_late(),
            false => shape.is_always(),
        });
        // Not told: a filter of the program's own could refuse calls before ours sees them.
        if !is_late {
            always.extend([libc::SYS_seccomp, libc::SYS_prctl]);
        }
        seccomp::filter(&always, &numbers(Shape::is_by_fd), ranges)
    }

    /// The filter for more sockets.
    pub(super) fn filter_by_fd(&self, range: (u32, u32)) -> Vec<libc::sock_filter> {
        seccomp::filter(&[], &numbers(Shape::is_by_fd), &[range])
    }

    pub(super) fn adopt(&mut self, thread: i32, process: i32, mode: Mode) {
        let tracee = Tracee {
            process,
            is_apart: false,
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
            is_mixed: false,
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
}

fn numbers(wanted: impl Fn(Shape) -> bool) -> Vec<i64> {
    let found = CALLS.iter().filter(|spec| wanted(spec.shape));
    found.map(|spec| spec.number).collect()
}

/// Why a process may not be traced, and what to do.
fn refused(subject: &str, source: io::Error) -> Error {
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
