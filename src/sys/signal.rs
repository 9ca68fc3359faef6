//! SIGINT, SIGTERM and SIGHUP: a flag that no blocking call misses, and an end that none puts off.
//!
//! This file is part of the binary alone: a library leaves signals to the program that uses it.
//!
//! The first signal raises the flag, and starts a timer whose SIGALRM interrupts whatever blocks, again
//! and again: so a signal just before a blocking call is not missed either. That costs no system call
//! while nobody stops the program, unlike signalfd(2) and poll(2). What std repeats after EINTR
//! (`write_all`, `open`, `read_line`) never sees the flag; therefore, where the flag is still up after
//! [`GRACE`], or when a second signal comes, the process ends as if it had never handled the signal.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use nix::time::{ClockId, clock_gettime};

/// How long a stopped program may wind down.
pub(crate) const GRACE: Duration = Duration::from_millis(800);

/// A second signal ends the program at once, but not so early after the first: timeout(1) and some
/// shells send one signal twice, to the process and to its group.
const TWICE: Duration = Duration::from_millis(80);

/// How often a call that blocks is interrupted.
const TICK: Duration = Duration::from_millis(50);

static STOP: AtomicBool = AtomicBool::new(false);
/// The signal that raised the flag.
static NUMBER: AtomicI32 = AtomicI32::new(0);
static COUNT: AtomicU32 = AtomicU32::new(0);
/// When the flag was raised, and when the process ends; nanoseconds of the monotonic clock.
static RAISED: AtomicI64 = AtomicI64::new(0);
static END: AtomicI64 = AtomicI64::new(0);
/// The last signal that a process sent; 0 for none.
static SENT: AtomicI32 = AtomicI32::new(0);

/// What the handlers tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals {
    /// Raised by each signal. Whoever lowers it again has dealt with the signal.
    pub(crate) stop: &'static AtomicBool,
    /// The number of the last signal that a process sent, for whoever passes it on and puts 0 back.
    /// Those of the terminal are left out: they go to the whole foreground group by themselves.
    pub(crate) sent: &'static AtomicI32,
}

/// Makes SIGINT, SIGTERM and SIGHUP raise a flag instead of ending the process; a SIGHUP that is
/// ignored (nohup) stays so.
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
    // Whoever started this program may have held them back.
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
    // SI_KERNEL, which the terminal's have, is above 0; those of kill(2) and its like are not.
    if info.is_some_and(|info| info.si_code <= 0) {
        SENT.store(number, Ordering::Relaxed);
    }
    raise_flag(number);
    Errno::set_raw(errno);
}

/// As a signal does: with this number the process ends if it does not end by itself in time.
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

/// Whether the flag is up: a signal came, and nobody has dealt with it.
pub(crate) fn is_raised() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// The signal that raised the flag last; 0 for none.
pub(crate) fn number() -> libc::c_int {
    NUMBER.load(Ordering::Relaxed)
}

/// How often the flag was raised, lowered meanwhile or not.
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
        // Dealt with.
        arm(Duration::ZERO);
    } else if now() >= END.load(Ordering::Relaxed) {
        end();
    }
    Errno::set_raw(errno);
}

/// Whether standard output or error takes nothing. Then a traced program, whose streams they are too,
/// may be as blocked as this one: that the signal was passed on does not help.
fn is_blocked() -> bool {
    [1, 2].into_iter().any(|fd| {
        // SAFETY: the descriptor is used in this call alone; where it is closed, poll(2) says so.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let mut polled = [PollFd::new(fd, PollFlags::POLLOUT)];
        poll(&mut polled, PollTimeout::ZERO) == Ok(0)
    })
}

/// Asks for SIGALRM after `first` and from then on after each tick; never again if that is zero.
fn arm(first: Duration) {
    let time = |time: Duration| libc::timeval {
        tv_sec: 0,
        // Less than a second.
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

/// Ends the process by the signal, as if it had no handler: so a shell knows that it was stopped.
fn end_by(number: libc::c_int) {
    let Ok(signal) = Signal::try_from(number) else {
        return;
    };
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
    // Less than a second.
    time.subsec_nanos() as i64
}
