//! Whole calls in strace's notation.

use std::fmt::Write as _;

use super::argument::descriptors;
use super::{argument, hex};
use crate::error::errno_name;
use crate::trace::argument::Argument;
use crate::trace::call::{Call, Remark, Returned, Shown};

impl Call {
    /// Returns each argument in strace's notation.
    pub fn each_argument(&self) -> impl Iterator<Item = String> {
        self.arguments.iter().map(|value| {
            let mut text = String::new();
            argument(&mut text, value);
            text
        })
    }

    /// Returns the result in strace's notation: `5`, `-1 EAGAIN (Resource temporarily unavailable)`.
    pub fn result(&self) -> String {
        let mut text = String::new();
        result(&mut text, self);
        text
    }

    /// The whole line: `sendto(3, "hello", 5, 0, NULL, 0) = 5`.
    pub fn line(&self) -> String {
        self.line_behind(0)
    }

    /// Returns the whole line, to follow a prefix of `prefix` columns. As with strace, the result
    /// starts in column 40 unless the call is longer.
    pub fn line_behind(&self, prefix: usize) -> String {
        let mut line = String::with_capacity(96);
        let _ = if !self.is_resumed {
            write!(line, "{}(", self.name)
        } else {
            write!(line, "<... {} resumed>", self.name)
        };
        let all = &self.arguments[..];
        let is_never = self.returned == Returned::Never;
        match (self.is_resumed, self.shown) {
            (true, Shown::Whole) => {}
            (true, Shown::Some(_)) if is_never => {}
            (true, Shown::Some(count)) => arguments(&mut line, all.get(count..)),
            (false, Shown::Some(count)) if is_never => beginning(&mut line, all, count),
            (false, _) => arguments(&mut line, Some(all)),
        }
        if is_never && self.shown != Shown::Whole {
            line.push_str(" <unfinished ...>");
        }
        line.push_str(") ");
        // All of it is ASCII.
        let width = 40_usize.saturating_sub(prefix);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(line.len())));
        line.push_str("= ");
        result(&mut line, self);
        line
    }

    /// Returns the line of a call that has only begun: `recvfrom(3,  <unfinished ...>`.
    pub fn unfinished_line(&self) -> String {
        let mut line = format!("{}(", self.name);
        match self.shown {
            Shown::Whole => arguments(&mut line, Some(&self.arguments)),
            Shown::Some(count) => beginning(&mut line, &self.arguments, count),
        }
        line.push_str(" <unfinished ...>");
        line
    }
}

fn arguments(text: &mut String, all: Option<&[Argument]>) {
    for (at, value) in all.unwrap_or_default().iter().enumerate() {
        text.push_str(if at > 0 { ", " } else { "" });
        argument(text, value);
    }
}

/// The first arguments, and the comma in front of what follows.
fn beginning(text: &mut String, all: &[Argument], count: usize) {
    arguments(text, Some(&all[..count.min(all.len())]));
    if (1..all.len()).contains(&count) {
        text.push_str(", ");
    }
}

fn result(text: &mut String, call: &Call) {
    match (call.returned, &call.remark) {
        (Returned::Error(errno), _) => return text.push_str(&error(errno)),
        (Returned::Never, _) => return text.push('?'),
        (Returned::Value(value), Remark::Flags(_)) => hex(text, value.cast_unsigned()),
        (Returned::Value(value), _) => drop(write!(text, "{value}")),
    }
    remark(text, &call.remark);
}

fn remark(text: &mut String, remark: &Remark) {
    match remark {
        Remark::None => return,
        Remark::Timeout => text.push_str(" (Timeout"),
        Remark::Flags(flags) => {
            text.push_str(" (flags ");
            argument(text, flags);
        }
        Remark::Signal(signal) => {
            text.push_str(" (");
            argument(text, &Argument::Signal(*signal));
        }
        Remark::Left(left) => {
            text.push_str(" (left ");
            argument(text, left);
        }
        Remark::Polled { ready, shown, left } => {
            let start = text.len();
            polled(text, ready, *shown);
            match left {
                None if text.len() == start => return,
                None => {}
                Some(left) => {
                    text.push_str(if text.len() == start { " (" } else { ", " });
                    text.push_str("left ");
                    argument(text, left);
                }
            }
        }
        Remark::Selected { sets, left } => {
            text.push_str(" (");
            let mut comma = "";
            for (name, set) in ["in ", "out ", "except "].iter().zip(sets) {
                if let Some(set) = set {
                    text.push_str(comma);
                    text.push_str(name);
                    descriptors(text, set);
                    comma = ", ";
                }
            }
            if let Some(left) = left {
                let _ = write!(text, "{comma}left ");
                argument(text, left);
            }
        }
    }
    text.push(')');
}

/// ` ([{fd=4, revents=POLLIN}]`; strace's buffer for it has 1024 bytes. Empty if none is ready.
fn polled(text: &mut String, ready: &[(i32, Argument)], shown: usize) {
    const ROOM: usize = 1024 - 27;
    let mut list = String::new();
    for (at, (fd, events)) in ready.iter().enumerate() {
        list.push_str(if at > 0 { ", " } else { "[" });
        let mut one = format!("{{fd={fd}, revents=");
        argument(&mut one, events);
        if at >= shown || list.len() + one.len() + 1 >= ROOM {
            list.push_str("...");
            break;
        }
        list.push_str(&one);
        list.push('}');
    }
    if !list.is_empty() {
        let _ = write!(text, " ({list}]");
    }
}

/// `-1 EAGAIN (Resource temporarily unavailable)`; the kernel's own numbers above 511 are `?`.
fn error(errno: i32) -> String {
    // Numbers that never reach a program: the call is restarted, or ends with EINTR (errno.h).
    let restart = match errno {
        512 => "ERESTARTSYS (To be restarted if SA_RESTART is set)",
        513 => "ERESTARTNOINTR (To be restarted)",
        514 => "ERESTARTNOHAND (To be restarted if no handler)",
        516 => "ERESTART_RESTARTBLOCK (Interrupted by signal)",
        _ => {
            // The text of strerror(3), which is nix's with few exceptions.
            let words = std::io::Error::from_raw_os_error(errno).to_string();
            let words = words.split(" (os error").next().unwrap_or_default();
            return format!("-1 {} ({words})", errno_name(errno));
        }
    };
    format!("? {restart}")
}
