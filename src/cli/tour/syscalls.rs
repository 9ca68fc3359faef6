//! Lesson 2: the same exchange, seen from the kernel's side of the system call.

use std::ffi::OsString;
use std::io;

use nix::sys::memfd::{MFdFlags, memfd_create};

use udpraw::error::{Error, Result};
use udpraw::language::Language;
use udpraw::trace::{Call, Config, Event, Program, Tracer};

use super::Lesson;
use super::exchange::SERVER;
use super::process::this_program;
use crate::cli::exit::Failure;
use crate::cli::output::Output;

pub(super) const LESSON: Lesson = Lesson {
    name: "syscalls",
    title: |language| match language {
        Language::English => "The same exchange, call by call",
        Language::Chinese => "同一次交换，逐个调用地看",
    },
    give,
};

fn give(output: &mut Output) -> Result<(), Failure> {
    output.remark(match output.language() {
        Language::English => {
            "A program refers to a socket by a number and uses it through a handful of system \
             calls. These are the calls of both programs, in the order in which they returned \
             (udpraw trace shows the calls of any program):"
        }
        Language::Chinese => {
            "程序用一个整数指代套接字，并通过几个系统调用来使用它。下面是两个程序的调用，按返回的\
             先后排列（udpraw trace 可以显示任何程序的调用）："
        }
    })?;
    let mut config = Config::default();
    config.bytes = 64;
    let mut tracer = Tracer::new(config);
    let server = match tracer.start(&program(&SERVER)?) {
        Ok(server) => server,
        Err(error) => {
            let language = output.language();
            output.note(match language {
                Language::English => format!("the calls cannot be shown: {error}"),
                Language::Chinese => format!("无法显示系统调用：{error}"),
            });
            return Ok(());
        }
    };
    let (mut is_asked, mut port) = (false, None);
    loop {
        // The client starts once the server's own call has shown its port.
        if let (false, Some(port)) = (is_asked, port) {
            let port = format!("{port}");
            tracer.start(&program(&["client", "--port", &port])?)?;
            is_asked = true;
        }
        match tracer.next_event(None)? {
            Some(Event::Call(call)) if is_of_the_lesson(call) => {
                let is_server = call.process == server;
                if is_server && call.name == "getsockname" {
                    port = call.facts.address.map(|address| address.port());
                }
                let who = if is_server { "server" } else { "client" };
                output.call(who, &call.line(), &call.explain_in(output.language()))?;
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

/// At the end the runtime closes the sockets, not the program.
fn is_of_the_lesson(call: &Call) -> bool {
    !matches!(call.name, "close" | "fcntl")
}

/// This very program, without output: lesson 1 has shown it.
fn program(arguments: &[&str]) -> Result<Program> {
    let failed = |source| Error::os("start", "a second process of this program", source);
    let name = this_program().map_err(failed)?;
    // As /dev/null, which may be missing, as in an empty chroot: nothing to read, and nobody reads it.
    let null = || {
        memfd_create("udpraw tour", MFdFlags::MFD_CLOEXEC)
            .map_err(|errno| failed(io::Error::from(errno)))
    };
    let arguments = arguments.iter().map(OsString::from);
    // The lesson's address and port are its own, whatever the environment says.
    Ok(Program::new(name, arguments)
        .without("UDPRAW_HOST")
        .without("UDPRAW_PORT")
        .stdin(null()?)
        .stdout(null()?)
        .stderr(null()?))
}
