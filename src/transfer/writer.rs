//! A stream that a separate thread writes: its reader may be slow, and the network must not wait
//! for it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;

/// Bytes per write, after which the backlog is updated.
const PIECE: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The bytes that the thread has not taken yet.
    waiting: Vec<u8>,
    /// Bytes that are not written yet, including those that the thread has taken.
    backlog: u64,
    error: Option<io::Error>,
    is_over: bool,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The errors of clone(2).
    pub(super) fn start(file: File) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || {
                // Ctrl-C is for the thread that waits for datagrams.
                let _ = SigSet::all().thread_block();
                its.work(file);
            })?;
        Ok(Self(shared))
    }

    /// Passes bytes to the thread. The receiver's window limits how many wait.
    pub(super) fn write(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        if !bytes.is_empty() && state.error.is_none() {
            state.waiting.extend_from_slice(bytes);
            state.backlog += bytes.len() as u64;
            self.0.changed.notify_one();
        }
    }

    /// Bytes that are not written yet.
    pub(super) fn backlog(&self) -> u64 {
        self.0.lock().backlog
    }

    /// The error that ended it.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.0.lock().error.take()
    }
}

/// The thread ends once it has written everything, if its reader allows it; nobody waits for it.
impl Drop for Writer {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_one();
    }
}

/// Writes all of it. It waits for a non-blocking stream, which the parent of a pipeline may have
/// made so.
fn write_all(file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let polled = &mut [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
                match poll(polled, PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, mut file: File) {
        let mut taken = Vec::new();
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                if state.is_over {
                    return;
                }
                state = (self.changed.wait(state)).unwrap_or_else(PoisonError::into_inner);
            }
            taken.clear();
            std::mem::swap(&mut state.waiting, &mut taken);
            drop(state);
            for piece in taken.chunks(PIECE) {
                let written = write_all(&mut file, piece);
                let mut state = self.lock();
                state.backlog -= piece.len() as u64;
                if let Err(error) = written {
                    // Waiting bytes will never be written.
                    (state.backlog, state.waiting) = (0, Vec::new());
                    state.error = Some(error);
                    return;
                }
            }
        }
    }
}
