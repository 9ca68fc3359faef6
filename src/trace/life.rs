//! Births and ends of threads and processes.

use super::event::{End, Event, Found};
use super::tracee;
use super::tracee::{Mode, Process, Tracee};
use super::tracer::Tracer;
use crate::sys::ptrace;

impl Tracer {
    /// A thread or process was made by another.
    pub(super) fn born(&mut self, parent: i32) {
        let Ok(child) = ptrace::event_message(parent) else {
            return;
        };
        let child = child as i32;
        let Some(maker) = self.tracees.get(&parent) else {
            return;
        };
        let (maker, is_started, is_untraced) = (maker.process, maker.is_started, maker.is_untraced);
        // It was taken for an orphan.
        if self.tracees.contains_key(&child) {
            return;
        }
        let process = tracee::process_of(child).unwrap_or(child);
        let mode = self.processes.get(&maker).map_or(Mode::Every, |p| p.mode);
        let shares_fd_table = process != maker && ptrace::shares_files(parent, child);
        self.adopt(
            child,
            if shares_fd_table { maker } else { process },
            mode,
            is_started,
        );
        if let Some(tracee) = self.tracees.get_mut(&child) {
            tracee.is_untraced = is_untraced;
        }
        if shares_fd_table {
            self.share(parent, child, maker);
        } else if process != maker
            && let Some(parent) = self.processes.get(&maker)
        {
            let table = self.sockets.fork(&parent.table);
            let (covered, is_late) = (parent.covered.clone(), parent.is_late);
            let mixed_abi = parent.mixed_abi;
            let (is_32bit, is_started) = (parent.is_32bit, parent.is_started);
            if let Some(child) = self.processes.get_mut(&process) {
                child.table = table;
                child.covered = covered;
                child.is_late = is_late;
                child.mixed_abi = mixed_abi;
                child.is_32bit = is_32bit;
                child.is_started = is_started;
            }
        }
        if let Some(status) = self.early.remove(&child) {
            self.late.push_back((child, status));
        }
    }

    /// New threads whose maker was killed before it could tell of them.
    fn adopt_orphans(&mut self, is_started: bool) {
        for (child, status) in std::mem::take(&mut self.early) {
            let process = tracee::process_of(child).unwrap_or(child);
            let is_known = self.processes.contains_key(&process);
            // What of the filter it has is not known: each call is looked at.
            self.adopt(child, process, Mode::Every, is_started);
            if let Some(entry) = self.processes.get_mut(&process).filter(|_| !is_known) {
                entry.is_started = true;
                entry.is_32bit = tracee::is_32bit(child);
                self.sockets.scan(&mut entry.table, child);
            }
            self.late.push_back((child, status));
        }
    }

    /// A thread runs another program, and has its process's id from now on.
    pub(super) fn takes_over(&mut self, process: i32) {
        let former = ptrace::event_message(process).map_or(process, |former| former as i32);
        if former != process
            && let Some(tracee) = self.tracees.remove(&former)
            && self.tracees.insert(process, tracee).is_none()
            && let Some(entry) = self.processes.get_mut(&process)
        {
            // The first thread ended before the process was attached to.
            entry.threads = entry.threads.max(1);
        }
    }

    /// A thread is no more, and nobody was told.
    pub(super) fn vanished(&mut self, thread: i32) {
        self.early.remove(&thread);
        if let Some(tracee) = self.tracees.remove(&thread) {
            self.left(tracee.process);
        }
    }

    /// A process has a thread less.
    fn left(&mut self, process: i32) {
        if let Some(entry) = self.processes.get_mut(&process) {
            entry.threads = entry.threads.saturating_sub(1);
            if entry.threads == 0
                && let Some(entry) = self.processes.remove(&process)
            {
                self.sockets.close_all(&entry.table);
            }
        }
    }

    /// Nobody is traced any more.
    pub(super) fn forget_all(&mut self) {
        self.tracees.clear();
        self.early.clear();
        for (_, process) in std::mem::take(&mut self.processes) {
            self.sockets.close_all(&process.table);
        }
    }

    /// A process of its own uses its maker's descriptors. No filter reaches both, so that each of their
    /// calls is looked at.
    fn share(&mut self, parent: i32, child: i32, maker: i32) {
        if let Some(tracee) = self.tracees.get_mut(&child) {
            tracee.shares_fd_table = true;
        }
        self.look_at_every(maker, parent);
    }

    /// A process that shared its maker's descriptors has its own from its exec on.
    fn part(&mut self, thread: i32) {
        let Some(tracee) = self.tracees.get_mut(&thread).filter(|t| t.shares_fd_table) else {
            return;
        };
        let maker = std::mem::replace(&mut tracee.process, thread);
        tracee.shares_fd_table = false;
        let Some(shared) = self.processes.get_mut(&maker) else {
            return;
        };
        shared.threads = shared.threads.saturating_sub(1);
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
            .filter(|(id, tracee)| {
                tracee.process == thread && **id != thread && !tracee.shares_fd_table
            })
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.tracees.remove(&id);
        }
        if let Some(tracee) = self.tracees.get_mut(&thread) {
            tracee.entry = None;
        }
        let shares_fd_table = |tracee: &&Tracee| tracee.process == thread && tracee.shares_fd_table;
        let apart = self.tracees.values().filter(shares_fd_table).count();
        if let Some(process) = self.processes.get_mut(&thread) {
            process.threads = 1 + apart;
        }
        self.executed(thread);
    }

    pub(super) fn ended(&mut self, thread: i32, end: End) -> Option<Found> {
        let has_call = self.never_returned(thread);
        let tracee = self.tracees.remove(&thread)?;
        self.left(tracee.process);
        self.adopt_orphans(tracee.is_started);
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
}
