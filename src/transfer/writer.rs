//! A stream that is written in a thread of its own: its reader may take its time, and the network
//! must not wait meanwhile.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;

/// Bytes that are written at once, after which the backlog is told anew.
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
    /// What the thread has not taken yet.
    waiting: Vec<u8>,
    /// Bytes that are not written yet, those that the thread has taken included.
    backlog: u64,
    error: Option<io::Error>,
    is_over: bool,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// Of clone(2).
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

    /// Leaves bytes to the thread. How many may wait, the receiver's window bounds.
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

/// The thread ends once it has written what is there, if its reader lets it; nobody waits for that.
impl Drop for Writer {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_one();
    }
}

/// Writes all of it. A stream that somebody made non-blocking, as the parent of a pipeline may, is
/// waited for.
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
                    // What waits will never be written.
                    (state.backlog, state.waiting) = (0, Vec::new());
                    state.error = Some(error);
                    return;
                }
            }
        }
    }
}
