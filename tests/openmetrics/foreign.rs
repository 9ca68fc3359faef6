//! What other programs read in the pages: the parser of Prometheus's Python client, and promtool.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{client_of, python_with, socket};
use crate::{Metrics, Observed, answer, body, page};

/// Runs a program with this text as its input: its output, if it succeeds.
fn through(mut command: Command, text: &str) -> String {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(text.as_bytes())
        .expect("it reads");
    let end = crate::common::left(child.wait_with_output().expect("a child"));
    assert_eq!(end.code, Some(0), "{}\n{}\n{text}", end.stderr, end.stdout);
    end.stdout + &end.stderr
}

/// A page of each command, with values.
fn pages(of: fn(std::net::SocketAddr) -> String) -> Vec<String> {
    let target = socket();
    let to = target.local_addr().unwrap();
    let port = to.port().to_string();
    let to = to.to_string();
    let server = Observed::server(&["--exchange"]);
    let peer = Observed::server(&["--allow-load"]);
    let relay = Observed::start(&["relay", "--listen", ":0", "--to", &to, "--loss", "50%"]);
    let watch = Observed::start(&["ports", "--watch", &port]);
    let load = Observed::load(peer.local(), &["--session"]);
    for command in [&server, &relay] {
        let client = client_of(command.local());
        (0..10).for_each(|_| _ = client.send(b"hello").unwrap());
    }
    server.scrape_until("udpraw_server_datagrams_received_total", 10);
    relay.scrape_until("udpraw_relay_datagrams_received_total", 10);
    watch.scrape_until("udpraw_ports_sockets", 1);
    load.scrape_for("two intervals", |metrics| {
        metrics.sum("udpraw_load_intervals_total") >= 2
    });
    [&server, &relay, &watch, &load]
        .map(|command| of(command.metrics))
        .into()
}

#[test]
fn the_python_client_reads_the_same() {
    let Some(python) = python_with("prometheus_client.openmetrics.parser") else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openmetrics/oracle.py");
    let table =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openmetrics.md"))
            .unwrap();
    let mut documented: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `udpraw_")?.split(['`', '{']).next())
        .collect();
    documented.sort_unstable();
    let mut all = Vec::new();
    for text in pages(page) {
        let mut command = Command::new(python);
        command.arg(&script);
        let families: Value = serde_json::from_str(&through(command, &text)).unwrap();
        let ours = Metrics::of(&text);
        let mut samples = 0;
        for (name, family) in families.as_object().unwrap() {
            let help = family["help"].as_str().unwrap();
            assert!(
                help.ends_with('.') && !help.contains('\n'),
                "{name}: {help}"
            );
            let kind = family["type"].as_str().unwrap();
            let unit = family["unit"].as_str().unwrap();
            assert!(name.ends_with(unit), "{name}");
            for sample in family["samples"].as_array().unwrap() {
                let (name, value) = (sample[0].as_str().unwrap(), sample[2].as_f64().unwrap());
                let labels = sample[1].as_object().unwrap();
                let found = ours.0.iter().filter(|(series, ours)| {
                    let is_named = series.split('{').next() == Some(name);
                    let has = |(label, value): (&String, &Value)| {
                        let text = value.as_str().unwrap();
                        series.contains(&format!("{label}=\"{text}\""))
                    };
                    is_named && labels.iter().all(has) && **ours == value
                });
                assert!(found.count() >= 1, "{sample}");
                samples += 1;
            }
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                "gauge" | "histogram" => "",
                other => panic!("{name} is of type {other}"),
            };
            all.push(format!("{name}{suffix}"));
        }
        assert_eq!(samples, ours.0.len());
    }
    all.sort_unstable();
    all.dedup();
    let all: Vec<_> = all
        .iter()
        .map(|name| name.trim_start_matches("udpraw_"))
        .collect();
    assert_eq!(all, documented, "docs/openmetrics.md has one row for each");
}

/// promtool: that of `scripts/test-deep metrics`, which demands it, or the system's. It comes with a whole
/// Prometheus, which `scripts/test` does not install.
fn promtool() -> Option<Command> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/promtool");
    let all = [own.to_string_lossy().into_owned(), "promtool".into()];
    let is_there = |program: &&String| {
        let tried = Command::new(program).arg("--version").output();
        tried.is_ok_and(|end| end.status.success())
    };
    let found = all.iter().find(is_there);
    if found.is_none() && std::env::var_os("UDPRAW_PROMTOOL").is_some() {
        panic!("promtool is not installed");
    } else if found.is_none() {
        let why = "SKIPPED: promtool is not installed (scripts/test-deep metrics has it)";
        let _ = writeln!(std::io::stderr(), "{why}");
    }
    found.map(Command::new)
}

#[test]
fn promtool_finds_nothing_to_improve() {
    if promtool().is_none() {
        return;
    }
    let older = |at| {
        let request =
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain;version=0.0.4\r\n\r\n";
        body(&answer(at, request))
    };
    for text in pages(older) {
        assert!(!text.contains("# EOF"));
        let mut command = promtool().expect("it was there");
        command.args(["check", "metrics"]);
        assert_eq!(through(command, &text), "", "{text}");
    }
}

#[test]
fn the_rules_and_the_scrape_of_the_manual_are_valid() {
    if promtool().is_none() {
        return;
    }
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openmetrics.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut blocks = manual.split("```yaml\n").skip(1);
    for (name, check) in [("prometheus.yml", "config"), ("udpraw.rules.yml", "rules")] {
        let block = blocks
            .next()
            .expect("a block of YAML")
            .split("```")
            .next()
            .unwrap();
        let path = folder.path().join(name);
        // The rules are in their own file, which the next round writes.
        std::fs::write(folder.path().join("udpraw.rules.yml"), "groups: []\n").unwrap();
        std::fs::write(&path, block).unwrap();
        let mut command = promtool().expect("it was there");
        command.args(["check", check]).arg(&path);
        through(command, "");
    }
}
