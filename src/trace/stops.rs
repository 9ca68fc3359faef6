//! Stops that were collected before their turn.

use std::collections::{HashMap, VecDeque};

use super::spin::Spin;
use crate::sys::ptrace::Status;

/// Threads that have stopped or ended and are not handled yet, and how the next stop is awaited. A
/// thread is either new or in the queue, never both.
#[derive(Debug, Default)]
pub(super) struct Stops {
    /// New threads that stopped before the event of the call that created them.
    new_threads: HashMap<i32, Status>,
    queue: VecDeque<(i32, Status)>,
    pub(super) spin: Spin,
}

impl Stops {
    /// Queues a stopped thread.
    pub(super) fn queue(&mut self, thread: i32, status: Status) {
        self.new_threads.remove(&thread);
        self.queue.push_back((thread, status));
    }

    /// Takes the next thread from the queue.
    pub(super) fn next(&mut self) -> Option<(i32, Status)> {
        self.queue.pop_front()
    }

    /// Whether a thread is in the queue.
    pub(super) fn is_queued(&self, thread: i32) -> bool {
        self.queue.iter().any(|(queued, _)| *queued == thread)
    }

    pub(super) fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// An unknown thread stopped or ended.
    pub(super) fn unknown(&mut self, thread: i32, status: Status) {
        match status {
            Status::Exited(_) | Status::Killed(_) => drop(self.new_threads.remove(&thread)),
            _ => drop(self.new_threads.insert(thread, status)),
        }
    }

    /// A new thread is known from now on: if it has stopped already, it is queued.
    pub(super) fn claim(&mut self, thread: i32) {
        if let Some(status) = self.new_threads.remove(&thread) {
            self.queue.push_back((thread, status));
        }
    }

    /// Takes the unknown new threads, each with its stop.
    pub(super) fn take_newborns(&mut self) -> HashMap<i32, Status> {
        std::mem::take(&mut self.new_threads)
    }

    /// The unknown new threads.
    pub(super) fn new_threads(&self) -> impl Iterator<Item = i32> {
        self.new_threads.keys().copied()
    }

    pub(super) fn has_newborns(&self) -> bool {
        !self.new_threads.is_empty()
    }

    pub(super) fn is_newborn(&self, thread: i32) -> bool {
        self.new_threads.contains_key(&thread)
    }

    /// A new thread has ended.
    pub(super) fn forget(&mut self, thread: i32) {
        self.new_threads.remove(&thread);
    }

    /// Forgets all new threads.
    pub(super) fn forget_newborns(&mut self) {
        self.new_threads.clear();
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
        assert_eq!(stops.new_threads().collect::<Vec<_>>(), [1]);
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
