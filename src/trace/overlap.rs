//! Calls that overlap, told in two parts as strace does.

use super::call::Returned;
use super::event::Event;
use super::memory::Process as Remote;
use super::tracer::Tracer;

impl Tracer {
    /// Something is about to be told of `thread`: a call that another has begun, and that would be
    /// told next, is told as unfinished.
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
        // It waits in the kernel, or stands at the end of the call: its memory can be read.
        self.write(other, process, &entry, Returned::Never, &Remote(other));
        let call = Box::new(std::mem::take(&mut self.call));
        self.order.push(Event::Unfinished {
            thread: other,
            call,
        });
        entry.is_told = true;
        if let Some(tracee) = self.tracees.threads.get_mut(&other) {
            tracee.entry = Some(entry);
        }
    }

    /// `thread` has begun a call.
    pub(super) fn begin_line(&mut self, thread: i32) {
        self.break_line(thread);
        self.order.begin(thread);
    }

    /// The call of `thread` is about to be told.
    pub(super) fn end_line(&mut self, thread: i32) {
        self.break_line(thread);
        self.order.end();
    }
}
