//! Cause before effect: the order in which what was seen is told.
//!
//! A datagram may be received before the call that sends it has returned. The cause is told first: while
//! such a send is awaited, all else stands in a queue.

use std::collections::VecDeque;

use super::call::Call;
use super::event::{Event, Found};

/// How many events wait for a send to return.
const MOST_HELD: usize = 256;

/// What was found and not told, and what it waits for.
#[derive(Debug, Default)]
pub(super) struct Order {
    found: VecDeque<Found>,
    /// Threads whose sends must be told before anything else.
    awaited: Vec<i32>,
    /// The thread whose call was the last to begin, until something is told.
    begun: Option<i32>,
}

impl Order {
    /// Something that is told in its turn.
    pub(super) fn push(&mut self, event: Event<'static>) {
        self.found.push_back(Found::Other(event));
    }

    /// A call that is told in its turn.
    pub(super) fn defer(&mut self, call: Call) {
        self.found.push_back(Found::Later(Box::new(call)));
    }

    /// What is to be told now. `is_sending` says whether a thread is in a call that sends.
    pub(super) fn next(&mut self, is_sending: impl Fn(i32) -> bool) -> Option<Found> {
        self.awaited.retain(|thread| is_sending(*thread));
        // A send of UDP returns at once; one that does not is waited for no longer.
        if self.found.len() > MOST_HELD {
            self.awaited.clear();
        }
        if self.awaited.is_empty() {
            self.found.pop_front()
        } else {
            None
        }
    }

    /// Whether nothing waits to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// No send is waited for any more.
    pub(super) fn release(&mut self) {
        self.awaited.clear();
    }

    /// Whether the call of `thread`, which has just returned, is to be told now. `causes` are the threads
    /// that are sending what it may have received.
    pub(super) fn is_first(&mut self, thread: i32, causes: impl FnOnce() -> Vec<i32>) -> bool {
        if !self.awaited.is_empty() || !self.found.is_empty() {
            let is_awaited = self.awaited.contains(&thread);
            self.awaited.retain(|awaited| *awaited != thread);
            return is_awaited;
        }
        self.awaited = causes();
        self.awaited.is_empty()
    }

    /// The thread whose call has begun, and is to be told as unfinished before something is told of
    /// `thread`.
    pub(super) fn interrupted(&mut self, thread: i32) -> Option<i32> {
        self.begun.take_if(|begun| *begun != thread)
    }

    /// `thread` has begun a call.
    pub(super) fn begin(&mut self, thread: i32) {
        self.begun = Some(thread);
    }

    /// A call or a signal is told: no call is the last that has begun.
    pub(super) fn end(&mut self) {
        self.begun = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::event::End;

    fn event(thread: i32) -> Event<'static> {
        Event::Ended {
            thread,
            process: thread,
            end: End::Detached,
        }
    }

    #[test]
    fn a_send_is_told_before_what_it_caused() {
        let mut order = Order::default();
        // Thread 1 has received what thread 2 is still sending.
        assert!(!order.is_first(1, || vec![2]));
        order.defer(Call::default());
        order.push(event(3));
        assert!(order.next(|thread| thread == 2).is_none());
        assert!(order.is_first(2, Vec::new));
        assert!(matches!(order.next(|_| true), Some(Found::Later(_))));
        assert!(matches!(order.next(|_| true), Some(Found::Other(_))));
        assert!(order.is_empty() && order.is_first(1, Vec::new));
    }

    #[test]
    fn a_send_that_does_not_return_is_not_waited_for_without_end() {
        let mut order = Order::default();
        assert!(!order.is_first(1, || vec![2]));
        for _ in 0..MOST_HELD {
            order.push(event(1));
            assert!(order.next(|_| true).is_none());
        }
        order.push(event(1));
        assert!(order.next(|_| true).is_some());
        // One that is not sending any more neither.
        order.release();
        while order.next(|_| true).is_some() {}
        assert!(!order.is_first(1, || vec![2]));
        order.push(event(1));
        assert!(order.next(|_| false).is_some());
    }

    #[test]
    fn the_last_call_that_began_is_interrupted_by_another_thread_alone() {
        let mut order = Order::default();
        order.begin(1);
        assert_eq!(order.interrupted(1), None);
        assert_eq!(order.interrupted(2), Some(1));
        assert_eq!(order.interrupted(2), None);
        order.begin(1);
        order.end();
        assert_eq!(order.interrupted(2), None);
    }
}
