//! The two ends as processes.

#![allow(unreachable_pub)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::common;

/// The code of both ends, unless a test says otherwise.
pub const CODE: &str = "0W3G-E1R7-0W3G-E1R7-0W3G-E1R7-0W1E";

/// What a process left behind.
#[derive(Debug)]
pub struct End {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl End {
    pub fn json(&self) -> Vec<Value> {
        common::json_lines(std::str::from_utf8(&self.stdout).expect("UTF-8"))
    }

    pub fn last(&self) -> Value {
        self.json().pop().unwrap_or_else(|| panic!("{self:?}"))
    }

    /// Its exit code and a part of its talk are these.
    #[track_caller]
    pub fn is(&self, code: i32, part: &str) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert!(self.stderr.contains(part), "no {part:?} in {}", self.stderr);
    }
}

/// A process; killed if the test ends before it does.
pub struct Process {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: BufReader<ChildStderr>,
    /// Its end ends the watch.
    _watched: mpsc::Sender<()>,
}

/// Kills a process that is still there after so long: a test that waits for it fails then.
const LONGEST: Duration = Duration::from_secs(120);

fn watch(child: &Child) -> mpsc::Sender<()> {
    let (watched, watch) = mpsc::channel::<()>();
    let process = Pid::from_raw(child.id() as i32);
    thread::spawn(move || {
        if watch.recv_timeout(LONGEST) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = kill(process, Signal::SIGKILL);
        }
    });
    watched
}

impl Process {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .env("UDPRAW_CODE", CODE)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            _watched: watch(&child),
            stdout: child.stdout.take().map(BufReader::new),
            stderr: BufReader::new(child.stderr.take().expect("a pipe")),
            child,
        }
    }

    fn stdout(&mut self) -> &mut BufReader<ChildStdout> {
        self.stdout.as_mut().expect("it is open")
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it is there");
    }

    /// The next object on its standard output.
    pub fn event(&mut self) -> Value {
        let mut line = String::new();
        self.stdout().read_line(&mut line).expect("UTF-8");
        serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut talk = String::new();
            let _ = self.stderr.read_to_string(&mut talk);
            panic!("no event but {line:?}; {talk}")
        })
    }

    /// Waits until so many bytes of the stream have arrived.
    pub fn await_bytes(&mut self, bytes: u64) {
        while self.event()["bytes"].as_u64().unwrap_or(0) < bytes {}
    }

    /// Reads its standard output.
    pub fn read(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        self.stdout().read_exact(&mut bytes).expect("more output");
        bytes
    }

    /// Lets go of its standard output, as `head` does, and waits for its end.
    pub fn leave_stdout(mut self) -> End {
        drop(self.stdout.take());
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        let code = self.child.wait().expect("a child").code();
        End {
            code,
            stdout: Vec::new(),
            stderr,
        }
    }

    /// Pages of memory that are its own now.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/statm", self.child.id());
        let text = std::fs::read_to_string(path).expect("statm");
        let mut words = text
            .split(' ')
            .map(|word| word.parse::<u64>().expect("pages"));
        // proc_pid_statm(5): size, resident, shared.
        let (resident, shared) = (words.nth(1).expect("it"), words.next().expect("it"));
        resident - shared
    }

    pub fn finish(mut self) -> End {
        drop(self.child.stdin.take());
        let (mut stdout, mut stderr) = (Vec::new(), String::new());
        self.stdout().read_to_end(&mut stdout).expect("its output");
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        let code = self.child.wait().expect("a child").code();
        End {
            code,
            stdout,
            stderr,
        }
    }
}

/// A running `udpraw recv` on a port that the OS picked.
pub struct Recv {
    pub process: Process,
    pub address: SocketAddr,
}

impl Recv {
    pub fn start(arguments: &[&str]) -> Self {
        let mut words = vec!["recv", "--port", "0"];
        // A bound for a test that fails; one that passes never sees it.
        if !arguments.contains(&"--wait") {
            words.extend(["--wait", "120s"]);
        }
        words.extend(arguments);
        Self::run(common::udpraw(words))
    }

    /// A command that ends up as one.
    pub fn run(command: Command) -> Self {
        let is_json = command.get_args().any(|word| word == "--json");
        let mut process = Process::start(command);
        let address = if is_json {
            let at = process.event()["local"].clone();
            let ip = at["address"].as_str().expect("it").parse().expect("it");
            SocketAddr::new(ip, at["port"].as_u64().expect("it") as u16)
        } else {
            let mut line = String::new();
            process.stderr.read_line(&mut line).expect("UTF-8");
            common::listening(line.trim_end())
        };
        Self { process, address }
    }

    pub fn finish(self) -> End {
        self.process.finish()
    }
}

/// A running `udpraw send`.
pub struct Send {
    pub process: Process,
    pub stdin: Option<ChildStdin>,
}

impl Send {
    pub fn start(to: SocketAddr, arguments: &[&str]) -> Self {
        let (host, port) = (to.ip().to_string(), to.port().to_string());
        let words = ["send", &host, "--port", &port];
        Self::run(common::udpraw(words.iter().chain(arguments)))
    }

    /// A command that ends up as one.
    pub fn run(mut command: Command) -> Self {
        command.stdin(Stdio::piped());
        let mut process = Process::start(command);
        let stdin = process.child.stdin.take();
        Self { process, stdin }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("it is open");
        stdin.write_all(bytes).expect("it reads");
    }

    pub fn finish(mut self) -> End {
        drop(self.stdin.take());
        self.process.finish()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
