//! The counters of the workers, for other threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Summary;
use super::exchange::Served;
use crate::error::{Error, Result};
use crate::socket::Endpoint;

/// The counters of a worker, for other threads. They are updated once per batch.
#[derive(Debug, Default)]
pub(super) struct Progress {
    datagrams: AtomicU64,
    bytes: AtomicU64,
    syscalls: AtomicU64,
    others: Others,
}

/// Counters that only an [`Observer`] reads.
#[derive(Debug, Default)]
struct Others {
    replies: AtomicU64,
    reply_bytes: AtomicU64,
    truncated: AtomicU64,
    dropped: AtomicU64,
    loops: AtomicU64,
    impossible: AtomicU64,
    amplifying: AtomicU64,
    failed: AtomicU64,
}

impl Progress {
    /// Publishes the datagrams that the worker has served until now.
    pub(super) fn count(&self, summary: &Summary) {
        self.datagrams.store(summary.datagrams, Ordering::Relaxed);
        self.bytes.store(summary.bytes, Ordering::Relaxed);
    }

    /// Publishes all of its counters.
    pub(super) fn count_all(&self, summary: &Summary) {
        self.count(summary);
        let others = &self.others;
        for (counter, value) in [
            (&others.replies, summary.replies),
            (&others.reply_bytes, summary.reply_bytes),
            (&others.truncated, summary.truncated),
            (&others.dropped, summary.dropped),
            (&others.loops, summary.loops),
            (&others.impossible, summary.impossible),
            (&others.amplifying, summary.amplifying),
            (&others.failed, summary.failed),
        ] {
            counter.store(value, Ordering::Relaxed);
        }
    }

    /// Publishes the system calls that the worker has made until now.
    pub(super) fn count_syscalls(&self, syscalls: u64) {
        self.syscalls.store(syscalls, Ordering::Relaxed);
    }

    pub(super) fn datagrams(&self) -> u64 {
        self.datagrams.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn syscalls(&self) -> u64 {
        self.syscalls.load(Ordering::Relaxed)
    }

    fn summary(&self) -> Summary {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let others = &self.others;
        Summary {
            datagrams: self.datagrams(),
            bytes: self.bytes(),
            replies: load(&others.replies),
            reply_bytes: load(&others.reply_bytes),
            truncated: load(&others.truncated),
            dropped: load(&others.dropped),
            loops: load(&others.loops),
            impossible: load(&others.impossible),
            amplifying: load(&others.amplifying),
            failed: load(&others.failed),
            kernel_drops: None,
            exchange: None,
        }
    }
}

/// Reads the counters of a [`Server`](super::Server) from another thread while it runs.
#[derive(Clone, Debug)]
pub struct Observer {
    workers: Arc<[Arc<Progress>]>,
    endpoints: Arc<[Endpoint]>,
    served: Option<Served>,
}

impl Observer {
    pub(super) fn new(
        workers: Arc<[Arc<Progress>]>,
        endpoints: Arc<[Endpoint]>,
        served: Option<Served>,
    ) -> Self {
        Self {
            workers,
            endpoints,
            served,
        }
    }

    /// The counters of each worker until its last batch; without the kernel's drops and the exchanges,
    /// which are not counted by worker. Without workers, the server is the only one.
    ///
    /// The counters of one worker are read one after the other, while it goes on.
    pub fn workers(&self) -> impl Iterator<Item = Summary> {
        self.workers.iter().map(|worker| worker.summary())
    }

    /// The counters of all workers together, with the kernel's drops until now: a system call for each
    /// socket.
    pub fn summary(&self) -> Summary {
        let mut sum = Summary::default();
        for worker in self.workers() {
            sum += worker;
        }
        Summary {
            kernel_drops: Summary::drops_of(&self.endpoints),
            exchange: self.served.as_ref().map(Served::get),
            ..sum
        }
    }
}

/// Duplicates of the sockets' descriptors.
///
/// # Errors
/// The errors of fcntl(2).
pub(super) fn duplicates<'a>(
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
) -> Result<Arc<[Endpoint]>> {
    use std::os::fd::AsFd;
    let duplicate = |endpoint: &Endpoint| {
        let fd = endpoint.as_fd().try_clone_to_owned();
        fd.map(Endpoint::from).map_err(|source| {
            Error::os("copy", "a socket's fd", source)
                .with_remedy("raise the limit of open files with ulimit -n, or use fewer workers")
        })
    };
    endpoints.into_iter().map(duplicate).collect()
}
