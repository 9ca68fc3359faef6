//! A bounded queue of chunks from the thread that reads files to the loop that sends them.
//!
//! The loop's end is the [`Source`] of the sender: its chunks stay until the receiver has them, and
//! then go back to the reader. So the memory is what is in flight and what was read ahead, whatever
//! the length of the stream.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::thread;
use super::tree::{Outlet, Tree, TreeEvent};
use crate::error::{Error, Result};
use crate::protocol::transfer::{Digest, Digesting, Source};
use crate::socket::Waker;

/// Bytes of a chunk.
const CHUNK: usize = 256 << 10;
/// How far the reader may be ahead of the sender: more would leave the cache again before it is sent.
const AHEAD: u64 = 4 << 20;
/// Chunks that are kept for reuse.
const MAX_SPARE: usize = 64;
/// Events that wait for the loop; more are only counted.
const MAX_EVENTS: usize = 1_024;
/// A chunk that holds less than this is copied into memory of its size.
const SMALL: usize = CHUNK / 8;

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    waker: Waker,
}

#[derive(Debug, Default)]
struct State {
    /// Chunks that the loop has not taken yet.
    full: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    /// Bytes that were read, and up to where the reader may read.
    read: u64,
    limit: u64,
    /// The loop waits for bytes.
    is_hungry: bool,
    /// The reader waits for answers, not for a disk.
    is_asking: bool,
    /// Nobody wants more.
    is_over: bool,
    /// The stream is complete: with the digest of all, if there is to be one.
    complete: Option<Digesting>,
    /// The reader has ended.
    ended: Option<Result<()>>,
    /// What the receiver has answered.
    answers: Vec<u8>,
    events: Vec<TreeEvent>,
    /// Events that found no room.
    unreported: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a tree in a thread of its own; `digest` if it is to be digested as a whole.
///
/// # Errors
/// The errors of clone(2).
pub(super) fn read(tree: Tree, digest: bool, waker: Waker) -> Result<Feed> {
    let (feed, mut filler) = feed(waker, digest);
    thread::spawn("reader", move || {
        let read = tree.run(&mut filler);
        filler.finish(read.map(|_| ()));
    })?;
    Ok(feed)
}

/// A queue, as its two ends.
fn feed(waker: Waker, digest: bool) -> (Feed, Filler) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            limit: AHEAD,
            ..State::default()
        }),
        changed: Condvar::new(),
        waker,
    });
    let filler = Filler {
        shared: Arc::clone(&shared),
        digest: digest.then(Digest::default),
        ended: None,
    };
    (Feed::new(shared), filler)
}

/// The loop's end.
#[derive(Debug)]
pub(super) struct Feed {
    shared: Arc<Shared>,
    /// Each chunk, and where it begins in the stream.
    chunks: VecDeque<(u64, Vec<u8>)>,
    end: u64,
    complete: Option<Digesting>,
    ended: Option<Result<()>>,
}

impl Feed {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            chunks: VecDeque::new(),
            end: 0,
            complete: None,
            ended: None,
        }
    }

    /// Takes what was read, gives back what has arrived (all below `released`), and lets the reader
    /// go on to a distance beyond `sent`.
    pub(super) fn exchange(&mut self, sent: u64, released: u64) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        self.take(&mut state);
        while let Some((start, chunk)) = self.chunks.front()
            && start + chunk.len() as u64 <= released
        {
            if let Some((_, chunk)) = self.chunks.pop_front()
                && state.spare.len() < MAX_SPARE
                && chunk.capacity() >= CHUNK
            {
                state.spare.push(chunk);
            }
        }
        let limit = sent.saturating_add(AHEAD);
        // Waking the reader for every datagram would cost more than reading.
        if limit >= state.limit + CHUNK as u64 {
            let was_full = state.read >= state.limit;
            state.limit = limit;
            if was_full {
                self.shared.changed.notify_one();
            }
        }
    }

    fn take(&mut self, state: &mut State) {
        for chunk in state.full.drain(..) {
            let start = self.end;
            self.end += chunk.len() as u64;
            self.chunks.push_back((start, chunk));
        }
        self.complete = state.complete;
        if self.ended.is_none() {
            self.ended = state.ended.take();
        }
    }

    /// Passes on what the receiver has answered; `answers` is empty afterwards.
    pub(super) fn answer(&mut self, answers: &mut Vec<u8>) {
        if !answers.is_empty() {
            self.shared.lock().answers.append(answers);
            self.shared.changed.notify_one();
        }
    }

    /// What the reader has reported, and how much more it could not.
    pub(super) fn take_events(&mut self) -> (Vec<TreeEvent>, u64) {
        let mut state = self.shared.lock();
        let unreported = std::mem::take(&mut state.unreported);
        (std::mem::take(&mut state.events), unreported)
    }

    /// Nothing more is wanted: the reader ends, and for at most `wait` this waits for that.
    pub(super) fn close(&mut self, wait: Duration) {
        let mut state = self.shared.lock();
        state.is_over = true;
        self.shared.changed.notify_all();
        let until = Instant::now() + wait;
        while state.ended.is_none() && self.ended.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether something came since the last exchange; without anything beyond `sent`, the reader
    /// wakes the loop as soon as there is.
    pub(super) fn has_news(&mut self, sent: u64) -> bool {
        if self.end > sent || self.complete.is_some() || self.ended.is_some() {
            return false;
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let before = self.end;
        self.take(&mut state);
        let has_news = self.end > before || self.complete.is_some() || self.ended.is_some();
        state.is_hungry = !has_news;
        has_news
    }

    /// Whether everything that was read, up to `sent`, is sent, and the reader is busy with more.
    pub(super) fn is_dry(&self, sent: u64) -> bool {
        self.end <= sent
            && self.complete.is_none()
            && self.ended.is_none()
            && !self.shared.lock().is_asking
    }

    /// The error that ended the reader, once.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        match &self.ended {
            Some(Err(_)) => self.ended.replace(Ok(()))?.err(),
            _ => None,
        }
    }

    /// Bytes that were read so far.
    pub(super) fn end(&self) -> u64 {
        self.end
    }
}

/// The reader ends as soon as it can; nobody waits for it.
impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
    }
}

impl Source for Feed {
    fn available(&self) -> u64 {
        self.end
    }

    fn is_complete(&self) -> bool {
        self.complete.is_some()
    }

    fn digest(&self) -> Digesting {
        self.complete.unwrap_or(Digesting::Pending)
    }

    fn bytes(&self, offset: u64, max_length: usize) -> &[u8] {
        let after = self.chunks.partition_point(|(start, _)| *start <= offset);
        let Some((start, chunk)) = after.checked_sub(1).and_then(|at| self.chunks.get(at)) else {
            return &[];
        };
        let at = usize::try_from(offset - start).unwrap_or(usize::MAX);
        let rest = chunk.get(at..).unwrap_or_default();
        &rest[..max_length.min(rest.len())]
    }
}

/// The reader's end.
#[derive(Debug)]
struct Filler {
    shared: Arc<Shared>,
    /// Of all that was pushed: computed while it is in the cache of this CPU.
    digest: Option<Digest>,
    ended: Option<Result<()>>,
}

impl Filler {
    fn finish(mut self, result: Result<()>) {
        self.ended = Some(result);
    }
}

impl Outlet for Filler {
    fn buffer(&mut self) -> Option<Vec<u8>> {
        let mut state = self.shared.lock();
        while state.read >= state.limit && !state.is_over {
            let waited = self.shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_over {
            return None;
        }
        let spare = state.spare.pop();
        drop(state);
        let mut chunk = spare.unwrap_or_default();
        chunk.clear();
        chunk.reserve_exact(CHUNK);
        Some(chunk)
    }

    fn push(&mut self, chunk: Vec<u8>) {
        if chunk.is_empty() {
            return;
        }
        if let Some(digest) = &mut self.digest {
            digest.update(&chunk);
        }
        let mut state = self.shared.lock();
        state.read += chunk.len() as u64;
        let is_joined = match state.full.back_mut() {
            Some(last) if last.capacity() - last.len() >= chunk.len() => {
                last.extend_from_slice(&chunk);
                true
            }
            _ => false,
        };
        if is_joined || chunk.len() < SMALL {
            if !is_joined {
                state.full.push_back(chunk.clone());
            }
            if state.spare.len() < MAX_SPARE {
                state.spare.push(chunk);
            }
        } else {
            state.full.push_back(chunk);
        }
        if std::mem::take(&mut state.is_hungry) {
            self.shared.waker.wake();
        }
    }

    fn complete(&mut self) {
        let digest = self.digest.as_ref().map(Digest::value);
        self.shared.lock().complete = Some(digest.map_or(Digesting::Sender, Digesting::Done));
        self.shared.waker.wake();
    }

    fn answers(&mut self, wait: bool, into: &mut Vec<u8>) -> bool {
        let mut state = self.shared.lock();
        loop {
            if !state.answers.is_empty() {
                into.append(&mut state.answers);
                return true;
            }
            if state.is_over || !wait {
                return !state.is_over;
            }
            state.is_asking = true;
            let waited = self.shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
            state.is_asking = false;
        }
    }

    fn is_over(&self) -> bool {
        self.shared.lock().is_over
    }

    fn on_event(&mut self, event: TreeEvent) {
        let mut state = self.shared.lock();
        if state.events.len() < MAX_EVENTS {
            state.events.push(event);
        } else {
            state.unreported += 1;
        }
    }
}

/// A reader that ended without a result has panicked.
impl Drop for Filler {
    fn drop(&mut self) {
        let lost = || {
            let lost = std::io::Error::other("the reading thread ended");
            Err(Error::os("read", "the input", lost))
        };
        self.shared.lock().ended = Some(self.ended.take().unwrap_or_else(lost));
        self.shared.changed.notify_all();
        self.shared.waker.wake();
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
