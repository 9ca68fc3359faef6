//! The state of a trace: its first process, and how it ends.

use super::event::End;
use crate::error::Error;

/// The state of a trace.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The first process that was started or attached to, and how it ended, if it has.
    root: Option<(i32, Option<End>)>,
    /// Whether a process was attached to.
    pub(super) is_attached: bool,
    /// Whether a program has a filter: without a tracer its socket calls would fail with ENOSYS.
    pub(super) has_filter: bool,
    /// Whether to detach from the remaining tracees.
    pub(super) is_leaving: bool,
    failure: Option<Error>,
}

impl Session {
    /// The first process, and how it ended, if it has.
    pub(super) fn root(&self) -> Option<(i32, Option<End>)> {
        self.root
    }

    /// A process is traced from now on. The first one stays the root.
    pub(super) fn begin(&mut self, process: i32) {
        self.root.get_or_insert((process, None));
    }

    /// A thread ended.
    pub(super) fn ended(&mut self, thread: i32, end: End) {
        if let Some((root, how)) = &mut self.root
            && *root == thread
        {
            *how = Some(end);
        }
    }

    /// The trace cannot continue. Only the first failure is reported, and none while detaching.
    pub(super) fn fail(&mut self, failure: impl FnOnce() -> Error) {
        if self.failure.is_none() && !self.is_leaving {
            self.failure = Some(failure());
        }
    }

    /// Takes the failure that ends the trace.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_process_and_the_first_failure_count() {
        let mut session = Session::default();
        session.begin(1);
        session.begin(2);
        session.ended(2, End::Exited(2));
        assert_eq!(session.root(), Some((1, None)));
        session.ended(1, End::Exited(1));
        assert_eq!(session.root(), Some((1, Some(End::Exited(1)))));
        session.fail(|| Error::invalid("trace", "one", "first"));
        session.fail(|| Error::invalid("trace", "two", "second"));
        let failure = session.take_failure().unwrap().to_string();
        assert!(failure.contains("first"), "{failure}");
        session.is_leaving = true;
        session.fail(|| Error::invalid("trace", "three", "third"));
        assert!(session.take_failure().is_none());
    }
}
