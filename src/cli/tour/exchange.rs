//! Lesson 1: the textbook's exchange, as two processes.

use udpraw::language::Language;

use super::Lesson;
use super::process::{Process, listening_port};
use crate::cli::exit::Failure;
use crate::cli::output::Output;

pub(super) const LESSON: Lesson = Lesson {
    name: "exchange",
    title: |language| match language {
        Language::English => "Two programs, two sockets, one datagram each way",
        Language::Chinese => "两个程序，两个套接字，来回各一个数据报",
    },
    give,
};

/// Port 0: the server prints the port that the OS chose. It ends after one datagram.
pub(super) const SERVER: [&str; 5] = ["server", "--port", "0", "--count", "1"];

fn give(output: &mut Output) -> Result<(), Failure> {
    output.remark(match output.language() {
        Language::English => {
            "A server waits at a port. A client, whose port the operating system chose, sends it \
             the time. They are separate processes and share nothing but UDP."
        }
        Language::Chinese => {
            "服务器在一个端口上等待。客户端的端口由操作系统选定，它把时间发给服务器。它们是两个\
             独立的进程，除了 UDP 什么也不共享。"
        }
    })?;
    output.command(&SERVER)?;
    let mut server = Process::start_self(&SERVER)?;
    while let Some(line) = server.line() {
        output.said("server", &line)?;
        if let Some(port) = listening_port(&line) {
            return ask(output, server, &port);
        }
    }
    Ok(())
}

/// What both do at the same time is printed in the order of cause and effect, always the same.
fn ask(output: &mut Output, mut server: Process, port: &str) -> Result<(), Failure> {
    let arguments = ["client", "--port", port];
    output.command(&arguments)?;
    let mut client = Process::start_self(&arguments)?;
    if let Some(line) = client.line() {
        output.said("client", &line)?;
    }
    let mut rest = Vec::new();
    while let Some(line) = client.line() {
        rest.push(line);
    }
    // A server that no client reached would wait forever.
    let is_asked = client.is_done();
    let received = if is_asked { server.line() } else { None };
    if let Some(line) = received {
        output.said("server", &line)?;
    }
    for line in rest {
        output.said("client", &line)?;
    }
    while let (true, Some(line)) = (is_asked, server.line()) {
        output.said("server", &line)?;
    }
    Ok(())
}
