//! Reports overlapping calls in two parts, as strace does.

use super::call::Returned;
use super::event::Event;
use super::memory::Process as Remote;
use super::tracer::Tracer;

impl Tracer {
    /// An event of `thread` is about to be reported: a call that another thread began last is reported
    /// as unfinished first.
    pub(super) fn break_line(&mut self, thread: i32) {
        if !self.config.overlaps {
            return;
        }
        let Some(other) = self.order.interrupted(thread) else {
            return;
        };
        let Some(tracee) = self.tracees.threads.get_mut(&other) else {
            return;
        };
        let process = tracee.process;
        let Some(mut entry) = tracee.entry.take() else {
            return;
        };
        // It waits in the kernel, or is stopped at the end of the call: its memory can be read.
        self.write(other, process, &entry, Returned::Never, &Remote(other));
        let call = Box::new(std::mem::take(&mut self.call));
        self.order.push(Event::Unfinished {
            thread: other,
            call,
        });
        entry.is_reported = true;
        if let Some(tracee) = self.tracees.threads.get_mut(&other) {
            tracee.entry = Some(entry);
        }
    }

    /// `thread` has begun a call.
    pub(super) fn begin_line(&mut self, thread: i32) {
        self.break_line(thread);
        self.order.begin(thread);
    }

    /// The call of `thread` is about to be reported.
    pub(super) fn end_line(&mut self, thread: i32) {
        self.break_line(thread);
        self.order.end();
    }
}
