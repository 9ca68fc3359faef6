//! Waits for events of the tracees only: the host program waits for its other children itself.

use std::io;
use std::time::Duration;

use super::tracee;
use super::tracer::Tracer;
use crate::sys::ptrace::{self, Status};

/// The result of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A thread stopped or ended.
    From(i32, Status),
    /// No event yet, or a signal handler ran.
    Nothing,
    /// No tracee is left.
    Nobody,
}

/// The interval between two checks of each tracee while the host program has an uncollected child of
/// its own.
const NAP: Duration = Duration::from_micros(500);

impl Tracer {
    /// Waits for the next event of a tracee.
    pub(super) fn listen(&mut self, block: bool) -> Word {
        if let Some((thread, status)) = self.stops.next() {
            return Word::From(thread, status);
        }
        let taken = match self.only() {
            Some(thread) => self.take(thread, block),
            None if self.tracees.threads.is_empty() && !self.stops.has_newborns() => {
                // A new thread whose creator was killed before it reported it.
                match ptrace::peek(false) {
                    Ok(Some(pid)) if is_ours(pid) => self.take(pid, false),
                    _ => return Word::Nobody,
                }
            }
            None => self.take_any(block),
        };
        match taken {
            Ok(Some((thread, status))) => {
                self.stops.spin.count();
                Word::From(thread, status)
            }
            Ok(None) => Word::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Word::Nothing,
            // ECHILD, or a kernel without this kind of wait: no tracee is left.
            Err(_) => {
                self.forget_all();
                Word::Nobody
            }
        }
    }

    /// The tracee, if there is only one.
    fn only(&self) -> Option<i32> {
        let mut threads = self.tracees.threads.keys();
        let one = threads
            .next()
            .copied()
            .filter(|_| !self.stops.has_newborns())?;
        threads.next().is_none().then_some(one)
    }

    /// Waits for an event of one thread.
    fn take(&mut self, thread: i32, block: bool) -> io::Result<Option<(i32, Status)>> {
        let found = if block {
            self.stops
                .spin
                .wait(|| ptrace::wait(thread, false).transpose())
        } else {
            None
        };
        let taken = match found {
            Some(found) => found.map(Some),
            None => ptrace::wait(thread, block),
        };
        match taken {
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                // Another thread took its id in an exec, and that one is not traced.
                self.vanished(thread);
                Ok(None)
            }
            other => other,
        }
    }

    /// Waits for an event of any tracee.
    fn take_any(&mut self, block: bool) -> io::Result<Option<(i32, Status)>> {
        let seen = if block {
            let look = || ptrace::peek(false).transpose();
            let found = self.stops.spin.wait(look).transpose()?;
            match found {
                Some(found) => Some(found),
                None => ptrace::peek(true)?,
            }
        } else {
            ptrace::peek(false)?
        };
        match seen {
            Some(pid) if self.knows(pid) || is_ours(pid) => self.take(pid, false),
            // A child of the host program, which hides the others until it is collected.
            Some(_) => {
                let found = self.take_each();
                if block && matches!(found, Ok(None)) {
                    std::thread::sleep(NAP);
                }
                found
            }
            None => Ok(None),
        }
    }

    fn take_each(&mut self) -> io::Result<Option<(i32, Status)>> {
        let known = self.tracees.threads.keys().copied();
        let threads: Vec<i32> = known.chain(self.stops.new_threads()).collect();
        for thread in threads {
            if let Some(word) = self.take(thread, false)? {
                return Ok(Some(word));
            }
        }
        Ok(None)
    }

    fn knows(&self, pid: i32) -> bool {
        self.tracees.threads.contains_key(&pid) || self.stops.is_newborn(pid)
    }
}

/// Whether the calling thread traces a process that is not in the tables yet.
fn is_ours(pid: i32) -> bool {
    tracee::field(pid, "TracerPid:") == Some(nix::unistd::gettid().as_raw())
}
