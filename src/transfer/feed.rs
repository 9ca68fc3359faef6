//! A bounded queue of chunks from the thread that reads files to the loop that sends them.
//!
//! The loop's end is the [`Source`] of the sender: its chunks stay until the receiver has them, and
//! then go back to the reader. So the memory is what is in flight and what was read ahead, whatever
//! the length of the stream.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::protocol::transfer::{Digesting, Source};
use crate::socket::Waker;

/// Bytes of a chunk.
pub(super) const CHUNK: usize = 256 << 10;
/// How far the reader may be ahead of the sender: more would leave the cache again before it is sent.
const AHEAD: u64 = 4 << 20;
/// Chunks that are kept for reuse.
const MAX_SPARE: usize = 64;
/// A chunk that holds less than this is copied into memory of its size.
const SMALL: usize = CHUNK / 8;

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    has_room: Condvar,
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
    /// Nobody wants more.
    is_over: bool,
    /// How the reader ended: with the digest of all, if it has one.
    ended: Option<Result<Option<u128>>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue, as its two ends.
pub(super) fn feed(waker: Waker) -> (Feed, Filler) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            limit: AHEAD,
            ..State::default()
        }),
        has_room: Condvar::new(),
        waker,
    });
    let filler = Filler {
        shared: Arc::clone(&shared),
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
    ended: Option<Result<Option<u128>>>,
}

impl Feed {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            chunks: VecDeque::new(),
            end: 0,
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
                self.shared.has_room.notify_one();
            }
        }
    }

    fn take(&mut self, state: &mut State) {
        for chunk in state.full.drain(..) {
            let start = self.end;
            self.end += chunk.len() as u64;
            self.chunks.push_back((start, chunk));
        }
        if self.ended.is_none() {
            self.ended = state.ended.take();
        }
    }

    /// Whether something came since the last exchange; without anything beyond `sent`, the reader
    /// wakes the loop as soon as there is.
    pub(super) fn has_news(&mut self, sent: u64) -> bool {
        if self.end > sent || self.ended.is_some() {
            return false;
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let before = self.end;
        self.take(&mut state);
        let has_news = self.end > before || self.ended.is_some();
        state.is_hungry = !has_news;
        has_news
    }

    /// The error that ended the reader, once.
    pub(super) fn take_error(&mut self) -> Option<crate::error::Error> {
        match self.ended.take() {
            Some(Err(error)) => Some(error),
            ended => {
                self.ended = ended;
                None
            }
        }
    }
}

/// The reader ends as soon as it can; nobody waits for it.
impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.has_room.notify_one();
    }
}

impl Source for Feed {
    fn available(&self) -> u64 {
        self.end
    }

    fn is_complete(&self) -> bool {
        matches!(self.ended, Some(Ok(_)))
    }

    fn digest(&self) -> Digesting {
        match self.ended {
            Some(Ok(Some(digest))) => Digesting::Done(digest),
            Some(Ok(None)) => Digesting::Sender,
            _ => Digesting::Pending,
        }
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
pub(super) struct Filler {
    shared: Arc<Shared>,
    ended: Option<Result<Option<u128>>>,
}

impl Filler {
    /// Waits until more may be read; a buffer of [`CHUNK`] bytes for it, of any contents, or nothing
    /// if nobody wants more.
    pub(super) fn buffer(&self) -> Option<Vec<u8>> {
        let mut state = self.shared.lock();
        while state.read >= state.limit && !state.is_over {
            state = self
                .shared
                .has_room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_over {
            return None;
        }
        let spare = state.spare.pop();
        drop(state);
        let mut chunk = spare.unwrap_or_default();
        // Only what an earlier chunk did not fill is set to zero.
        chunk.resize(CHUNK, 0);
        Some(chunk)
    }

    /// Passes the next bytes to the loop.
    pub(super) fn push(&self, chunk: Vec<u8>) {
        if chunk.is_empty() {
            return;
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
            state.spare.push(chunk);
        } else {
            state.full.push_back(chunk);
        }
        if std::mem::take(&mut state.is_hungry) {
            self.shared.waker.wake();
        }
    }

    /// Ends the stream, here or with an error.
    pub(super) fn end(mut self, result: Result<Option<u128>>) {
        self.ended = Some(result);
    }
}

/// A reader that ended without a result has panicked.
impl Drop for Filler {
    fn drop(&mut self) {
        let lost = || {
            let lost = std::io::Error::other("the reading thread ended");
            Err(crate::error::Error::os("read", "the input", lost))
        };
        self.shared.lock().ended = Some(self.ended.take().unwrap_or_else(lost));
        self.shared.waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_chunks_end_to_end() {
        let waker = Waker::new().unwrap();
        let (mut feed, filler) = feed(waker.clone());
        let mut want = Vec::new();
        for length in [1, 0, 3, SMALL, 5, CHUNK, 7] {
            let mut chunk = filler.buffer().expect("room");
            chunk.truncate(length);
            chunk.fill(length as u8);
            want.extend_from_slice(&chunk);
            filler.push(chunk);
            feed.exchange(0, 0);
        }
        filler.end(Ok(None));
        feed.exchange(0, 0);
        assert!(feed.is_complete());
        let mut got = Vec::new();
        while got.len() < want.len() {
            let bytes = feed.bytes(got.len() as u64, 1_000);
            assert!(!bytes.is_empty());
            got.extend_from_slice(bytes);
        }
        assert!(got == want);
        assert!(feed.bytes(want.len() as u64, 1).is_empty());
    }

    #[test]
    fn the_reader_waits_at_its_limit_and_memory_is_reused() {
        let (mut feed, filler) = feed(Waker::new().unwrap());
        let total = 64 << 20;
        let reader = std::thread::spawn(move || {
            let mut sent = 0;
            while sent < total {
                let Some(chunk) = filler.buffer() else {
                    return;
                };
                sent += CHUNK as u64;
                filler.push(chunk);
            }
            filler.end(Ok(None));
        });
        let mut at = 0;
        while !(feed.is_complete() && at == total) {
            feed.exchange(at, at);
            let held: usize = feed.chunks.iter().map(|(_, chunk)| chunk.len()).sum();
            assert!(held as u64 <= AHEAD + CHUNK as u64, "{held}");
            at = feed.available();
        }
        reader.join().unwrap();
    }

    #[test]
    fn a_reader_that_nobody_wants_ends() {
        let (feed, filler) = feed(Waker::new().unwrap());
        let reader = std::thread::spawn(move || {
            let mut chunks = 0;
            while let Some(chunk) = filler.buffer() {
                filler.push(chunk);
                chunks += 1;
            }
            chunks
        });
        drop(feed);
        assert!(reader.join().unwrap() <= 17);
    }
}
