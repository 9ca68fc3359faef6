//! Every line of `--json`, whatever the command: an object with `schema`, `time` and `event`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Running, ask, client_of, finish, json_lines, udpraw};
use crate::fixtures::listening_at;

/// Checks the lines of one process: the times are in one form, and never go back.
fn check(what: &str, lines: &[Value]) {
    assert!(!lines.is_empty(), "{what} printed nothing");
    let mut last = String::new();
    for line in lines {
        let field = |name: &str| {
            let value = line[name].as_str();
            value
                .unwrap_or_else(|| panic!("{what}: no {name} in {line}"))
                .to_owned()
        };
        let (schema, time, event) = (field("schema"), field("time"), field("event"));
        assert!(
            schema.starts_with("udpraw.") && schema.ends_with("/1"),
            "{schema}"
        );
        assert!(!event.is_empty(), "{what}");
        // 2026-11-27T02:30:00.123456789Z
        assert_eq!(
            (time.len(), &time[19..20], &time[29..]),
            (30, ".", "Z"),
            "{what}: {time}"
        );
        time.parse::<jiff::Timestamp>().expect("RFC 3339");
        // The wall clock may be set back while a test runs, but not in a test run of ours.
        assert!(last <= time, "{what}: {last} before {time}");
        last = time;
    }
}

fn once(arguments: &[&str]) -> Vec<Value> {
    let end = finish(arguments);
    assert_ne!(end.code, Some(2), "{arguments:?}: {}", end.stderr);
    json_lines(&end.stdout)
}

#[test]
fn commands_that_end_by_themselves() {
    // For `ports` to list, whoever runs beside this test.
    let _socket = crate::common::socket();
    for arguments in [
        &["options", "--json"] as &[&str],
        &["options", "SO_RCVBUF", "--json"],
        &["services", "list", "--json"],
        &["ports", "--json"],
        &["tour", "--list", "--json"],
        &[
            "bench", "--json", "--only", "echo", "--io", "single", "--size", "64", "--trials", "1",
            "--time", "0.1",
        ],
        &["mtu", "127.0.0.1", "--json"],
        &["probe", "127.0.0.1", "9", "--json"],
    ] {
        check(&arguments.join(" "), &once(arguments));
    }
}

#[test]
fn a_trace_says_when_each_call_began() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trace");
    let file = file.to_str().expect("UTF-8");
    // A port that was free a moment ago: the request fails, and ends.
    let port = crate::common::socket().local_addr().expect("bound").port();
    let port = port.to_string();
    let program = env!("CARGO_BIN_EXE_udpraw");
    for output in [None, Some(file)] {
        let mut arguments = vec!["trace", "--json"];
        arguments.extend(output.iter().flat_map(|file| ["-o", file]));
        arguments.extend(["--", program, "client", "-p", &port, "--quiet"]);
        let end = finish(&arguments);
        if end.stderr.contains("EPERM") {
            return crate::common::skip("programs cannot be traced here");
        }
        let lines = match output {
            None => end.stdout,
            Some(file) => fs::read_to_string(file).expect("the trace"),
        };
        let lines = json_lines(&lines);
        check("trace", &lines);
        let calls = lines.iter().filter(|line| line["event"] == "call");
        assert!(calls.clone().count() > 2, "{lines:?}");
        for call in calls {
            let (began, time) = (call["started"].as_str(), call["time"].as_str());
            assert!(began.is_some() && began <= time, "{call}");
        }
    }
}

#[test]
fn server_client_relay_probe_and_mtu() {
    let mut server = Running::start(udpraw(["server", "--json", "-p", "0"]));
    let first = server.line();
    let at = listening_at(&first);
    let to = at.to_string();
    let mut relay = Running::start(udpraw([
        "relay", "--json", "--listen", ":0", "--to", &to, "--stats", "0.1",
    ]));
    let relay_first = relay.line();
    let relayed = listening_at(&relay_first);
    assert_eq!(
        ask(&client_of(relayed), b"x"),
        b"Your data was 1 bytes long"
    );
    let port = at.port().to_string();
    check(
        "client",
        &once(&[
            "client",
            "--json",
            "-p",
            &port,
            "--count",
            "3",
            "--message",
            "x",
        ]),
    );
    check(
        "client, exchange",
        &once(&[
            "client",
            "--json",
            "-p",
            &port,
            "--exchange",
            "--tries",
            "1",
            "--message",
            "x",
        ]),
    );
    check("probe", &once(&["probe", "127.0.0.1", &port, "--json"]));
    check(
        "mtu",
        &once(&["mtu", "127.0.0.1", "--port", &port, "--json"]),
    );
    for (what, mut running, first) in [("relay", relay, relay_first), ("server", server, first)] {
        let mut lines = json_lines(&first);
        lines.extend(json_lines(&running.line()));
        running.signal(nix::sys::signal::Signal::SIGINT);
        lines.extend(json_lines(&running.finish().stdout));
        check(what, &lines);
    }
}

#[test]
fn send_and_recv() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, [7; 5000]).expect("written");
    let into = folder.path().join("into");
    fs::create_dir(&into).expect("a folder");
    let into = into.to_str().expect("UTF-8");
    let mut recv = Running::start(udpraw([
        "recv", "--json", "--port", "0", "--into", into, "--count", "1",
    ]));
    let first = recv.line();
    let port = listening_at(&first).port().to_string();
    let file = file.to_str().expect("UTF-8");
    check(
        "send",
        &once(&["send", "--json", "--port", &port, "127.0.0.1", file]),
    );
    let mut lines = json_lines(&first);
    lines.extend(json_lines(&recv.finish().stdout));
    check("recv", &lines);
}

/// Only the envelope turns a record into JSON. The relay's log is a recording that is read back, as is the
/// progress of a learner, and `schema.rs` is a test.
#[test]
fn no_other_code_writes_json() {
    fn visit(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                visit(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source file");
            let text = text.split("mod tests {").next().unwrap_or_default();
            if text.contains("serde_json::to_") {
                found.push(
                    path.file_name()
                        .expect("a name")
                        .to_string_lossy()
                        .into_owned(),
                );
            }
        }
    }
    let mut found = Vec::new();
    visit(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    found.sort();
    assert_eq!(found, ["envelope.rs", "log.rs", "progress.rs", "schema.rs"]);
}
