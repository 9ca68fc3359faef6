//! The thread that stores what a transfer receives, and the bounded queue to it.
//!
//! The loop passes the bytes of the forward stream in order; the receiver's window, less the backlog,
//! bounds how many wait. The thread returns answers for the sender, its status and its result, and
//! wakes the loop for them. The loop never waits for it: a thread that is stuck in a system call is
//! abandoned.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::chunk::{Chunk, Pending, Spares};
use super::thread;
use crate::error::{Error, Result};
use crate::protocol::transfer::Sink;
use crate::socket::Waker;

#[derive(Debug)]
struct Shared<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    waker: Waker,
}

#[derive(Debug)]
struct State<R> {
    waiting: VecDeque<Chunk>,
    spares: Spares,
    /// Bytes that are not processed yet, those in work included.
    backlog: u64,
    end: Option<Ending>,
    answers: Vec<u8>,
    report: R,
    has_news: bool,
    result: Option<Result<()>>,
}

/// How the forward stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything has arrived.
    Complete,
    /// No more will come: what is there is to be kept.
    Interrupted,
}

impl<R> Shared<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loop's end.
#[derive(Debug)]
pub(super) struct DiskThread<R> {
    shared: Arc<Shared<R>>,
    /// Not passed on yet.
    pending: Pending,
}

impl<R: Default + Send + 'static> DiskThread<R> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The errors of clone(2).
    pub(super) fn start(
        waker: Waker,
        work: impl FnOnce(&Port<R>) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                spares: Spares::default(),
                backlog: 0,
                end: None,
                answers: Vec::new(),
                report: R::default(),
                has_news: false,
                result: None,
            }),
            changed: Condvar::new(),
            waker,
        });
        let port = Port {
            shared: Arc::clone(&shared),
            result: None,
        };
        thread::spawn("disk", move || {
            let mut port = port;
            let result = work(&port);
            port.result = Some(result);
        })?;
        Ok(Self {
            shared,
            pending: Pending::default(),
        })
    }

    /// Passes the collected bytes to the thread; call it after each batch.
    pub(super) fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut state = self.shared.lock();
        if state.result.is_some() || state.end.is_some() {
            self.pending.clear();
            return;
        }
        let State {
            waiting,
            spares,
            backlog,
            ..
        } = &mut *state;
        *backlog += self.pending.pass_on(waiting, spares);
        drop(state);
        self.shared.changed.notify_one();
    }

    /// Says where the bytes of the next writes may be: in a buffer that [`Self::take`] can take.
    pub(super) fn offer(&mut self, buffer: &[u8]) {
        self.pending.offer(buffer);
    }

    /// Ends the offer: takes the buffer if it is worth it, and leaves another of the same length.
    pub(super) fn take(&mut self, buffer: &mut Vec<u8>) {
        self.pending.take(buffer);
    }

    /// No more bytes will come.
    pub(super) fn end(&mut self, ending: Ending) {
        self.flush();
        let mut state = self.shared.lock();
        if state.end.is_none() || ending == Ending::Interrupted {
            state.end = Some(ending);
        }
        if ending == Ending::Interrupted {
            (state.backlog, state.waiting) = (0, VecDeque::new());
        }
        self.shared.changed.notify_one();
    }

    /// Bytes that are not stored yet.
    pub(super) fn backlog(&self) -> u64 {
        self.shared.lock().backlog
    }

    /// Appends new answers for the sender to `answers`, and has `see` look at the report if it is
    /// new.
    pub(super) fn poll(&mut self, answers: &mut Vec<u8>, see: impl FnOnce(&mut R)) {
        let mut state = self.shared.lock();
        answers.append(&mut state.answers);
        if std::mem::take(&mut state.has_news) {
            see(&mut state.report);
        }
    }

    /// How the thread ended, once it has, and then not again.
    pub(super) fn result(&mut self) -> Option<Result<()>> {
        self.shared.lock().result.take()
    }
}

impl<R: Default + Send + 'static> Sink for DiskThread<R> {
    fn write(&mut self, bytes: &[u8]) {
        self.pending.write(bytes);
    }
}

/// The thread ends as soon as it can; nobody waits for it.
impl<R> Drop for DiskThread<R> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.end.is_none() {
            state.end = Some(Ending::Interrupted);
        }
        self.shared.changed.notify_one();
    }
}

/// The thread's end.
#[derive(Debug)]
pub(super) struct Port<R> {
    shared: Arc<Shared<R>>,
    result: Option<Result<()>>,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    /// The next bytes of the forward stream; give the memory back by [`Port::done`].
    Bytes(Chunk),
    /// There are no more.
    End(Ending),
}

impl<R> Port<R> {
    /// Waits for something to do.
    pub(super) fn next(&self) -> Next {
        let mut state = self.shared.lock();
        loop {
            if state.end == Some(Ending::Interrupted) {
                return Next::End(Ending::Interrupted);
            }
            if let Some(chunk) = state.waiting.pop_front() {
                return Next::Bytes(chunk);
            }
            if let Some(ending) = state.end {
                return Next::End(ending);
            }
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The bytes are stored.
    pub(super) fn done(&self, chunk: Chunk) {
        let mut state = self.shared.lock();
        state.backlog = state.backlog.saturating_sub(chunk.bytes().len() as u64);
        let is_empty = state.waiting.is_empty();
        state.spares.give_back(chunk);
        drop(state);
        // A sender that waits for credit gets it now.
        if is_empty {
            self.shared.waker.wake();
        }
    }

    /// Whether the loop wants nothing more, so that long work is given up.
    pub(super) fn is_interrupted(&self) -> bool {
        self.shared.lock().end == Some(Ending::Interrupted)
    }

    /// Passes answers for the sender to the loop; `answers` is empty afterwards.
    pub(super) fn answer(&self, answers: &mut Vec<u8>) {
        if !answers.is_empty() {
            self.shared.lock().answers.append(answers);
            self.shared.waker.wake();
        }
    }

    /// Changes what the loop sees of the work.
    pub(super) fn report(&self, change: impl FnOnce(&mut R)) {
        let mut state = self.shared.lock();
        change(&mut state.report);
        state.has_news = true;
    }

    /// Wakes the loop, to see the report at once.
    pub(super) fn wake(&self) {
        self.shared.waker.wake();
    }
}

/// A thread that ended without a result has panicked.
impl<R> Drop for Port<R> {
    fn drop(&mut self) {
        let lost = || {
            let lost = std::io::Error::other("the thread that stores it ended");
            Err(Error::os("store", "the transfer", lost))
        };
        let mut state = self.shared.lock();
        state.result = Some(self.result.take().unwrap_or_else(lost));
        (state.backlog, state.waiting) = (0, VecDeque::new());
        drop(state);
        self.shared.waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn until<T>(mut poll: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(value) = poll() {
                return value;
            }
            assert!(Instant::now() < end, "nothing for 20 s");
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_goes_in_comes_out_in_order() {
        let mut disk = DiskThread::<Vec<u8>>::start(Waker::new().unwrap(), |port| {
            loop {
                match port.next() {
                    Next::Bytes(chunk) => {
                        port.report(|all| all.extend_from_slice(chunk.bytes()));
                        port.answer(&mut vec![1]);
                        port.done(chunk);
                    }
                    Next::End(ending) => {
                        assert_eq!(ending, Ending::Complete);
                        return Ok(());
                    }
                }
            }
        })
        .unwrap();
        let want: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
        let (mut buffer, mut taken) = (vec![0; 65_535], 0);
        for (index, piece) in want.chunks(50_001).enumerate() {
            // Some from a buffer that may be taken, and some with more behind it.
            if index % 3 == 0 {
                disk.write(piece);
                continue;
            }
            buffer[9..9 + piece.len()].copy_from_slice(piece);
            let (first, second) = buffer[9..9 + piece.len()].split_at(piece.len() * index / 60);
            let before = buffer.as_ptr();
            disk.offer(&buffer);
            disk.write(first);
            disk.write(second);
            disk.take(&mut buffer);
            taken += usize::from(buffer.as_ptr() != before);
            assert_eq!(buffer.len(), 65_535);
            if index % 7 == 0 {
                disk.flush();
            }
        }
        assert!((20..=40).contains(&taken), "{taken} buffers");
        disk.end(Ending::Complete);
        until(|| disk.result()).unwrap();
        let mut answers = Vec::new();
        let mut got = Vec::new();
        disk.poll(&mut answers, |report| got.append(report));
        assert!(got == want);
        assert!(!answers.is_empty());
        assert_eq!(disk.backlog(), 0);
    }

    #[test]
    fn a_thread_that_panics_is_an_error_and_an_interrupt_ends_one_that_waits() {
        let mut disk = DiskThread::<()>::start(Waker::new().unwrap(), |port| {
            assert!(matches!(port.next(), Next::Bytes(_)), "as intended here");
            Ok(())
        })
        .unwrap();
        disk.end(Ending::Interrupted);
        assert!(until(|| disk.result()).is_err());
        let mut disk = DiskThread::<()>::start(Waker::new().unwrap(), |port| {
            assert!(matches!(port.next(), Next::End(Ending::Interrupted)));
            Ok(())
        })
        .unwrap();
        disk.end(Ending::Interrupted);
        until(|| disk.result()).unwrap();
    }
}
