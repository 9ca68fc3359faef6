//! Processes of a lesson, ended with it.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use udpraw::error::{Error, Result};

/// A running program, killed when the lesson is over, however it ends.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program with its output in pipes.
    pub(crate) fn start<S: AsRef<OsStr>>(program: &OsStr, arguments: &[S]) -> io::Result<Self> {
        Command::new(program)
            .args(arguments)
            // The lesson's address and port are its own, whatever the environment says.
            .env_remove("UDPRAW_HOST")
            .env_remove("UDPRAW_PORT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(Self)
    }

    /// Starts this very program.
    pub(crate) fn start_self<S: AsRef<OsStr>>(arguments: &[S]) -> Result<Self> {
        let failed = |source| Error::os("start", "a second process of this program", source);
        let program = std::env::current_exe().map_err(failed)?;
        Self::start(program.as_os_str(), arguments).map_err(failed)
    }

    /// Sends each line that the program prints under the name `who`, and `None` at a stream's end.
    fn forward(&mut self, who: &'static str, sender: &Sender<Option<Line>>) {
        if let Some(stdout) = self.0.stdout.take() {
            forward(who, stdout, sender.clone(), move |text| Line { who, text });
        }
        if let Some(stderr) = self.0.stderr.take() {
            forward(who, stderr, sender.clone(), move |text| Line { who, text });
        }
    }
}

/// A line that a program printed.
pub(crate) struct Line {
    pub(crate) who: &'static str,
    pub(crate) text: String,
}

fn forward(
    who: &'static str,
    stream: impl Read + Send + 'static,
    sender: Sender<Option<Line>>,
    line: impl Fn(String) -> Line + Send + 'static,
) {
    let teller = sender.clone();
    let forwarding = thread::Builder::new().spawn(move || {
        for text in BufReader::new(stream).lines().map_while(io::Result::ok) {
            if sender.send(Some(line(text))).is_err() {
                return;
            }
        }
        // The lesson may be over, and nobody there to be told of the stream's end.
        let _ = sender.send(None);
    });
    if let Err(error) = forwarding {
        let text = format!("what it prints cannot be read: no thread can be started: {error}");
        let _ = teller.send(Some(Line { who, text }));
    }
}

/// A server and, once it listens, a client; and what both print, in the order in which it comes.
pub(crate) struct Conversation {
    lines: Receiver<Option<Line>>,
    /// For the client's lines. Gone once it has joined, or once the server has ended without one.
    sender: Option<Sender<Option<Line>>>,
    processes: Vec<Process>,
}

impl Conversation {
    pub(crate) fn new(mut server: Process) -> Self {
        let (sender, lines) = mpsc::channel();
        server.forward("server", &sender);
        Self {
            lines,
            sender: Some(sender),
            processes: vec![server],
        }
    }

    /// The port of the server, if this is the line that tells it and nobody has joined yet.
    pub(crate) fn port_to_ask(&self, line: &Line) -> Option<String> {
        self.sender.as_ref()?;
        listening_port(&line.text)
    }

    /// The client joins.
    pub(crate) fn join(&mut self, mut client: Process) {
        if let Some(sender) = self.sender.take() {
            client.forward("client", &sender);
        }
        self.processes.push(client);
    }

    /// The next line of either; `None` when both have ended.
    pub(crate) fn next_line(&mut self) -> Option<Line> {
        loop {
            match self.lines.recv().ok()? {
                Some(line) => return Some(line),
                // A server that ended before it listened will have no client.
                None => self.sender = None,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended, most of the time: then kill fails, and wait only collects it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The port in `Listening at ('127.0.0.1', 41883)`.
fn listening_port(line: &str) -> Option<String> {
    let (_, port) = line.strip_prefix("Listening at (")?.split_once(", ")?;
    let end = port.find([',', ')'])?;
    Some(port[..end].to_owned())
}
