//! SIGINT, SIGTERM and SIGHUP set a flag that no blocking call misses, and end the process in bounded
//! time.
//!
//! This file is only part of the binary: a library leaves signals to the program that uses it.
//!
//! The first signal sets the flag, and starts a timer whose SIGALRM interrupts blocking calls
//! repeatedly: so a signal just before a blocking call is not missed either. That costs no system call
//! until a signal arrives, unlike signalfd(2) and poll(2). Functions of std that repeat after EINTR
//! (`write_all`, `open`, `read_line`) never see the flag; therefore, if the flag is still set after
//! [`GRACE`], or if a second signal arrives, the process ends as if it had no handler.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use nix::time::{ClockId, clock_gettime};

/// The time for a stopped program to finish.
pub(crate) const GRACE: Duration = Duration::from_millis(800);

/// A second signal ends the program at once, but not so early after the first: timeout(1) and some
/// shells send one signal twice, to the process and to its group.
const TWICE: Duration = Duration::from_millis(80);

/// The interval between interruptions of a blocking call.
const TICK: Duration = Duration::from_millis(50);

static STOP: AtomicBool = AtomicBool::new(false);
/// The signal that set the flag.
static NUMBER: AtomicI32 = AtomicI32::new(0);
static COUNT: AtomicU32 = AtomicU32::new(0);
/// When the flag was set, and when the process ends; nanoseconds of the monotonic clock.
static RAISED: AtomicI64 = AtomicI64::new(0);
static END: AtomicI64 = AtomicI64::new(0);
/// The last signal that a process sent; 0 for none.
static SENT: AtomicI32 = AtomicI32::new(0);

/// What is done before the process ends by a signal.
static LAST: OnceLock<fn()> = OnceLock::new();

/// The state that the handlers set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals {
    /// Set by each signal. The code that handles the signal clears it.
    pub(crate) stop: &'static AtomicBool,
    /// The number of the last signal that a process sent, for the code that forwards it and resets it
    /// to 0. Signals of the terminal are left out: the whole foreground group receives them anyway.
    pub(crate) sent: &'static AtomicI32,
}

/// Makes SIGINT, SIGTERM and SIGHUP set a flag instead of ending the process; a SIGHUP that is ignored
/// (nohup) stays so.
///
/// System calls that block return EINTR when they arrive (no `SA_RESTART`).
pub(crate) fn handle() -> io::Result<Signals> {
    let stop = action(on_signal);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        install(signal, &stop)?;
    }
    let before = install(Signal::SIGHUP, &stop)?;
    if matches!(before.handler(), SigHandler::SigIgn) {
        install(Signal::SIGHUP, &before)?;
    }
    install(Signal::SIGALRM, &action(on_tick))?;
    // The parent of this program may have blocked them.
    let handled = [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGALRM,
    ];
    SigSet::from_iter(handled).thread_unblock()?;
    Ok(Signals {
        stop: &STOP,
        sent: &SENT,
    })
}

fn action(
    handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void),
) -> SigAction {
    SigAction::new(
        SigHandler::SigAction(handler),
        SaFlags::SA_SIGINFO,
        SigSet::empty(),
    )
}

fn install(signal: Signal, action: &SigAction) -> io::Result<SigAction> {
    // SAFETY: sigaction(2) changes what the whole process does on a signal; the handlers of this file
    // load and store atomics, and make only calls that are one system call.
    Ok(unsafe { sigaction(signal, action) }?)
}

extern "C" fn on_signal(number: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let errno = Errno::last_raw();
    // SAFETY: sigaction(2): with SA_SIGINFO the second argument is "a pointer to a siginfo_t".
    let info = unsafe { info.as_ref() };
    // SI_KERNEL, the code of the terminal's signals, is above 0; those of kill(2), tkill(2) and
    // sigqueue(3) are not.
    if info.is_some_and(|info| info.si_code <= 0) {
        SENT.store(number, Ordering::Relaxed);
    }
    raise_flag(number);
    Errno::set_raw(errno);
}

/// Sets the flag as a signal does: the process ends by this signal if it does not end by itself in
/// time.
pub(crate) fn raise_flag(number: libc::c_int) {
    let now = now();
    let is_another = COUNT.fetch_add(1, Ordering::Relaxed) > 0;
    if STOP.swap(true, Ordering::Relaxed) {
        let end = RAISED.load(Ordering::Relaxed) + nanos(TWICE);
        END.fetch_min(end, Ordering::Relaxed);
        if now >= end {
            end_by(number);
        }
        arm(Duration::from_nanos((end - now).unsigned_abs()));
    } else if is_another && is_blocked() {
        end_by(number);
    } else {
        NUMBER.store(number, Ordering::Relaxed);
        RAISED.store(now, Ordering::Relaxed);
        END.store(now + nanos(GRACE), Ordering::Relaxed);
        arm(TICK);
    }
}

/// Whether the flag is set: a signal arrived and is not handled yet.
pub(crate) fn is_raised() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// The signal that set the flag last; 0 for none.
pub(crate) fn number() -> libc::c_int {
    NUMBER.load(Ordering::Relaxed)
}

/// How often the flag was set, even if it was cleared meanwhile.
pub(crate) fn count() -> u32 {
    COUNT.load(Ordering::Relaxed)
}

/// Ends the process by the last signal, if there was one.
pub(crate) fn end() {
    end_by(NUMBER.load(Ordering::Relaxed));
}

extern "C" fn on_tick(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let errno = Errno::last_raw();
    if !STOP.load(Ordering::Relaxed) && !is_blocked() {
        // It was handled.
        arm(Duration::ZERO);
    } else if now() >= END.load(Ordering::Relaxed) {
        end();
    }
    Errno::set_raw(errno);
}

/// Whether standard output or error is blocked. Then a traced program, which shares these streams, may
/// be blocked too, and forwarding the signal to it does not help.
fn is_blocked() -> bool {
    [1, 2].into_iter().any(|fd| {
        // SAFETY: the descriptor is used only in this call; if it is closed, poll(2) reports that.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let mut polled = [PollFd::new(fd, PollFlags::POLLOUT)];
        poll(&mut polled, PollTimeout::ZERO) == Ok(0)
    })
}

/// Requests SIGALRM after `first` and then at each tick; stops the timer if that is zero.
fn arm(first: Duration) {
    let time = |time: Duration| libc::timeval {
        tv_sec: 0,
        // It is less than a second.
        tv_usec: time.subsec_micros().into(),
    };
    let timer = libc::itimerval {
        it_value: time(first),
        it_interval: time(TICK),
    };
    // SAFETY: setitimer(2) reads the timer that the second argument points to, and accepts a null
    // third argument. It is one system call, without a state in libc that a handler could disturb.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
}

/// Has `act` done before the process ends by a signal, in the handler: it may only make system calls, and
/// load and store atomics. The first one stays.
pub(crate) fn at_end(act: fn()) {
    let _ = LAST.set(act);
}

/// Ends the process by the signal, as if it had no handler, so that a shell sees the signal as the
/// cause.
fn end_by(number: libc::c_int) {
    let Ok(signal) = Signal::try_from(number) else {
        return;
    };
    if let Some(act) = LAST.get() {
        act();
    }
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    let _ = install(signal, &default);
    let mut set = SigSet::empty();
    set.add(signal);
    let _ = set.thread_unblock();
    let _ = raise(signal);
    // The first process of a PID namespace does not end by a signal that it sends itself.
    // SAFETY: _exit(2) demands nothing, and runs no code of this process.
    unsafe { libc::_exit(128 + number) }
}

fn now() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        now.tv_sec().saturating_mul(1_000_000_000) + now.tv_nsec()
    })
}

const fn nanos(time: Duration) -> i64 {
    // It is less than a second.
    time.subsec_nanos() as i64
}
