//! Processes of the program whose records are all read, and the events among them.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use nix::sys::signal::Signal;

use crate::common::{Finished, Running, finish, json_lines, udpraw};
use crate::fixtures::listening_at;

/// The events that were made, by schema.
#[derive(Default)]
pub(crate) struct Seen(pub(crate) BTreeSet<(String, String)>);

impl Seen {
    pub(crate) fn add(&mut self, text: &str) {
        for line in json_lines(text) {
            let text = |field: &str| line[field].as_str().expect("a text").to_owned();
            let command = text("schema");
            let command = command.trim_start_matches("udpraw.").trim_end_matches("/1");
            self.0.insert((command.to_owned(), text("event")));
        }
    }

    pub(crate) fn once(&mut self, arguments: &[&str]) -> Finished {
        let end = finish(arguments);
        assert_ne!(end.stdout, "", "{arguments:?}: {}", end.stderr);
        self.add(&end.stdout);
        end
    }
}

/// A server, relay or receiver that runs until it is interrupted.
pub(crate) struct Process {
    running: Running,
    pub(crate) at: SocketAddr,
    text: String,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut running = Running::start(udpraw(arguments));
        let first = running.line();
        Self {
            running,
            at: listening_at(&first),
            text: first + "\n",
        }
    }

    pub(crate) fn port(&self) -> String {
        self.at.port().to_string()
    }

    /// Reads until an event of that name.
    pub(crate) fn until(&mut self, event: &str) {
        loop {
            let line = self.running.line();
            self.text += &line;
            self.text += "\n";
            if json_lines(&line)[0]["event"] == event {
                return;
            }
        }
    }

    pub(crate) fn interrupt(self, seen: &mut Seen) {
        self.running.signal(Signal::SIGINT);
        self.finish(seen);
    }

    /// Ends it as a crash does, which may cut off what was not read yet.
    pub(crate) fn kill(self, seen: &mut Seen) {
        self.running.signal(Signal::SIGKILL);
        seen.add(&self.text);
        self.running.finish();
    }

    pub(crate) fn finish(self, seen: &mut Seen) {
        seen.add(&self.text);
        seen.add(&self.running.finish().stdout);
    }
}
