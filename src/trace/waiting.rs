//! What explanations say of waiting: it follows from the socket's mode, the events and the time that the
//! call took.

use std::time::Duration;

use super::call::{Call, Events};

/// `0.25 s`, `12 ms`, `80 us`.
fn in_words(time: Duration) -> String {
    match time.as_micros() {
        micros @ ..1000 => format!("{micros} us"),
        micros @ ..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{} s", (time.as_secs_f64() * 100.0).round() / 100.0),
    }
}

impl Call {
    /// Whether a receive could sleep: not on a socket that does not block, nor if the call says so;
    /// `None` where nobody knows.
    pub(super) fn may_sleep(&self) -> Option<bool> {
        let never = libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE;
        match self.facts.flags & never {
            0 => self.facts.is_nonblocking.map(|mode| !mode),
            _ => Some(false),
        }
    }

    /// Whether it took longer than the tracer itself makes a call take.
    pub(super) fn has_taken_long(&self) -> bool {
        const LONG: Duration = Duration::from_millis(5);
        self.took >= LONG
    }

    /// EAGAIN of a receive.
    pub(super) fn nothing_came(&self) -> String {
        if self.facts.flags & libc::MSG_ERRQUEUE != 0 {
            return "The error queue is empty; looking there never waits.".into();
        }
        match (self.may_sleep(), self.has_taken_long()) {
            (Some(true), true) => {
                "Nothing came in the time that SO_RCVTIMEO lets a receive wait.".into()
            }
            (Some(false), _) => {
                "Nothing has come yet, and the program did not want to wait.".into()
            }
            _ => "Nothing has come yet.".into(),
        }
    }

    /// The mode that F_SETFL or FIONBIO sets.
    pub(super) fn mode(&self) -> String {
        match self.nonblocking_from_now() {
            Some(true) => {
                "From now on calls on this socket return at once instead of waiting.".into()
            }
            _ => "From now on calls on this socket wait until there is something for them.".into(),
        }
    }

    /// poll(2) and its like have returned so many descriptors.
    pub(super) fn waited(&self, value: i64) -> String {
        let wait = self.facts.wait.unwrap_or_default();
        let is_look = wait.limit.is_some_and(|limit| limit.is_zero());
        let limit = wait.limit.map(in_words).unwrap_or_default();
        let events = [
            (Events::INPUT, "there is something to receive"),
            (Events::OUTPUT, "there is room to send"),
            (Events::OTHER, "an error or an end is reported"),
        ];
        let ready: Vec<_> = events
            .iter()
            .filter(|(event, _)| wait.ready.has(*event))
            .collect();
        let ready: Vec<_> = ready.iter().map(|(_, text)| *text).collect();
        let ready = if ready.is_empty() {
            "something is ready".to_owned()
        } else {
            ready.join(", and ")
        };
        match value {
            0 if is_look => "Nothing is ready, and the program did not want to wait.".into(),
            0 => format!("Nothing happened within {limit}."),
            _ if is_look => format!("The program looks without waiting: {ready}."),
            _ if self.has_taken_long() => {
                format!(
                    "The program slept for {}, until {ready}.",
                    in_words(self.took)
                )
            }
            _ => format!("The program need not wait, or not for long: {ready}."),
        }
    }
}
