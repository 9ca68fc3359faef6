//! The live screen of a load on a terminal.
//!
//! A thread of its own draws copies of the figures, at most ten times a second: neither a slow terminal nor
//! one that Ctrl-S holds is waited for by what measures or collects.

mod draw;
mod plot;
mod state;
mod terminal;

use std::io::{self, IsTerminal as _, Read as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use ratatui::Terminal;
use udpraw::load::{Config, Figures};

use self::state::State;
use self::terminal::Drawing;
use crate::cli::interrupt::Interruptible;

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(100);

/// The time between two frames of a run that has nothing new to show but the time.
const CLOCK: Duration = Duration::from_secs(1);

/// The signals of a terminal that the screen reacts to.
const SIGNALS: [Signal; 3] = [Signal::SIGWINCH, Signal::SIGTSTP, Signal::SIGCONT];

/// What the screen's thread and the load share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    began: Instant,
    is_over: AtomicBool,
    changed: EventFd,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A screen. The terminal is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Screen {
    /// Whether standard output is a terminal for a screen.
    pub(super) fn is_possible() -> bool {
        terminal::is_capable()
    }

    /// Takes the terminal; `q` raises `stop`. Threads that are started later leave the terminal's signals
    /// to the screen.
    ///
    /// # Errors
    /// Those of the system calls that prepare it.
    pub(super) fn start(
        config: &Config,
        backend: &str,
        stop: &'static AtomicBool,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(config, backend)),
            began: Instant::now(),
            is_over: AtomicBool::new(false),
            changed: EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK)?,
        });
        let signals = SigSet::from_iter(SIGNALS);
        signals.thread_block()?;
        let signals =
            SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        terminal::leave_on_panic();
        terminal::enter()?;
        let mut screen = Self {
            shared: Arc::clone(&shared),
            thread: None,
        };
        let run = move || {
            // Those that end the program are for the thread that works.
            let _ = SigSet::all().thread_block();
            let mut view = View {
                shared: &shared,
                signals,
                stop,
                is_ours: true,
                has_keys: io::stdin().is_terminal(),
            };
            // A terminal that is gone ends the screen, and SIGHUP the program.
            let _ = view.run();
            terminal::leave();
        };
        let thread = thread::Builder::new().name("screen".into()).spawn(run)?;
        screen.thread = Some(thread);
        Ok(screen)
    }

    /// Shows an interval, in which `rate` was reached.
    pub(super) fn interval(&self, figures: &Figures, rate: f64) {
        self.shared.state().interval(figures, rate);
        self.redraw();
    }

    /// Adds a line to the log.
    pub(super) fn note(&self, text: &str) {
        let at = self.shared.began.elapsed();
        self.shared.state().event(at, text);
        self.redraw();
    }

    fn redraw(&self) {
        // It cannot be full.
        let _ = self.shared.changed.write(1);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        self.redraw();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        terminal::leave();
        let _ = SigSet::from_iter(SIGNALS).thread_unblock();
    }
}

/// The thread's side.
struct View<'a> {
    shared: &'a Shared,
    signals: SignalFd,
    stop: &'static AtomicBool,
    /// Whether the terminal is ours now, and not the shell's.
    is_ours: bool,
    has_keys: bool,
}

impl View<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut terminal = Terminal::new(Drawing::new())?;
        let mut due = Instant::now();
        while !self.shared.is_over.load(Ordering::Acquire) {
            let now = Instant::now();
            if self.is_ours && now >= due {
                let state = self.shared.state().clone();
                let elapsed = self.shared.began.elapsed();
                terminal.draw(|frame| draw::draw(&state, elapsed, frame))?;
                due = Instant::now() + CLOCK;
            }
            let [is_changed, has_signal, has_key] = self.wait(due)?;
            if is_changed {
                let _ = self.shared.changed.read();
                due = due.min(now + FRAME);
            }
            if has_signal && self.signal(&mut terminal)? {
                due = Instant::now();
            }
            if has_key {
                self.keys();
            }
            if !self.is_ours && terminal::is_foreground() {
                self.enter(&mut terminal)?;
                due = Instant::now();
            }
        }
        Ok(())
    }

    /// Waits for something to do, until `due` at the latest.
    fn wait(&self, due: Instant) -> io::Result<[bool; 3]> {
        let stdin = io::stdin();
        let ours = [self.shared.changed.as_fd(), self.signals.as_fd()];
        let keys = (self.has_keys && self.is_ours).then(|| stdin.as_fd());
        let all = ours.into_iter().chain(keys);
        let mut fds: Vec<_> = all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let left = due.saturating_duration_since(Instant::now());
        let left = if self.is_ours { left } else { CLOCK };
        // Rounded up, so that it does not spin for a part of a millisecond.
        let left =
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO);
        poll(&mut fds, left)?;
        let is_ready = |at: usize| fds.get(at).is_some_and(|fd| fd.any().unwrap_or_default());
        Ok([is_ready(0), is_ready(1), is_ready(2)])
    }

    /// Reacts to the terminal's signals; returns whether all is to be drawn anew.
    fn signal(&mut self, terminal: &mut Terminal<Drawing>) -> io::Result<bool> {
        let mut is_new = false;
        while let Some(signal) = self.signals.read_signal()? {
            is_new = true;
            if signal.ssi_signo == Signal::SIGTSTP as u32 && self.is_ours {
                self.is_ours = false;
                terminal::leave();
                // By its default action, which spares a process that nobody could continue.
                let stop = SigSet::from(Signal::SIGTSTP);
                stop.thread_unblock()?;
                raise(Signal::SIGTSTP)?;
                stop.thread_block()?;
            }
        }
        if is_new && self.is_ours {
            terminal.clear()?;
        }
        Ok(is_new)
    }

    fn enter(&mut self, terminal: &mut Terminal<Drawing>) -> io::Result<()> {
        terminal::enter()?;
        self.is_ours = true;
        terminal.clear()
    }

    fn keys(&mut self) {
        let mut bytes = [0; 64];
        let length = Interruptible::new(io::stdin())
            .read(&mut bytes)
            .unwrap_or(0);
        self.has_keys = length > 0;
        if bytes[..length]
            .iter()
            .any(|byte| matches!(byte, b'q' | b'Q'))
        {
            self.stop.store(true, Ordering::Relaxed);
            self.shared.state().is_ending = true;
        }
    }
}
