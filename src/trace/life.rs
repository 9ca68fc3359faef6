//! The creation and the end of threads and processes.

use super::event::{End, Event, Found};
use super::tracee::{self, Mode};
use super::tracer::Tracer;
use crate::sys::ptrace;

impl Tracer {
    /// A thread or process was created by another.
    pub(super) fn born(&mut self, parent: i32) {
        let Ok(child) = ptrace::event_message(parent) else {
            return;
        };
        let child = child as i32;
        let Some(creator) = self.tracees.threads.get(&parent) else {
            return;
        };
        let (creator, is_started, is_untraced) =
            (creator.process, creator.is_started, creator.is_untraced);
        // It was considered an orphan.
        if self.tracees.threads.contains_key(&child) {
            return;
        }
        let process = tracee::process_of(child).unwrap_or(child);
        let mode = self.tracees.mode(creator);
        let shares_fd_table = process != creator && ptrace::shares_files(parent, child);
        let owner = if shares_fd_table { creator } else { process };
        self.adopt(child, owner, mode, is_started);
        if let Some(tracee) = self.tracees.threads.get_mut(&child) {
            tracee.is_untraced = is_untraced;
            tracee.shares_fd_table = shares_fd_table;
        }
        if shares_fd_table {
            // No filter covers both, so each of their calls is examined.
            self.look_at_every(creator, parent);
        } else if process != creator {
            self.tracees.inherit(creator, process);
        }
        self.stops.claim(child);
    }

    /// New threads whose creator was killed before it reported them.
    fn adopt_orphans(&mut self, is_started: bool) {
        for (child, status) in self.stops.take_newborns() {
            let process = tracee::process_of(child).unwrap_or(child);
            let is_known = self.tracees.processes.contains_key(&process);
            // Which filter it has is unknown: each call is examined.
            self.adopt(child, process, Mode::Every, is_started);
            let tracees = &mut self.tracees;
            if let Some(entry) = tracees.processes.get_mut(&process).filter(|_| !is_known) {
                entry.is_started = true;
                entry.is_32bit = tracee::is_32bit(child);
                tracees.sockets.scan(&mut entry.table, child);
            }
            self.stops.queue(child, status);
        }
    }

    /// A thread executed another program, and has its process's id from now on.
    pub(super) fn takes_over(&mut self, process: i32) {
        let former = ptrace::event_message(process).map_or(process, |former| former as i32);
        self.tracees.take_over(process, former);
    }

    /// A thread has ended without an event.
    pub(super) fn vanished(&mut self, thread: i32) {
        self.stops.forget(thread);
        self.tracees.remove(thread);
    }

    /// No thread is traced any more.
    pub(super) fn forget_all(&mut self) {
        self.tracees.clear();
        self.stops.forget_newborns();
    }

    /// A process executed another program.
    pub(super) fn replaced(&mut self, thread: i32) {
        self.tracees.replace(thread);
        self.executed(thread);
    }

    pub(super) fn ended(&mut self, thread: i32, end: End) -> Option<Found> {
        let has_call = self.never_returned(thread);
        let tracee = self.tracees.remove(thread)?;
        self.adopt_orphans(tracee.is_started);
        self.session.ended(thread, end);
        let event = Event::Ended {
            thread,
            process: tracee.process,
            end,
        };
        if has_call {
            self.order.defer(std::mem::take(&mut self.call));
            self.order.push(event);
            return None;
        }
        Some(Found::Other(event))
    }
}
