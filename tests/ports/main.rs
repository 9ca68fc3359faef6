//! `udpraw ports`, and the part of the library beneath it, against real sockets, other programs and
//! the kernel's own choice.

#[path = "../common/mod.rs"]
mod common;

mod command;
mod copies;
mod lookup;
mod oracle;
mod watch;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by each test: a child that another one starts has copies of this one's sockets between fork
/// and exec, and so stands among their owners, or keeps them open.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves this thread, and the processes that it starts, to a network namespace with nothing but
/// loopback; false, said loudly, where that is not allowed.
fn fresh_namespace() -> bool {
    common::namespaces::alone()
}
