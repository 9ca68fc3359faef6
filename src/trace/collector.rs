//! Prevents a deadlock in the kernel between an attach and an exec.
//!
//! A thread in execve(2) waits until all other threads of its process have ended, and a traced thread
//! counts as ended once the tracer has collected it. Meanwhile it holds a lock that PTRACE_SEIZE of the
//! remaining threads takes: a tracer with one thread would deadlock with the program. A second thread
//! collects the ended threads meanwhile.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::SigSet;

use crate::sys::ptrace;

/// The interval between two checks. Most attaches are faster.
const PAUSE: Duration = Duration::from_millis(20);

/// The threads that have been attached to so far.
pub(super) struct Collector(Sender<i32>);

impl Collector {
    /// Does `work`, and meanwhile collects those of its threads that end. Returns these, too.
    pub(super) fn during<T>(work: impl FnOnce(&Self) -> T) -> (T, Vec<i32>) {
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            // Without a collector it works except if an exec comes at the wrong moment.
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
        // Without a receiver no thread collects.
        let _ = self.0.send(thread);
    }
}

/// Runs until the sender is dropped.
fn collect(receiver: Receiver<i32>) -> Vec<i32> {
    // Signals must reach the thread whose calls they interrupt.
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
