//! The digest of a file, computed by a thread that runs ahead of the sender.
//!
//! It maps the pages and brings them into the cache that the CPUs share, before the sender computes
//! checksums and sends them: on a single CPU, that is a third of the cost of sending.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use nix::sys::signal::{SigSet, Signal};

use crate::protocol::transfer::Digest;
use crate::sys::map::Map;

/// How far it runs ahead at most: data further ahead would leave the cache again.
const AHEAD: u64 = 4 << 20;
/// Bytes of one step of the digest.
const PIECE: u64 = 128 << 10;

#[derive(Debug)]
pub(super) struct DigestThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<u128>>,
    digest: Option<u128>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The position of the sender.
    sent: AtomicU64,
    /// The thread waits until the sender reaches this position; at 0 it does not wait.
    wanted: AtomicU64,
    is_over: AtomicBool,
}

impl DigestThread {
    /// Starts the thread, from where `digest` ends.
    ///
    /// # Errors
    /// The errors of clone(2).
    pub(super) fn start(map: Arc<Map>, digest: Digest) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.sent.store(digest.length(), Ordering::Relaxed);
        let its = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("digest".into())
            .spawn(move || {
                // Ctrl-C is for the thread that sends. SIGBUS is this thread's own, if the file shrinks.
                let mut blocked = SigSet::all();
                blocked.remove(Signal::SIGBUS);
                let _ = blocked.thread_block();
                its.work(&map, digest)
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
            digest: None,
        })
    }

    /// Updates the position of the sender.
    pub(super) fn sent(&mut self, offset: u64) {
        self.shared.sent.store(offset, Ordering::SeqCst);
        let wanted = self.shared.wanted.load(Ordering::SeqCst);
        if wanted > 0 && offset >= wanted {
            self.shared.wanted.store(0, Ordering::SeqCst);
            if let Some(thread) = &self.thread {
                thread.thread().unpark();
            }
        }
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            self.digest = self.thread.take().and_then(|thread| thread.join().ok());
        }
    }

    /// The digest of the whole file, once it is finished.
    pub(super) fn digest(&self) -> Option<u128> {
        self.digest
    }
}

impl Drop for DigestThread {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Shared {
    fn work(&self, map: &Map, mut digest: Digest) -> u128 {
        let bytes = map.bytes();
        let length = bytes.len() as u64;
        while digest.length() < length && !self.is_over.load(Ordering::SeqCst) {
            let at = digest.length();
            let limit = self
                .sent
                .load(Ordering::SeqCst)
                .saturating_add(AHEAD)
                .min(length);
            if at >= limit {
                self.wait(at);
                continue;
            }
            let end = (at + PIECE).min(limit);
            digest.update(&bytes[at as usize..end as usize]);
        }
        digest.value()
    }

    /// Waits until the sender has covered half the distance.
    fn wait(&self, at: u64) {
        let wanted = at.saturating_sub(AHEAD / 2).max(1);
        self.wanted.store(wanted, Ordering::SeqCst);
        // The sender reads `wanted` after its update of `sent`, and this thread reads `sent` after
        // its update of `wanted`: one of them sees the other. A spurious wake-up does no harm.
        while self.wanted.load(Ordering::SeqCst) != 0
            && self.sent.load(Ordering::SeqCst) < wanted
            && !self.is_over.load(Ordering::SeqCst)
        {
            thread::park();
        }
        self.wanted.store(0, Ordering::SeqCst);
    }
}
