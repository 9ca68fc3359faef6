//! Real processes of the program, and what the tests need to talk to them.

#![allow(dead_code, unreachable_pub)] // Each test program uses its own part.

mod cases;
pub mod namespaces;
pub mod schema;

#[allow(unused_imports)] // As above.
pub(crate) use cases::cases;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a test waits for what must come at once: a bound, never a pause.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The code of transfers, unless a test says otherwise.
pub const CODE: &str = "0W3G-E1R7-0W3G-E1R7-0W3G-E1R7-0W1E";

/// The program, without what the caller's environment would set.
pub fn udpraw<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_udpraw"));
    command
        .args(arguments)
        .env("UDPRAW_CODE", CODE)
        .env_remove("UDPRAW_HOST")
        .env_remove("UDPRAW_PORT");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a finished program left behind.
#[derive(Debug)]
pub struct Finished {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Finished {
    let output = command.output();
    left(output.unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// What a program left, as text.
pub fn left(output: Output) -> Finished {
    Finished {
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("talk is UTF-8"),
        code: output.status.code(),
    }
}

/// Receives, and again where a stopped and continued process was interrupted: with a timeout, std hands
/// EINTR on (signal(7)).
pub fn received<T>(mut receive: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match receive() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Runs the program to its end with `input` on its standard input.
pub fn with_input(arguments: &[&str], input: &[u8]) -> Finished {
    let mut command = udpraw(arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    // The program may end before it has read all.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    left(child.wait_with_output().expect("a child"))
}

/// Runs the program to its end.
pub fn finish(arguments: &[&str]) -> Finished {
    run(udpraw(arguments))
}

/// A running program; killed if a test ends before it does.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let stderr = child.stderr.take();
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// The next line of its standard output, without the line feed; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("output is UTF-8");
        line.trim_end_matches('\n').to_owned()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("the process is there");
    }

    /// Lets go of its standard output, as `head` does.
    pub fn close_stdout(mut self) -> Finished {
        let stdout = std::mem::replace(&mut self.stdout, BufReader::new(empty_stdout()));
        drop(stdout);
        self.finish()
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Finished {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout
            .read_to_string(&mut stdout)
            .expect("output is UTF-8");
        if let Some(mut stream) = self.stderr.take() {
            stream.read_to_string(&mut stderr).expect("talk is UTF-8");
        }
        let status = self.child.wait().expect("a child");
        Finished {
            stdout,
            stderr,
            code: status.code(),
        }
    }
}

/// A stream that is at its end.
fn empty_stdout() -> ChildStdout {
    let mut child = Command::new("true")
        .stdout(Stdio::piped())
        .spawn()
        .expect("true(1)");
    let stdout = child.stdout.take().expect("a pipe");
    child.wait().expect("a child");
    stdout
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `udpraw server` on ports that the OS picked.
pub struct Server {
    pub running: Running,
    pub addresses: Vec<SocketAddr>,
}

impl Server {
    /// Starts a server on one port of 127.0.0.1.
    pub fn start(arguments: &[&str]) -> Self {
        Self::on(&["--port", "0"], arguments, 1)
    }

    /// Starts a server that will say `lines` times where it listens.
    pub fn on(place: &[&str], arguments: &[&str], lines: usize) -> Self {
        let words = ["server"].iter().chain(place).chain(arguments);
        let mut running = Running::start(udpraw(words));
        let addresses = (0..lines).map(|_| listening(&running.line())).collect();
        Self { running, addresses }
    }

    pub fn port(&self) -> u16 {
        self.addresses[0].port()
    }

    /// A socket whose peer is the server.
    pub fn client(&self) -> UdpSocket {
        client_of(self.addresses[0])
    }

    pub fn line(&mut self) -> String {
        self.running.line()
    }

    /// Ends it as Ctrl-C does.
    pub fn interrupt(self) -> Finished {
        self.running.signal(Signal::SIGINT);
        self.running.finish()
    }
}

/// The address in `Listening at ('127.0.0.1', 1060)`.
pub fn listening(line: &str) -> SocketAddr {
    let tuple = line
        .strip_prefix("Listening at ('")
        .unwrap_or_else(|| panic!("{line:?}"));
    let (host, rest) = tuple.split_once("', ").expect("a tuple");
    let port = rest.split([',', ')']).next().expect("a port");
    SocketAddr::new(
        host.parse().expect("an address"),
        port.parse().expect("a port"),
    )
}

/// Waits for what no event tells, such as the state of another process: looks again and again.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A UDP port of 127.0.0.1 that nobody holds: it was taken a moment ago, and is free again.
pub fn closed_port() -> String {
    closed_port_of("127.0.0.1")
}

/// As [`closed_port`], of any address of this machine.
pub fn closed_port_of(host: &str) -> String {
    let ip: IpAddr = host.parse().expect("an address");
    let socket = UdpSocket::bind((ip, 0)).expect("a socket");
    socket.local_addr().expect("bound").port().to_string()
}

/// A UDP socket on loopback that gives up after [`PATIENCE`].
pub fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// A UDP socket whose peer is `server`.
pub fn client_of(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(if server.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    });
    let socket = socket.expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.connect(server).expect("a route on loopback");
    socket
}

/// Sends a datagram and waits for the reply.
pub fn ask(socket: &UdpSocket, request: &[u8]) -> Vec<u8> {
    socket.send(request).expect("sent");
    let mut buffer = vec![0; 65_535];
    let length = received(|| socket.recv(&mut buffer)).expect("a reply");
    buffer.truncate(length);
    buffer
}

/// Whether a program that a test needs is installed. If not, the test is skipped, loudly; in CI, where
/// `scripts/test` has installed it, that is a failure.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program} >/dev/null")])
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        skip(&format!("{program} is not installed"));
    }
    found
}

/// A Python that can import this module: of the environment that scripts/test makes, or the system's.
pub fn python_with(module: &str) -> Option<&'static str> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/target/python/bin/python3");
    let found = [own, "python3"].into_iter().find(|python| {
        let mut import = Command::new(python);
        import.args(["-c", &format!("import {module}")]);
        let tried = import.stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    });
    if found.is_none() {
        skip(&format!(
            "no Python has the module {module}: scripts/test installs it"
        ));
    }
    found
}

/// Says why a test is skipped; in CI, fails.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "skipped in CI: {why}"
    );
    // Past the test harness, which keeps what a passing test prints to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Each line as JSON, checked against its schema.
pub fn json_lines(text: &str) -> Vec<serde_json::Value> {
    let lines: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("NDJSON"))
        .collect();
    lines.iter().for_each(schema::check);
    lines
}

/// Arguments that make no sense, and what the answer to each must contain.
pub type Refusals<'a> = &'a [(&'a [&'a str], &'a [&'a str])];

/// Each is answered with exit code 2 and one line on standard error, which moves no terminal.
pub fn assert_refused(command: &[&str], cases: Refusals<'_>) {
    for (arguments, wanted) in cases {
        let end = finish(&[command, *arguments].concat());
        assert_eq!(end.code, Some(2), "{arguments:?}: {}", end.stderr);
        assert_eq!(
            end.stderr.lines().count(),
            1,
            "{arguments:?}: {}",
            end.stderr
        );
        assert!(
            end.stderr.starts_with("error: "),
            "{arguments:?}: {}",
            end.stderr
        );
        for want in *wanted {
            assert!(
                end.stderr.contains(want),
                "{arguments:?}: no {want:?} in {}",
                end.stderr
            );
        }
        assert!(!end.stderr.contains('\x1b'), "{arguments:?}");
        assert_eq!(end.stdout, "", "{arguments:?}");
    }
}
