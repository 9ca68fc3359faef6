//! The live screen, on a pseudo-terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

use super::Echo;
use super::common::{PATIENCE, udpraw};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// Ends a load.
type End = fn(&mut Terminal);

/// Variables with their values.
type Environment<'a> = &'a [(&'a str, &'a str)];

/// A terminal of 80 by 24, and what runs on it.
struct Terminal {
    screen: File,
    tty: OwnedFd,
    before: Termios,
    child: Child,
    text: String,
    bytes: Vec<u8>,
    /// Up to where the text was looked through.
    at: usize,
}

impl Terminal {
    /// A program with this terminal as its controlling one.
    fn start(program: &str, arguments: &[&str], environment: Environment<'_>) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(Some(&size), None).expect("a pseudo-terminal");
        let before = tcgetattr(&pair.slave).unwrap();
        let tty = || Stdio::from(pair.slave.try_clone().expect("a descriptor"));
        // The environment of `udpraw`, and not its pipes.
        let own = udpraw([""; 0]);
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(arguments);
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .envs(environment.iter().copied())
            .stdin(tty())
            .stdout(tty())
            .stderr(tty());
        let child = command.spawn().expect("setsid(1)");
        Self {
            screen: File::from(pair.master),
            tty: pair.slave,
            before,
            child,
            text: String::new(),
            bytes: Vec::new(),
            at: 0,
        }
    }

    /// A load with a screen.
    fn load(target: &str, arguments: &[&str]) -> Self {
        Self::with(target, arguments, &[])
    }

    fn with(target: &str, arguments: &[&str], environment: Environment<'_>) -> Self {
        let words = [&["load", target, "--interval", "100ms"], arguments].concat();
        Self::start(env!("CARGO_BIN_EXE_udpraw"), &words, environment)
    }

    /// Reads what comes at once; whether it was the end.
    fn read(&mut self) -> bool {
        let mut polled = [PollFd::new(self.screen.as_fd(), PollFlags::POLLIN)];
        poll(&mut polled, PollTimeout::from(100_u8)).unwrap();
        if !polled[0].any().unwrap() {
            return false;
        }
        let mut buffer = [0; 65_536];
        // Once nobody has the other end, it fails with EIO.
        let length = self.screen.read(&mut buffer).unwrap_or_default();
        self.bytes.extend(&buffer[..length]);
        self.text = String::from_utf8_lossy(&self.bytes).into_owned();
        length == 0
    }

    /// Reads on until `text` is there, which was not looked through yet. Blanks of a screen are
    /// not among it: they are there before.
    fn until(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.text[self.at..].find(text) {
                self.at += found + text.len();
                return;
            }
            let rest = &self.text[self.at..];
            assert!(Instant::now() < end, "no {text:?} in {rest:?}");
            self.read();
        }
    }

    /// Reads on until a latency is there.
    fn until_measured(&mut self) {
        let end = Instant::now() + PATIENCE;
        let has_latency = |text: &str| text.contains("µs") || text.contains(" ms");
        while !has_latency(&self.text[self.at..]) {
            assert!(Instant::now() < end, "no latency in {:?}", self.text);
            self.read();
        }
    }

    fn type_in(&mut self, keys: &str) {
        self.screen.write_all(keys.as_bytes()).unwrap();
    }

    fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let mut stty = Command::new("stty");
        stty.args(["cols", &columns, "rows", &rows])
            .stdin(self.tty.try_clone().unwrap());
        assert!(stty.status().expect("stty(1)").success());
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Waits for the end: the exit code, and all that was on the terminal.
    fn finish(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end: {:?}", self.text);
            self.read();
        };
        while poll(
            &mut [PollFd::new(self.screen.as_fd(), PollFlags::POLLIN)],
            PollTimeout::ZERO,
        ) == Ok(1)
        {
            self.read();
        }
        let after = tcgetattr(&self.tty).unwrap();
        assert_eq!(after.local_flags, self.before.local_flags, "its modes");
        let times = |text: &str| self.text.matches(text).count();
        assert_eq!(times(ENTER), times(LEAVE), "{:?}", self.text);
        (status.code(), self.text.clone())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is left on the terminal after the screen.
fn after(text: &str) -> &str {
    text.rsplit(LEAVE).next().unwrap()
}

#[test]
fn a_run_is_shown_and_its_table_stays() {
    let echo = Echo::start();
    let mut terminal = Terminal::load(&echo.address.to_string(), &["--for", "500ms"]);
    for text in [ENTER, "interval", "all latencies", "rate: ", "q or Ctrl-C"] {
        terminal.until(text);
    }
    let (code, text) = terminal.finish();
    assert_eq!(code, Some(0));
    assert!(
        after(&text).contains("open loop, 1.00 kpps asked for"),
        "{text}"
    );
    assert!(!after(&text).contains("Interrupted"), "{text}");
    assert!(text.contains("\x1b[36m"), "coloured");
}

#[test]
fn q_and_signals_keep_what_there_is() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    let ends: [(&str, End); 4] = [
        ("q", |terminal| terminal.type_in("q")),
        ("Ctrl-C", |terminal| terminal.type_in("\x03")),
        ("SIGTERM", |terminal| terminal.signal(Signal::SIGTERM)),
        ("SIGHUP", |terminal| terminal.signal(Signal::SIGHUP)),
    ];
    for (name, end) in ends {
        let mut terminal = Terminal::load(&target, &["--for", "0"]);
        terminal.until_measured();
        end(&mut terminal);
        let (code, text) = terminal.finish();
        assert_eq!(code, Some(0), "{name}: {text}");
        let rest = after(&text);
        assert!(
            rest.contains("Interrupted: what was measured until then."),
            "{name}: {text}"
        );
        assert!(rest.contains("round trip"), "{name}: {text}");
    }
}

/// Two signals end it at once, and the terminal is given back by the handler.
#[test]
fn a_terminal_is_given_back_by_a_sudden_end() {
    // Nobody answers, so that the end takes its time.
    let silent = Echo::answering(|_| None);
    let arguments = ["--for", "0", "--linger", "20s"];
    let mut terminal = Terminal::load(&silent.address.to_string(), &arguments);
    terminal.until("q or Ctrl-C");
    let end = Instant::now() + PATIENCE;
    while terminal.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end);
        terminal.signal(Signal::SIGTERM);
        terminal.read();
    }
    terminal.finish();
}

#[test]
fn a_terminal_that_is_too_small_is_told_and_waited_for() {
    let echo = Echo::start();
    let mut terminal = Terminal::load(&echo.address.to_string(), &["--for", "0"]);
    terminal.until("all latencies");
    terminal.until_measured();
    terminal.resize(50, 12);
    terminal.until("q ends it and prints the result");
    terminal.resize(30, 5);
    terminal.until("small: 40x10");
    terminal.resize(120, 40);
    terminal.until("all latencies");
    terminal.type_in("q");
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn without_a_terminal_for_it_there_are_lines() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    let cases: [(&[&str], Environment); 5] = [
        (&["--no-screen"], &[]),
        (&["--quiet"], &[]),
        (&["--json"], &[]),
        (&[], &[("TERM", "dumb")]),
        (&[], &[("TERM", "")]),
    ];
    for (arguments, environment) in cases {
        let words = [arguments, &["--for", "300ms"]].concat();
        let (code, text) = Terminal::with(&target, &words, environment).finish();
        // On a busy machine nothing may be sent in that time.
        assert!(
            matches!(code, Some(0 | 1)),
            "{arguments:?}: {code:?} {text}"
        );
        assert!(!text.contains(ENTER), "{arguments:?}: {text}");
        let has_lines = text.contains("pps  lost");
        assert_eq!(
            has_lines,
            !matches!(arguments, ["--quiet" | "--json"]),
            "{text}"
        );
    }
}

#[test]
fn a_screen_has_no_colour_if_nobody_wants_one() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    let terminal = Terminal::with(&target, &["--for", "300ms"], &[("NO_COLOR", "1")]);
    let (_, text) = terminal.finish();
    assert!(text.contains("all latencies"), "{text}");
    let has_colour = text.split("\x1b[").any(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| end > 0 && rest.as_bytes()[end] == b'm' && &rest[..end] != "0")
    });
    assert!(!has_colour, "{text:?}");
}

/// Ctrl-Z gives the terminal to the shell, and `fg` takes it again; in the background it is left alone.
#[test]
fn a_shell_stops_it_and_goes_on() {
    let echo = Echo::start();
    let arguments = ["--norc", "--noprofile", "-i"];
    let environment = [("PS1", "prompt> "), ("HISTFILE", "")];
    let mut shell = Terminal::start("bash", &arguments, &environment);
    shell.until("prompt> ");
    let program = env!("CARGO_BIN_EXE_udpraw");
    let target = echo.address;
    shell.type_in(&format!(
        "{program} load {target} --for 0 --interval 100ms\n"
    ));
    shell.until(ENTER);
    shell.until("1.00 kpps");
    shell.type_in("\x1a");
    shell.until(LEAVE);
    shell.until("prompt> ");
    shell.type_in("echo it is $((6 * 7))\n");
    shell.until("it is 42");
    shell.type_in("fg\n");
    shell.until(ENTER);
    shell.until("all latencies");
    shell.type_in("q");
    shell.until(LEAVE);
    shell.until("Interrupted");
    shell.until("prompt> ");
    // In the background nothing is drawn.
    shell.type_in(&format!(
        "{program} load {target} --for 300ms --interval 100ms & wait\n"
    ));
    shell.until("open loop, ");
    shell.type_in("exit\n");
    let (_, text) = shell.finish();
    assert_eq!(text.matches(ENTER).count(), 2, "{text}");
}
