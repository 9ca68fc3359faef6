//! Which standard streams were closed when the program was started.
//!
//! This file is only part of the binary, as `signal.rs` is. Rust's runtime opens /dev/null in place of a
//! closed standard stream before `main`, so that no other file gets its number: what is written there
//! seems to succeed. Therefore this looks before the runtime does. A /dev/null that was given on purpose
//! is open, and stays what it is.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering};

/// One bit for each of the three.
static CLOSED: AtomicU8 = AtomicU8::new(0);

extern "C" fn look() {
    for fd in 0..3 {
        // SAFETY: fcntl(2) F_GETFD has no argument; of a number that is no descriptor it returns EBADF.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        if flags == -1 {
            CLOSED.fetch_or(1 << fd, Ordering::Relaxed);
        }
    }
}

// SAFETY: The loader calls each function of this section once, in the only thread, before `main`; C's
// library is ready by then (it calls them itself). `look` takes none of the arguments that it is given,
// which the C calling convention allows, needs nothing of Rust's runtime, and does not panic.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

/// Whether the standard stream of that number (0 to 2) was closed at the start.
pub(crate) fn was_closed(fd: RawFd) -> bool {
    (0..3).contains(&fd) && CLOSED.load(Ordering::Relaxed) & (1 << fd) != 0
}
