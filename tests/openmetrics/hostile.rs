//! Clients that are slow, wrong or many: they hold up neither the command nor other clients, and its
//! memory does not grow.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::common::{ask, client_of};
use crate::{GET, Observed, answer, body, connect, page, rest};

/// The time in which a good client is served, whoever else is there.
const SOON: Duration = Duration::from_secs(3);

/// Everything goes on as if nothing was.
fn assert_served(server: &Observed) {
    let began = Instant::now();
    page(server.metrics);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let client = client_of(server.local());
    assert_eq!(ask(&client, b"x"), b"x");
}

fn echo() -> Observed {
    Observed::server(&["--reply", "echo"])
}

fn status(answer: &str) -> &str {
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .unwrap_or_else(|| panic!("{answer:?}"));
    &status[..3]
}

/// Of a process: a figure of `/proc/PID/status`, in KiB.
fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn descriptors(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
}

#[test]
fn methods_and_paths_are_told_apart() {
    let server = echo();
    let at = server.metrics;
    let ask = |line: &str| answer(at, format!("{line}\r\nHost: x\r\n\r\n").as_bytes());
    let got = body(&ask("GET /metrics HTTP/1.1"));
    assert!(got.ends_with("\n# EOF\n"));
    let head = ask("HEAD /metrics HTTP/1.1");
    let length = format!("\r\nContent-Length: {}\r\n", got.len());
    assert!(
        head.contains(&length) && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    for (line, wanted) in [
        ("GET / HTTP/1.1", "404"),
        ("GET /metricsx HTTP/1.1", "404"),
        ("POST /metrics HTTP/1.1", "405"),
        ("OPTIONS /metrics HTTP/1.1", "405"),
        ("GET /metrics HTTP/3.0", "505"),
        ("GET /metrics", "400"),
        ("nonsense", "400"),
    ] {
        let answer = ask(line);
        assert_eq!(status(&answer), wanted, "{line}");
        assert!(answer.contains("\r\nConnection: close\r\n"));
        assert_eq!(answer.contains("\r\nAllow: GET, HEAD\r\n"), wanted == "405");
    }
    let head = ask("HEAD / HTTP/1.1");
    assert!(
        status(&head) == "404" && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    // Nobody who speaks another protocol is answered with silence.
    assert_eq!(
        status(&answer(at, b"\x16\x03\x01\x00\xa5\x01\x00\x00")),
        "400"
    );
    assert_served(&server);
}

#[test]
fn long_lines_end_at_the_limit() {
    let server = echo();
    let before = resident(server.running.id());
    for (start, wanted) in [
        (&b"GET /"[..], "414"),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nCookie: ", "431"),
    ] {
        let mut stream = connect(server.metrics);
        stream.write_all(start).unwrap();
        // Without an end; the write fails once the server has closed.
        let mut sent = 0;
        while sent < 64 << 20 && stream.write_all(&[b'a'; 1 << 16]).is_ok() {
            sent += 1 << 16;
        }
        assert!(sent < 64 << 20);
        // All that is sent in time is read, so that the answer is not lost.
        let answer = answer(server.metrics, &[start, &[b'a'; 10_000]].concat());
        assert_eq!(status(&answer), wanted);
    }
    assert!(resident(server.running.id()) < before + 4096);
    assert_served(&server);
}

#[test]
fn slow_clients_are_dropped_and_hold_up_nobody() {
    let server = echo();
    let slow: Vec<_> = (0..100).map(|_| connect(server.metrics)).collect();
    let began = Instant::now();
    let (mut alive, mut bytes) = (slow, GET.iter().cycle());
    while began.elapsed() < Duration::from_secs(6) && !alive.is_empty() {
        let byte = *bytes.next().unwrap();
        // A byte that never ends a line.
        let byte = if byte.is_ascii_alphabetic() {
            byte
        } else {
            b'x'
        };
        alive.retain_mut(|stream| {
            stream.set_nonblocking(true).unwrap();
            let is_open = match stream.read(&mut [0; 1]) {
                Ok(length) => length > 0,
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            };
            is_open && stream.write_all(&[byte]).is_ok()
        });
        assert_served(&server);
        // A byte each tenth of a second, unless one of them is closed.
        let mut polled: Vec<_> = alive
            .iter()
            .map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN))
            .collect();
        poll(&mut polled, PollTimeout::from(100_u8)).unwrap();
    }
    assert_eq!(alive.len(), 0, "all are closed after five seconds");
}

#[test]
fn half_closed_connections() {
    let server = echo();
    let mut whole = connect(server.metrics);
    whole.write_all(GET).unwrap();
    whole.shutdown(Shutdown::Write).unwrap();
    body(&rest(&mut whole));
    let mut part = connect(server.metrics);
    part.write_all(b"GET /metrics HT").unwrap();
    part.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut part), "");
    // Gone before it is answered.
    for _ in 0..50 {
        connect(server.metrics).write_all(GET).unwrap();
    }
    assert_served(&server);
}

#[test]
fn of_a_pipeline_the_first_is_answered() {
    let server = echo();
    let answer = answer(server.metrics, &GET.repeat(100));
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1);
    body(&answer);
    let with_body = b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    body(&self::answer(server.metrics, with_body));
    // In pieces, as a slow link brings them.
    let mut stream = connect(server.metrics);
    for byte in GET {
        stream.write_all(&[*byte]).unwrap();
    }
    body(&rest(&mut stream));
    assert_served(&server);
}

#[test]
fn a_thousand_connections_are_bounded() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(4096)), hard).unwrap();
    let server = echo();
    let id = server.running.id();
    assert_served(&server);
    let (memory, files) = (resident(id), descriptors(id));
    let mut all = Vec::new();
    for number in 0..1000 {
        let Ok(mut stream) = TcpStream::connect(server.metrics) else {
            continue;
        };
        // Some are idle, some ask and do not read, some send nonsense.
        let bytes: &[u8] = [&b""[..], GET, b"nonsense\r\n\r\n", b"GET "][number % 4];
        let _ = stream.write_all(bytes);
        all.push(stream);
        assert!(descriptors(id) <= files + 40);
        if number % 100 == 0 {
            assert_served(&server);
        }
    }
    assert!(all.len() > 900);
    assert_served(&server);
    assert!(
        resident(id) < memory + 8192,
        "{memory} KiB were {}",
        resident(id)
    );
    drop(all);
    crate::common::wait_until("all are closed", || descriptors(id) <= files + 1);
}

/// Whoever does not read its answer is dropped in time, and meanwhile holds up nobody.
#[test]
fn deaf_clients_are_dropped() {
    // A thousand ports: a page that no socket's buffer takes.
    let watch = Observed::start(&["ports", "--watch", "20000-24999"]);
    let id = watch.running.id();
    watch.scrape_until("udpraw_ports_look_duration_seconds_count", 1);
    assert!(page(watch.metrics).len() > 100_000);
    assert_eq!(watch.scrape().sum("udpraw_ports_omitted"), 4000);
    let (files, memory) = (descriptors(id), resident(id));
    let deaf: Vec<TcpStream> = (0..32).map(|_| deaf(watch.metrics)).collect();
    crate::common::wait_until("they are taken", || descriptors(id) >= files + 30);
    let began = Instant::now();
    page(watch.metrics);
    assert!(began.elapsed() < SOON);
    assert!(resident(id) < memory + 16 * 1024);
    crate::common::wait_until("they are dropped", || descriptors(id) <= files + 1);
    assert!(
        began.elapsed() > Duration::from_secs(3),
        "they were not deaf"
    );
    drop(deaf);
    page(watch.metrics);
}

/// A connection that asks, and has no room for the answer.
fn deaf(at: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.connect(&at.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.write_all(GET).unwrap();
    stream
}
