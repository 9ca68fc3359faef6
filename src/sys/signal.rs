//! Ctrl-C and SIGTERM as a flag that a blocking receive cannot miss.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static STOP: AtomicBool = AtomicBool::new(false);

/// Raises the flag and asks for SIGALRM a second later.
///
/// A signal that lands between the loop's look at the flag and its entry into `recvfrom` would
/// interrupt nothing; the alarm, which lands here too and asks for the next, interrupts it then.
/// This costs no system call while nobody stops the program, unlike `signalfd` and `poll`.
extern "C" fn raise(_: libc::c_int) {
    STOP.store(true, Ordering::Relaxed);
    // SAFETY: alarm(2) demands nothing, and signal-safety(7) lists it as safe in a handler.
    unsafe { libc::alarm(1) };
}

/// Makes SIGINT and SIGTERM raise the returned flag instead of ending the process.
///
/// System calls that block return EINTR when they arrive (no `SA_RESTART`).
pub(crate) fn stop_flag() -> io::Result<&'static AtomicBool> {
    let action = SigAction::new(
        SigHandler::Handler(raise),
        SaFlags::empty(),
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGALRM] {
        // SAFETY: sigaction(2) changes what the whole process does on a signal; the handler that
        // is installed calls only what signal-safety(7) allows.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(&STOP)
}
