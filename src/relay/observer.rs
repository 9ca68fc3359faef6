//! Reads a running relay's account from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Ledger;
use crate::socket::Waker;

/// Reads the account of a [`Relay`](super::Relay) from another thread while it runs.
///
/// The relay writes it down when it is asked, between two batches: until then nothing is shared, and
/// nothing is counted twice.
#[derive(Clone, Debug)]
pub struct Observer {
    waker: Waker,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    is_asked: AtomicBool,
    /// The account that was written last, and how many were.
    written: Mutex<(u64, Ledger)>,
    is_written: Condvar,
}

impl Observer {
    pub(super) fn new(waker: Waker, shared: Arc<Shared>) -> Self {
        Self { waker, shared }
    }

    /// The account of every datagram until now; or the last one that was written, if the relay writes
    /// none within `patience`, as before its start and after its end.
    ///
    /// The kernel's drops take a system call for each flow: of the target's side they are `None` while
    /// there are more than 1,024.
    pub fn ledger(&self, patience: Duration) -> Ledger {
        let Shared {
            is_asked,
            written,
            is_written,
        } = &*self.shared;
        let guard = written.lock().unwrap_or_else(PoisonError::into_inner);
        let before = guard.0;
        is_asked.store(true, Ordering::Release);
        self.waker.wake();
        let (guard, _) = is_written
            .wait_timeout_while(guard, patience, |(number, _)| *number == before)
            .unwrap_or_else(PoisonError::into_inner);
        guard.1
    }
}

impl Shared {
    /// Whether somebody has asked since the last time; checked once per wake-up.
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.swap(false, Ordering::Acquire)
    }

    pub(super) fn write(&self, ledger: Ledger) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        *written = (written.0 + 1, ledger);
        self.is_written.notify_all();
    }
}
