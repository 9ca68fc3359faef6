//! Ctrl-C and SIGTERM as a flag that a blocking receive cannot miss.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

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

/// A signal that came for the program that is traced; 0 for none.
static TO_PASS_ON: AtomicI32 = AtomicI32::new(0);

/// Keeps a signal that a process sent. Those of the terminal (`SI_KERNEL`) go to the whole foreground
/// group, and so to the traced program already.
extern "C" fn keep(number: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: sigaction(2): with SA_SIGINFO the second argument is "a pointer to a siginfo_t".
    let info = unsafe { info.as_ref() };
    if number == libc::SIGALRM {
        return;
    }
    if info.is_some_and(|info| info.si_code <= 0) {
        TO_PASS_ON.store(number, Ordering::Relaxed);
    }
    if STOP.swap(true, Ordering::Relaxed) {
        // SAFETY: _exit(2) demands nothing, and runs no code of this process.
        unsafe { libc::_exit(128 + number) };
    }
    // As in `raise`: a wait that begins just now must be interrupted, too.
    let tick = libc::timeval {
        tv_sec: 0,
        tv_usec: 20_000,
    };
    let timer = libc::itimerval {
        it_value: tick,
        it_interval: tick,
    };
    // SAFETY: setitimer(2) reads the timer that the second argument points to, and accepts a null
    // third argument; it is one system call, without a state in libc that a handler could disturb.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
}

/// Has SIGINT, SIGTERM and SIGHUP raise a flag, and keeps the number of one that a process sent,
/// instead of ending the process by them.
pub(crate) fn keep_signals() -> io::Result<(&'static AtomicBool, &'static AtomicI32)> {
    let action = SigAction::new(
        SigHandler::SigAction(keep),
        SaFlags::SA_SIGINFO,
        SigSet::empty(),
    );
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGALRM,
    ] {
        // SAFETY: sigaction(2) changes what the whole process does on a signal; the handler that
        // is installed calls only what signal-safety(7) allows.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok((&STOP, &TO_PASS_ON))
}

/// Has a signal do what it does by default.
pub(crate) fn reset(signal: Signal) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: sigaction(2) with SIG_DFL installs no handler.
    unsafe { sigaction(signal, &action) }?;
    Ok(())
}

/// Ignores what a terminal and a user send to end a process.
pub(crate) fn ignore_all() {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGALRM,
    ] {
        // SAFETY: sigaction(2) with SIG_IGN installs no handler.
        let _ = unsafe { sigaction(signal, &action) };
    }
}
