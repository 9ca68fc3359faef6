//! `--openmetrics` with real processes and sockets.

#[path = "../common/mod.rs"]
mod common;
mod ends;
mod foreign;
mod hostile;
mod values;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use common::{PATIENCE, Running, udpraw};
use serde_json::Value;

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/// A command with `--json --openmetrics`, and what its first record says.
struct Observed {
    running: Running,
    first: Value,
    metrics: SocketAddr,
}

impl Observed {
    fn start(arguments: &[&str]) -> Self {
        let words = arguments.iter().chain(&["--json", "--openmetrics", ":0"]);
        let mut running = Running::start(udpraw(words));
        let line = running.line();
        let first = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        common::schema::check(&first);
        let url = first["openmetrics"].as_str().expect("a URL");
        let host = url.strip_prefix("http://").expect("a URL");
        let metrics = host.strip_suffix("/metrics").expect("a URL");
        let metrics: SocketAddr = metrics.parse().expect("an address");
        assert!(metrics.ip().is_loopback() && metrics.port() != 0);
        Self {
            running,
            first,
            metrics,
        }
    }

    fn server(arguments: &[&str]) -> Self {
        Self::start(&[&["server", "--port", "0", "-q"], arguments].concat())
    }

    /// A load with an interval of 100 ms, which goes on until it is stopped.
    fn load(target: SocketAddr, arguments: &[&str]) -> Self {
        let target = target.to_string();
        let words = ["load", &target, "--for", "5m", "--interval", "100ms"];
        Self::start(&[&words[..], arguments].concat())
    }

    /// The UDP address that it listens at.
    fn local(&self) -> SocketAddr {
        let local = &self.first["local"];
        let ip = local["address"].as_str().unwrap().parse().unwrap();
        SocketAddr::new(ip, local["port"].as_u64().unwrap() as u16)
    }

    fn scrape(&self) -> Metrics {
        Metrics::of(&page(self.metrics))
    }

    /// Scrapes until the counter has this value: what was sent last may not be counted yet, and a page
    /// may be a tenth of a second old.
    fn scrape_until(&self, name: &str, value: u64) -> Metrics {
        self.scrape_for(&format!("{name} is {value}"), |metrics| {
            metrics.sum(name) == value
        })
    }

    /// Scrapes until it is so.
    fn scrape_for(&self, what: &str, is_so: impl Fn(&Metrics) -> bool) -> Metrics {
        let until = Instant::now() + PATIENCE;
        loop {
            let metrics = self.scrape();
            if is_so(&metrics) {
                return metrics;
            }
            assert!(Instant::now() < until, "in vain: {what}: {:?}", metrics.0);
        }
    }

    /// Ends it as Ctrl-C does: its last record.
    fn interrupt(self) -> Value {
        self.running.signal(nix::sys::signal::Signal::SIGINT);
        let end = self.running.finish();
        assert_eq!(end.code, Some(0), "{}", end.stderr);
        let last = end.stdout.lines().last().unwrap_or_default().to_owned();
        serde_json::from_str(&last).unwrap_or(Value::Null)
    }
}

/// Samples by name and labels, as they stand on the page.
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn of(page: &str) -> Self {
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            (name.to_owned(), value.parse().expect("a number"))
        };
        Self(samples.map(sample).collect())
    }

    /// The sum over all labels.
    fn sum(&self, name: &str) -> u64 {
        let is_it = |series: &str| series.split('{').next() == Some(name);
        let all = self.0.iter().filter(|(series, _)| is_it(series));
        all.map(|(_, value)| *value as u64).sum()
    }

    fn one(&self, series: &str) -> u64 {
        let value = self.0.get(series);
        *value.unwrap_or_else(|| panic!("no {series} in {:?}", self.0)) as u64
    }
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// All that comes back for these bytes, to the end.
fn answer(at: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(at);
    stream.write_all(request).expect("sent");
    rest(&mut stream)
}

fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

/// The body of the answer to a good request.
fn page(at: SocketAddr) -> String {
    body(&answer(at, GET))
}

fn body(answer: &str) -> String {
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let length = format!("\r\nContent-Length: {}\r\n", body.len());
    assert!(head.contains(&length), "{head}");
    body.to_owned()
}
