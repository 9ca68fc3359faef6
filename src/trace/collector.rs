//! Against a deadlock in the kernel between an attach and an exec.
//!
//! A thread that runs another program waits for the ends of all others of its process, and an end counts
//! once the tracer has collected it. Meanwhile it holds a lock that PTRACE_SEIZE of its remaining
//! threads takes: a tracer with one thread would wait for ever, and so would the program. Another
//! thread may collect what the tracer's own cannot.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::SigSet;

use crate::sys::ptrace;

/// How often to look. Mostly an attach is over before.
const PAUSE: Duration = Duration::from_millis(20);

/// Who has been attached to so far.
pub(super) struct Collector(Sender<i32>);

impl Collector {
    /// Does `work`, and meanwhile collects those of its threads that end: they are returned, too.
    pub(super) fn during<T>(work: impl FnOnce(&Self) -> T) -> (T, Vec<i32>) {
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            // Without one it works, but for an exec at the wrong moment.
            let collecting = thread::Builder::new().spawn_scoped(scope, || collect(receiver));
            let done = {
                let collector = Self(sender);
                work(&collector)
            };
            let collected = collecting.ok().and_then(|thread| thread.join().ok());
            (done, collected.unwrap_or_default())
        })
    }

    /// A thread that may end.
    pub(super) fn add(&self, thread: i32) {
        // Without a receiver nobody collects.
        let _ = self.0.send(thread);
    }
}

/// Until the sender is gone.
fn collect(receiver: Receiver<i32>) -> Vec<i32> {
    // A signal is for the thread whose calls it is to interrupt.
    let _ = SigSet::all().thread_block();
    let (mut attached, mut collected) = (Vec::new(), Vec::new());
    loop {
        match receiver.recv_timeout(PAUSE) {
            Ok(thread) => attached.push(thread),
            Err(RecvTimeoutError::Timeout) => attached.retain(|thread| {
                let has_ended = ptrace::collect(*thread);
                if has_ended {
                    collected.push(*thread);
                }
                !has_ended
            }),
            Err(RecvTimeoutError::Disconnected) => return collected,
        }
    }
}
