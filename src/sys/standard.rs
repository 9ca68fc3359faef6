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
    let mut polled = [0, 1, 2].map(|fd| libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    });
    // SAFETY: poll(2) writes only to `revents` of these three; with a timeout of 0 it does not wait.
    unsafe { libc::poll(polled.as_mut_ptr(), 3, 0) };
    for (fd, polled) in polled.iter().enumerate() {
        if polled.revents & libc::POLLNVAL != 0 {
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
