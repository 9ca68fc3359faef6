//! All traced threads, their processes, and their sockets.
//!
//! Invariants: the process of each thread is in the table, and counts its threads; a process without
//! threads is not in the table, and its sockets are released.

use std::collections::HashMap;

use super::sockets::Sockets;
use super::tracee::{Mode, Process, Tracee};

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Tracees {
    pub(super) threads: HashMap<i32, Tracee>,
    pub(super) processes: HashMap<i32, Process>,
    pub(super) sockets: Sockets,
}

impl Tracees {
    /// Adds a thread, and its process if that is new.
    pub(super) fn add(&mut self, thread: i32, process: i32, mode: Mode, is_started: bool) {
        let tracee = Tracee {
            process,
            shares_fd_table: false,
            entry: None,
            is_started,
            is_untraced: false,
        };
        self.remove(thread);
        self.threads.insert(thread, tracee);
        let entry = self.processes.entry(process).or_insert_with(|| Process {
            table: Default::default(),
            mode,
            threads: 0,
            covered: Vec::new(),
            needs_socket: false,
            mixed_abi: false,
            is_32bit: false,
            is_started: false,
        });
        entry.threads += 1;
    }

    /// Removes a thread.
    pub(super) fn remove(&mut self, thread: i32) -> Option<Tracee> {
        let tracee = self.threads.remove(&thread)?;
        self.leave(tracee.process);
        Some(tracee)
    }

    /// Removes a thread from its process's count.
    fn leave(&mut self, process: i32) {
        if let Some(entry) = self.processes.get_mut(&process) {
            entry.threads = entry.threads.saturating_sub(1);
            if entry.threads == 0
                && let Some(entry) = self.processes.remove(&process)
            {
                self.sockets.close_all(&entry.table);
            }
        }
    }

    /// Removes all threads.
    pub(super) fn clear(&mut self) {
        self.threads.clear();
        for (_, process) in std::mem::take(&mut self.processes) {
            self.sockets.close_all(&process.table);
        }
    }

    /// A new process inherits its creator's state.
    pub(super) fn inherit(&mut self, creator: i32, child: i32) {
        let Some(parent) = self.processes.get(&creator) else {
            return;
        };
        let table = self.sockets.fork(&parent.table);
        let (covered, needs_socket) = (parent.covered.clone(), parent.needs_socket);
        let mixed_abi = parent.mixed_abi;
        let (is_32bit, is_started) = (parent.is_32bit, parent.is_started);
        let Some(child) = self.processes.get_mut(&child) else {
            return self.sockets.close_all(&table);
        };
        self.sockets.close_all(&child.table);
        child.table = table;
        child.covered = covered;
        child.needs_socket = needs_socket;
        child.mixed_abi = mixed_abi;
        child.is_32bit = is_32bit;
        child.is_started = is_started;
    }

    /// A thread executed another program, and has its process's id from now on.
    pub(super) fn take_over(&mut self, process: i32, former: i32) {
        if former == process {
            return;
        }
        let Some(tracee) = self.threads.remove(&former) else {
            return;
        };
        // The first thread, if it was traced, is gone; the other one has its id.
        if let Some(first) = self.threads.insert(process, tracee) {
            self.leave(first.process);
        }
    }

    /// A process that shared its creator's descriptors has its own from its exec on.
    fn part(&mut self, thread: i32) {
        let Some(tracee) = self.threads.get_mut(&thread).filter(|t| t.shares_fd_table) else {
            return;
        };
        let creator = std::mem::replace(&mut tracee.process, thread);
        tracee.shares_fd_table = false;
        let Some(shared) = self.processes.get(&creator) else {
            return;
        };
        let own = Process {
            table: self.sockets.fork(&shared.table),
            covered: shared.covered.clone(),
            threads: 1,
            ..*shared
        };
        self.leave(creator);
        self.processes.insert(thread, own);
    }

    /// A process executed another program: its other threads are gone, and this one has its pid.
    pub(super) fn replace(&mut self, thread: i32) {
        self.part(thread);
        let is_gone = |id: &i32, tracee: &Tracee| {
            tracee.process == thread && *id != thread && !tracee.shares_fd_table
        };
        let gone: Vec<i32> = self
            .threads
            .iter()
            .filter(|(id, tracee)| is_gone(id, tracee))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.remove(id);
        }
        if let Some(tracee) = self.threads.get_mut(&thread) {
            tracee.entry = None;
        }
    }

    /// How a process is traced.
    pub(super) fn mode(&self, process: i32) -> Mode {
        self.processes
            .get(&process)
            .map_or(Mode::Every, |process| process.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tracees: &Tracees) {
        for (id, process) in &tracees.processes {
            let threads = tracees.threads.values();
            let threads = threads.filter(|tracee| tracee.process == *id).count();
            assert_eq!(process.threads, threads, "of {id}");
            assert!(threads > 0, "{id} has none");
        }
        for (thread, tracee) in &tracees.threads {
            let has_process = tracees.processes.contains_key(&tracee.process);
            assert!(has_process, "{thread} has no process");
        }
        let mut held: Vec<u64> = Vec::new();
        for process in tracees.processes.values() {
            held.extend(process.table.fds().filter_map(|fd| process.table.inode(fd)));
        }
        for inode in 0..4 {
            let is_held = held.contains(&inode);
            assert_eq!(tracees.sockets.get(inode).is_some(), is_held, "{inode}");
        }
    }

    #[test]
    fn counts_and_sockets_stay_right_whatever_happens() {
        let mut dice = fastrand::Rng::with_seed(1);
        for _ in 0..300 {
            let mut tracees = Tracees::default();
            for _ in 0..60 {
                let (one, other) = (dice.i32(1..9), dice.i32(1..9));
                match dice.u8(..8) {
                    0 | 1 => tracees.add(one, other, Mode::Every, true),
                    2 => drop(tracees.remove(one)),
                    3 => tracees.inherit(one, other),
                    // An exec: the thread takes the id of the process that it belongs to.
                    4 => {
                        if let Some(process) = tracees.threads.get(&one).map(|t| t.process)
                            && !tracees.threads[&one].shares_fd_table
                            && tracees
                                .threads
                                .get(&process)
                                .is_none_or(|t| t.process == process)
                        {
                            tracees.take_over(process, one);
                            tracees.replace(process);
                        }
                    }
                    // A separate process with its creator's descriptors, and its exec.
                    5 if !tracees.processes.contains_key(&one)
                        && tracees.processes.contains_key(&other) =>
                    {
                        tracees.add(one, other, Mode::Every, true);
                        if let Some(tracee) = tracees.threads.get_mut(&one) {
                            tracee.shares_fd_table = true;
                        }
                        check(&tracees);
                        tracees.replace(one);
                    }
                    6 => {
                        if let Some(process) = tracees.processes.get_mut(&one) {
                            let (table, fd) = (&mut process.table, dice.i32(..3));
                            tracees.sockets.hold(table, fd, dice.u64(..4));
                        }
                    }
                    7 if dice.u8(..8) == 0 => tracees.clear(),
                    _ => {}
                }
                check(&tracees);
            }
        }
    }
}
