//! The terminal: its second screen, no echo, and both given back whatever ends the program.
//!
//! Its signals stay signals: Ctrl-C is SIGINT as without a screen. So keys need no more than a byte at a
//! time, and no reader of events with signal handlers of its own.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Stdout, Write as _};
use std::os::fd::AsFd as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp};
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

use crate::cli::interrupt::Interruptible;
use crate::signal;

/// The second screen, without a cursor and without wrapping.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";

/// All of it undone.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Whether the terminal is ours now.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);

/// Its modes before.
static BEFORE: OnceLock<libc::termios> = OnceLock::new();

/// Whether standard output is a terminal that a screen can be drawn on, and this process may do so.
pub(super) fn is_capable() -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    io::stdout().is_terminal() && !term.is_empty() && term != "dumb" && is_foreground()
}

/// Whether the shell has this process in the foreground.
pub(super) fn is_foreground() -> bool {
    tcgetpgrp(io::stdout()) == Ok(getpgrp())
}

/// Takes the terminal.
///
/// # Errors
/// Those of tcsetattr(3) and write(2).
pub(super) fn enter() -> io::Result<()> {
    let modes = tcgetattr(io::stdout())?;
    BEFORE.get_or_init(|| modes.clone().into());
    signal::at_end(leave);
    let mut quiet = modes;
    quiet.local_flags &= !(LocalFlags::ICANON | LocalFlags::ECHO);
    tcsetattr(io::stdout(), SetArg::TCSANOW, &quiet)?;
    IS_ENTERED.store(true, Ordering::Relaxed);
    Interruptible::new(io::stdout()).write_all(ENTER)
}

/// Gives it back, if it was taken. System calls only, of which none blocks: a signal handler may call it.
pub(super) fn leave() {
    if IS_ENTERED.swap(false, Ordering::Relaxed) {
        let stdout = io::stdout();
        let mut polled = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
        // Not where Ctrl-S holds it.
        if poll(&mut polled, PollTimeout::ZERO) == Ok(1) {
            let _ = nix::unistd::write(io::stdout(), LEAVE);
        }
        if let Some(modes) = BEFORE.get() {
            let _ = tcsetattr(io::stdout(), SetArg::TCSANOW, &Termios::from(*modes));
        }
    }
}

/// Has a panic give the terminal back before its message is printed.
pub(super) fn leave_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        leave();
        before(panic);
    }));
}

/// Where ratatui draws.
#[derive(Debug)]
pub(super) struct Drawing {
    stdout: Interruptible<Stdout>,
    /// What is not written yet: a frame is one write.
    text: String,
    position: Position,
    has_colour: bool,
}

impl Drawing {
    pub(super) fn new() -> Self {
        Self {
            stdout: Interruptible::new(io::stdout()),
            text: String::new(),
            position: Position::ORIGIN,
            has_colour: AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        }
    }

    fn move_to(&mut self, position: Position) {
        let _ = write!(self.text, "\x1b[{};{}H", position.y + 1, position.x + 1);
        self.position = position;
    }
}

impl Backend for Drawing {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let (mut next, mut last) = (None, Style::new());
        for (x, y, cell) in content {
            if next != Some((x, y)) {
                self.move_to(Position { x, y });
            }
            let style = if self.has_colour {
                style(cell)
            } else {
                Style::new()
            };
            if style != last {
                let _ = write!(self.text, "{last:#}{style}");
                last = style;
            }
            self.text.push_str(cell.symbol());
            // All that is drawn here is one column wide.
            next = Some((x + 1, y));
        }
        let _ = write!(self.text, "{last:#}");
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        // It is hidden as long as the terminal is ours.
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.position)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.move_to(position.into());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.text.push_str("\x1b[2J");
        Ok(())
    }

    fn clear_region(&mut self, _: ClearType) -> io::Result<()> {
        // The screen is the whole terminal.
        self.clear()
    }

    fn size(&self) -> io::Result<Size> {
        let size = terminal_size::terminal_size_of(io::stdout());
        // A terminal that does not tell its size, a serial one for example.
        let (width, height) = size.map_or((80, 24), |(width, height)| (width.0, height.0));
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let columns_rows = self.size()?;
        let pixels = Size::ZERO;
        Ok(WindowSize {
            columns_rows,
            pixels,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        // After a panic elsewhere it is the shell's again.
        if !IS_ENTERED.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.stdout.write_all(text.as_bytes())
    }
}

/// The style of a cell, of the colours and effects that the screen uses.
fn style(cell: &Cell) -> Style {
    let colour = match cell.fg {
        Color::Red => Some(AnsiColor::Red),
        Color::Green => Some(AnsiColor::Green),
        Color::Yellow => Some(AnsiColor::Yellow),
        Color::Cyan => Some(AnsiColor::Cyan),
        _ => None,
    };
    let mut effects = Effects::new();
    if cell.modifier.contains(Modifier::BOLD) {
        effects |= Effects::BOLD;
    }
    if cell.modifier.contains(Modifier::DIM) {
        effects |= Effects::DIMMED;
    }
    Style::new()
        .fg_color(colour.map(Into::into))
        .effects(effects)
}
