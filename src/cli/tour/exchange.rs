//! Lesson 1: the documents' exchange, as two processes.

use super::Lesson;
use super::process::{Conversation, Process};
use crate::cli::exit::Failure;
use crate::cli::output::Output;

pub(super) const LESSON: Lesson = Lesson {
    name: "exchange",
    title: "Two programs, two sockets, one datagram each way",
    give,
};

/// Port 0: the server tells which one the OS picked. One datagram, and it ends by itself.
pub(super) const SERVER: [&str; 5] = ["server", "--port", "0", "--count", "1"];

fn give(output: &mut Output) -> Result<(), Failure> {
    output.remark(
        "A server waits at a port; a client, whose port nobody chose but the operating system, \
         sends it the time. Each is a process of its own, and UDP is all that joins them.",
    )?;
    output.command(&SERVER)?;
    let server = Process::start_self(&SERVER)?;
    let mut conversation = Conversation::new(server);
    while let Some(line) = conversation.next_line() {
        output.said(line.who, &line.text)?;
        if let Some(port) = conversation.port_to_ask(&line) {
            let arguments = ["client", "--port", &port];
            output.command(&arguments)?;
            conversation.join(Process::start_self(&arguments)?);
        }
    }
    Ok(())
}
