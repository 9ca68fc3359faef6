//! Lesson 2: the same exchange, seen from the kernel's side of the system call.

use std::ffi::OsStr;

use udpraw::error::Error;

use super::Lesson;
use super::exchange::SERVER;
use super::explain::{Call, explain};
use super::process::{Conversation, Process, Stream};
use crate::cli::exit::Failure;
use crate::cli::output::Output;

pub(super) const LESSON: Lesson = Lesson {
    name: "syscalls",
    title: "The same exchange, call by call",
    give,
};

/// The calls that touch the socket, each with the time it began and how long it took.
const STRACE: [&str; 7] = ["-f", "-ttt", "-T", "-s", "64", "-e", "trace=network,ppoll"];

fn give(output: &mut Output) -> Result<(), Failure> {
    output.remark(
        "A socket is a number, and all that a program can do with it is a handful of system calls. \
         strace shows them; in the order in which they returned, they are:",
    )?;
    let server = match trace(&SERVER) {
        Ok(server) => server,
        Err(error) => {
            output.note(format_args!(
                "strace cannot be started ({error}); install it to see this lesson: \
                 apt install strace"
            ));
            return Ok(());
        }
    };
    let mut conversation = Conversation::new(server);
    let (mut calls, mut rest) = (Vec::new(), Vec::new());
    while let Some(line) = conversation.next_line() {
        if let Some(port) = conversation.port_to_ask(&line) {
            let client = trace(&["client", "--port", &port])
                .map_err(|source| Error::os("start", "strace", source))?;
            conversation.join(client);
        }
        // On standard error strace writes the calls among the program's own talk.
        match Call::parse(&line.text) {
            Some(call) if line.stream == Stream::Err => calls.push((line.who, call)),
            _ => rest.push(line.text),
        }
    }
    if calls.is_empty() {
        output.note("strace saw no call: where ptrace is forbidden, it cannot. It said:");
        rest.iter()
            .for_each(|line| output.talk(format_args!("  {line}")));
        return Ok(());
    }
    calls.sort_by(|(_, a), (_, b)| a.returned.total_cmp(&b.returned));
    for (who, call) in &calls {
        output.call(who, &call.text, &explain(call))?;
    }
    Ok(())
}

/// Starts this program under strace.
fn trace(arguments: &[&str]) -> std::io::Result<Process> {
    let program = std::env::current_exe()?;
    let mut words: Vec<&OsStr> = STRACE.iter().map(OsStr::new).collect();
    words.push(program.as_os_str());
    words.extend(arguments.iter().map(OsStr::new));
    Process::start(OsStr::new("strace"), &words)
}
