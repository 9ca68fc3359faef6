//! Births and ends of threads and processes.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::event::{End, Event, Found};
use super::tracee;
use super::tracee::{Mode, Process, Tracee};
use super::tracer::Tracer;
use crate::sys::ptrace::{self, Resume, Status};

impl Tracer {
    /// A thread or process was made by another.
    pub(super) fn born(&mut self, parent: i32) {
        let Ok(child) = ptrace::event_message(parent) else {
            return;
        };
        let child = child as i32;
        let Some(maker) = self.tracees.get(&parent).map(|tracee| tracee.process) else {
            return;
        };
        let process = tracee::process_of(child).unwrap_or(child);
        let mode = self.processes.get(&maker).map_or(Mode::Every, |p| p.mode);
        let is_apart = process != maker && ptrace::shares_files(parent, child);
        self.adopt(child, if is_apart { maker } else { process }, mode);
        if is_apart {
            self.share(parent, child, maker);
        } else if process != maker
            && let Some(parent) = self.processes.get(&maker)
        {
            let table = self.sockets.fork(&parent.table);
            let (covered, is_late) = (parent.covered.clone(), parent.is_late);
            let is_mixed = parent.is_mixed;
            let (is_foreign, is_started) = (parent.is_foreign, parent.is_started);
            if let Some(child) = self.processes.get_mut(&process) {
                child.table = table;
                child.covered = covered;
                child.is_late = is_late;
                child.is_mixed = is_mixed;
                child.is_foreign = is_foreign;
                child.is_started = is_started;
            }
        }
        if let Some(at) = self.early.iter().position(|early| *early == child) {
            self.early.swap_remove(at);
            self.go_on(child, 0);
        }
    }

    /// A process of its own uses its maker's descriptors. No filter reaches both, so that each of their
    /// calls is looked at.
    fn share(&mut self, parent: i32, child: i32, maker: i32) {
        if let Some(tracee) = self.tracees.get_mut(&child) {
            tracee.is_apart = true;
        }
        self.look_at_every(maker, parent);
    }

    /// A process that shared its maker's descriptors has its own from its exec on.
    fn part(&mut self, thread: i32) {
        let Some(tracee) = self.tracees.get_mut(&thread).filter(|t| t.is_apart) else {
            return;
        };
        let maker = std::mem::replace(&mut tracee.process, thread);
        tracee.is_apart = false;
        let Some(shared) = self.processes.get_mut(&maker) else {
            return;
        };
        shared.threads -= 1;
        let own = Process {
            table: self.sockets.fork(&shared.table),
            covered: shared.covered.clone(),
            threads: 1,
            ..*shared
        };
        if shared.threads == 0
            && let Some(shared) = self.processes.remove(&maker)
        {
            self.sockets.close_all(&shared.table);
        }
        self.processes.insert(thread, own);
    }

    /// A process runs another program: its other threads are gone, and this one has its pid.
    pub(super) fn replaced(&mut self, thread: i32) {
        self.part(thread);
        let gone: Vec<i32> = self
            .tracees
            .iter()
            .filter(|(id, tracee)| tracee.process == thread && **id != thread && !tracee.is_apart)
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.tracees.remove(&id);
        }
        if let Some(tracee) = self.tracees.get_mut(&thread) {
            tracee.entry = None;
        }
        let is_apart = |tracee: &&Tracee| tracee.process == thread && tracee.is_apart;
        let apart = self.tracees.values().filter(is_apart).count();
        if let Some(process) = self.processes.get_mut(&thread) {
            process.threads = 1 + apart;
        }
        self.executed(thread);
    }

    pub(super) fn ended(&mut self, thread: i32, end: End) -> Option<Found> {
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

    /// Lets go of every process; each runs on.
    pub(super) fn detach_all(&mut self) {
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
    pub(super) fn end_all(&mut self) {
        loop {
            for thread in self.tracees.keys().chain(&self.early) {
                let _ = kill(Pid::from_raw(*thread), Signal::SIGKILL);
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
