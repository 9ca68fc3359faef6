//! Counts what there is to send, ahead of the list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::thread;
use super::outlet::TreeCounts;
use super::walk::{Found, Walk};
use crate::protocol::transfer::manifest::Kind;

/// A thread that counts, as long as this lives.
pub(super) struct Count {
    is_over: Arc<AtomicBool>,
}

impl Count {
    /// Walks the same arguments. None if there can be no thread: then there are no totals until
    /// everything is listed.
    pub(super) fn start(mut walk: Walk, counts: Arc<TreeCounts>) -> Option<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let count = move || {
            let (mut entries, mut bytes) = (0, 0_u64);
            while let Some(found) = walk.next() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                if let Found::Item(item) = found {
                    entries += 1;
                    if let Kind::File { size } = item.entry.kind {
                        bytes = bytes.saturating_add(size);
                    }
                }
            }
            counts.set_totals(entries, bytes);
        };
        thread::spawn("count", count).ok()?;
        Some(Self { is_over })
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
