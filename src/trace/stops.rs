//! Stops that were taken before their turn.

use std::collections::{HashMap, VecDeque};

use super::spin::Spin;
use crate::sys::ptrace::Status;

/// Threads that stand, or have ended, and whose turn is still to come; and how the next stop is
/// awaited. A thread is a newborn or in the queue, never both.
#[derive(Debug, Default)]
pub(super) struct Stops {
    /// New threads that stopped before the call that made them told of them.
    newborns: HashMap<i32, Status>,
    queue: VecDeque<(i32, Status)>,
    pub(super) spin: Spin,
}

impl Stops {
    /// A thread stands whose turn comes later.
    pub(super) fn queue(&mut self, thread: i32, status: Status) {
        self.newborns.remove(&thread);
        self.queue.push_back((thread, status));
    }

    /// The next one in the queue.
    pub(super) fn next(&mut self) -> Option<(i32, Status)> {
        self.queue.pop_front()
    }

    /// Whether a thread stands in the queue.
    pub(super) fn is_queued(&self, thread: i32) -> bool {
        self.queue.iter().any(|(queued, _)| *queued == thread)
    }

    pub(super) fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// A thread stopped, or ended, that nobody has told of.
    pub(super) fn unknown(&mut self, thread: i32, status: Status) {
        match status {
            Status::Exited(_) | Status::Killed(_) => drop(self.newborns.remove(&thread)),
            _ => drop(self.newborns.insert(thread, status)),
        }
    }

    /// A new thread is known from now on: if it stands already, its turn comes.
    pub(super) fn claim(&mut self, thread: i32) {
        if let Some(status) = self.newborns.remove(&thread) {
            self.queue.push_back((thread, status));
        }
    }

    /// New threads that nobody has told of, each with where it stands. They are forgotten here.
    pub(super) fn take_newborns(&mut self) -> HashMap<i32, Status> {
        std::mem::take(&mut self.newborns)
    }

    /// New threads that nobody has told of.
    pub(super) fn newborns(&self) -> impl Iterator<Item = i32> {
        self.newborns.keys().copied()
    }

    pub(super) fn has_newborns(&self) -> bool {
        !self.newborns.is_empty()
    }

    pub(super) fn is_newborn(&self, thread: i32) -> bool {
        self.newborns.contains_key(&thread)
    }

    /// A new thread is no more.
    pub(super) fn forget(&mut self, thread: i32) {
        self.newborns.remove(&thread);
    }

    /// No new thread is left.
    pub(super) fn forget_newborns(&mut self) {
        self.newborns.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newborn_has_its_turn_once_it_is_known() {
        let mut stops = Stops::default();
        stops.unknown(1, Status::Syscall);
        stops.unknown(2, Status::Syscall);
        stops.unknown(2, Status::Exited(0));
        assert_eq!(stops.newborns().collect::<Vec<_>>(), [1]);
        assert!(stops.next().is_none());
        stops.claim(1);
        stops.claim(1);
        assert!(stops.is_queued(1) && !stops.is_newborn(1));
        assert_eq!(stops.next(), Some((1, Status::Syscall)));
        assert!(stops.is_queue_empty() && !stops.has_newborns());
        stops.unknown(3, Status::Syscall);
        stops.queue(3, Status::Syscall);
        assert!(!stops.is_newborn(3));
    }
}
