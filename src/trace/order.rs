//! Cause before effect: the order in which what was seen is told.

use super::call::Direction;
use super::tracee::Tracee;
use super::tracer::Tracer;

/// How many events wait for a send to return.
const MOST_HELD: usize = 256;

impl Tracer {
    /// Whether nothing that was found must wait for a send that is still to return.
    pub(super) fn is_in_order(&mut self) -> bool {
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
    pub(super) fn is_first(&mut self) -> bool {
        if self.config.overlaps {
            return self.found.is_empty();
        }
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
}
