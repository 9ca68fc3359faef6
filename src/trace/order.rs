//! Reports causes before effects.
//!
//! A datagram may be received before the call that sends it has returned. The send is reported first:
//! while it is awaited, all other events wait in a queue.

use std::collections::VecDeque;

use super::call::Call;
use super::event::{Event, Found};

/// The maximum number of events that wait for a send to return.
const MOST_HELD: usize = 256;

/// Events that are not reported yet, and the sends that they wait for.
#[derive(Debug, Default)]
pub(super) struct Order {
    found: VecDeque<Found>,
    /// Threads whose sends must be reported before anything else.
    awaited: Vec<i32>,
    /// The thread whose call began last, until an event is reported.
    begun: Option<i32>,
}

impl Order {
    /// Queues an event.
    pub(super) fn push(&mut self, event: Event<'static>) {
        self.found.push_back(Found::Other(event));
    }

    /// Queues a call.
    pub(super) fn defer(&mut self, call: Call) {
        self.found.push_back(Found::Later(Box::new(call)));
    }

    /// Takes the next event to report. `is_sending` returns whether a thread is in a call that sends.
    pub(super) fn next(&mut self, is_sending: impl Fn(i32) -> bool) -> Option<Found> {
        self.awaited.retain(|thread| is_sending(*thread));
        // A UDP send returns at once; one that does not is no longer awaited.
        if self.found.len() > MOST_HELD {
            self.awaited.clear();
        }
        if self.awaited.is_empty() {
            self.found.pop_front()
        } else {
            None
        }
    }

    /// Whether no event is queued.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Stops waiting for sends.
    pub(super) fn release(&mut self) {
        self.awaited.clear();
    }

    /// Whether the call of `thread`, which has just returned, can be reported now. `causes` are the
    /// threads that may be sending the datagram that it received.
    pub(super) fn is_first(&mut self, thread: i32, causes: impl FnOnce() -> Vec<i32>) -> bool {
        if !self.awaited.is_empty() || !self.found.is_empty() {
            let is_awaited = self.awaited.contains(&thread);
            self.awaited.retain(|awaited| *awaited != thread);
            return is_awaited;
        }
        self.awaited = causes();
        self.awaited.is_empty()
    }

    /// The thread whose call has begun, and must be reported as unfinished before an event of `thread`.
    pub(super) fn interrupted(&mut self, thread: i32) -> Option<i32> {
        self.begun.take_if(|begun| *begun != thread)
    }

    /// `thread` has begun a call.
    pub(super) fn begin(&mut self, thread: i32) {
        self.begun = Some(thread);
    }

    /// A call or a signal is reported: no call counts as the last that began.
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
    fn a_send_is_reported_before_its_effect() {
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
        // A thread that is no longer sending does not delay it either.
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
